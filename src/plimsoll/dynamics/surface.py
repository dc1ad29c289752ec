"""Volatility at any moneyness and time from slices at some times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.dynamics.result import SurfaceFit
from plimsoll.dynamics.wings import Shape, Wings, shape

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Surface:
    """Slices at rising times `taus` (years), evaluated at forward log-moneyness k = ln(strike / forward of that time).

    Between two slices total variance is linear in time at fixed k, so that it rises where theirs does. Before the
    first, volatility is that of the first at the same k: total variance shrinks in proportion to time, which keeps a
    slice without butterfly arbitrage without it. After the last, total variance grows at every k by what the last has
    per year at the money: the wings become no steeper and the smile flattens. Linear interpolation cannot bring
    calendar arbitrage; that no butterfly arbitrage arises between slices is looked at, not guaranteed.
    """

    taus: tuple[float, ...]
    slices: tuple[Wings, ...]

    def __post_init__(self) -> None:
        if not self.taus or len(self.taus) != len(self.slices):
            raise refuse("slices", len(self.slices), f"one slice for each of {len(self.taus)} times, and at least one")
        if not np.isfinite(self.taus).all() or self.taus[0] <= 0.0 or (np.diff(self.taus) <= 0.0).any():
            raise refuse("taus", list(self.taus), "times in years above 0 that rise")

    @classmethod
    def of(cls, fit: SurfaceFit) -> Surface:
        """The surface of a fit; expiries without a slice of their own are interpolated like any other time."""
        own = [e for e in fit.expiries if e.svi is not None]
        if not own:
            raise refuse("expiries", f"{fit.underlying} without a fitted slice", "a fit with at least one slice")
        return cls(tuple(e.tau for e in own), tuple(Wings.of(e.svi) for e in own if e.svi is not None))

    def shape(self, k: npt.ArrayLike, tau: float) -> Shape:
        """Total variance at time `tau` (years, above 0) and its derivatives with respect to k."""
        if not (np.isfinite(tau) and tau > 0.0):
            raise refuse("tau", tau, "a time in years above 0")
        i = int(np.searchsorted(self.taus, tau))
        if i == 0:
            return _combined([(tau / self.taus[0], shape(self.slices[0], k))])
        if i == len(self.taus):
            last = shape(self.slices[-1], k)
            level = float(shape(self.slices[-1], 0.0).w)
            return last._replace(w=last.w + level * (tau / self.taus[-1] - 1.0))
        share = (tau - self.taus[i - 1]) / (self.taus[i] - self.taus[i - 1])
        return _combined([(1.0 - share, shape(self.slices[i - 1], k)), (share, shape(self.slices[i], k))])

    def total_variance(self, k: npt.ArrayLike, tau: npt.ArrayLike) -> F64:
        """Volatility squared times years; `k` and `tau` broadcast. Raises `DocumentError` for a number out of range."""
        moneyness, years = np.asarray(k, dtype=np.float64), np.asarray(tau, dtype=np.float64)
        if not np.isfinite(moneyness).all():
            raise refuse("k", k, "finite log-moneyness")
        moneyness, years = np.broadcast_arrays(moneyness, years)
        result = np.empty(years.shape)
        for one in np.unique(years):
            at = years == one
            result[at] = self.shape(moneyness[at], float(one)).w
        return np.asarray(result[()], dtype=np.float64)

    def vol(self, k: npt.ArrayLike, tau: npt.ArrayLike) -> F64:
        """Volatility, a decimal per square-root year of 365 days.

        >>> smile = Surface((0.25,), (Wings(0.0, 0.1, 0.1, 0.0, 0.4),))
        >>> smile.vol(0.0, [0.1, 0.25]).round(12).tolist()
        [0.4, 0.4]
        """
        return np.asarray(np.sqrt(self.total_variance(k, tau) / np.asarray(tau, dtype=np.float64)))


def _combined(parts: Sequence[tuple[float, Shape]]) -> Shape:
    """The sum of shapes, each times its share."""
    w, slope, bend = (sum(share * column for share, column in zip((s for s, _ in parts), columns, strict=True))
                      for columns in zip(*(p for _, p in parts), strict=True))  # fmt: skip
    return Shape(np.asarray(w), np.asarray(slope), np.asarray(bend))
