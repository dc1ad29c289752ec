"""Forced orders of a cascade: who waits how long, how much of an account is closed, and the trade itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from plimsoll.kernels import charged
from plimsoll.laboratory.depth import BUY, SELL, SIDES, DepthBook
from plimsoll.laboratory.fleet import owners_of, positions_of
from plimsoll.laboratory.instruments import Worth
from plimsoll.laboratory.losses import close
from plimsoll.laboratory.policy import Asked
from plimsoll.laboratory.state import State
from plimsoll.laboratory.world import Standing, World

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

PARTS = 2**16
"""A partial close takes a whole number of these parts of every position, each rounded up to a lot."""

_GAMMA = 0x9E3779B97F4A7C15
_MASK = 2**64 - 1


def uniform(seed: int, number: int, count: int) -> float:
    """A number between zero and one that follows from the three alone.

    >>> 0.0 < uniform(1, 2, 3) < 1.0, uniform(1, 2, 3) == uniform(1, 2, 3), uniform(1, 2, 3) == uniform(1, 3, 3)
    (True, True, False)
    """
    z = _mix((seed * _GAMMA + 1) & _MASK)
    z = _mix((z ^ (number * 0xD1B54A32D192ED03)) & _MASK)
    z = _mix((z ^ (count * 0x8CB92BA72F3D8DD7)) & _MASK)
    return float((z >> 11) + 0.5) * 2.0**-53


def _mix(z: int) -> int:
    z = (z + _GAMMA) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class Queue:
    """Who waits to be closed: `due[A]` is the step from which, -1 for nobody; `count[A]` how often it was queued."""

    def __init__(self, world: World, seed: int) -> None:
        accounts = world.fleet.accounts
        self.world, self.seed = world, seed
        self.due = np.full(accounts, -1, dtype=np.int64)
        self.count = np.zeros(accounts, dtype=np.int64)
        self.amber = np.full(accounts, -1, dtype=np.int64)
        self.sent = 0
        self.promised = 0.0

    def look(self, standing: Standing, held: npt.NDArray[np.bool_], step: int, asked: Asked) -> int:
        """Queue whoever came under its line and take out whoever left it; how many are under now."""
        under = held & (standing.equity < standing.red)
        if asked.grace > 0.0:
            amber = held & (standing.equity < standing.line)
            self.amber[~amber] = -1
            self.amber[amber & (self.amber < 0)] = step
            waited = (step - self.amber) * self.world.path.step_seconds
            under |= amber & (waited >= asked.grace)
        self.due[~under] = -1
        new = np.flatnonzero(under & (self.due < 0))
        if new.size:
            self.due[new] = step + self._delay(new, step, int((self.due >= 0).sum()))
            self.count[new] += 1
        return int(under.sum())

    def _delay(self, rows: I64, step: int, waiting: int) -> I64:
        keepers, path = self.world.venue.keepers, self.world.path
        if keepers.latency == 0.0:
            return np.zeros(rows.size, dtype=np.int64)
        gas = float(path.gas[step])
        median = keepers.latency * gas**keepers.slows
        if keepers.capacity is not None and keepers.congestion:
            median *= 1.0 + keepers.congestion * waiting / (keepers.capacity / gas**keepers.thins * self.world.minutes)
        ids = self.world.fleet.ids[rows].tolist()
        z = ndtri(np.array([uniform(self.seed, i, c) for i, c in zip(ids, self.count[rows].tolist(), strict=True)]))
        seconds = median * np.exp(keepers.spread * z)
        found: I64 = np.floor(np.minimum(seconds / path.step_seconds, 1e15)).astype(np.int64)
        return found

    def open_step(self, step: int) -> None:
        """A new step's capacity: the whole orders that have been promised and not sent."""
        keepers = self.world.venue.keepers
        if keepers.capacity is not None:
            # what a quiet step leaves unused is lost, its fraction is not
            self.promised = (
                self.promised % 1.0
                + keepers.capacity / float(self.world.path.gas[step]) ** keepers.thins * self.world.minutes
            )
        self.sent = 0

    def ready(self, step: int) -> I64:
        """Whoever is due and can be sent, the longest due first and of those the lowest number; by number."""
        ids = self.world.fleet.ids
        rows = np.flatnonzero((self.due >= 0) & (self.due <= step))
        if self.world.venue.keepers.capacity is not None:
            rows = rows[np.lexsort((ids[rows], self.due[rows]))][: max(0, int(self.promised) - self.sent)]
        return rows[np.argsort(ids[rows])]


def parts_to_close(world: World, state: State, rows: I64, standing: Standing, asked: Asked, now: Worth) -> I64:
    """Of `PARTS`, how many of each position of `rows` to close: all, or the fewest that reach the target.

    ```
    equity - fees * notional closed >= target * (scalar * base of the rest + addon)
    ```

    by halving; books with scenario columns shrink in proportion. All where nothing less reaches it.
    """
    if world.venue.close == "whole":
        return np.full(rows.size, PARTS, dtype=np.int64)
    fleet, unit = world.fleet, world.unit
    places = positions_of(fleet.indptr, rows)
    owner = owners_of(fleet.indptr, rows)
    n = fleet.indices[places]
    notional = np.abs((state.lots[places] * now.size[n]).astype(np.float64))
    u = world.catalogue.underlying[n]
    ends, rates = asked.ends[u] * unit, asked.maintenance[u]
    more = np.asarray(asked.addon, dtype=np.float64) * unit
    addon = more[rows] if more.ndim else np.full(rows.size, float(more))
    equity = standing.equity[rows].astype(np.float64)
    fee = world.venue.liquidation_fee + world.venue.taker_fee
    whole = np.bincount(owner, weights=notional, minlength=rows.size)
    base = np.bincount(owner, weights=charged(notional, ends, rates), minlength=rows.size)
    # what scenario columns ask beyond the tiers
    excess = np.maximum(0.0, (standing.line[rows] - addon) / asked.scalar - base) if asked.columns is not None else 0.0
    low, high = np.zeros(rows.size, dtype=np.int64), np.full(rows.size, PARTS, dtype=np.int64)
    while (high - low > 1).any():
        middle = (low + high) // 2
        rest = 1.0 - middle / PARTS
        tiers = np.bincount(owner, weights=charged(notional * rest[owner], ends, rates), minlength=rows.size)
        need = asked.scalar * (tiers + excess * rest) + addon
        enough = equity - fee * (1.0 - rest) * whole >= world.venue.target * need
        high = np.where(enough, middle, high)
        low = np.where(enough, low, middle)
    return high


