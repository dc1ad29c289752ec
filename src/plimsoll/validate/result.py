"""What a test of a forecast answers, and the checks that every array goes through first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]
Hits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Test:
    """One hypothesis test: `p_value` is the chance of a statistic at least as extreme if the forecast is right.

    `method` says where that chance comes from: `chi-square` (with `freedom` degrees), `exact`, or `simulated` (its
    standard error is in `detail`). `defined` is false where the data cannot speak (no exception followed another, or
    none happened): the p-value is then 1 and means that nothing was tested, not that the test was passed.
    """

    __test__ = False  # a test of statistics, not one of pytest's

    name: str
    statistic: float
    p_value: float
    freedom: int | None = None
    method: str = "chi-square"
    defined: bool = True
    detail: Mapping[str, float] = field(default_factory=dict)

    def rejects(self, size: float = 0.05) -> bool:
        """Whether the forecast is rejected by a test of this size."""
        return self.p_value < size

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; an infinite statistic is `null`."""
        return {
            "name": self.name,
            "statistic": self.statistic if np.isfinite(self.statistic) else None,
            "p_value": self.p_value,
            "freedom": self.freedom,
            "method": self.method,
            "defined": self.defined,
            **{k: float(v) for k, v in self.detail.items()},
        }


def checked_level(level: float, path: str = "level") -> float:
    """The expected share of exceptions, strictly between 0 and 1 (0.01 for a forecast at 99 %)."""
    value = float(level)
    if not 0.0 < value < 1.0:
        raise refuse(path, level, "the expected share of exceptions, between 0 and 1 (0.01 for 99 %)")
    return value


def checked_hits(hits: npt.ArrayLike, path: str = "hits") -> Hits:
    """Exceptions in order of time, shape (T,), booleans or numbers that are 0 or 1."""
    array = np.asarray(hits)
    if array.ndim != 1 or array.size == 0:
        raise refuse(path, f"an array of shape {array.shape}", "one exception or none for each day, in order of time")
    if array.dtype != np.bool_:
        try:
            numbers = array.astype(np.float64)
        except (TypeError, ValueError):
            numbers = np.full(array.shape, np.nan)
        if not np.isin(numbers, (0.0, 1.0)).all():
            raise refuse(path, "values that are neither 0 nor 1", "booleans, or 0 and 1")
        array = numbers == 1.0
    return array


def checked_series(values: npt.ArrayLike, path: str, *, like: int | None = None, positive: bool = False) -> F64:
    """Finite numbers in order of time, shape (T,); of `like` entries where another series sets the length."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise refuse(path, values, "numbers in order of time") from None
    if array.ndim != 1 or array.size == 0:
        raise refuse(path, f"an array of shape {array.shape}", "one number for each day, in order of time")
    if like is not None and array.size != like:
        raise refuse(path, f"{array.size} values", f"{like} values, one for each day")
    if not np.isfinite(array).all():
        at = int(np.flatnonzero(~np.isfinite(array))[0])
        raise refuse(f"{path}[{at}]", float(array[at]), "a finite number")
    if positive and (array <= 0).any():
        at = int(np.flatnonzero(array <= 0)[0])
        raise refuse(f"{path}[{at}]", float(array[at]), "a number above zero")
    return array
