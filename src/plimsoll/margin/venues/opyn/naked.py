"""Opyn's naked margin: one sold option in a vault.

Source: venues-onchain section 3.1, own words. Rule codes `OPYN-nn` are in docs/rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option
from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account
from plimsoll.margin.components import weakest
from plimsoll.margin.path import States
from plimsoll.margin.procedure import Sale
from plimsoll.margin.venues.opyn.formulas import DAY, debt_price, naked, upper_bound
from plimsoll.margin.venues.opyn.model import OpynVault
from plimsoll.margin.venues.opyn.parameters import NakedParameters, Product
from plimsoll.margin.venues.opyn.sale import OpynSale
from plimsoll.margin.venues.opyn.vault import Vault, spot_of, vault_problems
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


class OpynNaked(OpynVault):
    """Collateral of one naked option, in the strike asset for a put and in the coin for a call.

    ```
    put    (bound min(K, shock S) + max(K - shock S, 0)) size
    call   (bound min(1, shock K / S) + max(1 - shock K / S, 0)) size
    ```

    `bound` is the largest price of an option of that tenor. The vault is liquidatable when its collateral is below;
    then `workings` hold what a liquidator gets for one option at the start and at the end of the auction.
    """

    MODEL = "opyn-naked"
    PARAMETERS = NakedParameters
    parameters: NakedParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: no bought option, a tenor with a bound, and more than dust."""
        found = vault_problems(self.parameters, account, market)
        for i, position in enumerate(account.positions):
            contract = market.contracts.get(position.instrument)
            if position.quantity == 0.0 or not isinstance(contract, Option):
                continue
            path = f"account.positions[{i}]"
            if position.quantity > 0.0:
                allowed = "sold options: a naked vault holds no other"
                found.append(Problem(f"{path}.quantity", f"{contract.name!r}, bought", allowed))
            product, seconds = self._product(contract), market.seconds_to(contract.expiry)
            if product is None:
                listed = "options on " + ", ".join(sorted(self.parameters.products))
                found.append(Problem(f"{path}.instrument", f"{contract.name!r} on {contract.underlying}", listed))
            elif seconds > 0.0 and upper_bound(product, seconds) is None:
                allowed = f"an expiry within {product.upper_bounds[-1].tenor_days:g} days: there is no bound beyond"
                found.append(Problem(f"{path}.instrument", f"{contract.name!r}, {seconds / DAY:.6g} days", allowed))
            dust = self.parameters.dust.get(contract.currency, 0.0)
            held = account.collateral.get(contract.currency, 0.0)
            if 0.0 < held <= dust:
                allowed = f"more than {dust!r}, or nothing"
                found.append(Problem(f"account.collateral.{contract.currency}", repr(held), allowed))
        return found

    def sale(self, account: Account, market: Market) -> Sale | None:
        """See `MarginModel.sale`: none of an expired vault, which settles."""
        vault = Vault.of(self.parameters, account, market)
        if vault.short is None or vault.expired:
            return None
        return OpynSale(self.parameters, vault.currency, weakest(self.rules, ["auction_seconds", "oracle_deviation"]))

    def required(self, vault: Vault, market: Market, states: States) -> F64:
        """See `OpynVault.required`."""
        product, bound, held = self._terms(vault, market)
        spot = spot_of(held, market, states)
        assert vault.short is not None
        return vault.short.size * naked(held.call, held.strike, spot, product.spot_shock, bound)

    def paths(self, vault: Vault) -> list[str]:
        """See `OpynVault.paths`."""
        if vault.short is None:
            return ["products"]
        c = vault.short.contract
        row = f"products.{c.underlying}.{'call' if c.call else 'put'}"
        return [f"{row}.spot_shock", f"{row}.upper_bounds"]

    def workings(self, vault: Vault, market: Market, required: float) -> dict[str, float]:
        """See `OpynVault.workings`."""
        if vault.short is None:
            return {}
        product, bound, c = self._terms(vault, market)
        spot = float(spot_of(c, market, States({}, np.ones(1)))[0])
        shocked = spot / product.spot_shock if c.call else spot * product.spot_shock
        found = {"upper_bound": bound, "shocked_price": shocked}
        if required > vault.collateral:
            end = vault.collateral / vault.short.size
            ends = (debt_price(c.call, c.strike, spot, self.parameters.oracle_deviation, end, x) for x in (0.0, 1.0))
            found |= dict(zip(("auction.start_price", "auction.end_price"), ends, strict=True))
        return found

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: where the shocked price meets the strike."""
        self.check(account, market)
        vault = Vault.of(self.parameters, account, market)
        if vault.short is None or vault.expired or vault.short.contract.strike == 0.0:
            return {}
        product, _, c = self._terms(vault, market)
        spot = float(spot_of(c, market, States({}, np.ones(1)))[0])
        ratio = c.strike / spot
        return {c.underlying: np.array([ratio * product.spot_shock if c.call else ratio / product.spot_shock])}

    def _product(self, contract: Option) -> Product | None:
        row = self.parameters.products.get(contract.underlying)
        return None if row is None else row.call if contract.call else row.put

    def _terms(self, vault: Vault, market: Market) -> tuple[Product, float, Option]:
        assert vault.short is not None
        c = vault.short.contract
        product = self._product(c)
        bound = None if product is None else upper_bound(product, market.seconds_to(c.expiry))
        if product is None or bound is None:
            raise DocumentError(Problem("account.positions", repr(c.name), "an option with a bound of its tenor"))
        return product, bound, c
