"""Joint moves of named factors, and the columns of shocks that they become for each underlying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import NonNegative, Number, Part, Positive, refuse
from plimsoll.scenarios.columns import Scenarios
from plimsoll.scenarios.rules import VolRule

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MoveKind = Literal["log", "relative", "absolute"]
Windows = Literal["overlapping", "disjoint", "root"]

IV, BASIS = " iv", " basis"
"""What follows the name of an underlying where a factor is not its price: implied volatility, forward over spot."""

LEAST_MULTIPLIER = 1e-4
"""A price never falls below this part of itself: scaled relative and absolute moves could pass through zero."""


class IvLaw(Part):
    """Implied volatility where no history of it is given: a stated guess, flagged in every result that used it.

    The log move of the level at `reference_days` is `fall * max(-r, 0) + rise * max(r, 0) + vol_of_vol * sqrt(days) *
    z`, held within `+-cap`; `r` is the log move of the price, `z` a seeded standard normal number for each scenario.
    It reaches other tenors by the power law of `VolRule`.
    """

    fall: Number = 1.0
    rise: Number = 0.3
    vol_of_vol: NonNegative = 0.04
    cap: Positive = 1.2
    seed: int = 7
    short_power: NonNegative = 0.3
    long_power: NonNegative = 0.13
    reference_days: Positive = 30.0

    def log_moves(self, log_spot: F64, days: float, salt: int) -> F64:
        """`[S]` log moves of implied volatility that go with the log moves `[S]` of the price."""
        z = np.random.default_rng([self.seed, salt]).standard_normal(log_spot.size)
        drift = self.fall * np.maximum(-log_spot, 0.0) + self.rise * np.maximum(log_spot, 0.0)
        moved: F64 = np.clip(drift + self.vol_of_vol * np.sqrt(days) * z, -self.cap, self.cap)
        return moved

    @property
    def rule(self) -> VolRule:
        """The law of tenors."""
        return VolRule(self.short_power, self.long_power, self.reference_days)


@dataclass(frozen=True, eq=False)
class FactorMoves:
    """`S` joint moves of `F` factors over one horizon.

    * `names[F]`: `BTC` is the price of an underlying, `BTC iv` its level of implied volatility, `BTC basis` the
      variable part of its forwards over the price;
    * `multiplier[F, S]`, above zero: what each factor is multiplied by;
    * `days`: the horizon in calendar days;
    * `probability[S]` or `None` for equal ones;
    * `lag`: so many neighbours on each side share returns with a scenario (overlapping windows);
    * `clusters[S, K]` or `None`: scenarios with an equal number depend on each other (the day they were drawn from,
      the randomisation of a low-discrepancy sequence);
    * `origin[S]`: the row of the history that the scenario ends with, -1 where it was simulated;
    * `floored`: how many moves `LEAST_MULTIPLIER` had to stop.
    """

    names: tuple[str, ...]
    multiplier: F64
    days: float
    probability: F64 | None = None
    lag: int = 0
    clusters: I64 | None = None
    origin: I64 | None = None
    floored: int = 0
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return int(self.multiplier.shape[1])

    def __post_init__(self) -> None:
        if self.multiplier.shape[0] != len(self.names) or self.multiplier.ndim != 2 or self.multiplier.shape[1] == 0:
            raise refuse("moves", f"shape {self.multiplier.shape}", f"[F, S] with F = {len(self.names)} and S > 0")
        if len(set(self.names)) != len(self.names):
            raise refuse("names", list(self.names), "each factor once")

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Those whose price is a factor."""
        return tuple(n for n in self.names if not n.endswith((IV, BASIS)))

    def row(self, name: str) -> F64 | None:
        """`[S]` multipliers of one factor, `None` if it is not among them."""
        return self.multiplier[self.names.index(name)] if name in self.names else None

    def take(self, index: Sequence[int] | npt.NDArray[np.intp] | I64) -> FactorMoves:
        """The scenarios at `index`, in that order, with probabilities scaled to one."""
        at = np.asarray(index, dtype=np.intp)
        p = None if self.probability is None else self.probability[at] / self.probability[at].sum()
        clusters = None if self.clusters is None else self.clusters[at]
        origin = None if self.origin is None else self.origin[at]
        return replace(self, multiplier=self.multiplier[:, at], probability=p, clusters=clusters, origin=origin)

    def columns(self, iv: IvLaw, *, theta: bool = True) -> tuple[dict[str, Scenarios], tuple[str, ...]]:
        """The scenario columns of each underlying, and the underlyings whose volatility is the proxy's.

        With `theta` the horizon passes in every scenario, so that options lose their time value.
        """
        result: dict[str, Scenarios] = {}
        proxies = []
        blank = ("",) * len(self)
        regular = ("regular",) * len(self)
        for salt, name in enumerate(self.underlyings):
            spot, level, basis = self.row(name), self.row(name + IV), self.row(name + BASIS)
            assert spot is not None
            if level is None:
                proxies.append(name)
                vol = np.expm1(iv.log_moves(np.log(spot), self.days, salt))
            else:
                vol = level - 1.0
            days = np.full(len(self), self.days if theta else 0.0)
            result[name] = Scenarios.build(
                spot, vol, basis=basis, days=days, vol_rule=iv.rule, labels=blank, kinds=regular
            )
        return result, tuple(proxies)


