"""Tiers: rates that rise with the size of a position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from plimsoll.documents import Fraction, NonNegative, Part, Positive, fault

F64 = npt.NDArray[np.float64]
Counting = Literal["marginal", "whole"]

ROUNDING = 1e-9
"""How far a published deduction may be from the one that follows from the rates, relative to its tier's start."""


class Tier(Part):
    """One tier of a table: it ends at size `upto` (`null`: it has no end), that size belonging to it.

    `maintenance` is the maintenance margin rate, `initial` the least initial margin rate (one over the highest
    leverage). `deduction` is what the venue publishes to be subtracted, in the unit of the size; it may be left out
    where it follows from the rates, and is checked against them where it is given.
    """

    upto: Positive | None
    maintenance: Fraction
    initial: Fraction
    deduction: NonNegative | None = None


class TierTable(Part):
    """Tiers from the smallest up.

    `marginal`: each part of a position has the rate of its own tier, which is the whole at the last rate less a
    deduction, `d_n = d_(n-1) + start_n (r_n - r_(n-1))`, and has no jumps. `whole`: the whole position has the rate of
    the tier that its size is in, and the margin jumps where a tier ends. Raises `DocumentError` where sizes do not
    rise, a tier follows one without an end, or a published deduction does not follow from the rates.
    """

    counting: Counting = "marginal"
    tiers: tuple[Tier, ...]

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if not self.tiers:
            raise fault("tiers", "none", "at least one tier")
        ends = [t.upto for t in self.tiers]
        for n, (before, end) in enumerate(pairwise(ends)):
            if before is None:
                raise fault(f"tiers[{n}].upto", None, "a size, for all tiers but the last")
            if end is not None and end <= before:
                raise fault(f"tiers[{n + 1}].upto", end, f"a size above {before!r}, where the tier before it ends")
        for n, (tier, follows) in enumerate(zip(self.tiers, deductions(self.tiers), strict=True)):
            start = 0.0 if n == 0 else float(ends[n - 1] or 0.0)
            wrong = tier.deduction is not None and abs(tier.deduction - follows) > ROUNDING * max(start, 1.0)
            if self.counting == "marginal" and wrong:
                raise fault(f"tiers[{n}].deduction", tier.deduction, f"{follows!r}, which follows from the rates")
        return self


def deductions(tiers: Sequence[Tier]) -> list[float]:
    """What marginal counting subtracts in each tier: `d_n = d_(n-1) + start_n (r_n - r_(n-1))`, `d_1 = 0`.

    >>> rates = [(50_000.0, 0.004), (600_000.0, 0.005), (None, 0.0065)]
    >>> found = deductions([Tier(upto=u, maintenance=m, initial=0.01) for u, m in rates])
    >>> [round(d, 6) for d in found]
    [0.0, 50.0, 950.0]
    """
    found = [0.0]
    for before, tier in pairwise(tiers):
        found.append(found[-1] + float(before.upto or 0.0) * (tier.maintenance - before.maintenance))
    return found


@dataclass(frozen=True, eq=False)
class Tiers:
    """A table as arrays, for sizes of any shape. Sizes at or above zero; NaN stays NaN."""

    ends: F64
    maintenance_rate: F64
    initial_rate: F64
    deduction: F64

    @classmethod
    def of(cls, table: TierTable) -> Tiers:
        """Published deductions are taken where they stand, else those that follow; none where the whole counts."""
        follows = deductions(table.tiers)
        if table.counting == "whole":
            follows = [0.0] * len(follows)
        else:
            follows = [d if t.deduction is None else t.deduction for t, d in zip(table.tiers, follows, strict=True)]
        return cls(
            np.array([np.inf if t.upto is None else t.upto for t in table.tiers[:-1]], dtype=np.float64),
            np.array([t.maintenance for t in table.tiers]),
            np.array([t.initial for t in table.tiers]),
            np.array(follows),
        )

    def place(self, size: F64) -> npt.NDArray[np.intp]:
        """Index of the tier that each size is in; beyond the last end it stays in the last tier."""
        return np.searchsorted(self.ends, size, side="left")

    def maintenance(self, size: F64) -> F64:
        """`size * rate - deduction`, in the unit of the size."""
        at = self.place(size)
        margin: F64 = size * self.maintenance_rate[at] - self.deduction[at]
        return margin

    def charge(self, size: F64, notional: F64) -> F64:
        """Maintenance margin of `notional`, in its unit, where the tier goes by another `size`."""
        at = self.place(size)
        # a deduction in the unit of the size is worth that many times the price where sizes are not notional
        scale = np.divide(notional, size, out=np.ones_like(notional), where=size > 0)
        margin: F64 = notional * self.maintenance_rate[at] - self.deduction[at] * scale
        return margin

    def initial(self, size: F64) -> F64:
        """The least initial margin: the whole size at the rate of its tier, as a limit of leverage works."""
        margin: F64 = size * self.initial_rate[self.place(size)]
        return margin


@dataclass(frozen=True, eq=False)
class TierRows:
    """`N` tables side by side, for blocks of positions: `ends[N, T - 1]` (infinite beyond a table's last), the rest
    `[N, T]`.
    """

    ends: F64
    maintenance_rate: F64
    initial_rate: F64
    deduction: F64

    @classmethod
    def of(cls, tables: Sequence[Tiers]) -> TierRows:
        """The tables padded to the longest; no size comes to the padding."""
        most = max((t.maintenance_rate.size for t in tables), default=1)

        def padded(rows: list[F64], width: int, fill: float) -> F64:
            result = np.full((len(rows), width), fill)
            for i, row in enumerate(rows):
                result[i, : row.size] = row
            return result

        return cls(
            padded([t.ends for t in tables], most - 1, np.inf),
            padded([t.maintenance_rate for t in tables], most, 0.0),
            padded([t.initial_rate for t in tables], most, 0.0),
            padded([t.deduction for t in tables], most, 0.0),
        )

    def place(self, row: npt.NDArray[np.int64], size: F64) -> npt.NDArray[np.int64]:
        """Index of the tier that each `size[P]` is in, by the table `row[P]`."""
        at: npt.NDArray[np.int64] = (size[:, None] > self.ends[row]).sum(axis=1).astype(np.int64)
        return at
