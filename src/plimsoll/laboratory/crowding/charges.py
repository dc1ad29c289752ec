"""The crowding add-on of every account of a fleet, from the curves that its venue would publish."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, floor

import numpy as np
import numpy.typing as npt

from plimsoll.laboratory.crowd_map import density_map
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import CascadeRates
from plimsoll.laboratory.result import CascadeRun
from plimsoll.margin.cavb import Book, Crowd, CrowdingCurves, CrowdingRule, Crowds, crowding
from plimsoll.rates.impact import margins
from plimsoll.rates.schedule import RateSchedule

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Charges:
    """`raw[A]`: the charge for a beta of one and without cap, as a part of the initial margin `initial[A]` (USD)."""

    raw: F64
    initial: F64
    cap: float

    def at(self, beta: float) -> F64:
        """USD `[A]` for another beta: `min(cap, beta * raw) * initial`."""
        return np.asarray(np.minimum(self.cap, beta * self.raw) * self.initial)


def curves_of(
    run: CascadeRun, rates: CascadeRates, liquidity: Liquidity, *, stress: float = 0.5, unit: float = 1_000.0
) -> CrowdingCurves:
    """What a venue publishes before a run: the density map of its accounts, and the calm depth within each move.

    All prices move together in the map, as they do in a crash. Liquidations are rounded up and depth down to a `unit`;
    beyond the last level of the calm curve depth stays what it is.
    """
    found = density_map(run, rates, after=False)
    crowds = {}
    for k, name in enumerate(found.underlyings):
        calm = liquidity.underlyings[name]
        posted = np.interp(found.moves, (0.0, *calm.moves), (0.0, *calm.depth)) * (1.0 - stress)
        depth = tuple(unit * floor(x / unit) for x in posted.tolist())
        fall, rise = (
            Crowd(liquidated=tuple(unit * ceil(x / unit) for x in side[:, k].tolist()), depth=depth)
            for side in (found.fall, found.rise)
        )
        crowds[name] = Crowds(fall=fall, rise=rise)
    return CrowdingCurves(
        time=datetime(2026, 1, 1, tzinfo=UTC),
        rules="fleet",
        accounts=run.world.fleet.accounts,
        stress=stress,
        moves=tuple(found.moves.tolist()),
        underlyings=crowds,
    )


def exposures(fleet: FleetArrays) -> F64:
    """USD `[A, U]`, signed, of linear and inverse contracts at the fleet's prices."""
    names = fleet.underlyings
    found = np.zeros((fleet.accounts, len(names)))
    owner = np.repeat(np.arange(fleet.accounts), np.diff(fleet.indptr))
    for n, what in enumerate(fleet.instruments):
        mine = fleet.indices == n
        each = what.lot * (fleet.prices[what.underlying] if what.kind != "inverse" else 1.0)
        np.add.at(found, (owner[mine], names.index(what.underlying)), fleet.lots[mine] * each)
    return found


def charges(rule: CrowdingRule, curves: CrowdingCurves, fleet: FleetArrays, schedule: RateSchedule) -> Charges:
    """The add-on of every account, each an owner of its own (`plimsoll.margin.cavb.crowding`)."""
    names = fleet.underlyings
    usd = exposures(fleet)
    initial = margins(schedule, names, usd).initial
    whole = rule.model_copy(update={"beta": 1.0, "cap": 1e300})
    raw = np.array(
        [crowding(whole, curves, [Book(dict(zip(names, row, strict=True)), 1.0)]).rate for row in usd.tolist()]
    )
    return Charges(raw, np.asarray(initial), rule.cap)
