"""A whole path at once for models that compute many states together, and one by one what they cannot tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.model import MarginModel
from plimsoll.margin.parts.moving import RANGE, Moving
from plimsoll.margin.path import ACCOUNT, States, Track, moved, tracks_of
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

BLOCK = 512
"""States computed together, so that their tables stay in the cache; no amount depends on it."""

Follow = Callable[[Moving], tuple[F64, F64]]
"""Equity and maintenance margin `[K]` of a book that a model has opened."""


def followed(
    model: MarginModel,
    account: Account,
    market: Market,
    states: States,
    opened: Callable[[Account, Market], tuple[Book, Follow]],
) -> tuple[Track, ...]:
    """The one track of an account whose model computes all states at once; see `MarginModel.along`.

    `opened` checks the account in the unmoved state, raising what an assessment would, and says how to follow it.
    States whose amounts are not finite, or far out in the range of numbers, are assessed one by one, so that they are
    refused as they would be.
    """
    moves = [*states.spot.values(), states.vol]
    sizes = [*account.collateral.values(), *account.reported.values(), *(p.quantity for p in account.positions)]
    if not len(states) or not all((x > 0.0).all() for x in moves) or any(abs(x) > RANGE for x in sizes):
        return tracks_of(model.assess, account, market, states)
    try:
        with np.errstate(all="ignore"):
            book, follow = opened(*moved(account, market, {}))
    except DocumentError:
        # told for the first state in which it is met
        return tracks_of(model.assess, account, market, states)
    equity, maintenance = np.empty(len(states)), np.empty(len(states))
    sure = np.zeros(len(states), dtype=bool)
    with np.errstate(all="ignore"):
        for start in range(0, len(states), BLOCK):
            part = slice(start, start + BLOCK)
            moving = Moving.of(book, states.part(part))
            known = moving.tame()
            if known.all():
                equity[part], maintenance[part] = follow(moving)
                sure[part] = np.isfinite(equity[part]) & np.isfinite(maintenance[part])
            elif known.any():
                at = start + np.flatnonzero(known)
                equity[at], maintenance[at] = follow(Moving.of(book, states.part(at)))
                sure[at] = np.isfinite(equity[at]) & np.isfinite(maintenance[at])
    left = np.flatnonzero(~sure)
    if left.size:
        (exact,) = tracks_of(model.assess, account, market, states.part(left))
        equity[left], maintenance[left] = exact.equity, exact.maintenance
    return (Track(ACCOUNT, equity, maintenance),)
