"""The totals of many accounts: a model's own arithmetic on blocks where it has one, else account by account."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.account import Account, Position
from plimsoll.margin.many.positions import F64, Positions
from plimsoll.margin.many.totals import Amounts, Totals
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.market import Market

if TYPE_CHECKING:
    from plimsoll.margin.model import MarginModel

Batch = Callable[[Lots], Amounts]
"""A model's arithmetic on a block of lots, its tables already computed."""

BLOCK = 8_192
"""Accounts computed together; no amount depends on it."""


def totals_of(model: MarginModel, positions: Positions, market: Market, block: int = BLOCK) -> Totals:
    """See `MarginModel.many`."""
    size = len(positions)
    initial, maintenance, equity = (np.full(size, np.nan) for _ in range(3))
    currency = np.full(size, model.rules.currency, dtype=f"<U{max(16, len(model.rules.currency))}")
    left = np.ones(size, dtype=bool)
    universe = Universe.of(model, positions.instruments, market)
    batch = model.batch(universe) if len(universe.names) else None
    if batch is not None:
        for start in range(0, size, block):
            part = slice(start, min(start + block, size))
            with np.errstate(all="ignore"):
                lots = Lots.of(universe, positions.take(part.start, part.stop))
                found = batch(lots)
            finite = np.isfinite(found.initial) & np.isfinite(found.maintenance) & np.isfinite(found.equity)
            empty = np.bincount(lots.account, minlength=lots.accounts) == 0
            sure = finite & ~lots.odd & ~found.odd & ~empty
            for whole, own in ((initial, found.initial), (maintenance, found.maintenance), (equity, found.equity)):
                whole[part] = np.where(sure, own, np.nan)
            if found.currency is not None:
                currency[part] = np.where(sure, found.currency, currency[part])
            left[part] = ~sure
    amounts = (initial, maintenance, equity)
    refused = _one_by_one(model, positions, market, np.flatnonzero(left).tolist(), amounts, currency)
    return Totals(initial, maintenance, equity, currency, refused)


def _one_by_one(
    model: MarginModel,
    positions: Positions,
    market: Market,
    accounts: list[int],
    amounts: tuple[F64, F64, F64],
    currency: np.ndarray[tuple[int], np.dtype[np.str_]],
) -> dict[int, tuple[Problem, ...]]:
    """Fill in `accounts` by the exact engine; the problems of those that it refuses."""
    refused: dict[int, tuple[Problem, ...]] = {}
    empty: tuple[list[float], str] | list[Problem] | None = None
    for a in accounts:
        held = _held(positions, a)
        found = empty if not held and empty is not None else _exact(model, held, market)
        if not held:
            empty = found
        if isinstance(found, list):
            refused[a] = tuple(Problem(_numbered(p.path, a), p.got, p.allowed) for p in found)
        else:
            for whole, own in zip(amounts, found[0], strict=True):
                whole[a] = own
            currency[a] = found[1]
    return refused


def _held(positions: Positions, a: int) -> dict[str, float]:
    """Contracts by instrument of account `a`; what it holds twice is added, what comes to nothing left out."""
    lots: dict[str, list[float]] = {}
    for j in range(int(positions.indptr[a]), int(positions.indptr[a + 1])):
        lots.setdefault(positions.instruments[positions.indices[j]], []).append(float(positions.quantity[j]))
    # the exact sum, whatever the order in which they stand
    held = {name: math.fsum(lots[name]) for name in sorted(lots)}
    return {name: quantity for name, quantity in held.items() if quantity != 0.0}


def _exact(model: MarginModel, held: dict[str, float], market: Market) -> tuple[list[float], str] | list[Problem]:
    """Initial, maintenance, equity and currency of one account, or why there are none."""
    try:
        account = Account(
            mode=model.MODES[0], positions=tuple(Position(instrument=n, quantity=q) for n, q in held.items())
        )
        with np.errstate(all="ignore"):
            found = model.assess(account, market, "refuse")
    except ValidationError:
        return [Problem("account", "an amount that is not finite", "sizes that double precision can multiply")]
    except DocumentError as error:
        return error.problems
    initial, maintenance = sum(c.initial for c in found.components), sum(c.maintenance for c in found.components)
    return [initial, maintenance, found.net_equity], found.currency or model.rules.currency


def _numbered(path: str, account: int) -> str:
    """The path with the account's number in it; what is wrong with the market keeps its path behind the number."""
    here = f"accounts[{account}]"
    return here + path.removeprefix("account") if path.startswith("account") else f"{here}: {path}"
