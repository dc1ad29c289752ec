"""What a stress scenario says of each market at each hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.scenarios.rules import VolRule
from plimsoll.scenarios.stress.scenario import StressScenario
from plimsoll.scenarios.stress.shocks import (
    ALL,
    CorrelationShock,
    DelayShock,
    DepthShock,
    FundingShock,
    PegShock,
    PriceShock,
    SkewShock,
    VolatilityShock,
)

F64 = npt.NDArray[np.float64]
S = TypeVar("S")


class Timeline:
    """One scenario over `underlyings` and stable `currencies`, asked at `hours[T]` since its start.

    `levels` are today's volatilities at the money (0.5 = 50 %), for shocks in points. An hour at which something
    happens at once is after it. Raises `DocumentError` for points without a level, or that leave no volatility.
    """

    def __init__(
        self,
        scenario: StressScenario,
        underlyings: Sequence[str],
        currencies: Sequence[str] = (),
        levels: Mapping[str, float] | None = None,
    ) -> None:
        self.scenario = scenario
        self.underlyings, self.currencies = tuple(underlyings), tuple(currencies)
        self.levels = dict(levels or {})
        self.correlation = next((s for s in scenario.shocks if isinstance(s, CorrelationShock)), None)

    def price(self, hours: F64) -> F64:
        """`[T, U]` multiples of the first price."""
        result: F64 = np.exp(np.stack([self._log_price(u, hours) for u in self.underlyings], axis=1))
        return result

    def vol(self, hours: F64) -> F64:
        """`[T, U]` multiples of the implied volatility at the reference tenor."""
        columns = []
        for u in self.underlyings:
            shock = self._of(VolatilityShock, u)
            if shock is None:
                columns.append(np.ones(hours.size))
            elif shock.waypoints is not None:
                columns.append(np.exp(_straight(shock.waypoints, hours, np.log, 0.0)))
            else:
                columns.append(np.where(hours >= shock.hour, self._multiple(shock, u), 1.0))
        return np.stack(columns, axis=1)

    def depth(self, hours: F64) -> F64:
        """`[T, U]` part of the calm depth that is left."""
        columns = []
        for u in self.underlyings:
            shock = self._of(DepthShock, u)
            if shock is None:
                columns.append(np.ones(hours.size))
                continue
            missing = np.full(hours.size, 1.0 - shock.left)
            if shock.recovery_hours is not None:
                missing *= 0.5 ** (np.maximum(hours - shock.hour - shock.hours, 0.0) / shock.recovery_hours)
            columns.append(np.where(hours >= shock.hour, 1.0 - missing, 1.0))
        return np.stack(columns, axis=1)

    def tilt(self, hours: F64) -> F64:
        """`[T, U]` tilt of the smile, see `SkewShock`."""
        columns = []
        for u in self.underlyings:
            shock = self._of(SkewShock, u)
            columns.append(np.zeros(hours.size) if shock is None else np.where(hours >= shock.hour, shock.tilt, 0.0))
        return np.stack(columns, axis=1)

    def funding(self, hours: F64) -> F64:
        """`[T, U]` funding since the start that a long perpetual has paid, as a part of its value."""
        columns = []
        for u in self.underlyings:
            shock = self._of(FundingShock, u)
            if shock is None:
                columns.append(np.zeros(hours.size))
            elif self.scenario.hours[-1] <= shock.hour:
                # nothing follows in the scenario: the whole of the funding is its one moment
                columns.append(np.where(hours >= shock.hour, shock.rate * shock.hours / 8.0, 0.0))
            else:
                columns.append(shock.rate * np.clip(hours - shock.hour, 0.0, shock.hours) / 8.0)
        return np.stack(columns, axis=1)

    def peg(self, hours: F64) -> F64:
        """`[T, C]` USD for one unit of each currency."""
        columns = []
        for c in self.currencies:
            shock = next((s for s in self.scenario.shocks if isinstance(s, PegShock) and s.currency == c), None)
            if shock is None:
                columns.append(np.ones(hours.size))
            elif shock.waypoints is not None:
                columns.append(_straight(shock.waypoints, hours, np.asarray, 1.0))
            else:
                assert shock.price is not None
                columns.append(np.where(hours >= shock.hour, shock.price, 1.0))
        return np.stack(columns, axis=1) if columns else np.ones((hours.size, 0))

    def delay(self, hours: F64) -> tuple[F64, F64]:
        """`[T]` seconds by which marks are late, and multiples of the calm price of gas."""
        shock = next((s for s in self.scenario.shocks if isinstance(s, DelayShock)), None)
        if shock is None:
            return np.zeros(hours.size), np.ones(hours.size)
        on = hours >= shock.hour
        if shock.hours is not None:
            on &= hours < shock.hour + shock.hours
        return np.where(on, shock.seconds, 0.0), np.where(on, shock.gas, 1.0)

    def rule(self, underlying: str) -> VolRule:
        """How the volatility shock of an underlying reaches other tenors."""
        shock = self._of(VolatilityShock, underlying)
        if shock is None:
            return VolRule(0.0, 0.0)
        return VolRule(shock.short_power, shock.long_power, shock.reference_days)

    def _of(self, kind: type[S], underlying: str) -> S | None:
        """The shock of a kind that names the underlying, else the one of all."""
        found: S | None = None
        for shock in self.scenario.shocks:
            if isinstance(shock, kind):
                subject = shock.subject
                if subject == underlying:
                    return shock
                found = shock if subject == ALL else found
        return found

    def _log_price(self, underlying: str, hours: F64) -> F64:
        law = self.correlation
        if law is None or underlying == law.lead:
            return self._own(underlying, hours, alone=False)
        own = self._own(underlying, hours, alone=True)
        lead = self._own(law.lead, hours, alone=False)
        return law.rho * law.ratio.get(underlying, 1.0) * lead + float(np.sqrt(1.0 - law.rho**2)) * own

    def _own(self, underlying: str, hours: F64, *, alone: bool) -> F64:
        """`[T]` log move by price shocks; `alone`: only by one that names the underlying."""
        shock = self._of(PriceShock, underlying)
        if shock is None or (alone and shock.underlying == ALL):
            return np.zeros(hours.size)
        beta = shock.betas.get(underlying, 1.0)
        if shock.waypoints is not None:
            return beta * _straight(shock.waypoints, hours, np.log1p, 0.0)
        assert shock.move is not None
        return np.where(hours >= shock.hour, beta * np.log1p(shock.move), 0.0)

    def _multiple(self, shock: VolatilityShock, underlying: str) -> float:
        if shock.multiple is not None:
            return shock.multiple
        assert shock.points is not None
        where = f"scenarios.{self.scenario.name}.volatility.points"
        level = self.levels.get(underlying)
        if level is None or not level > 0.0:
            raise refuse(where, level, f"a volatility at the money of {underlying} above zero, to add points to")
        multiple = 1.0 + shock.points / level
        if not multiple > 0.0:
            raise refuse(where, shock.points, f"more than {-level:g}: volatility stays above zero")
        return multiple


def _straight(waypoints: Sequence[tuple[float, float]], hours: F64, to: Any, before: float) -> F64:
    """Straight lines through `to(value)` by hour, from `before` at hour zero where no waypoint is there."""
    at = np.array([h for h, _ in waypoints])
    values = np.asarray(to(np.array([v for _, v in waypoints])), dtype=np.float64)
    if at[0] > 0.0:
        at, values = np.concatenate([[0.0], at]), np.concatenate([[before], values])
    return np.interp(hours, at, values)
