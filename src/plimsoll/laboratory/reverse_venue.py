"""What reverse stress asks of a venue: the least that its insurance fund had in a cascade after a shock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import CascadeRates
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.scenarios.moves import IV, whole
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]
Shape = Callable[[StressPath], StressPath]


class FundLeft:
    """`left(x[n, F])`: the least that the fund had, in USD, after log moves `x` of the factors `names`.

    Each shock comes evenly in logs over `minutes` and stays for `after` minutes more; a factor `BTC iv` moves the
    volatilities of `BTC` on the same way. Over `seeds` the worst draw counts. Where the fund was asked for more than it
    had, what is left is what was lacking, below zero, and so never between the two signs. `shape` may change each path
    before it is run (depth, lag, gas). Raises `DocumentError` for a venue without a fund, an underlying of the fleet
    without a factor, and as `cascade` does.
    """

    def __init__(
        self,
        fleet: FleetArrays,
        liquidity: Liquidity,
        venue: CascadeVenue,
        rates: CascadeRates,
        names: Sequence[str],
        *,
        minutes: int = 30,
        after: int = 30,
        seeds: Sequence[int] = (0,),
        shape: Shape | None = None,
        threads: int | None = None,
    ) -> None:
        if venue.insurance_fund <= 0.0:
            raise refuse("insurance_fund", venue.insurance_fund, "an amount above zero: without a fund none is emptied")
        whole("minutes", minutes, 1)
        whole("after", after, 0)
        if not seeds:
            raise refuse("seeds", list(seeds), "at least one")
        for u in fleet.underlyings:
            if u not in names:
                raise refuse("factors", list(names), f"{u} too, which the fleet holds")
        self.fleet, self.liquidity, self.venue, self.rates = fleet, liquidity, venue, rates
        self.names, self.minutes, self.after = tuple(names), minutes, after
        self.seeds, self.shape, self.threads = tuple(seeds), shape or (lambda path: path), threads

    def __call__(self, x: F64) -> F64:
        return np.array([min(self._one(row, seed) for seed in self.seeds) for row in x])

    def path(self, x: F64) -> StressPath:
        """The shock `x[F]` as a path in steps of a minute."""
        prices = [n for n in self.names if not n.endswith(IV)]
        rows = self.minutes + self.after + 1
        part = np.minimum(np.arange(rows) / self.minutes, 1.0)[:, None]
        at = {n: k for k, n in enumerate(self.names)}
        moves = np.array([x[at[u]] for u in prices])
        vols = np.array([x[at[u + IV]] if u + IV in at else 0.0 for u in prices])
        wide = np.ones((rows, len(prices)))
        stable = tuple(c for c in self.fleet.currencies if c != "USD" and c not in self.fleet.underlyings)
        return StressPath(
            "shock", 60.0, tuple(prices), np.exp(part * moves), np.exp(part * vols), wide,
            np.zeros(rows, dtype=np.int64), np.ones(rows), stable, np.ones((rows, len(stable))),
        )  # fmt: skip

    def _one(self, x: F64, seed: int) -> float:
        run = cascade(
            self.fleet,
            self.shape(self.path(x)),
            self.liquidity,
            self.venue,
            self.rates,
            seed=seed,
            threads=self.threads,
        )
        lacking = float(run.short.sum())
        return -lacking if lacking > 0.0 else max(float(run.fund.min()), 1e-9)
