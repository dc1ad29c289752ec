"""What cascades say about a venue: survival with its error, amplification, what it can absorb, how far it can fall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory.liquidity import Calm, Liquidity
from plimsoll.laboratory.result import CascadeRun
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]
Told = Callable[[str, int, int], None]

POINTS = 8
"""Places at which a search looks before it halves: a venue that fails at a small shock is found though it passes a
larger one."""


@dataclass(frozen=True)
class Survival:
    """In how many of `draws` the fund always had what it was asked for, and the interval of that chance."""

    survived: int
    draws: int
    low: float
    high: float
    certainty: float

    @property
    def share(self) -> float:
        """The part that survived."""
        return self.survived / self.draws


def survival(runs: Sequence[CascadeRun], certainty: float = 0.95) -> Survival:
    """The probability that the insurance fund lasts, over draws, with the exact binomial interval (Clopper-Pearson).

    Raises `DocumentError` without a run, or for a venue without an insurance fund, which cannot be emptied.
    """
    if not runs:
        raise refuse("runs", "none", "at least one")
    for run in runs:
        _needs_fund(run.fund[0])
    return chance(sum(not run.emptied for run in runs), len(runs), certainty)


def chance(count: int, draws: int, certainty: float = 0.95) -> Survival:
    """`count` of `draws` with the interval of Clopper and Pearson, as `plimsoll.validate.interval` has it.

    >>> found = chance(19, 20)
    >>> round(found.low, 4), round(found.high, 4)
    (0.7513, 0.9987)
    """
    from plimsoll.validate.coverage import interval

    return Survival(count, draws, *interval(count, draws, certainty), certainty)


def amplification(run: CascadeRun) -> F64:
    """`[U]` the widest move from the first price with feedback, over the widest one of the outside price.

    ```
    max_t |price[t] / price[0] - 1|  /  max_t |outside[t] / outside[0] - 1|
    ```

    One where forced orders moved nothing; NaN where the outside price did not move.
    """
    fed = np.abs(run.price / run.price[0] - 1.0).max(axis=0)
    alone = np.abs(run.outside / run.outside[0] - 1.0).max(axis=0)
    return np.asarray(np.divide(fed, alone, out=np.full(fed.size, np.nan), where=alone > 0.0))


def deepest(run: CascadeRun) -> float:
    """The widest amplification over underlyings, at least one."""
    return float(np.nanmax(np.append(amplification(run), 1.0)))


def depletion(run: CascadeRun) -> float:
    """The largest part of the insurance fund that was missing at the end of a step; one where it was ever short.

    Raises `DocumentError` for a venue without a fund.
    """
    if run.fund[0] <= 0.0:
        raise refuse("insurance_fund", 0.0, "an amount above zero: a part of nothing is no number")
    return 1.0 if run.emptied else float(1.0 - min(run.fund.min(), run.fund[0]) / run.fund[0])


def solvency(run: CascadeRun) -> F64:
    """`[2]` the protocol solvency ratio at the first and the last step.

    ```
    (owed + fund + capital - missing) / owed
    ```

    `owed` is what accounts above zero have at the prices, `missing` what those below zero lack. At or above one the
    purses cover what is missing; NaN where nothing is owed.
    """
    found = []
    for step, state in ((0, run.before), (run.price.shape[0] - 1, run.state)):
        world, price = run.world, run.price[step]
        now = world.catalogue.worth(price, world.vol[step], world.days(step))
        equity = world.base(state.cash, world.rates(step, price))
        np.add.at(equity, world.owner, state.lots * now.usd[world.fleet.indices])
        owed, missing = float(equity[equity > 0].sum()), float(-equity[equity < 0].sum())
        purses = float(state.parties["insurance_fund"][0]) + float(state.parties["venue_capital"][0])
        found.append((owed + purses - missing) / owed if owed > 0.0 else np.nan)
    return np.array(found)


@dataclass(frozen=True)
class Bracket:
    """A threshold: at `low` the venue survived, at `high` (infinite: nowhere looked at) it did not; `tried` in all."""

    low: float
    high: float
    tried: int


def largest(survives: Callable[[float], bool], most: float, *, halvings: int = 12, told: Told | None = None) -> Bracket:
    """The largest number from zero to `most` up to which `survives` holds, by `POINTS` looks and halving.

    Looks go up from zero and end at the first that fails, so that of several failures the smallest of those looked at
    counts; then the interval before it is halved. `high` is infinite where `most` survives.
    """
    if not (np.isfinite(most) and most > 0.0):
        raise refuse("most", most, "a finite number above zero")
    low, tried, total = 0.0, 0, POINTS + halvings
    for k in range(1, POINTS + 1):
        x = most * k / POINTS
        if told is not None:
            told(f"trying {x:.4g}", tried, total)
        tried += 1
        if not survives(x):
            high = x
            break
        low = x
    else:
        return Bracket(most, np.inf, tried)
    for _ in range(halvings):
        middle = 0.5 * (low + high)
        if told is not None:
            told(f"trying {middle:.4g}", tried, total)
        tried += 1
        if survives(middle):
            low = middle
        else:
            high = middle
    return Bracket(low, high, tried)


Make = Callable[[StressPath, Liquidity, CascadeVenue], CascadeRun]
"""One cascade of a fleet under a rate policy, for other outside terms."""


def tolerance(
    make: Make,
    path: StressPath,
    liquidity: Liquidity,
    venue: CascadeVenue,
    *,
    most: float = 3.0,
    halvings: int = 12,
    told: Told | None = None,
) -> Bracket:
    """The maximum loss tolerance: the largest multiple of the path's log moves with which the fund is never short.

    The shock itself is `exp(x * log(price)) - 1` at its widest. Raises `DocumentError` for a venue without a fund.
    """
    _needs_fund(venue.insurance_fund)

    def survives(x: float) -> bool:
        return not make(replace(path, price=np.exp(x * np.log(path.price))), liquidity, venue).emptied

    return largest(survives, most, halvings=halvings, told=told)


@dataclass(frozen=True)
class Absorption:
    """`notional` USD that forced orders traded within the window of `minutes`, with `copies` of every account, just
    before the fund was short; at `failing` copies it was (infinite: never)."""

    notional: float
    copies: float
    failing: float
    minutes: float


def absorption(
    make: Make,
    path: StressPath,
    liquidity: Liquidity,
    venue: CascadeVenue,
    *,
    most: float = 16.0,
    halvings: int = 12,
    told: Told | None = None,
) -> Absorption:
    """The liquidity absorption capacity: the largest notional that is liquidated along the path without a short fund.

    The fleet is multiplied until the fund is short: x copies of every account against a depth, a fund, a capital, a
    capacity of keepers and an allowance of makers are one against an x-th of each, but for rounding, delays that are
    drawn account by account, and whom the last deleveraged lots fall on. Raises `DocumentError`
    for a venue without a fund.
    """
    _needs_fund(venue.insurance_fund)
    volume: dict[float, float] = {}

    def survives(x: float) -> bool:
        run = make(path, shrunk(liquidity, x), smaller(venue, x))
        volume[x] = x * run.forced_volume
        return not run.emptied

    found = largest(survives, most, halvings=halvings, told=told)
    notional = volume.get(found.low, 0.0)
    return Absorption(notional, found.low, found.high, path.steps * path.step_seconds / 60.0)


def shrunk(liquidity: Liquidity, times: float) -> Liquidity:
    """The depth of each underlying over `times`."""
    parts = {
        u: Calm(moves=c.moves, depth=tuple(d / times for d in c.depth), refill=c.refill, evidence=c.evidence)
        for u, c in liquidity.underlyings.items()
    }
    return liquidity.model_copy(update={"underlyings": parts})


def smaller(venue: CascadeVenue, times: float) -> CascadeVenue:
    """Purses, the capacity of keepers and the allowance of makers over `times`."""
    keepers = venue.keepers
    if keepers.capacity is not None:
        keepers = keepers.model_copy(update={"capacity": keepers.capacity / times})
    allowed = None if venue.maker_allowance is None else venue.maker_allowance / times
    return venue.model_copy(
        update={
            "insurance_fund": venue.insurance_fund / times,
            "venue_capital": venue.venue_capital / times,
            "keepers": keepers,
            "maker_allowance": allowed,
        }
    )


def _needs_fund(usd: float) -> None:
    if usd <= 0.0:
        raise refuse("insurance_fund", 0.0, "an amount above zero: without a fund none can survive or be emptied")
