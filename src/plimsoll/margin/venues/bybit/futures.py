"""Futures and perpetuals of the unified account: value, margins and fee of closing at any price."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Future, Perpetual, Settlement
from plimsoll.margin.book import Book
from plimsoll.margin.parts.legs import Legs, moving_share
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.margin.venues.bybit.parameters import Contracts, UtaParameters
from plimsoll.risk.plan import INVERSE

F64 = npt.NDArray[np.float64]


def symbol_of(p: UtaParameters, contract: Contract) -> str | None:
    """The symbol whose tiers a future or perpetual has: its own name, else underlying and settlement currency.

    Inverse ones are `BTCUSD`, whatever they are called. `None` where the pack lists none.
    """
    if not isinstance(contract, Perpetual | Future):
        return None
    if contract.settlement is Settlement.QUANTO:
        return None
    inverse = contract.settlement is Settlement.INVERSE
    if inverse and contract.currency != contract.underlying:
        return None
    pair = f"{contract.underlying}USD" if inverse else f"{contract.underlying}{contract.currency}"
    return next((s for s in (contract.name, pair) if s in p.futures), None)


@dataclass(frozen=True, eq=False)
class Charges:
    """`[N, K]` value, initial margin, maintenance margin and fee of closing, in each settlement currency."""

    value: F64
    initial: F64
    maintenance: F64
    fees: F64


@dataclass(frozen=True, eq=False)
class Futures:
    """`N` futures and perpetuals. `entry[N]` is the price that their value keeps, NaN where it follows the mark;
    `matched[N]` the part of a position that the other leg of its instrument offsets."""

    legs: Legs
    symbols: tuple[str, ...]
    entry: F64
    matched: F64
    parameters: UtaParameters

    @classmethod
    def of(cls, book: Book, p: UtaParameters) -> Futures:
        """The futures of a book that holds nothing else."""
        symbols = [symbol_of(p, c) for c in book.plan.contracts]
        rules = [p.futures[s] for s in symbols if s is not None]
        legs = Legs.of(book, [Tiers.of(r) for r in rules], [r.counted for r in rules])
        entry = np.full(len(book.plan), np.nan)
        for i, position in enumerate(book.positions):
            how = p.valued_at.cross if position.isolated_margin is None else p.valued_at.isolated
            if how == "entry" and position.entry_price is not None:
                entry[i] = position.entry_price
        return cls(legs, tuple(s for s in symbols if s is not None), entry, _matched(book), p)

    def worth(self, prices: F64) -> F64:
        """`[N, K]` value that the margins are taken on."""
        kept = np.isfinite(self.entry)[:, None]
        return self.legs.notional(np.where(kept, self.entry[:, None], prices))

    def charges(self, prices: F64) -> Charges:
        """Margins at `prices[N, K]`.

        ```
        initial      value / leverage
        maintenance  (value * rate - deduction) * (1 - matched)
        fee          taker * value at the bankruptcy price * (1 + (hedged_factor - 1) * matched)
        ```

        The value at the bankruptcy price is `value (1 - 1/leverage)` of a linear long and `value (1 + 1/leverage)` of a
        linear short, the other way about in coin.
        """
        p, value = self.parameters, self.worth(prices)
        rate = self.legs.initial_rate(value, p.default_leverage)
        # what has settled is money and no position any more
        live = (moving_share(self.legs.book.plan) > 0.0)[:, None]
        free = live * (1.0 - self.matched[:, None])
        times = 1.0 + (p.close_fee.hedged_factor - 1.0) * self.matched[:, None]
        bust = value * np.maximum(1.0 - self._side()[:, None] * rate, 0.0)
        fees = p.close_fee.taker * bust * times
        return Charges(value, value * rate * live, self.legs.maintenance(value) * free, fees * live)

    def _side(self) -> F64:
        """`[N]` one where the value falls towards bankruptcy, minus one where it rises, zero without a position."""
        plan = self.legs.book.plan
        side: F64 = np.sign(self.legs.book.quantity) * np.where(plan.style == INVERSE, -1.0, 1.0)
        return side

    def paths(self, value: F64) -> list[str]:
        """Parameters that positions of `value[N]` rest on: the maintenance rates of their tiers, and a leverage that
        was not chosen.
        """
        found = set()
        for i, symbol in enumerate(self.symbols):
            at = int(self.legs.tiers[i].place(self.legs.sizes(i, value[i : i + 1]))[0])
            found.add(f"futures.{symbol}.tiers.{at}.maintenance")
            if not np.isfinite(self.legs.leverage[i]):
                found.add("default_leverage")
        return sorted(found)

    def beyond(self, value: F64) -> tuple[str, ...]:
        """Subjects whose `value[N]` is above the last limit of their tiers."""
        found = []
        for i, symbol in enumerate(self.symbols):
            limit = self.parameters.futures[symbol].tiers[-1].upto
            size = float(self.legs.sizes(i, value[i : i + 1])[0])
            if limit is not None and size > limit:
                found.append(self.legs.subjects[i])
        return tuple(found)


def _matched(book: Book) -> F64:
    """What the other leg of an instrument offsets, in parts of each position; isolated ones offset nothing."""
    rows: dict[str, list[int]] = defaultdict(list)
    for i, position in enumerate(book.positions):
        if position.isolated_margin is None and position.leg != "net":
            rows[position.instrument].append(i)
    found = np.zeros(len(book.positions))
    for pair in rows.values():
        sizes = np.abs(book.quantity[pair])
        if len(pair) == 2:
            found[pair] = np.divide(sizes.min(), sizes, out=np.zeros(2), where=sizes > 0)
    return found


def listed(tables: dict[str, Contracts]) -> str:
    """Which futures the pack lists, in words for a refusal."""
    return "futures and perpetuals of " + ", ".join(sorted(tables))
