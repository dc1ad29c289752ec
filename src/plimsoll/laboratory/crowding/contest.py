"""Rate policies against each other: the same crashes, accounts and seeds, and paired differences with significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.holders import Called
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import Asked, CascadeRates, Past
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]

MEASURES = ("forced", "debt", "below_base", "deadline", "deadline_usd", "paid", "impact")


@dataclass(frozen=True)
class Tally:
    """One policy in one crash with one fleet.

    `forced` USD traded by force, `debt` USD that accounts owed in the end (before any fund), `below_base` accounts
    closed below their base margin, `deadline` accounts that were not, `deadline_usd` their positions, `paid` USD that
    holders brought when called, `impact` the largest fall of a price below the outside one, a part.
    """

    forced: float
    debt: float
    below_base: float
    deadline: float
    deadline_usd: float
    paid: float
    impact: float


class ScaledRates:
    """A policy times a scalar that is known for every step, from nothing later than the step before.

    `grace` as in `Asked`: zero closes at the raised line, otherwise the raised line calls and gives so many seconds.
    """

    def __init__(self, inner: CascadeRates, scalar: F64, grace: float = 0.0) -> None:
        if not (np.isfinite(scalar).all() and (scalar >= 1.0).all()):
            raise refuse("scalar", "a number below one", "finite numbers from one up")
        self.inner, self.scalar, self.grace = inner, scalar, grace

    def asked(self, past: Past) -> Asked:
        """The inner policy's margin, times the scalar of the step."""
        return replace(self.inner.asked(past), scalar=float(self.scalar[past.step]), grace=self.grace)


def paid_in(fleet: FleetArrays, usd: F64) -> FleetArrays:
    """The fleet with so many USD more in each account `[A]`, in whole units rounded down."""
    cash = fleet.cash.copy()
    cash[:, 0] += np.floor(usd * 10.0 ** fleet.decimals[0]).astype(np.int64)
    return replace(fleet, cash=cash)


def tally(
    fleet: FleetArrays,
    path: StressPath,
    liquidity: Liquidity,
    venue: CascadeVenue,
    rates: CascadeRates,
    *,
    seed: int = 0,
    holders: Called | None = None,
) -> Tally:
    """Run one and count. The venue should have no fund, so that all that accounts owe is counted as bad debt."""
    people = Called() if holders is None else holders
    run = cascade(fleet, path, liquidity, venue, rates, seed=seed, holders=people)
    unit = 10.0**venue.decimals
    fall = float((1.0 - run.price / run.outside).max())
    return Tally(
        run.forced_volume,
        float(run.bad_debt[-1]),
        float(people.below_base),
        float(people.deadline),
        people.deadline_usd,
        people.paid / unit,
        fall,
    )


@dataclass(frozen=True)
class Difference:
    """One policy less another in one measure: the `mean` over crashes and fleets, its part of the other's mean, in how
    many crashes the mean over fleets is lower and higher, and `p` of no difference: signs of whole pairs are turned at
    random. `holm` is p after all comparisons that were made."""

    measure: str
    mean: float
    part: float
    lower: int
    higher: int
    p: float
    holm: float = 1.0


def compared(
    one: Mapping[str, Sequence[Tally]], other: Mapping[str, Sequence[Tally]], *, draws: int = 10_000, seed: int = 1
) -> list[Difference]:
    """Paired differences: both give the tallies of each crash, fleet by fleet in the same order.

    The test speaks of fleets drawn like these in these crashes. Whether another crash would be alike is told by the
    number of crashes with each sign, not by p. Raises `DocumentError` where the pairs do not match.
    """
    if one.keys() != other.keys() or any(len(one[c]) != len(other[c]) for c in one):
        raise refuse("crashes", sorted(one), f"the same with as many fleets: {', '.join(sorted(other))}")
    rng = np.random.default_rng(seed)
    found = []
    for measure in MEASURES:
        pairs = {
            c: np.array([getattr(a, measure) - getattr(b, measure) for a, b in zip(one[c], other[c], strict=True)])
            for c in one
        }
        base = np.mean([getattr(b, measure) for c in other for b in other[c]])
        every = np.concatenate(list(pairs.values()))
        mean = float(every.mean())
        turned = (rng.choice((-1.0, 1.0), size=(draws, every.size)) * every).mean(axis=1)
        # the observed signs are one of the turns, so p is never zero; rounding must not lose ties
        as_far = int((np.abs(turned) >= abs(mean) * (1.0 - 1e-12)).sum())
        p = (1.0 + as_far) / (1.0 + draws) if every.any() else 1.0
        means = [float(d.mean()) for d in pairs.values()]
        part = mean / float(base) if base else 0.0
        found.append(Difference(measure, mean, part, sum(m < 0.0 for m in means), sum(m > 0.0 for m in means), p))
    return found


def holm(found: Mapping[str, Sequence[Difference]]) -> dict[str, list[Difference]]:
    """All comparisons with p after Holm's correction over every one of them that differs at all."""
    from plimsoll.validate.coverage import holm as corrected

    some = {(name, k): d.p for name, each in found.items() for k, d in enumerate(each) if d.p < 1.0}
    adjusted = dict(zip(some, corrected(list(some.values())).tolist(), strict=True)) if some else {}
    return {n: [replace(d, holm=adjusted.get((n, k), 1.0)) for k, d in enumerate(each)] for n, each in found.items()}
