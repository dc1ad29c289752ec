"""What single accounts cost in a cascade, and the beta with which the crowding add-on asks as much in sum."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from plimsoll.documents import refuse
from plimsoll.laboratory.crowding.charges import Charges
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.result import CascadeRun

F64 = npt.NDArray[np.float64]
MOST = 1e4
"""The largest beta that is tried."""

Lose = Callable[[FleetArrays], tuple[float, F64]]


@dataclass(frozen=True, eq=False)
class Marginals:
    """One fleet in one crash, USD: `loss[A]` what the crash costs with an account less without it, `own[A]` what the
    account itself owes, `whole` what it costs with everybody; `charges` of the same accounts."""

    crash: str
    loss: F64
    own: F64
    whole: float
    charges: Charges


def without(fleet: FleetArrays, row: int) -> FleetArrays:
    """The fleet without one account; all others keep their numbers, so their delays are the same."""
    return fleet.ordered(np.delete(np.arange(fleet.accounts), row))


def owed(run: CascadeRun) -> F64:
    """USD `[A]` that accounts without positions owe at the end of a run whose venue has no purse that pays."""
    world = run.world
    held = np.bincount(world.owner, weights=run.state.lots != 0, minlength=world.fleet.accounts) > 0
    return np.where(held, 0.0, np.maximum(0, -run.state.cash[:, 0]) / world.unit)


def marginals(crash: str, fleet: FleetArrays, lose: Lose, charges: Charges) -> Marginals:
    """Leave every account out once: `lose` gives what a fleet costs in the crash, and what each account owes.

    The crash is the same with and without, and so are all draws.
    """
    whole, own = lose(fleet)
    loss = np.array([whole - lose(without(fleet, row))[0] for row in range(fleet.accounts)])
    return Marginals(crash, loss, own, whole, charges)


def covered(units: Sequence[Marginals], beta: float) -> float:
    """Charges over marginal losses, both in sum over accounts, fleets and crashes; infinite where nothing is lost."""
    asked = sum(float(m.charges.at(beta).sum()) for m in units)
    lost = sum(float(m.loss.sum()) for m in units)
    return asked / lost if lost > 0.0 else np.inf


def calibrated(units: Sequence[Marginals]) -> float:
    """The beta with which charges are what accounts cost, in sum; zero where they cost nothing and `MOST` where even
    that asks too little. By halving: charges grow with beta until all are at the cap."""
    if covered(units, MOST) < 1.0:
        return MOST
    if covered(units, 0.0) >= 1.0:
        return 0.0
    low, high = 0.0, MOST
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if covered(units, middle) >= 1.0 else (middle, high)
    return high


@dataclass(frozen=True)
class Fit:
    """`beta`; 90 % of a bootstrap of crashes and of fleets in them lies between `low` and `high`."""

    beta: float
    low: float
    high: float


def fitted(units: Sequence[Marginals], *, draws: int = 300, seed: int = 1) -> Fit:
    """Beta and its interval. Crashes are drawn first, fleets within them second: a crash is what differs most."""
    if not units:
        raise refuse("units", 0, "a fleet in a crash, or more")
    rng = np.random.default_rng(seed)
    names = list(dict.fromkeys(m.crash for m in units))
    found = []
    for _ in range(draws):
        again: list[Marginals] = []
        for name in rng.choice(names, len(names)):
            mine = [m for m in units if m.crash == name]
            again += [mine[k] for k in rng.integers(0, len(mine), len(mine))]
        found.append(calibrated(again))
    low, high = np.quantile(found, (0.05, 0.95))
    return Fit(calibrated(units), float(low), float(high))


@dataclass(frozen=True)
class Judged:
    """Some fleets and crashes under a beta: `covered` charges over marginal losses in sum; `rank` the correlation of
    ranks of single accounts' charges and marginal losses, in the mean over units, `least` and `most` of them; `others`
    the same with what an account costs beside what it owes itself; `size` the same of bare size and marginal loss;
    `capped` the part of accounts at the cap, `rate` charges over initial margins in sum."""

    covered: float
    rank: float
    least: float
    most: float
    others: float
    size: float
    capped: float
    rate: float


def judged(units: Sequence[Marginals], beta: float) -> Judged:
    """How well charges are what accounts cost."""
    ranks = np.array([_rank(m.charges.at(beta), m.loss) for m in units])
    others = np.array([_rank(m.charges.at(beta), m.loss - m.own) for m in units])
    size = np.array([_rank(m.charges.initial, m.loss) for m in units])
    capped = np.concatenate([beta * m.charges.raw >= m.charges.cap for m in units])
    rate = sum(m.charges.at(beta).sum() for m in units) / sum(m.charges.initial.sum() for m in units)
    return Judged(
        covered(units, beta),
        float(np.nanmean(ranks)),
        float(np.nanmin(ranks)),
        float(np.nanmax(ranks)),
        float(np.nanmean(others)),
        float(np.nanmean(size)),
        float(capped.mean()),
        float(rate),
    )


def _rank(one: F64, two: F64) -> float:
    if np.ptp(one) == 0.0 or np.ptp(two) == 0.0:
        return float("nan")
    return float(spearmanr(one, two).statistic)
