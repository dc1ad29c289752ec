"""Who pays what accounts owe: flat accounts below zero, through the venue's purses and its winners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.laboratory.deleveraging import taken_lots
from plimsoll.laboratory.fleet import owners_of, positions_of
from plimsoll.laboratory.instruments import Worth
from plimsoll.laboratory.policy import Asked
from plimsoll.laboratory.state import State, spread
from plimsoll.laboratory.world import World

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass
class Paid:
    """Units that were paid for accounts in a step, by source; what was deleveraged, in units of a USD; and what the
    insurance fund was asked for and did not have."""

    insurance_fund: int = 0
    venue_capital: int = 0
    adl: int = 0
    socialised: int = 0
    deleveraged: int = 0
    short: int = 0


def change_collateral(world: World, state: State, rows: I64, rate: F64) -> None:
    """Bring what flat accounts owe into the venue's currency: the desk changes at the rates, rounded against them.

    First what they owe in other currencies, then, while they owe the venue's own, what they have in others.
    """
    cash, desk = state.cash, state.parties["desk"]
    for c in range(1, cash.shape[1]):
        owed = np.maximum(-cash[rows, c], 0)
        cost = np.ceil(owed.astype(np.float64) * rate[c]).astype(np.int64)
        cash[rows, c] += owed
        cash[rows, 0] -= cost
        desk[c] -= owed.sum()
        desk[0] += cost.sum()
    for c in range(1, cash.shape[1]):
        need = np.maximum(-cash[rows, 0], 0).astype(np.float64)
        each = rate[c] * world.kept[c]
        if each <= 0.0:
            continue
        moved = np.minimum(np.maximum(cash[rows, c], 0), np.ceil(need / each).astype(np.int64))
        got = np.floor(moved.astype(np.float64) * each).astype(np.int64)
        cash[rows, c] -= moved
        cash[rows, 0] += got
        desk[c] += moved.sum()
        desk[0] -= got.sum()


def pots_pay(state: State, rows: I64, paid: Paid, layers: tuple[str, ...]) -> None:
    """Purses pay what flat accounts (in order of their numbers) owe; where one is short, all in proportion."""
    for layer in layers:
        owed = np.maximum(-state.cash[rows, 0], 0)
        total = int(owed.sum())
        if not total:
            return
        purse = state.parties[layer]
        shares = spread(min(int(purse[0]), total), owed)
        state.cash[rows, 0] += shares
        purse[0] -= shares.sum()
        setattr(paid, layer, getattr(paid, layer) + int(shares.sum()))
        if layer == "insurance_fund":
            paid.short += total - int(shares.sum())


def before_adl(world: World) -> tuple[str, ...]:
    """The purses that pay before anybody is deleveraged; all of them where nobody is."""
    order = world.venue.order
    end = order.index("adl") if "adl" in order else len(order)
    return tuple(x for x in order[:end] if x != "socialised")


def after_adl(world: World) -> tuple[str, ...]:
    """The purses that pay after that."""
    order = world.venue.order
    return tuple(x for x in order[order.index("adl") + 1 :] if x != "socialised") if "adl" in order else ()


def deleverage(
    world: World, state: State, failed: I64, equity: I64, now: Worth, asked: Asked, rate: F64, paid: Paid
) -> None:
    """Close the positions of `failed` (in order of their numbers) at the mark against whoever holds the other side.

    Holders are accounts with equity above zero, ranked as the venue does; then the rest of the venue, which holds what
    the fleet does not hold against itself and has gained on it since the start. What purses before do not pay is then
    paid by those who were closed, in proportion to the value that was, nobody more than its equity (the rest: than
    what the closed lots are worth).
    """
    fleet = world.fleet
    own = np.zeros(fleet.accounts, dtype=np.bool_)
    own[failed] = True
    value = np.zeros(fleet.accounts, dtype=np.int64)
    from_rest = 0
    rows = positions_of(fleet.indptr, failed)
    for n in range(len(fleet.instruments)):
        for side in (1, -1):
            mine = rows[(fleet.indices[rows] == n) & (state.lots[rows] * side > 0)]
            if not mine.size:
                continue
            there = np.flatnonzero((fleet.indices == n) & (state.lots * side < 0))
            there = there[~own[world.owner[there]] & (equity[world.owner[there]] > 0)]
            needed = int(np.abs(state.lots[mine]).sum())
            price = int(now.price[n])
            who = world.owner[there]
            ranked = taken_lots(
                world.venue.ranking,
                needed,
                state.lots[there],
                state.entry[there],
                price,
                # in the currency of the price, so that value over equity has no unit
                equity[who]
                if world.settle[n] == 0
                else np.maximum(1, (equity[who] / rate[world.settle[n]]).astype(np.int64)),
                fleet.ids[who],
                int(now.size[n]),
                asked.ends[world.catalogue.underlying[n]] * world.unit,
                asked.maintenance[world.catalogue.underlying[n]],
            )
            close(world, state, there, -np.sign(state.lots[there]) * ranked, now.price)
            value_each = np.abs(ranked * now.usd[n])
            np.add.at(value, who, value_each)
            found = int(ranked.sum())
            opposite = max(0, -side * int(state.rest_lots[n]))
            more = min(needed - found, opposite)
            if more:
                state.rest_lots[n] += side * more
                state.parties["rest"][world.settle[n]] -= side * more * price
                from_rest += abs(more * int(now.usd[n]))
            paid.deleveraged += int(value_each.sum()) + abs(more * int(now.usd[n]))
            left = found + more
            lots = np.abs(state.lots[mine])
            given = np.clip(left - (np.cumsum(lots) - lots), 0, lots)
            close(world, state, mine, -side * given, now.price)
    gone = failed[flat(world, state, failed)]
    change_collateral(world, state, gone, rate)
    pots_pay(state, gone, paid, before_adl(world))
    payers = np.flatnonzero(value > 0)
    payers = payers[np.argsort(fleet.ids[payers])]
    weights = np.minimum(value[payers], equity[payers])
    owed = np.maximum(-state.cash[gone, 0], 0)
    total = min(int(owed.sum()), int(weights.sum()) + from_rest)
    if total:
        shares = spread(total, np.append(weights, from_rest))
        state.cash[payers, 0] -= shares[:-1]
        state.parties["rest"][0] -= shares[-1]
        state.cash[gone, 0] += spread(total, owed)
        paid.adl += total
    pots_pay(state, gone, paid, after_adl(world))


def close(world: World, state: State, places: I64, change: I64, price: I64) -> None:
    """Change the lots of positions by `change` (towards zero) at `price[N]`; the other side is the caller's."""
    n = world.fleet.indices[places]
    held = np.abs(state.lots[places])
    np.subtract.at(state.cash, (world.owner[places], world.settle[n]), change * price[n])
    part = np.divide(np.abs(change).astype(np.float64), held, out=np.ones(held.size), where=held > 0)
    state.lots[places] += change
    state.entry[places] -= np.rint(state.entry[places] * part).astype(np.int64)
    state.entry[places[state.lots[places] == 0]] = 0


