"""OKX isolated spot margin: one position of assets bought or sold with a loan of the other side of the pair.

Source: a live position of 15 January 2023 (data/margins), met to the last printed digit. Rule codes `OKX-MARGIN-nn`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from plimsoll.documents import Asset, Fraction, Name, Part, Positive, Problem, Reason, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared
from plimsoll.margin.model import Assessment, MarginModel
from plimsoll.margin.parts.tiers import Tiers, TierTable
from plimsoll.margin.requirement import Binding
from plimsoll.market import Market


class PairRules(Part):
    """Tiers by borrowed amount, in units of the asset that is owed; the whole loan has the rate of its tier."""

    base: Asset
    quote: Asset
    owed: dict[Asset, TierTable]


class SpotMarginParameters(Part):
    """Pairs by name; `fee` is the fee of the trade that repays the loan; `default_leverage` where none is known."""

    fee: Fraction
    default_leverage: Positive
    pairs: Annotated[dict[Name, PairRules], Field(min_length=1)]


class IsolatedSpotMargin(MarginModel):
    """OKX's isolated margin of one spot position, in the asset that the position holds.

    ```
    equity        assets - L p                      L what is owed (interest with it), p its price in that asset
    maintenance   L p m + L p (1 + m) fee           m the rate of the tier of the loan; the fee of repaying it
    initial       L p / leverage
    health        equity / maintenance, the venue's margin ratio: liquidation at one,  p = assets / (L (1+m) (1+fee))
    ```

    The account holds the position's assets as collateral and its loan as borrowed, and nothing else.
    """

    MODEL = "okx-margin"
    PARAMETERS = SpotMarginParameters
    MODES = ("isolated",)
    TAKES = frozenset({"borrowed"})
    FORMS = Declared(
        "refused",
        "none",
        "these rules margin a loan against the assets it bought and take no contracts that a solver could hold",
        "refused",
        "these rules margin a loan against the assets it bought and take no contracts that a proof could be about",
    )
    MANY = "account by account through the exact engine: an account is one loan, and holds no contracts to share tables"
    parameters: SpotMarginParameters

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: one asset held, the other side of a pair owed, no contracts."""
        problems = []
        for i, p in enumerate(account.positions):
            got = f"{p.instrument!r} ({Reason.UNSUPPORTED_CONTRACT.value})"
            allowed = "no contracts: a spot position is its assets in collateral and its loan in borrowed"
            problems.append(Problem(f"account.positions[{i}].instrument", got, allowed))
        held = [a for a, amount in account.collateral.items() if amount != 0.0]
        owed = [a for a, amount in account.borrowed.items() if amount != 0.0]
        if len(held) > 1 or len(owed) > 1 or (owed and not held):
            got = f"{', '.join(held) or 'nothing'} held, {', '.join(owed) or 'nothing'} owed"
            problems.append(
                Problem("account.borrowed", got, "one asset held and one owed: a document for each position")
            )
        elif held and owed and self._pair(held[0], owed[0]) is None:
            got = f"{held[0]} held, {owed[0]} owed ({Reason.UNKNOWN_CURRENCY.value})"
            allowed = "a pair of the pack with rates for what is owed: " + ", ".join(sorted(self.parameters.pairs))
            problems.append(Problem("account.borrowed", got, allowed))
        if any(amount < 0.0 for amount in account.collateral.values()):
            problems.append(Problem("account.collateral", "a negative balance", "loans in account.borrowed"))
        return problems

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        book = open_book(account, market, on_failure)
        held = next((a for a, amount in account.collateral.items() if amount != 0.0), None)
        owed = next((a for a, amount in account.borrowed.items() if amount != 0.0), None)
        assets = 0.0 if held is None else account.collateral[held]
        loan = 0.0 if owed is None else account.borrowed[owed]
        rate, least, path, price = 0.0, 0.0, "pairs", 0.0
        if held is not None and owed is not None:
            found = self._pair(held, owed)
            assert found is not None
            name, tiers = found
            at = int(tiers.place(np.array(loan)))
            rate, least, path = (
                float(tiers.maintenance_rate[at]),
                float(tiers.initial_rate[at]),
                f"pairs.{name}.owed.{owed}.tiers.{at}",
            )
            price = self._price(market, owed) / self._price(market, held)
        value = loan * price
        first = max(least, 1.0 / self.parameters.default_leverage)
        rows = [
            ("loan", "What is owed", f"{path}.maintenance", value * rate, value * rate),
            (
                "leverage",
                "Margin that the leverage asks for beyond it",
                "default_leverage",
                value * (first - rate),
                0.0,
            ),
            ("close_fee", "Fee of repaying the loan", "fee", 0.0, value * (1.0 + rate) * self.parameters.fee),
        ]
        parts = tuple(
            component(
                key,
                title,
                weakest(self.rules, [where]),
                [f"owed {owed}" if owed else "nothing owed"],
                np.array([initial]),
                np.array([maintenance]),
            )
            for key, title, where, initial, maintenance in rows
        )
        label = "what is owed"
        notes = ("a spot position has no leverage of its own in these documents: initial margin at the pack's default",)
        return Assessment(
            net_equity=assets - value,
            components=parts,
            binding=(Binding(underlying=owed or "", kind="loan", label=label, pnl=-sum(c.maintenance for c in parts)),),
            scenarios=(),
            workings={"owed": value, "rate": rate},
            failures=book.failures,
            notes=notes if owed else (),
            currency=held or self.rules.currency,
        )

    def _pair(self, held: str, owed: str) -> tuple[str, Tiers] | None:
        for name, pair in self.parameters.pairs.items():
            if {held, owed} == {pair.base, pair.quote} and owed in pair.owed:
                return name, Tiers.of(pair.owed[owed])
        return None

    @staticmethod
    def _price(market: Market, asset: str) -> float:
        price = market.price_of(asset)
        if price is None or price.price <= 0:
            got = None if price is None else price.price
            raise refuse(f"market.assets.{asset}", got, "a USD price of this asset, above zero")
        return price.price
