"""The portfolio managers' rows kept hot, and how far an account can have moved since a reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.rows import Money, RowTables
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import BOOL, Lots, Universe
from plimsoll.margin.venues.derive.pmrm_many import PmrmTables
from plimsoll.margin.venues.derive.span_many import SpanTables
from plimsoll.scenarios import years_of


class PmrmRows(RowTables):
    """The tables of a portfolio manager over all contracts, and how far they are from a reference.

    ```
    reach = |d now| + factor max(scan, basis) + |d factor| loss + (rate + doubt) coins |d spot|   (cash, a contract)
    scan  = max over s of w_s (max(long, short) |d table_s| + |d now|),  of a perpetual w_s |spot_s - 1| |d linear|
    basis = basis factor * (max(|d up|, |d down|) + |d now|)
    loss  = what one contract alone could lose at most at the reference
    ```

    The static discount of an expiry is `long` above zero and `short` below it: in the net value its slope is at most
    the larger. A tilt takes an absolute value, whose slope is one; the loss is a largest of such sums. The factor on it
    follows the price of the cash. Perpetual and naked notional are sizes in coins, which one lot changes by at most its
    own, at the index. What time changes (discounts, basis factors) changes with a full pass only.

    Accounts with other collateral than cash are the exact engine's.
    """

    BOUNDED = True
    UNIT = "settlement"

    def __init__(
        self, tables: Callable[[Universe], PmrmTables | None], cash: str, universe: Universe, first: PmrmTables
    ) -> None:
        self.of_universe, self.cash, self.universe, self.tables = tables, cash, universe, first
        self.refer()

    @classmethod
    def of(cls, tables: Callable[[Universe], PmrmTables | None], cash: str, universe: Universe) -> PmrmRows | None:
        """The rows of a universe; `None` where the cash has no price."""
        first = tables(universe)
        return None if first is None else cls(tables, cash, universe, first)

    def reprice(self, universe: Universe, rows: I64 | None) -> None:
        """See `RowTables`."""
        self.universe = universe
        if rows is None:
            found = self.of_universe(universe)
            assert found is not None, "a price above zero does not go away"
            self.tables = found
        elif rows.size:
            part = universe.part(rows)
            fresh = self.of_universe(part)
            assert fresh is not None, "a price above zero does not go away"
            spans = dict(self.tables.spans)
            for number, span in fresh.spans.items():
                mine = universe.underlyings.index(part.underlyings[number])
                spans[mine] = spans[mine].put(rows, span, universe.plan)
            self.tables = replace(fresh, spans=spans)

    def amounts(self, lots: Lots) -> Amounts:
        """See `RowTables`."""
        return self.tables.amounts(lots)

    def equity(self, lots: Lots, found: Amounts, money: Money) -> tuple[F64, BOOL]:
        """See `RowTables`."""
        return found.equity + money.own(self.cash), money.besides(self.cash)

    def binding(self, lots: Lots) -> list[str]:
        """See `RowTables`."""
        words = ["no loss"] * lots.accounts
        for number, span in self.tables.spans.items():
            own = lots.only(lots.universe.underlying == number)
            at, least = span.binding(own)
            labels = (*span.scenarios.labels, "basis contingency")
            name = lots.universe.underlyings[number]
            held = np.bincount(own.account, minlength=lots.accounts) > 0
            for a in np.flatnonzero(held).tolist():
                words[a] = f"{name} {labels[int(at[a])] if least[a] < 0.0 else 'no loss'}"
        return words

    def refer(self) -> None:
        """See `RowTables`."""
        self.base = {n: _copied(s) for n, s in self.tables.spans.items()}
        self.base_charging = self.tables.charging

    def reach(self, rows: I64) -> F64 | None:
        """See `RowTables`."""
        found = np.zeros(rows.size)
        of = self.universe.underlying[rows]
        for number, now in self.tables.spans.items():
            mine = of == number
            if mine.any():
                found[mine] = self._moved(now, self.base[number], rows[mine])
        return found

    def _moved(self, now: SpanTables, before: SpanTables, rows: I64) -> F64:
        plan, columns, charging = self.universe.plan, now.scenarios, self.tables.charging
        group = plan.group[rows]
        steep = np.where(group >= 0, np.append(np.maximum(*now.factors), 0.0)[group], 0.0)
        steep_before = np.where(group >= 0, np.append(np.maximum(*before.factors), 0.0)[group], 0.0)
        slope, base = np.maximum(steep, steep_before), before.unit
        table, old = now.unit.table[rows], base.table[rows]
        value = np.abs(now.unit.now[rows] - base.now[rows])
        away = np.abs(columns.spot - 1.0)
        linear = np.abs(now.linear[rows] - before.linear[rows])
        option = plan.option[rows, None]
        moved = np.where(option, slope[:, None] * np.abs(table - old) + value[:, None], away * linear[:, None])
        scan = (columns.weight * moved).max(axis=1, initial=0.0)
        alone = np.where(
            option,
            slope[:, None] * np.abs(old) + np.abs(base.now[rows])[:, None],
            away * np.abs(before.linear[rows])[:, None],
        )
        loss = (columns.weight * alone).max(axis=1, initial=0.0)
        sides = np.stack([np.abs(getattr(now.unit, n)[rows] - getattr(base, n)[rows]) for n in ("up", "down")])
        most = np.stack([np.abs(getattr(base, n)[rows]) for n in ("up", "down")]).max(axis=0)
        factor = now.basis.add_factor + now.basis.mult_factor * years_of(plan.seconds)
        factor = np.where(group >= 0, np.append(factor, 0.0)[group], 0.0)
        scan = np.maximum(scan, factor * (sides.max(axis=0) + value))
        loss = np.maximum(loss, factor * (most + np.abs(base.now[rows])))
        rates = np.where(plan.option[rows], max(map(abs, charging.naked)), max(map(abs, charging.perpetual)))
        old_rates = self.base_charging
        drift = np.where(
            plan.option[rows],
            max(abs(a - b) for a, b in zip(charging.naked, old_rates.naked, strict=True)),
            max(abs(a - b) for a, b in zip(charging.perpetual, old_rates.perpetual, strict=True)),
        )
        coins, spot, old_spot = np.abs(plan.multiplier[rows]), now.index.price, before.index.price
        notional = coins * ((rates + charging.doubt) * abs(spot - old_spot) + drift * old_spot)
        result: F64 = (
            value
            + max(charging.factor, charging.kept) * scan
            + abs(charging.factor - old_rates.factor) * loss
            + notional
        )
        return result


def _copied(span: SpanTables) -> SpanTables:
    unit = span.unit
    copies = {n: getattr(unit, n).copy() for n in ("table", "now", "up", "down")}
    return replace(span, unit=replace(unit, **copies), linear=span.linear.copy())
