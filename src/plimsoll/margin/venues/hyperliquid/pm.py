"""Hyperliquid's portfolio margin: perpetuals, spot coins and borrowed USDC in one account.

Source: the venue's portfolio-margin page and venues-onchain section 3.5, own words; docs/decisions/024 holds the
readings. Rule codes `HL-PM-nn` are listed in docs/rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from plimsoll.documents import Asset, DocumentError, Fraction, NonNegative, Part, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import OnFailure, open_book
from plimsoll.margin.components import component, weakest
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.model import Assessment
from plimsoll.margin.parts.legs import Legs
from plimsoll.margin.path import ACCOUNT, States, Track
from plimsoll.margin.requirement import Binding, Component
from plimsoll.margin.venues.hyperliquid.futures import HyperliquidFutures
from plimsoll.margin.venues.hyperliquid.tables import MarginTables
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

READINGS = ("documented", "observed")
_REFUSED = (
    "initial margin is the whole position at the leverage of its tier, which jumps where a tier ends, and what can be "
    "borrowed goes by the collateral, which is no position: nothing is claimed here"
)


class Eligible(Part):
    """A coin that can be borrowed against: `loan_to_value` of its price, of at most `supply_cap` coins."""

    loan_to_value: Fraction
    supply_cap: NonNegative


class PmParameters(MarginTables):
    """Margin tables, eligible coins, and the account's terms in the settlement currency.

    `min_borrow_offset` is added to every maintenance, `borrow_cap` is the most that can be borrowed, `order_buffer` is
    kept on top of the margin of open orders, and liquidation begins above `liquidation_ratio`.
    """

    collateral: dict[Asset, Eligible]
    borrow_cap: NonNegative
    min_borrow_offset: NonNegative
    liquidation_ratio: Annotated[float, Field(strict=True, gt=0, le=1)]
    order_buffer: NonNegative


@dataclass(frozen=True, eq=False)
class Standing:
    """An account in `K` states: `cash[K]` (balance less loans, with the profit of perpetuals), `maintenance[K]` of
    perpetuals, what collateral counts in a liquidation `[K]` and what can be borrowed against it `[K]`."""

    cash: F64
    maintenance: F64
    counted: F64
    borrowable: F64

    def charges(self, p: PmParameters) -> dict[str, F64]:
        """`[K]` beyond the maintenance of perpetuals, by reading, so that liquidation begins where equity meets it.

        ```
        documented  (offset + maintenance + borrowed) / (cash+ + counted) > ratio,  borrowed = (-cash)+
        observed    (maintenance + borrowed) / (maintenance + counted) > ratio,     borrowed = (maintenance - cash)+
        ```
        """
        left = 1.0 - p.liquidation_ratio
        used = (self.maintenance > 0.0) | (self.cash < 0.0)
        documented = p.min_borrow_offset + left * (np.maximum(self.cash, 0.0) + self.counted)
        observed = np.where(self.cash < self.maintenance, left * (self.counted + self.maintenance), 0.0)
        return {"documented": np.where(used, documented, 0.0), "observed": np.where(used, observed, 0.0)}

    def ratios(self, p: PmParameters) -> dict[str, float]:
        """The portfolio margin ratio of one state under each reading, where it has a denominator."""
        cash, held, counted = (float(x[0]) for x in (self.cash, self.maintenance, self.counted))
        rows = {
            "documented": (p.min_borrow_offset + held + max(0.0, -cash), max(cash, 0.0) + counted),
            "observed": (held + max(0.0, held - cash), held + counted),
        }
        return {f"portfolio_margin_ratio.{n}": required / value for n, (required, value) in rows.items() if value > 0}


class HyperliquidPortfolio(HyperliquidFutures):
    """Hyperliquid's portfolio margin, alpha: USDC is borrowed against eligible coins, profit of perpetuals counts.

    ```
    equity        cash + sum_coins(min(balance, supply cap) * price * (0.5 + 0.5 ltv)), that at most the borrow cap
    maintenance   of the perpetuals + offset + (1 - liquidation ratio) of the liquidation value
    initial       notional / leverage + orders with their buffer + what counts in a liquidation but cannot be borrowed
    ```

    Equity below maintenance is the venue's `portfolio_margin_ratio > liquidation_ratio`. The page and the numbers that
    the venue returns differ in what is borrowed: both are computed (`reading.…`) and the dearer is charged. Past the
    caps the venue falls back to accounts without portfolio margin: what lies above a cap counts nothing here.
    """

    MODEL = "hyperliquid-pm"
    PARAMETERS = PmParameters
    FORMS = Declared("refused", "none", _REFUSED, "refused", _REFUSED)
    MODES = ("portfolio",)  # type: ignore[assignment]
    TAKES: ClassVar[frozenset[str]] = frozenset({"leverage", "borrowed"})
    MANY = "account by account through the exact engine: offset and collateral belong to the account, not to a position"
    parameters: PmParameters

    def batch(self, universe: Universe) -> Batch | None:
        """See `MarginModel.batch`: none."""
        return None

    def pieces(self, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
        """See `MarginModel.pieces`: refused, with the reason."""
        return Form("refused", _REFUSED), Form("refused", _REFUSED)

    def problems(self, account: Account, market: Market) -> list[Problem]:
        """See `MarginModel.problems`: also balances and loans that portfolio margin does not know."""
        found = super().problems(account, market)
        cash, eligible = self.rules.currency, self.parameters.collateral
        known = f"{cash} and, of coins, " + ", ".join(sorted(eligible))
        for asset, amount in account.collateral.items():
            if amount != 0.0 and asset != cash and asset not in eligible:
                got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
                found.append(Problem(f"account.collateral.{asset}", got, known))
            elif amount < 0.0 and asset != cash:
                allowed = f"at least zero: only {cash} can be borrowed"
                found.append(Problem(f"account.collateral.{asset}", repr(amount), allowed))
        for asset, amount in account.borrowed.items():
            if amount != 0.0 and asset != cash:
                found.append(
                    Problem(f"account.borrowed.{asset}", repr(amount), f"nothing: only {cash} can be borrowed")
                )
        return found

    def balance_bends(self, account: Account, market: Market) -> dict[str, tuple[float, ...]]:
        """See `MarginModel.balance_bends`: the supply cap of each coin."""
        return {asset: (rule.supply_cap,) for asset, rule in self.parameters.collateral.items()}

    def currency(self, account: Account, market: Market) -> str:
        """See `TieredFutures.currency`: that of the rules."""
        return self.rules.currency

    def notes(self, account: Account, currency: str) -> tuple[str, ...]:
        """See `TieredFutures.notes`: where a leverage had to be supposed."""
        return super().notes(account.model_copy(update={"collateral": {}}), currency)

    def assess(self, account: Account, market: Market, on_failure: OnFailure) -> Assessment:
        """See `MarginModel.assess`."""
        self.check(account, market)
        p = self.parameters
        legs, paths = self._legs(open_book(account.model_copy(update={"orders": ()}), market, on_failure))
        one = States({}, np.ones(1))
        now, prices = self._standing(account, market, legs, one), legs.price[:, None]
        notional = legs.notional(prices)
        maintenance = legs.maintenance(notional)[:, 0]
        initial = (legs.initial_rate(notional, self.default_leverage) * notional)[:, 0]
        charges = {name: float(c[0]) for name, c in now.charges(p).items()}
        reading = max(READINGS, key=lambda n: (charges[n], -READINGS.index(n)))
        counted, borrowable = float(now.counted[0]), float(now.borrowable[0])
        total = float(now.cash[0]) + counted
        components = (
            component(
                "positions",
                "Perpetuals",
                weakest(self.rules, paths or ["tables"]),
                legs.subjects,
                initial,
                maintenance,
                method="aumann-shapley",
            ),
            self._buffered(self._orders(account, market)),
            self._single(
                "liquidation_value", "Offset and liquidation ratio", "liquidation_ratio", 0.0, charges[reading]
            ),
            self._single(
                "loan_to_value", "Counts in a liquidation, cannot be borrowed", "collateral", counted - borrowable, 0.0
            ),
        )
        needed = sum(c.initial for c in components)
        return Assessment(
            net_equity=total,
            components=components,
            binding=(Binding(underlying=self.rules.currency, kind=reading, label="portfolio", pnl=-needed),),
            scenarios=(),
            workings={
                "cash": float(now.cash[0]),
                "collateral.liquidation": counted,
                "collateral.borrowable": borrowable,
                "available": total - needed,
                "cross_maintenance": float(now.maintenance[0]),
                **{f"reading.{name}": float(now.maintenance[0]) + c for name, c in charges.items()},
                **now.ratios(p),
            },
            failures=legs.book.failures,
            notes=self.notes(account, self.rules.currency),
            currency=self.rules.currency,
        )

    def along(self, account: Account, market: Market, states: States) -> tuple[Track, ...]:
        """See `MarginModel.along`: exact, all states at once."""
        self.check(account, market)
        legs, _ = self._legs(open_book(account.model_copy(update={"orders": ()}), market, "refuse"))
        found = self._standing(account, market, legs, states)
        charge = np.maximum(*found.charges(self.parameters).values())
        return (Track(ACCOUNT, found.cash + found.counted, found.maintenance + charge),)

    def _standing(self, account: Account, market: Market, legs: Legs, states: States) -> Standing:
        cash = account.collateral.get(self.rules.currency, 0.0) - account.borrowed.get(self.rules.currency, 0.0)
        prices = legs.prices(states)
        counted, borrowable = np.zeros(len(states)), np.zeros(len(states))
        for asset, rule in self.parameters.collateral.items():
            held = min(account.collateral.get(asset, 0.0), rule.supply_cap)
            if held > 0.0:
                value = held * self._price(asset, market) * states.multiplier(asset)
                counted += value * (0.5 + 0.5 * rule.loan_to_value)
                borrowable += value * rule.loan_to_value
        cap = self.parameters.borrow_cap
        return Standing(
            cash + legs.profits(prices).sum(axis=0),
            legs.maintenance(legs.notional(prices)).sum(axis=0),
            np.minimum(counted, cap),
            np.minimum(borrowable, cap),
        )

    def _price(self, asset: str, market: Market) -> float:
        """Price of a coin in the settlement currency."""
        price, cash = market.price_of(asset), market.price_of(self.rules.currency)
        for name, found in ((asset, price), (self.rules.currency, cash)):
            if found is None or found.price <= 0.0:
                raise DocumentError(Problem(f"market.assets.{name}", "nothing", "a USD price above zero of this asset"))
        assert price is not None
        assert cash is not None
        return price.price / cash.price

    def _buffered(self, orders: Component) -> Component:
        """The margin of open orders with the buffer that the venue keeps on top."""
        scale = 1.0 + self.parameters.order_buffer
        names = [s.subject for s in orders.shares]
        amounts = np.array([s.initial * scale for s in orders.shares], dtype=np.float64)
        evidence = weakest(self.rules, ["order_buffer"])
        return component("open_orders", "Open orders", evidence, names, amounts, np.zeros_like(amounts))

    def _single(self, name: str, title: str, path: str, initial: float, maintenance: float) -> Component:
        amounts = np.array([initial]), np.array([maintenance])
        return component(name, title, weakest(self.rules, [path]), [title.lower()], *amounts)
