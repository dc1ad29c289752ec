"""The arithmetic of a scan of sixteen scenarios and what a clearing house adds to it and takes off, on given arrays.

A *combined commodity* is everything on one underlying. Its arrays hold the loss of one long unit, positive for a loss,
in the order of the scan: price still, up and down a third, up and down two thirds, up and down the whole range, each
with volatility up and then down, and last the extreme moves up and down. Source: institutional-models 2.1 and the
public descriptions of the method, own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.margin.parts.scan import TIE_TOLERANCE

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

SCENARIOS = 16
PAIRED = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14, 15])
"""The scenario with the same price and the other volatility; an extreme move is its own."""

TERMS = ("scan", "calendar", "spot", "credit", "short_option")
"""What a requirement consists of: three charges, a credit (negative), and what the minimum adds to them."""


@dataclass(frozen=True)
class Spread:
    """A spread within a combined commodity: tiers `first` and `second` on opposite sides, deltas of each that one
    spread takes, and the charge for one spread."""

    first: int
    second: int
    rate: float
    ratio: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class Credit:
    """A spread across combined commodities: for each leg its number, the deltas that one spread takes and its side.

    `rate` is the part of each leg's price risk that is given back.
    """

    legs: tuple[tuple[int, float, int], ...]
    rate: float


@dataclass(frozen=True, eq=False)
class Offsets:
    """`T` tiers: spreads in the order of their priority, and spot charges for a delta that is left (`outright[T]`) or
    was taken by a spread (`consumed[T]`)."""

    spreads: tuple[Spread, ...]
    outright: F64
    consumed: F64

    def charges(self, long: F64, short: F64) -> tuple[F64, F64]:
        """Calendar and spot charges `[...]` of long and short deltas `[..., T]`, both positive.

        Spreads are formed in their order, each as often as what the ones before it left allows.

        >>> table = Offsets((Spread(0, 1, 100.0),), np.array([10.0, 0.0]), np.array([20.0, 0.0]))
        >>> calendar, spot = table.charges(np.array([3.0, 0.0]), np.array([0.0, 2.0]))
        >>> float(calendar), float(spot)
        (200.0, 50.0)
        """
        left = [long.astype(np.float64), short.astype(np.float64)]
        calendar = np.zeros(long.shape[:-1])
        for spread in self.spreads:
            for side in (0, 1) if spread.first != spread.second else (0,):
                one, other = left[side][..., spread.first], left[1 - side][..., spread.second]
                count = np.minimum(one / spread.ratio[0], other / spread.ratio[1])
                calendar = calendar + count * spread.rate
                # what a spread takes of the smaller side leaves nothing, not a rounding
                all_one = one / spread.ratio[0] <= other / spread.ratio[1]
                left[side][..., spread.first] = np.where(all_one, 0.0, one - count * spread.ratio[0])
                left[1 - side][..., spread.second] = np.where(all_one, other - count * spread.ratio[1], 0.0)
        rest = left[0] + left[1]
        spot = (rest * self.outright + (long + short - rest) * self.consumed).sum(axis=-1)
        return calendar, spot

    def slopes(self, long: F64, short: F64) -> tuple[F64, F64]:
        """`[2T]` slopes of the two charges in long and then short deltas `[T]`; they are homogeneous, so the slopes
        times the deltas are the charges."""
        size = long.size
        held = np.concatenate([long, short])
        left = np.eye(2 * size)
        calendar = np.zeros(2 * size)
        for spread in self.spreads:
            for side in (0, 1) if spread.first != spread.second else (0,):
                one, other = side * size + spread.first, (1 - side) * size + spread.second
                sides = left[one] / spread.ratio[0], left[other] / spread.ratio[1]
                first = bool(sides[0] @ held <= sides[1] @ held)
                count = sides[0] if first else sides[1]
                calendar += count * spread.rate
                left[one] = 0.0 if first else left[one] - count * spread.ratio[0]
                left[other] = left[other] - count * spread.ratio[1] if first else 0.0
        outright, consumed = np.tile(self.outright, 2), np.tile(self.consumed, 2)
        spot = (outright - consumed) @ left + consumed
        return calendar, spot


def price_risk(loss: F64, scan: F64) -> F64:
    """`[...]` the part of the scan that is the price's: losses `[..., 16]` of a combined commodity and its scan.

    The mean loss of the worst scenario and its pair (which takes the volatility out) less the mean loss of the first
    two (which takes the time out); never below zero nor above the scan, so that no credit gives back more than it.
    """
    worst = np.argmax(loss >= (scan * (1.0 - TIE_TOLERANCE))[..., None], axis=-1)
    mean = (loss + loss[..., PAIRED]) / 2.0
    active = np.take_along_axis(mean, worst[..., None], axis=-1)[..., 0]
    result: F64 = np.where(scan > 0.0, np.clip(active - mean[..., 0], 0.0, scan), 0.0)
    return result


def credits_of(rules: Sequence[Credit], risk: F64, delta: F64) -> F64:
    """`[..., C]` credit of each combined commodity, positive, from its price risk and its net delta, both `[..., C]`.

    Spreads are formed in the order of `rules`, in either direction, from what the ones before left of the net deltas. A
    leg gives back `rate` of its price risk for each delta that the spread takes of it.
    """
    left, given = delta.astype(np.float64), np.zeros(delta.shape)
    size = np.abs(delta)
    for rule in rules:
        for way in (1, -1):
            counts = [np.maximum(way * side * left[..., c], 0.0) / ratio for c, ratio, side in rule.legs]
            count = np.minimum.reduce(counts)
            for (c, ratio, side), mine in zip(rule.legs, counts, strict=True):
                taken = count * ratio
                part = np.divide(taken, size[..., c], out=np.zeros_like(taken), where=size[..., c] > 0.0)
                given[..., c] += risk[..., c] * np.minimum(part, 1.0) * rule.rate
                left[..., c] = np.where(mine <= count, np.where(count > 0.0, 0.0, left[..., c]), left[..., c])
                left[..., c] = np.where(mine > count, left[..., c] - way * side * taken, left[..., c])
    return given


@dataclass(frozen=True, eq=False)
class Commodity:
    """One combined commodity of `M` positions: `loss[M, 16]` and `delta[M]` of each position, its contract month
    `month[M]` (numbers from zero), `tier[M]` of that month, and `minimum[M]` that its sold options ask for.

    `offsets` are in money for each unit of delta.
    """

    name: str
    loss: F64
    delta: F64
    month: I64
    tier: I64
    minimum: F64
    offsets: Offsets

    def sides(self) -> tuple[F64, F64, F64]:
        """Long and short deltas of each tier `[T]`, and the net delta of each month `[months]`.

        A contract month is net by itself; what is long in one month and short in another of the same tier is not.
        """
        size = self.offsets.outright.size
        months = int(self.month.max()) + 1 if self.month.size else 0
        net = np.bincount(self.month, weights=self.delta, minlength=months)
        tiers = np.zeros(months, dtype=np.int64)
        tiers[self.month] = self.tier
        long = np.bincount(tiers, weights=np.maximum(net, 0.0), minlength=size)
        short = np.bincount(tiers, weights=np.maximum(-net, 0.0), minlength=size)
        return long.astype(np.float64), short.astype(np.float64), net.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Charge:
    """What one combined commodity is charged: `amount[t]` and `shares[t]` (`[M]`) of each of `TERMS`.

    `losses[16]` of its positions together, the `worst` scenario (-1: none loses), `delta` the net delta, `risk` the
    price risk and `floor` the short-option minimum.
    """

    commodity: Commodity
    losses: F64
    worst: int
    delta: float
    risk: float
    floor: float
    amount: dict[str, float]
    shares: dict[str, F64]

    @property
    def total(self) -> float:
        """`max(scan + calendar + spot - credit, short-option minimum)`."""
        return sum(self.amount.values())

    @property
    def kind(self) -> str:
        """What binds: `short_option` or `scan`."""
        return "short_option" if self.amount["short_option"] > 0.0 else "scan"


def charges_of(commodities: Sequence[Commodity], rules: Sequence[Credit]) -> tuple[Charge, ...]:
    """The charge of each combined commodity; the legs of `rules` are their numbers in this order.

    Shares of the charges are Euler shares, a credit is shared out as the scan is.
    """
    found = [_before_credit(c) for c in commodities]
    if not found:
        return ()
    risk, delta = np.array([f.risk for f in found]), np.array([f.delta for f in found])
    credit = credits_of(rules, risk, delta)
    return tuple(_whole(f, float(given)) for f, given in zip(found, credit, strict=True))


def _before_credit(c: Commodity) -> Charge:
    losses = c.loss.sum(axis=0)
    scan = max(float(losses.max(initial=0.0)), 0.0)
    worst = int(np.argmax(losses >= scan * (1.0 - TIE_TOLERANCE))) if scan > 0.0 else -1
    most = int(np.argmax(losses))
    shares = {"scan": c.loss[:, most] if worst >= 0 else np.zeros(c.delta.size)}
    long, short, net = c.sides()
    side = np.where(net[c.month] > 0.0, c.tier, c.tier + long.size)
    size = np.where(net[c.month] > 0.0, c.delta, -c.delta)
    amount = {"scan": scan}
    charged = c.offsets.charges(long, short)
    for term, slope, charge in zip(("calendar", "spot"), c.offsets.slopes(long, short), charged, strict=True):
        shares[term], amount[term] = size * slope[side], float(charge)
    delta = float(net.sum()) if abs(net.sum()) > 1e-12 * np.abs(c.delta).sum() else 0.0
    risk = float(price_risk(losses, np.array(scan)))
    return Charge(c, losses, worst, delta, risk, float(c.minimum.sum()), amount, shares)


def _whole(f: Charge, credit: float) -> Charge:
    amount, shares = {**f.amount, "credit": -credit}, dict(f.shares)
    scan = f.amount["scan"]
    shares["credit"] = -f.shares["scan"] * (credit / scan) if scan > 0.0 else np.zeros(f.commodity.delta.size)
    above = sum(amount.values())
    amount["short_option"] = max(f.floor - above, 0.0)
    before = np.sum([shares[t] for t in TERMS[:-1]], axis=0)
    shares["short_option"] = f.commodity.minimum - before if f.floor > above else np.zeros(before.size)
    return Charge(f.commodity, f.losses, f.worst, f.delta, f.risk, f.floor, amount, shares)
