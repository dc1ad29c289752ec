"""What accounts do of their own will between two steps of a cascade: they trade with the rest of the venue, and pay
in or out. Money and lots stay what they were in sum, to the unit.

Fleets of one linear contract for each account, in the venue's currency.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.laboratory.cascade import Steps

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def check_plain(steps: Steps) -> None:
    """Raises `DocumentError` unless every account has one position, in one linear contract of the venue's currency."""
    fleet = steps.world.fleet
    if len(fleet.instruments) != 1 or fleet.instruments[0].kind != "linear" or len(fleet.currencies) != 1:
        raise refuse("fleet.instruments", [i.name for i in fleet.instruments], "one linear contract, in one currency")
    if not np.array_equal(fleet.indptr, np.arange(fleet.accounts + 1)):
        raise refuse("fleet.indptr", f"{fleet.indices.size} positions", f"one for each of {fleet.accounts} accounts")


def trade(steps: Steps, change: I64, half_spread: float) -> F64:
    """`change[A]` lots (signed) that accounts buy from the rest of the venue at the last price; USD traded by each.

    Each pays `half_spread` (a part) of what it trades to makers and the venue's fee to the venue, rounded up. Whoever
    trades and had waited to be closed is looked at anew. Raises `DocumentError` for another shape or a spread below
    zero.
    """
    world, state = steps.world, steps.state
    if change.shape != state.lots.shape or change.dtype != np.int64:
        raise refuse("change", f"{change.dtype} of shape {change.shape}", f"int64 of shape {state.lots.shape}")
    if not (np.isfinite(half_spread) and half_spread >= 0.0):
        raise refuse("half_spread", half_spread, "a part from zero up")
    now = world.catalogue.worth(steps.out.price[steps.done], world.vol[steps.done], world.days(steps.done))
    each = int(now.price[0])
    size = np.abs(change) * each
    cost = np.ceil(size * half_spread).astype(np.int64)
    fee = np.ceil(size * world.venue.taker_fee).astype(np.int64)
    state.lots += change
    state.entry += change * each
    state.cash[:, 0] -= change * each + cost + fee
    state.rest_lots[0] -= change.sum()
    state.parties["rest"][0] += int((change * each).sum())
    state.parties["makers"][0] += int(cost.sum())
    state.parties["fees"][0] += int(fee.sum())
    steps.traded()
    found: F64 = size / world.unit
    return found


def pay(steps: Steps, units: I64) -> None:
    """`units[A]` that accounts get from their owners (below zero: send to them)."""
    state = steps.state
    if units.shape != (state.cash.shape[0],) or units.dtype != np.int64:
        raise refuse("units", f"{units.dtype} of shape {units.shape}", f"int64 of shape {(state.cash.shape[0],)}")
    state.cash[:, 0] += units
    state.parties["owners"][0] -= int(units.sum())


def equity(steps: Steps) -> I64:
    """Units `[A]` of each account at the last price."""
    world = steps.world
    now = world.catalogue.worth(steps.out.price[steps.done], world.vol[steps.done], world.days(steps.done))
    found: I64 = steps.state.cash[:, 0] + steps.state.lots * int(now.usd[0])
    return found
