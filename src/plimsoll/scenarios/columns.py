"""Columns of shocks: the scenario axis of the P&L array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.scenarios.rules import SkewRule, VolRule

F64 = npt.NDArray[np.float64]

FLAT = VolRule(short_power=0.0, long_power=0.0)
"""A volatility shock that is the same at every tenor."""

NO_SKEW, LINEAR_SKEW, ABSOLUTE_SKEW = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Scenarios:
    """`S` scenarios, one column each; a single scenario is a table of length one.

    Arrays of shape `[S]`: `spot` multiplies every index and everything that follows it (1.16 = +16 %), `vol` is the
    relative volatility shock at the reference tenor of `vol_rule` (0.4 = +40 %), `weight` multiplies the profit or
    loss, `basis` multiplies only the variable part of forwards on top of `spot`, `skew` is 0, 1 (linear) or 2
    (absolute) tilt by `skew_rule`, `days` is calendar time that passes.
    """

    labels: tuple[str, ...]
    spot: F64
    vol: F64
    weight: F64
    basis: F64
    skew: npt.NDArray[np.int8]
    days: F64
    vol_rule: VolRule = FLAT
    skew_rule: SkewRule | None = None
    kinds: tuple[str, ...] = field(default=())

    @classmethod
    def build(
        cls,
        spot: Sequence[float] | F64,
        vol: Sequence[float] | F64 | None = None,
        weight: Sequence[float] | F64 | None = None,
        *,
        basis: Sequence[float] | F64 | None = None,
        skew: Sequence[int] | None = None,
        days: Sequence[float] | F64 | None = None,
        vol_rule: VolRule = FLAT,
        skew_rule: SkewRule | None = None,
        labels: Sequence[str] | None = None,
        kinds: Sequence[str] | None = None,
    ) -> Scenarios:
        """Columns from sequences of one length; what is left out is unshocked. Raises `DocumentError` on bad shapes.

        >>> Scenarios.build([0.9, 1.1], [0.4, -0.2]).labels
        ('-10% iv +40%', '+10% iv -20%')
        """
        spots = _column("spot", spot, None, 1.0)
        size = len(spots)
        vols = _column("vol", vol, size, 0.0)
        weights = _column("weight", weight, size, 1.0)
        bases = _column("basis", basis, size, 1.0)
        day = _column("days", days, size, 0.0)
        tilt = np.zeros(size, np.int8) if skew is None else np.asarray(skew, dtype=np.int8)
        if tilt.shape != (size,):
            raise refuse("scenarios.skew", f"shape {tilt.shape}", f"shape ({size},)")
        if not (spots > 0).all():
            raise refuse("scenarios.spot", float(spots.min()), "multipliers above zero")
        if not (bases >= 0).all():
            raise refuse("scenarios.basis", float(bases.min()), "multipliers of at least zero")
        if tilt.any() and skew_rule is None:
            raise refuse("scenarios.skew", "a skew column", "a skew_rule to go with it")
        named = tuple(labels) if labels is not None else _labels(spots, vols, bases, tilt, day)
        tags = tuple(kinds) if kinds is not None else ("regular",) * size
        for name, texts in (("labels", named), ("kinds", tags)):
            if len(texts) != size:
                raise refuse(f"scenarios.{name}", f"{len(texts)} of them", f"{size}, one for each scenario")
        return cls(named, spots, vols, weights, bases, tilt, day, vol_rule, skew_rule, tags)

    def __len__(self) -> int:
        return len(self.spot)

    def take(self, index: Sequence[int] | npt.NDArray[np.intp]) -> Scenarios:
        """The scenarios at `index`, in that order."""
        chosen = np.asarray(index, dtype=np.intp)
        return replace(
            self,
            labels=tuple(self.labels[i] for i in chosen),
            kinds=tuple(self.kinds[i] for i in chosen),
            spot=self.spot[chosen],
            vol=self.vol[chosen],
            weight=self.weight[chosen],
            basis=self.basis[chosen],
            skew=self.skew[chosen],
            days=self.days[chosen],
        )

    def vol_scale(self, seconds: F64) -> F64:
        """`[E, S]` factors on the volatility of expiries `seconds` away; skew columns are left at one."""
        shock = self.vol[None, :] * self.vol_rule.scale(seconds)[:, None]
        result: F64 = np.maximum(0.0, 1.0 + shock)
        return result

    def vol_floor(self) -> F64:
        """`[S]` least shocked volatility: `min_up_vol` where volatility goes up, else zero."""
        return np.where(self.vol > 0, self.vol_rule.min_up_vol, 0.0)


def _column(name: str, values: Sequence[float] | F64 | None, size: int | None, default: float) -> F64:
    if values is None:
        return np.full(size or 0, default)
    column = np.ascontiguousarray(values, dtype=np.float64)
    if column.ndim != 1 or (size is not None and column.shape != (size,)) or column.size == 0:
        wanted = "one column of numbers" if size is None else f"shape ({size},), one for each scenario"
        raise refuse(f"scenarios.{name}", f"shape {column.shape}", wanted)
    if not np.isfinite(column).all():
        raise refuse(f"scenarios.{name}", "NaN or infinity", "finite numbers")
    return column


def percent(multiplier: float) -> str:
    """`+4.5%` for 1.045."""
    return f"{(multiplier - 1) * 100:+.4g}%".replace("+0%", "0%").replace("-0%", "0%")


def _labels(spot: F64, vol: F64, basis: F64, skew: npt.NDArray[np.int8], days: F64) -> tuple[str, ...]:
    labels = []
    for s in range(len(spot)):
        text = percent(float(spot[s]))
        if vol[s]:
            text += f" iv {vol[s] * 100:+.4g}%"
        if basis[s] != 1:
            text += f" basis {percent(float(basis[s]))}"
        if skew[s]:
            text += " linear skew" if skew[s] == LINEAR_SKEW else " absolute skew"
        if days[s]:
            text += f" after {days[s]:g} d"
        labels.append(text)
    return tuple(labels)


def grid(
    spot: Sequence[float], vol: Sequence[float], days: Sequence[float] = (0.0,), *, vol_rule: VolRule = FLAT
) -> Scenarios:
    """Every combination of spot multiplier, volatility shock and passed days; spot runs fastest, days slowest."""
    d, v, x = np.meshgrid(np.asarray(days), np.asarray(vol), np.asarray(spot), indexing="ij")
    return Scenarios.build(x.ravel(), v.ravel(), days=d.ravel(), vol_rule=vol_rule)
