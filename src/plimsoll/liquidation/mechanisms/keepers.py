"""Keepers: whether somebody acts, what it takes that nearly always somebody does, and what capital costs.

A keeper acts if and only if what it is paid is at least what it costs: `fee >= gas + slippage + capital + profit`.
The fee has three parts, `base + gas refund + solvency premium`. Gas and MEV come from outside and stay distributions:
they are drawn with a seed and counted, never averaged away.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from plimsoll.documents import Fraction, NonNegative, Part, refuse

F64 = npt.NDArray[np.float64]
Count = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]


@dataclass(frozen=True)
class Action:
    """What one liquidation costs its keeper, USD."""

    gas: float
    slippage: float
    capital: float
    profit: float

    @property
    def cost(self) -> float:
        """The least fee for which it is done."""
        return self.gas + self.slippage + self.capital + self.profit


def acts(fee: float, action: Action) -> bool:
    """Whether the keeper acts; a fee that just covers everything is enough.

    >>> acts(12.0, Action(5.0, 4.0, 1.0, 2.0)), acts(11.99, Action(5.0, 4.0, 1.0, 2.0))
    (True, False)
    """
    return fee >= action.cost


class BorrowRate(Part):
    """A rate a year that rises with utilisation, slowly up to the `kink` and steeply beyond.

    ```
    base + slope u / kink                          u <= kink
    base + slope + steep (u - kink) / (1 - kink)   beyond
    ```
    """

    base: NonNegative = 0.0
    slope: NonNegative = 0.04
    steep: NonNegative = 0.75
    kink: Annotated[float, Field(strict=True, gt=0, lt=1)] = 0.9

    def at(self, utilisation: F64 | float) -> F64:
        """Rates a year at these utilisations, parts from zero to one.

        >>> BorrowRate().at(np.array([0.0, 0.45, 0.9, 0.95, 1.0])).round(4).tolist()
        [0.0, 0.02, 0.04, 0.415, 0.79]
        """
        u = np.asarray(utilisation, dtype=np.float64)
        if not ((u >= 0.0) & (u <= 1.0)).all():
            raise refuse("utilisation", utilisation, "parts from zero to one")
        low = self.base + self.slope * u / self.kink
        high = self.base + self.slope + self.steep * (u - self.kink) / (1.0 - self.kink)
        return np.where(u <= self.kink, low, high)


class Lognormal(Part):
    """A cost that is never below zero and has a fat right tail: `median * exp(spread Z)`, USD."""

    median: NonNegative
    spread: NonNegative

    def draw(self, random: np.random.Generator, size: int) -> F64:
        """`[size]` draws."""
        found: F64 = self.median * np.exp(self.spread * random.standard_normal(size))
        return found


class Stress(Part):
    """What keepers meet when many accounts fail at once.

    `gas` of one attempt and `mev`, what a competitor or builder takes of it, in USD; `failed` the part of attempts
    whose gas is lost (the cost of one success is gas over one less that). `value` liquidated in USD, `slippage` the
    part of it that selling costs (both with their spreads), `hours` for which capital is carried, `utilisation` of
    the pool it is borrowed from, uniform over its range, `profit` the part of the value that must be left.
    """

    gas: Lognormal = Lognormal(median=40.0, spread=1.0)
    mev: Lognormal = Lognormal(median=10.0, spread=1.2)
    failed: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.3
    value: Lognormal = Lognormal(median=20_000.0, spread=1.2)
    slippage: Lognormal = Lognormal(median=0.01, spread=0.6)
    hours: NonNegative = 1.0
    utilisation: tuple[Fraction, Fraction] = (0.8, 1.0)
    rate: BorrowRate = BorrowRate()
    profit: Fraction = 0.001

    def draw(self, size: int, seed: int) -> Draws:
        """`size` liquidations under stress; the same seed gives the same ones."""
        low, high = self.utilisation
        if low > high:
            raise refuse("utilisation", self.utilisation, "a range from low to high")
        random = np.random.default_rng(seed)
        gas = self.gas.draw(random, size) / (1.0 - self.failed) + self.mev.draw(random, size)
        value = self.value.draw(random, size)
        slippage = value * np.minimum(1.0, self.slippage.draw(random, size))
        rate = self.rate.at(random.uniform(low, high, size))
        capital = value * rate * self.hours / (24.0 * 365.0)
        return Draws(value, gas, slippage, capital, self.profit * value)


@dataclass(frozen=True, eq=False)
class Draws:
    """`[N]` liquidations: value, and the four parts of their cost, USD."""

    value: F64
    gas: F64
    slippage: F64
    capital: F64
    profit: F64

    @property
    def cost(self) -> F64:
        """`[N]` the least fee for which each is done."""
        return self.gas + self.slippage + self.capital + self.profit


@dataclass(frozen=True)
class Fee:
    """`base` USD for each liquidation, `refund` times the gas that was burnt, `premium` times the value."""

    base: float
    refund: float
    premium: float

    def paid(self, draws: Draws) -> F64:
        """`[N]` what keepers get, USD."""
        found: F64 = self.base + self.refund * draws.gas + self.premium * draws.value
        return found


@dataclass(frozen=True)
class Calibrated:
    """The least solvency premium that was found, with what it rests on.

    `participation` is the part of the draws in which the keeper acts, `error` its standard error, and `certain` the
    probability with which a fresh draw is done at least as often as was asked. `before` is the participation at a
    premium smaller by one draw: below the level that was asked.
    """

    fee: Fee
    participation: float
    error: float
    certain: float
    before: float
    draws: int
    order: int


def needed_premium(draws: Draws, base: float, refund: float) -> F64:
    """`[N]` the premium from which on each is done: `(cost - base - refund * gas) / value`, at least zero."""
    with np.errstate(divide="ignore"):
        short = np.maximum(0.0, draws.cost - base - refund * draws.gas)
        return np.where(short > 0.0, short / draws.value, 0.0)


def calibrated(
    draws: Draws, *, base: float = 0.0, refund: float = 1.0, level: float = 0.99, certainty: float = 0.99
) -> Calibrated:
    """The least premium at which the keeper acts in at least `level` of all liquidations, with `certainty`.

    Every draw has one premium from which on it is done, so participation is the empirical distribution of those and
    the least premium is an order statistic: exact, no search. So that chance does not flatter it, the order is the
    smallest `r` for which `P(Binomial(N, level) < r) >= certainty`: whatever the distribution is, its `level` quantile
    then lies at or below the `r`-th smallest with that certainty. Raises `DocumentError` where there are too few
    draws for that.
    """
    size = draws.value.size
    if not 0.0 < level < 1.0:
        raise refuse("level", level, "a part between zero and one")
    order = order_for(size, level, certainty)
    needed = np.sort(needed_premium(draws, base, refund))
    premium = float(needed[order - 1])
    fee = Fee(base, refund, premium)
    share = float((needed <= premium).mean())
    before = float((needed < premium).mean())
    error = math.sqrt(max(0.0, share * (1.0 - share)) / size)
    return Calibrated(fee, share, error, certainty, before, size, order)


def cheapest(
    draws: Draws, bases: Sequence[float], *, refund: float = 1.0, level: float = 0.99, certainty: float = 0.99
) -> Calibrated:
    """Of fees with these `bases` (USD) and the least premium that goes with each, that which pays least in the mean.

    Every one of them keeps keepers at work; a base pays small liquidations, where gas is most of the cost, and lets the
    premium fall for all others. The base is chosen on every second draw and its premium calibrated on the others, so
    that `certainty` holds for it too: a choice made on the same draws would flatter itself. Raises `DocumentError` for
    no base, or one that is not a finite number from zero up, and for too few draws.
    """
    if not bases or not all(math.isfinite(b) and b >= 0.0 for b in bases):
        raise refuse("bases", list(bases), "at least one, finite numbers of USD from zero up")
    first, second = (
        Draws(draws.value[k::2], draws.gas[k::2], draws.slippage[k::2], draws.capital[k::2], draws.profit[k::2])
        for k in (0, 1)
    )
    found = [calibrated(first, base=float(b), refund=refund, level=level, certainty=certainty).fee for b in bases]
    best = min(found, key=lambda fee: float(fee.paid(first).mean()))
    return calibrated(second, base=best.base, refund=refund, level=level, certainty=certainty)


def order_for(size: int, level: float, certainty: float) -> int:
    """The smallest order statistic that bounds the `level` quantile from above with `certainty`; `size` draws.

    >>> order_for(1_000, 0.99, 0.99), order_for(459, 0.99, 0.99)
    (998, 459)
    """
    from scipy.stats import binom

    found = int(binom.ppf(certainty, size, level)) + 1
    if found > size:
        least = math.ceil(math.log(1.0 - certainty) / math.log(level))
        raise refuse("draws", size, f"at least {least} for a level of {level:g} with certainty {certainty:g}")
    return found


def participation(fees: Sequence[Fee], draws: Draws) -> list[tuple[float, float]]:
    """For each fee the part of liquidations that are done, and its standard error."""
    found = []
    for fee in fees:
        done = float((fee.paid(draws) >= draws.cost).mean())
        found.append((done, math.sqrt(done * (1.0 - done) / draws.value.size)))
    return found


def interval(share: float, size: int, certainty: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share that was counted over `size` draws."""
    z = NormalDist().inv_cdf(0.5 + certainty / 2.0)
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    return max(0.0, middle - half), min(1.0, middle + half)