@dataclass
class Traded:
    """What one round sent to the order books: USD sold and bought by underlying `[U, 2]`, and lots in all."""

    usd: F64
    lots: int


def trade(
    world: World,
    state: State,
    books: list[DepthBook],
    rows: I64,
    parts: I64,
    price: F64,
    step: int,
) -> Traded:
    """Close `parts` of the positions of `rows` (in order of their numbers) on the books; prices move with it.

    All orders of a round on one side of an underlying have the mean price of their walk together, so that nobody is
    better off by a lower number. Where a book takes less, every order is filled by the same part, in whole lots.
    """
    fleet, unit = world.fleet, world.unit
    now = world.catalogue.worth(price, world.vol[step], world.days(step))
    places = positions_of(fleet.indptr, rows)
    owner = owners_of(fleet.indptr, rows)
    n = fleet.indices[places]
    lots = state.lots[places]
    wanted = -(-np.abs(lots) * parts[owner] // PARTS)
    u = world.catalogue.underlying[n]
    flow = -np.sign(lots) * now.delta[n]
    side = np.where(flow < 0, SELL, BUY)
    asked_for = np.zeros((len(books), 2), dtype=np.int64)
    np.add.at(asked_for, (u, side), np.abs(wanted * flow))
    share = np.ones((len(books), 2))
    for k in range(len(books)):
        depth = world.depth[step, k] * books[k].posted
        for s in SIDES:
            if asked_for[k, s]:
                usd = float(asked_for[k, s]) / unit
                found = books[k].walk(usd, s, price[k], world.outside[step, k], depth, world.venue.band)
                share[k, s] = found.filled / usd
    filled = np.where(share[u, side] >= 1.0, wanted, np.floor(wanted * share[u, side]).astype(np.int64))
    done = np.zeros((len(books), 2), dtype=np.int64)
    np.add.at(done, (u, side), np.abs(filled * flow))
    means = np.stack([price, price], axis=1)
    for k in range(len(books)):
        depth = world.depth[step, k] * books[k].posted
        walks = []
        for s in SIDES:
            if done[k, s]:
                usd = float(done[k, s]) / unit
                found = books[k].walk(usd, s, price[k], world.outside[step, k], depth, world.venue.band)
                means[k, s] = price[k] * found.mean
                walks.append((found, s))
        for found, s in walks:
            books[k].trade(found, s)
    sold, bought = (world.catalogue.worth(means[:, s], world.vol[step], world.days(step)).price for s in SIDES)
    change = -np.sign(lots) * filled
    for s, own in ((SELL, sold), (BUY, bought)):
        mine = (side == s) & (filled > 0)
        close(world, state, places[mine], change[mine], own)
        np.subtract.at(state.maker_lots, n[mine], change[mine])
        np.add.at(state.parties["makers"], world.settle[n[mine]], change[mine] * own[n[mine]])
    _fees(world, state, rows, owner, n, filled, now, price, step)
    return Traded(done.astype(np.float64) / unit, int(filled.sum()))


def _fees(
    world: World, state: State, rows: I64, owner: I64, n: I64, filled: I64, now: Worth, price: F64, step: int
) -> None:
    """The venue's fee and the one of liquidation on what was closed, in the venue's currency, from what is left."""
    venue, fleet = world.venue, world.fleet
    closed = np.zeros(rows.size, dtype=np.int64)
    np.add.at(closed, owner, filled * now.size[n])
    left = world.base(state.cash[rows], world.rates(step, price))
    places = positions_of(fleet.indptr, rows)
    np.add.at(left, owner, state.lots[places] * now.usd[n])
    left = np.maximum(left, 0)
    for rate, to in ((venue.taker_fee, "fees"), (venue.liquidation_fee, venue.fee_to)):
        fee = np.minimum(np.ceil(closed * rate).astype(np.int64), left)
        state.cash[rows, 0] -= fee
        state.parties[to][0] += fee.sum()
        left -= fee


def worth_while(world: World, state: State, rows: I64, parts: I64, now: Worth, step: int) -> npt.NDArray[np.bool_]:
    """Whether keepers act on each of `rows`: the fee of the close covers gas and the profit that they want."""
    venue, keepers = world.venue, world.venue.keepers
    if venue.fee_to != "keepers":
        return np.ones(rows.size, dtype=np.bool_)
    fleet = world.fleet
    places = positions_of(fleet.indptr, rows)
    owner = owners_of(fleet.indptr, rows)
    notional = np.abs((state.lots[places] * now.size[fleet.indices[places]]).astype(np.float64))
    usd = np.bincount(owner, weights=notional, minlength=rows.size) * (parts / PARTS) / world.unit
    cost = keepers.gas_cost * float(world.path.gas[step]) + keepers.profit * usd
    found: npt.NDArray[np.bool_] = venue.liquidation_fee * usd >= cost
    return found