def whole(name: str, value: object, least: int) -> int:
    """`value` itself, refused unless a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise refuse(name, value, f"a whole number of at least {least}")
    return value


def checked_returns(names: Sequence[str], returns: npt.ArrayLike) -> F64:
    """`[T, F]` finite log returns, one column for each name. Raises `DocumentError` with row and factor."""
    array = np.ascontiguousarray(returns, dtype=np.float64)
    if array.ndim != 2 or array.shape[1] != len(names):
        raise refuse("returns", f"shape {array.shape}", f"[T, F] with F = {len(names)}, one column for each name")
    if array.shape[0] < 2:
        raise refuse("returns", f"{array.shape[0]} rows", "at least 2")
    bad = ~np.isfinite(array)
    if bad.any():
        t, f = (int(i) for i in np.argwhere(bad)[0])
        raise refuse(f"returns[{t}].{names[f]}", float(array[t, f]), "a finite number")
    return array


def steps_of(returns: F64, kind: MoveKind) -> F64:
    """`[T, F]` moves of one step in the unit that is scaled and added: log, relative, or in parts of today's level."""
    if kind == "log":
        return returns
    if kind == "relative":
        relative: F64 = np.expm1(returns)
        return relative
    if kind != "absolute":
        raise refuse("moves", kind, "'log', 'relative' or 'absolute'")
    later = np.cumsum(returns[::-1], axis=0)[::-1]
    before: F64 = np.exp(-later)
    after = np.vstack([before[1:], np.ones((1, returns.shape[1]))])
    return after - before


def windows_of(count: int, steps: int, windows: Windows) -> tuple[I64, I64]:
    """First row and row after the last of each window of `steps` rows among `count`, oldest first."""
    whole("horizon", steps, 1)
    if steps > count:
        raise refuse("horizon", steps, f"1 to {count} steps, as many as there are returns")
    if windows == "overlapping":
        first = np.arange(count - steps + 1)
    elif windows == "disjoint":
        first = np.arange(count - steps, -1, -steps)[::-1]
    elif windows == "root":
        return np.arange(count), np.arange(1, count + 1)
    else:
        raise refuse("windows", windows, "'overlapping', 'disjoint' or 'root'")
    return first, first + steps


def multipliers(moves: F64, kind: MoveKind, steps: int, windows: Windows) -> tuple[F64, I64, int]:
    """`[F, S]` multipliers from `[T, F]` moves of one step, the last row of each window, how many were floored.

    `root` multiplies one step by `sqrt(steps)`: right for moves without jumps or memory only.
    """
    first, end = windows_of(moves.shape[0], steps, windows)
    stopped = 0
    if windows == "root":
        total = moves * np.sqrt(float(steps))
        joined = np.exp(total) if kind == "log" else 1.0 + total
    else:
        unit = moves
        if kind == "relative":
            stopped = int((1.0 + moves < LEAST_MULTIPLIER).sum())
            unit = np.log(np.maximum(1.0 + moves, LEAST_MULTIPLIER))
        sums = np.vstack([np.zeros((1, moves.shape[1])), np.cumsum(unit, axis=0)])
        # a window of one step is that step itself, to the last bit
        total = unit[first] if steps == 1 else sums[end] - sums[first]
        joined = 1.0 + total if kind == "absolute" else np.exp(total)
    low = joined < LEAST_MULTIPLIER
    result = np.ascontiguousarray(np.maximum(joined, LEAST_MULTIPLIER).T)
    if not np.isfinite(result).all():
        raise refuse("returns", "a move beyond double precision", "moves of sane size")
    return result, np.asarray(end - 1, dtype=np.int64), stopped + int(low.sum())


def age_weights(count: int, age: float) -> F64 | None:
    """Probabilities that fall by the factor `age` with each row into the past; `None` where all are equal.

    Source: Boudoukh, Richardson and Whitelaw (1998), "The best of both worlds".

    >>> age_weights(3, 0.5).round(4).tolist()
    [0.1429, 0.2857, 0.5714]
    """
    if not 0.0 < age <= 1.0:
        raise refuse("age", age, "a number above 0 and at most 1")
    if age == 1.0:
        return None
    weights = age ** np.arange(count - 1, -1, -1.0)
    result: F64 = weights / weights.sum()
    return result
