"""Medians, quartiles, and ratios of measurements that belong to the same round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plimsoll.documents import Count, Number, Part


class Spread(Part):
    """Median and quartiles of what was measured in `rounds` rounds; one exact number has one round."""

    median: Number
    low: Number
    high: Number
    rounds: Count

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one number per round, at least one. Four significant digits: the rest is noise.

        >>> Spread.of([3.0, 1.0, 2.0]).median
        2.0
        """
        if not values:
            raise ValueError("values: got none, must be at least one")
        low, median, high = np.quantile(np.asarray(values, dtype=np.float64), [0.25, 0.5, 0.75])
        return cls(median=_short(median), low=_short(low), high=_short(high), rounds=len(values))

    def scaled(self, factor: float) -> Spread:
        """In another unit; `factor` is above 0."""
        found = (_short(factor * number) for number in (self.median, self.low, self.high))
        return Spread(**dict(zip(("median", "low", "high"), found, strict=True)), rounds=self.rounds)

    @classmethod
    def exact(cls, value: float) -> Spread:
        """A number that is not a measurement of time."""
        return cls.of([value])


def _short(value: float) -> float:
    return float(f"{float(value):.4g}")


def same_round_ratio(above: Sequence[float], below: Sequence[float], factor: float = 1.0) -> Spread:
    """Spread of ``factor * above[r] / below[r]``: what disturbed a round disturbed both.

    The ratio of two medians would compare rounds that the machine spent on different other things. Raises ValueError
    where the two have different numbers of rounds.

    >>> same_round_ratio([2.0, 40.0, 2.0], [1.0, 10.0, 1.0]).median
    2.0
    """
    if len(above) != len(below):
        raise ValueError(f"below: got {len(below)} rounds, must be {len(above)} as above")
    return Spread.of([factor * a / b for a, b in zip(above, below, strict=True)])
