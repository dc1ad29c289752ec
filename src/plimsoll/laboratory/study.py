"""A fleet through one scenario: the first run, sums over draws, and what the venue could have taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.crowd_map import DensityMap, density_map
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.measures import (
    Absorption,
    Bracket,
    Survival,
    Told,
    absorption,
    amplification,
    chance,
    deepest,
    depletion,
    solvency,
    tolerance,
)
from plimsoll.laboratory.policy import CascadeRates
from plimsoll.laboratory.result import CascadeRun
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Draw:
    """What one seed gave, USD; `survived`: the fund always had what it was asked for."""

    seed: int
    survived: bool
    forced: float
    bad_debt: float
    fund_paid: float
    short: float
    adl: float
    socialised: float
    deepest: float

    @classmethod
    def of(cls, seed: int, run: CascadeRun) -> Draw:
        """The sums of a run; `deepest` is the widest amplification over underlyings."""
        return cls(
            seed,
            not run.emptied,
            run.forced_volume,
            float(run.bad_debt[-1]),
            float(run.fund_paid.sum()),
            float(run.short.sum()),
            float(run.adl.sum()),
            float(run.socialised.sum()),
            deepest(run),
        )


@dataclass(frozen=True, eq=False)
class CascadeStudy:
    """The run of the first seed, all draws, and thresholds where they were asked for. `survival` is None for a venue
    without an insurance fund. What prices do without feedback is `run.outside`."""

    run: CascadeRun
    draws: tuple[Draw, ...]
    survival: Survival | None
    before: DensityMap
    after: DensityMap
    absorption: Absorption | None
    tolerance: Bracket | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; USD, parts, and numbers of accounts."""
        run = self.run
        has_fund = run.fund[0] > 0.0
        wide = {u: float(a) for u, a in zip(run.underlyings, amplification(run), strict=True)}
        start, end = solvency(run).tolist()
        return {
            "scenario": run.world.path.name,
            "venue": run.world.venue.to_dict(),
            "accounts": run.world.fleet.accounts,
            "steps": run.world.path.steps,
            "step_seconds": run.world.path.step_seconds,
            "closed_accounts": int((run.times_closed > 0).sum()),
            "orders": int(run.closed.sum()),
            "forced_volume": {
                u: {"sold": float(s), "bought": float(b)}
                for u, (s, b) in zip(run.underlyings, run.forced.sum(axis=0), strict=True)
            },
            "lowest_price": {
                u: {"with_feedback": float(p), "without": float(o)}
                for u, p, o in zip(run.underlyings, run.price.min(axis=0), run.outside.min(axis=0), strict=True)
            },
            "amplification": {u: a if np.isfinite(a) else None for u, a in wide.items()},
            "fund": {"start": float(run.fund[0]), "end": float(run.fund[-1]), "paid": float(run.fund_paid.sum())},
            "fund_depletion": depletion(run) if has_fund else None,
            "fund_short": float(run.short.sum()),
            "deleveraged": float(run.deleveraged.sum()),
            "adl_paid": float(run.adl.sum()),
            "socialised": float(run.socialised.sum()),
            "bad_debt": float(run.bad_debt[-1]),
            "solvency_ratio": {"start": _finite(start), "end": _finite(end)},
            "still_under": int(run.under[-1]),
            "unsettled_steps": run.unsettled,
            "conserved": run.conserved,
            "draws": [vars(d) for d in self.draws],
            "survival": None if self.survival is None else vars(self.survival) | {"share": self.survival.share},
            "absorption": None if self.absorption is None else _plain(vars(self.absorption)),
            "loss_tolerance": None if self.tolerance is None else _plain(vars(self.tolerance)),
            "density": {"before": self.before.to_dict(), "after": self.after.to_dict()},
        }


def _finite(x: float) -> float | None:
    return float(x) if np.isfinite(x) else None


def _plain(content: dict[str, Any]) -> dict[str, Any]:
    """Without infinities, which JSON has not: `null` says that no failing place was found."""
    return {k: _finite(v) if isinstance(v, float) else v for k, v in content.items()}


def study(
    fleet: FleetArrays,
    path_of: Callable[[int], StressPath],
    liquidity: Liquidity,
    venue: CascadeVenue,
    rates: CascadeRates,
    *,
    seed: int = 0,
    draws: int = 1,
    thresholds: bool = False,
    halvings: int = 8,
    told: Told | None = None,
) -> CascadeStudy:
    """`draws` runs with seeds `seed`, `seed + 1`, …; `path_of(seed)` is the outside world of each.

    `thresholds` adds the absorption capacity and the loss tolerance along the first path; both need an insurance fund.
    Raises `DocumentError` as `cascade` does.
    """
    tell = told or (lambda _text, _done, _total: None)
    path = path_of(seed)
    delays = venue.keepers.latency > 0.0 and venue.keepers.spread > 0.0
    if draws > 1 and not delays and np.array_equal(path.price, path_of(seed + 1).price):
        raise refuse("draws", draws, "1, unless the path has noise or the venue delays with a spread: nothing is drawn")
    first = cascade(fleet, path, liquidity, venue, rates, seed=seed, told=told)
    found = [Draw.of(seed, first)]
    for k in range(1, draws):
        tell(f"draw {k + 1}", k, draws)
        run = cascade(fleet, path_of(seed + k), liquidity, venue, rates, seed=seed + k)
        found.append(Draw.of(seed + k, run))

    def make(p: StressPath, market: Liquidity, house: CascadeVenue) -> CascadeRun:
        return cascade(fleet, p, market, house, rates, seed=seed)

    has_fund = venue.insurance_fund > 0.0
    taken = limit = None
    if thresholds:
        taken = absorption(make, path, liquidity, venue, halvings=halvings, told=told)
        limit = tolerance(make, path, liquidity, venue, halvings=halvings, told=told)
    return CascadeStudy(
        first,
        tuple(found),
        chance(sum(d.survived for d in found), len(found)) if has_fund else None,
        density_map(first, rates, after=False),
        density_map(first, rates, after=True),
        taken,
        limit,
    )
