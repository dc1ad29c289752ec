"""The marks of the window, as far as the table tells them: the range that its entries span, and the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.laboratory.replay.positions import F64, Positions

LEAST_ENTRIES = 5
"""Known entries of an asset from which its range is read."""


@dataclass(frozen=True)
class Marks:
    """Marks of one asset in USD: at the start of the fall, at its lowest, at the end of the window.

    `evidence` is `entries` where prices at which positions were opened span the range (it was at least that wide),
    `given`, or `assumed`: the typical fall of the other assets.
    """

    start: float
    low: float
    end: float
    evidence: str

    @property
    def fall(self) -> float:
        """Part of the first mark that was lost at the lowest."""
        return 1.0 - self.low / self.start

    @property
    def rise(self) -> float:
        """By how much the end is above the lowest, as a part of it."""
        return self.end / self.low - 1.0


def marks_of(positions: Positions, given: Mapping[str, tuple[float, float]] | None = None) -> dict[str, Marks]:
    """The marks of every asset; `given` names start and low of some, which replace what the table says.
    The end is the median of the marks of its positions, which are one number in the files known.

    Raises `DocumentError` for a range that is none, for an asset that the table lacks, and where neither the entries of
    an asset nor those of any other tell a range.
    """
    given = given or {}
    found: dict[str, Marks] = {}
    ends = {a: float(np.median(positions.mark[positions.asset == a])) for a in positions.assets}
    for asset, (start, low) in given.items():
        if asset not in ends:
            raise refuse("--marks", asset, f"an asset of the file: {', '.join(positions.assets)}")
        if not (np.isfinite(start) and 0.0 < low < start):
            raise refuse("--marks", f"{asset}={start:g}:{low:g}", "a first mark above the lowest, which is above zero")
        found[asset] = Marks(start, min(low, ends[asset]), ends[asset], "given")
    for asset, end in ends.items():
        known = positions.entry[(positions.asset == asset) & positions.fresh]
        if asset not in found and known.size >= LEAST_ENTRIES and known.max() > known.min():
            found[asset] = Marks(float(max(known.max(), end)), float(min(known.min(), end)), end, "entries")
    rest = [a for a in ends if a not in found]
    if rest and not found:
        got = f"fewer than {LEAST_ENTRIES} known entries in every asset"
        raise refuse("entry_price", got, "the marks of at least one asset: --marks ASSET=START:LOW")
    starts = [m.start / m.end for m in found.values()]
    lows = [m.low / m.end for m in found.values()]
    for asset in rest:
        found[asset] = Marks(
            ends[asset] * float(np.median(starts)), ends[asset] * float(np.median(lows)), ends[asset], "assumed"
        )
    return {a: found[a] for a in positions.assets}


def excursions(positions: Positions, marks: Mapping[str, Marks]) -> tuple[F64, F64]:
    """How far the mark went against and in favour of each position from its entry, as parts of that, above zero.

    From the first mark for what was open before, from its entry for what was opened inside the window. For the latter
    the table does not say at which minute: both are the most that they can have been.
    """
    names, which = np.unique(positions.asset, return_inverse=True)
    by = {field: np.array([getattr(marks[str(a)], field) for a in names])[which] for field in ("start", "low", "end")}
    base = np.where(positions.fresh, positions.entry, by["start"])
    down = 1.0 - by["low"] / base
    up = by["end"] / base - 1.0
    against = np.where(positions.long, down, up)
    for_it = np.where(positions.long, up, base / by["low"] - 1.0)
    return np.maximum(against, LEAST_MOVE), np.maximum(for_it, LEAST_MOVE)


LEAST_MOVE = 0.002
"""The least excursion that is told apart from none, as a part of the price."""


def fall_in_rounds(marks: Marks, rounds: int, steps: int, random: np.random.Generator) -> F64:
    """`[rounds, steps + 1]` marks from the first to the lowest, cut at random: row `k` ends where `k + 1` begins.

    The table has neither times nor fills, so how the fall came about is not known: its logarithm is cut into rounds,
    and each round into steps, uniformly at random over all ways to cut it (Dirichlet with ones).
    """
    whole = np.log(marks.low / marks.start)
    parts = random.dirichlet(np.ones(rounds))[:, None] * random.dirichlet(np.ones(steps), size=rounds)
    ends = np.cumsum(parts.ravel()) * whole
    ends[-1] = whole
    flat = marks.start * np.exp(np.concatenate([[0.0], ends]))
    return np.asarray([flat[k * steps : (k + 1) * steps + 1] for k in range(rounds)])
