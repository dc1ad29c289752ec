"""Opyn's fully collateralised vaults: a sold option, perhaps with a bought one of the same expiry.

Source: venues-onchain section 3.1, own words. Rule codes `OPYN-nn` are in docs/rules.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option
from plimsoll.documents import Problem
from plimsoll.margin.account import Account
from plimsoll.margin.path import States
from plimsoll.margin.venues.opyn.formulas import spread
from plimsoll.margin.venues.opyn.model import OpynVault
from plimsoll.margin.venues.opyn.parameters import SpreadParameters
from plimsoll.margin.venues.opyn.vault import Vault, vault_problems
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


class OpynSpread(OpynVault):
    """The most that a vault can lose, in the strike asset for puts and in the coin for calls; no price changes it.

    ```
    puts    max(Ks ns - Kl min(ns, nl), 0)
    calls   max((Kl - Ks) ns / Kl, ns - nl, 0)
    ```
    """

    MODEL = "opyn-spread"
    PARAMETERS = SpreadParameters
    parameters: SpreadParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: both options of one coin, expiry and kind."""
        found = vault_problems(self.parameters, account, market)
        rows = [(i, market.contracts.get(x.instrument)) for i, x in enumerate(account.positions) if x.quantity]
        held = [(i, c) for i, c in rows if isinstance(c, Option)]
        if len({(c.underlying, c.expiry, c.call) for _, c in held}) > 1:
            allowed = "options of one coin, expiry and kind: a vault holds one spread"
            found += [Problem(f"account.positions[{i}].instrument", repr(c.name), allowed) for i, c in held]
        return found

    def required(self, vault: Vault, market: Market, states: States) -> F64:
        """See `OpynVault.required`."""
        short, long = vault.short, vault.long
        assert short is not None
        bought = (0.0, None) if long is None else (long.size, long.contract.strike)
        amount = spread(short.contract.call, short.size, short.contract.strike, *bought)
        return np.full(len(states), amount)

    def paths(self, vault: Vault) -> list[str]:
        """See `OpynVault.paths`: no number but the strikes."""
        return ["strike_asset"]

    def kinks(self, account: Account, market: Market) -> dict[str, F64]:
        """See `MarginModel.kinks`: none, no price changes what is needed."""
        return {}
