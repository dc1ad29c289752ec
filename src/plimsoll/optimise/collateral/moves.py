"""Moves of collateral in an order in which no account falls below its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.documents import PlimsollError
from plimsoll.optimise.collateral.posted import exact_room
from plimsoll.optimise.collateral.treasury import Route, Treasury

SLICES = (1, 2, 4, 8, 16)
"""Parts into which transfers without a fee are cut where no order of whole ones will do."""

DUST = 1e-9
"""Part of what there is of an asset below which a move is rounding."""


@dataclass(frozen=True)
class Move:
    """A transfer or a swap. `amount` in `asset` as it arrives (of a swap: as it is sold), `fee` in the asset, `cost` US
    dollars with what is forgone on the way.

    `into` is the asset bought and `bought` its amount, of a swap. `source_room` and `target_room` are initial margin's
    room under the exact rules after the move at either end, US dollars (`None` for a wallet); the target's is that of
    `hours` later, when it has arrived.
    """

    source: str
    target: str
    asset: str
    amount: float
    fee: float
    cost: float
    hours: float
    into: str = ""
    bought: float = 0.0
    source_room: float | None = None
    target_room: float | None = None


@dataclass(frozen=True)
class Order:
    """Moves in order. `complete` is false where none keeps every account above its line: they are those until there."""

    moves: tuple[Move, ...]
    complete: bool
    slices: int


@dataclass(frozen=True)
class Wanted:
    """One move that is to be made: a route with its amount, or a swap in a wallet with the dollars sold."""

    route: Route | None
    amount: float
    wallet: int = 0
    swap: int = 0


def state_after(t: Treasury, moves: Sequence[Wanted]) -> list[dict[str, float]]:
    """Balances less loans of every node after moves, whatever their order."""
    held = [t.held(n) for n in range(len(t.nodes))]
    for m in moves:
        transferred(t, held, m)
    return held


def moves_cost(t: Treasury, moves: Sequence[Wanted]) -> float:
    """US dollars that moves cost, once."""
    return sum(_cost(t, m) for m in moves)


def order_moves(t: Treasury, moves: Sequence[Wanted]) -> Order:
    """Order moves so that after each of them every account has initial margin (or no less above it than at the start
    where that was below) and nobody sends what is not there. First stand swaps and transfers out of wallets, then the
    others; what cannot be made yet waits for them.
    """
    for slices in SLICES:
        parts = [p for m in moves for p in parts_of(t, m, slices)]
        done, complete = _ordered(t, parts)
        if complete or (len(parts) == len(moves) and slices > 1):
            break
    return Order(tuple(done), complete, slices)


def parts_of(t: Treasury, m: Wanted, slices: int) -> list[Wanted]:
    """A transfer without a fee in parts, whole lots where there are lots."""
    if m.route is None or m.route.fee or slices == 1:
        return [m]
    lot = t.terms.of(m.route.asset).lot
    if lot is None:
        return [Wanted(m.route, m.amount / slices)] * slices
    whole = round(m.amount / lot)
    sizes = [whole // slices + (k < whole % slices) for k in range(slices)]
    return [Wanted(m.route, n * lot) for n in sizes if n]


def _ordered(t: Treasury, moves: Sequence[Wanted]) -> tuple[list[Move], bool]:
    first = len(t.wallets)
    held = [t.held(n) for n in range(len(t.nodes))]
    line = [min(0.0, _room(t, first + k, held)) - 1e-6 - 1e-9 * abs(p.room) for k, p in enumerate(t.accounts)]
    left, done = sorted(moves, key=lambda m: (m.route is not None, m.route is not None and m.route.source >= first)), []
    while left:
        for m in left:
            trial = [dict(h) for h in held]
            transferred(t, trial, m)
            if not is_there(t, held, trial, m):
                continue
            source = m.wallet if m.route is None else m.route.source
            try:
                rooms = [None if n < first else _room(t, n, trial) for n in ends_of(m)]
            except PlimsollError:
                continue
            room = rooms[0]
            if source >= first and (room is None or room < line[source - first]):
                continue
            held = trial
            done.append(told(t, m, rooms))
            left.remove(m)
            break
        else:
            return done, False
    return done, True


def ends_of(m: Wanted) -> tuple[int, int]:
    """The nodes of a move."""
    return (m.wallet, m.wallet) if m.route is None else (m.route.source, m.route.target)


def is_there(t: Treasury, before: list[dict[str, float]], after: list[dict[str, float]], m: Wanted) -> bool:
    """Whether the sender has it, or is lent it."""
    n, asset = ends_of(m)[0], t.terms.swaps[m.swap].sell if m.route is None else m.route.asset
    least = 0.0
    if n >= len(t.wallets):
        curve = t.accounts[n - len(t.wallets)].curves[asset]
        least = min(0.0, float(curve.low[0]))
    return after[n].get(asset, 0.0) >= least - DUST * max(1.0, abs(before[n].get(asset, 0.0)))


def _room(t: Treasury, node: int, held: list[dict[str, float]]) -> float:
    """`equity - initial` under the exact rules, US dollars: the line, without buffers."""
    p = t.accounts[node - len(t.wallets)]
    return exact_room(p.holding.model, p.account(tidy(t, held[node])), t.market, 0.0)


def tidy(t: Treasury, net: dict[str, float]) -> dict[str, float]:
    """Balances without what is only rounding."""
    return {a: x for a, x in net.items() if abs(x) * t.price.get(a, 1.0) > 1e-7}


def transferred(t: Treasury, held: list[dict[str, float]], m: Wanted) -> None:
    """Make one move in balances less loans of every node."""
    if m.route is None:
        s, own = t.terms.swaps[m.swap], held[m.wallet]
        own[s.sell] = own.get(s.sell, 0.0) - m.amount / t.price[s.sell]
        own[s.buy] = own.get(s.buy, 0.0) + m.amount * (1.0 - s.spread) / t.price[s.buy]
        return
    r = m.route
    held[r.source][r.asset] = held[r.source].get(r.asset, 0.0) - m.amount * (1.0 + r.rate) - r.fee
    held[r.target][r.asset] = held[r.target].get(r.asset, 0.0) + m.amount


def _cost(t: Treasury, m: Wanted) -> float:
    if m.route is None:
        return m.amount * t.swap_cost(t.terms.swaps[m.swap])
    r = m.route
    return (m.amount * (r.unit + r.rate) + r.fee) * t.price[r.asset]


def told(t: Treasury, m: Wanted, rooms: Sequence[float | None]) -> Move:
    """A move as it is told, with the rooms at its ends."""
    if m.route is None:
        s, name = t.terms.swaps[m.swap], t.nodes[m.wallet]
        sold = m.amount / t.price[s.sell]
        bought = m.amount * (1.0 - s.spread) / t.price[s.buy]
        return Move(name, name, s.sell, sold, 0.0, _cost(t, m), 0.0, s.buy, bought)
    r = m.route
    fee = r.fee + r.rate * m.amount
    return Move(
        t.nodes[r.source], t.nodes[r.target], r.asset, m.amount, fee, _cost(t, m), r.hours,
        source_room=rooms[0], target_room=rooms[1],
    )  # fmt: skip
