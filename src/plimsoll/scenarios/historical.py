"""Historical simulation: what happened once happens again from here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from plimsoll.scenarios.moves import (
    FactorMoves,
    MoveKind,
    Windows,
    age_weights,
    checked_returns,
    multipliers,
    steps_of,
)


def historical(
    names: Sequence[str],
    returns: npt.ArrayLike,
    *,
    steps: int = 1,
    step_days: float = 1.0,
    windows: Windows = "overlapping",
    age: float = 1.0,
    moves: MoveKind = "log",
) -> FactorMoves:
    """One scenario for each window of `steps` rows of `returns[T, F]`, log returns of `step_days` days, oldest first.

    `age` below 1 weighs a window by `age` to the power of its age in windows (weighted historical simulation).
    `windows`: `overlapping` begins one at every row, so that neighbours depend on each other and the standard errors
    say so; `disjoint` keeps every `steps`-th, counted from the end; `root` multiplies single rows by `sqrt(steps)`.
    `moves` repeats log returns, relative moves, or differences of price. Raises `DocumentError` naming the field.

    >>> historical(["BTC"], [[0.0], [0.0], [0.6931471805599453]], steps=2).multiplier.round(6).tolist()
    [[1.0, 2.0]]
    """
    array = checked_returns(names, returns)
    multiplier, origin, floored = multipliers(steps_of(array, moves), moves, steps, windows)
    return FactorMoves(
        names=tuple(names),
        multiplier=multiplier,
        days=steps * step_days,
        probability=age_weights(origin.size, age),
        lag=steps - 1 if windows == "overlapping" else 0,
        origin=origin,
        floored=floored,
    )
