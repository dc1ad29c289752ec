"""Collateral that counts for less than its price: discount rates by tiers of the amount held."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from plimsoll.documents import Fraction, Part, Positive, fault
from plimsoll.margin.parts.tiers import Counting

F64 = npt.NDArray[np.float64]
Measure = Literal["usd", "coins"]
"""What a discount table counts: the value of the amount held in USD, or its coins."""


class DiscountTier(Part):
    """One tier: amounts up to `upto` (`null`: without end), that end included, count at `rate` of their price."""

    upto: Positive | None
    rate: Fraction


class DiscountTable(Part):
    """Discount rates of one asset, from the smallest amount up.

    `marginal`: each part of the amount has the rate of its own tier. `whole`: all of it has the rate of the tier that
    the amount is in, so that more collateral may count for less. `measure` says what `upto` and `cap` count; nothing
    beyond `cap` counts at all. Raises `DocumentError` where sizes do not rise or rates do.
    """

    counting: Counting = "marginal"
    measure: Measure = "usd"
    cap: Positive | None = None
    tiers: tuple[DiscountTier, ...]

    @model_validator(mode="after")
    def _falling(self) -> Self:
        if not self.tiers:
            raise fault("tiers", "none", "at least one tier")
        for n, (before, tier) in enumerate(pairwise(self.tiers)):
            if before.upto is None:
                raise fault(f"tiers[{n}].upto", None, "a size, for all tiers but the last")
            if tier.upto is not None and tier.upto <= before.upto:
                raise fault(f"tiers[{n + 1}].upto", tier.upto, f"a size above {before.upto!r}")
            if tier.rate > before.rate:
                raise fault(f"tiers[{n + 1}].rate", tier.rate, f"at most {before.rate!r}, that of the tier before it")
        return self


@dataclass(frozen=True, eq=False)
class Discounts:
    """A discount table as arrays: `start[T]` and `rate[T]` of the tiers; beyond a last end and the cap nothing counts.

    Amounts of any shape, in coins; NaN stays NaN.
    """

    start: F64
    rate: F64
    whole: bool
    usd: bool
    cap: float

    @classmethod
    def of(cls, table: DiscountTable) -> Discounts:
        """The arrays of a table."""
        ends = [t.upto for t in table.tiers]
        start = [0.0, *(e for e in ends if e is not None)]
        # a last tier that ends is followed by one that counts for nothing
        rate = [t.rate for t in table.tiers] + ([0.0] if ends[-1] is not None else [])
        cap = np.inf if table.cap is None else table.cap
        return cls(np.array(start), np.array(rate), table.counting == "whole", table.measure == "usd", cap)

    def counted(self, coins: F64, price: F64) -> F64:
        """USD that `coins` at `price` USD count for: discounted where held, in full where owed.

        >>> beth = [DiscountTier(upto=u, rate=r) for u, r in ((2e6, 0.95), (4e6, 0.85), (8e6, 0.5), (None, 0.0))]
        >>> table = Discounts.of(DiscountTable(tiers=beth))
        >>> table.counted(np.array([1_250.0, -1_250.0]), np.array([4_000.0, 4_000.0])).tolist()
        [4100000.0, -5000000.0]
        """
        held = np.minimum(coins * price if self.usd else coins, self.cap)
        positive = np.maximum(held, 0.0)
        if self.whole:
            size = positive * self.rate[np.maximum(np.searchsorted(self.start, positive, side="left") - 1, 0)]
        else:
            edges = np.append(self.start, np.inf)
            inside = np.clip(positive[..., None] - edges[:-1], 0.0, np.diff(edges))
            # nothing times a rate of an endless tier is nothing
            size = (inside * self.rate).sum(axis=-1)
        usd: F64 = np.where(coins < 0.0, coins * price, size if self.usd else size * price)
        return usd

    def bends(self, coins: float, price: float) -> list[float]:
        """Price multipliers at which the value of `coins` at `price` comes to the end of a tier or to the cap."""
        if not self.usd or coins * price <= 0.0:
            return []
        return [float(e) / (coins * price) for e in (*self.start[1:], self.cap) if np.isfinite(e)]
