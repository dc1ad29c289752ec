"""Filtered historical simulation: past moves in units of their own volatility, at the volatility of today.

Source: Barone-Adesi, Giannopoulos and Vosper (1999), "VaR without correlations for portfolios of derivative
securities"; Hull and White (1998) for the scaling.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.scenarios.moves import (
    F64,
    FactorMoves,
    MoveKind,
    Windows,
    age_weights,
    checked_returns,
    multipliers,
    steps_of,
    whole,
)

Scaling = Literal["factor", "joint"]
Damping = Literal["none", "middle"]

BLOCK = 1 << 16
"""Paths drawn at once: bounds the memory, and no number depends on it."""


def filtered(
    names: Sequence[str],
    returns: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    steps: int = 1,
    step_days: float = 1.0,
    windows: Windows = "overlapping",
    age: float = 1.0,
    moves: MoveKind = "log",
    cap: tuple[float, float] = (0.25, 4.0),
    damping: Damping = "none",
    scaling: Scaling = "factor",
) -> FactorMoves:
    """Each step of `returns[T, F]` times `scale = s_now / s_then`, then joined to windows as in `historical`.

    `sigma[T + 1, F]`, above zero: the volatility of a step known before it; the last row is that of the next step,
    `s_now`. `scaling`: `factor` gives each factor its own scale, `joint` all the same (the geometric mean), which
    keeps the day's dependence as it was. `damping="middle"` scales to the middle of both volatilities, `(1 +
    scale) / 2`. `cap` bounds the scale last, on both sides. Raises `DocumentError` naming the field.

    >>> filtered(["BTC"], [[0.01], [0.02]], [[0.01], [0.04], [0.02]]).multiplier.round(6).tolist()
    [[1.020201, 1.01005]]
    """
    array, vols = checked_returns(names, returns), checked_sigma(names, returns, sigma)
    scale, capped = scales(vols[:-1], vols[-1], cap, damping, scaling)
    multiplier, origin, floored = multipliers(steps_of(array, moves) * scale, moves, steps, windows)
    return FactorMoves(
        names=tuple(names),
        multiplier=multiplier,
        days=steps * step_days,
        probability=age_weights(origin.size, age),
        lag=steps - 1 if windows == "overlapping" else 0,
        origin=origin,
        floored=floored,
        notes=_told(capped, array.shape[0]),
    )


def filtered_paths(
    names: Sequence[str],
    returns: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    size: int,
    decay: float,
    seed: int,
    steps: int = 1,
    step_days: float = 1.0,
    cap: tuple[float, float] = (0.25, 4.0),
) -> FactorMoves:
    """`size` paths of `steps` steps: rows of residuals `r / s` drawn with replacement, volatility carried along.

    All factors take the residuals of the same day, so their dependence is kept. After each step the variance becomes
    `decay * s^2 + (1 - decay) * r^2`. A scale `s / s_then` is held within `cap`. More paths remove the noise of
    drawing; what is left is the length of the history, and the standard errors are those of the days drawn.
    """
    drawing = PathDrawing.build(names, returns, sigma, size=size, decay=decay, steps=steps, cap=cap)
    drawn = np.random.default_rng(seed).integers(0, drawing.returns.shape[0], (size, steps))
    total = np.zeros((size, len(names)))
    for begin in range(0, size, BLOCK):
        part = slice(begin, begin + BLOCK)
        for moved in drawing.moves(drawn[part]):
            total[part] += moved
    return FactorMoves(
        names=tuple(names),
        multiplier=np.ascontiguousarray(np.exp(total).T),
        days=steps * step_days,
        clusters=drawn.astype(np.int64),
        origin=drawn[:, -1].astype(np.int64),
    )


@dataclass(frozen=True, eq=False)
class PathDrawing:
    """Steps of paths from rows of a history that were drawn: `returns[T, F]`, `sigma[T + 1, F]`, see
    `filtered_paths`."""

    returns: F64
    sigma: F64
    decay: float
    cap: tuple[float, float]

    @classmethod
    def build(
        cls,
        names: Sequence[str],
        returns: npt.ArrayLike,
        sigma: npt.ArrayLike,
        *,
        size: int,
        decay: float,
        steps: int,
        cap: tuple[float, float],
    ) -> PathDrawing:
        """Checked. Raises `DocumentError` naming the field."""
        array, vols = checked_returns(names, returns), checked_sigma(names, returns, sigma)
        whole("size", size, 2)
        if not 0.0 <= decay < 1.0:
            raise refuse("decay", decay, "a number of at least 0 and below 1")
        whole("horizon", steps, 1)
        return cls(array, vols, decay, checked_cap(cap))

    def moves(self, rows: npt.NDArray[np.int64]) -> Iterator[F64]:
        """Log moves `[P, F]` of one step after the other, of the rows drawn `[P, K]`; volatility goes along."""
        count = rows.shape[1]
        variance: F64 = np.broadcast_to(self.sigma[-1] ** 2, (rows.shape[0], self.returns.shape[1]))
        for k in range(count):
            day = rows[:, k]
            moved = self.returns[day] * np.clip(np.sqrt(variance) / self.sigma[:-1][day], *self.cap)
            yield moved
            if k + 1 < count:
                variance = self.decay * variance + (1.0 - self.decay) * moved**2


def scales(then: F64, now: F64, cap: tuple[float, float], damping: Damping, scaling: Scaling) -> tuple[F64, int]:
    """`[T, F]` factors on past moves, and how many the cap stopped."""
    low, high = checked_cap(cap)
    ratio: F64 = now[None, :] / then
    if scaling == "joint":
        ratio = np.broadcast_to(np.exp(np.log(ratio).mean(axis=1, keepdims=True)), ratio.shape)
    elif scaling != "factor":
        raise refuse("scaling", scaling, "'factor' or 'joint'")
    if damping == "middle":
        ratio = (1.0 + ratio) / 2.0
    elif damping != "none":
        raise refuse("damping", damping, "'none' or 'middle'")
    held: F64 = np.clip(ratio, low, high)
    return held, int((held != ratio).sum())


def checked_cap(cap: tuple[float, float]) -> tuple[float, float]:
    """The bounds of a scale, refused unless `0 < low <= 1 <= high`."""
    low, high = cap
    if not (0.0 < low <= 1.0 <= high < np.inf):
        raise refuse("cap", list(cap), "two numbers with 0 < low <= 1 <= high")
    return float(low), float(high)


def checked_sigma(names: Sequence[str], returns: npt.ArrayLike, sigma: npt.ArrayLike) -> F64:
    """`[T + 1, F]` volatilities, finite and above zero."""
    vols = np.ascontiguousarray(sigma, dtype=np.float64)
    wanted = (np.shape(returns)[0] + 1, len(names))
    if vols.shape != wanted:
        allowed = f"[T + 1, F] = {wanted}: one before each return and one for the next"
        raise refuse("sigma", f"shape {vols.shape}", allowed)
    bad = ~(np.isfinite(vols) & (vols > 0.0))
    if bad.any():
        t, f = (int(i) for i in np.argwhere(bad)[0])
        raise refuse(f"sigma[{t}].{names[f]}", float(vols[t, f]), "a finite number above zero")
    return vols


def _told(capped: int, count: int) -> tuple[str, ...]:
    return (f"the cap held {capped} scales of {count} days",) if capped else ()