def socialise(world: World, state: State, failed: I64, equity: I64, now: Worth, rate: F64, paid: Paid) -> None:
    """What flat accounts still owe, from all others in proportion to what they have gained, at most their equity."""
    owed = np.maximum(-state.cash[failed, 0], 0)
    if not int(owed.sum()):
        return
    fleet = world.fleet
    n = fleet.indices
    profit = (state.lots * now.price[n] - state.entry).astype(np.float64) * rate[world.settle[n]]
    gained = np.bincount(world.owner, weights=np.floor(profit), minlength=fleet.accounts)
    weights = np.minimum(np.maximum(gained, 0.0).astype(np.int64), np.maximum(equity, 0))
    weights[failed] = 0
    payers = np.flatnonzero(weights)
    payers = payers[np.argsort(fleet.ids[payers])]
    total = min(int(owed.sum()), int(weights[payers].sum()))
    if total:
        state.cash[payers, 0] -= spread(total, weights[payers])
        state.cash[failed, 0] += spread(total, owed)
        paid.socialised += total


def flat(world: World, state: State, rows: I64) -> npt.NDArray[np.bool_]:
    """Which of `rows` hold nothing any more."""
    at = positions_of(world.fleet.indptr, rows)
    owner = owners_of(world.fleet.indptr, rows)
    held = np.bincount(owner, weights=state.lots[at] != 0, minlength=rows.size)
    found: npt.NDArray[np.bool_] = held == 0
    return found
