"""Paths drawn from a mixture of tilted laws, and the likelihood ratios that take the tilt out again.

A path comes from one of `1 + J` laws: the meant one `p` with probability `a_0`, a tilted one `q_j` with `a_j`. Its
weight is `p / (a_0 p + sum_j a_j q_j) = 1 / (a_0 + sum_j a_j L_j)`, `L_j = q_j / p` at that path, at most `1 / a_0`.
Source: Hesterberg (1995), "Weighted average importance sampling and defensive mixture distributions".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from plimsoll.documents import refuse
from plimsoll.scenarios.moves import F64, I64

LONGEST_LOG = 600.0
"""A log likelihood ratio beyond this is infinite for all that is done with it."""

HEAVY = 5.0
"""Power of the mixing variance's uniform number in `tails`."""


@dataclass(frozen=True)
class Tilt:
    """A law under which a rare move is a common one.

    `share` of all paths is drawn from it. `toward` is a factor and `by` how many standard deviations its normal number
    (its residual, in filtered history) is shifted; the others follow by their correlation. `over`: `path` shifts every
    step by `by`; `step` only one, any of them with the same probability: where tails are fat, a large move is one
    large step. `jumps` multiplies the expected number of jumps on such a path (simulated paths alone).
    """

    toward: str
    by: float
    share: float = 0.3
    over: str = "path"
    jumps: float = 1.0
    heavy: float = 1.0


def tails(toward: str, steps: int, by: float = 3.0, share: float = 0.8) -> tuple[Tilt, ...]:
    """Four tilts of equal share that make both tails of one factor common, in one step and along the path.

    A fat tail of a t copula is one of its mixing variance: a shift alone would hardly reach it, see `Tilt.heavy`.
    """
    along = by / float(np.sqrt(steps))
    kinds = (("step", by, HEAVY), ("step", -by, HEAVY), ("path", along, 1.0), ("path", -along, 1.0))
    return tuple(Tilt(toward, size, share / len(kinds), over, heavy=heavy) for over, size, heavy in kinds)


def check_tilts(tilts: Sequence[Tilt], names: Sequence[str], *, jumps: bool) -> None:
    """Refuses shares that leave nothing for the meant law, unknown factors and jumps that are not there."""
    for k, t in enumerate(tilts):
        at = f"tilts[{k}]"
        if t.toward not in names:
            raise refuse(f"{at}.toward", t.toward, "one of " + ", ".join(names))
        if not np.isfinite(t.by) or abs(t.by) > 20.0:
            raise refuse(f"{at}.by", t.by, "standard deviations between -20 and 20")
        if t.over not in ("path", "step"):
            raise refuse(f"{at}.over", t.over, "'path' or 'step'")
        if not (np.isfinite(t.jumps) and t.jumps > 0.0) or (t.jumps != 1.0 and not jumps):
            raise refuse(f"{at}.jumps", t.jumps, "a number above zero, and 1 where there are no jumps")
        if not 1.0 <= t.heavy <= 20.0:
            raise refuse(f"{at}.heavy", t.heavy, "a power from 1 to 20")
        if not 0.0 < t.share < 1.0:
            raise refuse(f"{at}.share", t.share, "a number above 0 and below 1")
    total = sum(t.share for t in tilts)
    if total > 0.95:
        raise refuse("tilts", f"shares of {total:g} in all", "at most 0.95, so that no weight is above 20")


@dataclass(eq=False)
class Mixture:
    """The tilts at work: which law each path is drawn from, and the log ratios gathered step by step.

    `which[P]` is 0 for the meant law and `1 + j` for tilt `j`; `at[P]` the step that a tilt of one step shifts.
    """

    tilts: tuple[Tilt, ...]
    steps: int
    which: I64
    at: I64
    _shifts: list[F64] = field(default_factory=list)
    _counts: list[F64] = field(default_factory=list)

    @classmethod
    def of(cls, tilts: Sequence[Tilt], steps: int, picked: F64) -> Mixture:
        """From `picked[P, 2]` uniform numbers: the law, and the step that it shifts if it shifts one."""
        edges = np.cumsum([1.0 - sum(t.share for t in tilts), *(t.share for t in tilts)])
        which = np.minimum(np.searchsorted(edges, picked[:, 0], side="right"), len(tilts))
        at = np.minimum((picked[:, 1] * steps).astype(np.int64), steps - 1)
        made = cls(tuple(tilts), steps, which.astype(np.int64), at)
        # one log ratio for each tilt, and one for each step where any of them could have been the shifted one
        made._shifts = [np.zeros((steps if t.over == "step" else 1, which.size)) for t in tilts]
        made._counts = [np.zeros(which.size) for _ in tilts]
        return made

    def active(self, k: int, j: int) -> F64:
        """`[P]` one where tilt `j` shifts step `k` of the path, else zero."""
        mine = self.which == j + 1
        if self.tilts[j].over == "step":
            mine = mine & (self.at == k)
        shifted: F64 = mine.astype(np.float64)
        return shifted

    def told(self, k: int, j: int, log_ratio: F64, counts: F64 | None = None) -> None:
        """`[P]` log ratios of step `k` under tilt `j` if it shifts that step, and those of its jumps."""
        self._shifts[j][k if self.tilts[j].over == "step" else 0] += log_ratio
        if counts is not None:
            self._counts[j] += counts

    def weight(self) -> F64:
        """`[P]` likelihood ratios of the paths."""
        below = np.full(self.which.size, 1.0 - sum(t.share for t in self.tilts))
        for t, shifts, counts in zip(self.tilts, self._shifts, self._counts, strict=True):
            ratios = np.exp(np.minimum(shifts + counts, LONGEST_LOG))
            below += t.share * ratios.mean(axis=0)
        result: F64 = 1.0 / below
        return result
