"""Walking forward without a leak: training rows whose outcome was known before the test began, and a pause."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.market.history import instant_ns

I64 = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]


class PurgedWalkForward:
    """Folds by time: each tests the rows from one boundary to the next and trains on what lies before it.

    A row at time `t` has features known at `t` and an outcome known at `t + horizon_ns`. A row trains a fold only if
    its outcome was known `embargo_ns` before the fold's first instant (*purged* and *embargoed*): so no training
    outcome overlaps a test's, and what leaks through slow series is given time to die. Rows of several assets may share
    times. With `expanding` false the training window is `window_ns` long.

    Conventions of scikit-learn: `split(X, y, groups)` takes the times in `groups`.
    """

    def __init__(
        self,
        boundaries: Sequence[Any],
        *,
        horizon_ns: int,
        embargo_ns: int = 0,
        window_ns: int | None = None,
    ) -> None:
        self.boundaries = [instant_ns(b, "boundaries") for b in boundaries]
        if len(self.boundaries) < 2 or (np.diff(self.boundaries) <= 0).any():
            raise refuse("boundaries", f"{len(self.boundaries)} of them", "at least two instants that rise")
        if horizon_ns < 0 or embargo_ns < 0:
            raise refuse("horizon_ns", (horizon_ns, embargo_ns), "nanoseconds of at least zero")
        self.horizon_ns, self.embargo_ns, self.window_ns = horizon_ns, embargo_ns, window_ns

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Folds, those without rows included."""
        return len(self.boundaries) - 1

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Index, Index]]:
        """Row numbers to train on and to test, fold by fold; `groups` are the rows' times in ns, `[n]` int64."""
        if groups is None:
            raise refuse("groups", "nothing", "the time of each row, nanoseconds since 1970")
        times: I64 = np.asarray(groups, dtype=np.int64)
        for start, end in zip(self.boundaries, self.boundaries[1:], strict=False):
            known = times + self.horizon_ns + self.embargo_ns <= start
            if self.window_ns is not None:
                known &= times >= start - self.window_ns
            yield np.flatnonzero(known), np.flatnonzero((times >= start) & (times < end))
