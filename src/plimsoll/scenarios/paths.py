"""Joint paths of named factors: where each stands at several instants ahead, path by path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.scenarios.moves import F64, I64, FactorMoves


@dataclass(frozen=True, eq=False)
class JointPaths:
    """`multiplier[K, F, P]` of `F` factors at `K` instants on `P` paths, all of them from now, above zero.

    `names[F]` are those of `FactorMoves`: an underlying, or an underlying with `IV` for its implied volatility.
    `days[K]` ascend, the first above zero. `weight[P]` are likelihood ratios where the paths were drawn from another
    law than the one that is meant, else ones: a probability is the mean of `weight` times an indicator. `clusters[P,
    C]` as in `FactorMoves`: errors go by clusters. Raises `DocumentError` naming the field.
    """

    names: tuple[str, ...]
    multiplier: F64
    days: F64
    weight: F64
    clusters: I64 | None = None

    def __post_init__(self) -> None:
        count, factors, size = self.multiplier.shape
        if factors != len(self.names) or size == 0:
            raise refuse("multiplier", list(self.multiplier.shape), "shape [K, F, P], F names and at least one path")
        if self.days.shape != (count,) or not np.all(np.diff(self.days, prepend=0.0) > 0.0):
            raise refuse("days", self.days.tolist(), "one for each instant, ascending, above zero")
        if self.weight.shape != (size,) or not np.all(self.weight >= 0.0):
            raise refuse("weight", list(self.weight.shape), "one for each path, none below zero")

    def at(self, k: int) -> FactorMoves:
        """The moves from now to instant `k`."""
        return FactorMoves(
            names=self.names,
            multiplier=self.multiplier[k],
            days=float(self.days[k]),
            clusters=self.clusters,
        )
