"""The liquidation-density map: how much notional comes below its line within each bucket of each underlying's price."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import DocumentError
from plimsoll.live.engine import Engine
from plimsoll.live.events import Prices, forward_key
from plimsoll.live.margins import RowMargins, margins_of
from plimsoll.live.monitors.block import Block
from plimsoll.live.prices import HotPrices
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.path import States
from plimsoll.market import Market

BOOL = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Bucket:
    """Accounts whose line lies between two moves of an underlying that moves alone: at `least` of the index or nearer
    they were above it, at `most` they are below.

    `notional` is the gross of that underlying that they hold, `sold` and `bought` the USD of delta by which closing
    them hits the market, today's deltas, at `price` (where the bucket ends).
    """

    least: float
    most: float
    price: float
    accounts: int
    notional: float
    sold: float
    bought: float


@dataclass(frozen=True)
class Side:
    """The buckets of one direction, from the index outwards. `beyond` accounts with positions there have no line within
    the last move, or none; `silent` gave no number on the way and are counted from there on (under rules that are
    followed along a path, from the first move on)."""

    buckets: tuple[Bucket, ...]
    beyond: int
    silent: int


@dataclass(frozen=True)
class UnderlyingDensity:
    """`now` are those that are below their line today: in no bucket."""

    price: float
    now: Bucket
    fall: Side
    rise: Side


@dataclass(frozen=True)
class Density:
    """Of each underlying, where its accounts are liquidated when it moves alone, volatilities with their strikes."""

    underlyings: dict[str, UnderlyingDensity]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "underlyings": {
                u: {
                    "price": x.price,
                    "now": dict(vars(x.now)),
                    **{
                        name: {
                            "buckets": [dict(vars(b)) for b in side.buckets],
                            "beyond": side.beyond,
                            "silent": side.silent,
                        }
                        for name, side in (("fall", x.fall), ("rise", x.rise))
                    },
                }
                for u, x in self.underlyings.items()
            }
        }


@dataclass(frozen=True, eq=False)
class Question:
    """Of which `accounts` (numbers) with positions in an underlying is equity below the line when it alone is
    multiplied by each of `multipliers[J]`."""

    underlying: str
    accounts: I64
    multipliers: F64


Answer = tuple[BOOL, BOOL]
"""Of a question: which accounts are below `[K, J]`, and which gave no number on the way `[K]` and are taken to be."""


Answers = Callable[[list[Question]], list[Answer]]
"""Whoever has the accounts: an engine, or shards together."""


def density(engine: Engine, block: Block, moves: Sequence[float], told: Told | None = None) -> Density:
    """The map of an engine's accounts at the edges `moves`, increasing parts of the index in (0, 1).

    Every account is margined at every edge, exactly: by hot rows of a market that has moved, or by the model along its
    path. So the first edge at which an account is below its line is the one after its nearest exact line
    (`liquidation.density.edges`), unless it comes back above it within one bucket. Whole accounts are counted at their
    own line; what their sales do to others is a cascade, not this.
    """
    return mapped(block, engine.market(), moves, lambda asked: answers(engine, asked, told))


def mapped(
    block: Block,
    market: Market,
    moves: Sequence[float],
    answered: Answers,
    of: Collection[str] | None = None,
    *,
    margined: bool = False,
) -> Density:
    """The map of a block, whoever answers its questions: of the underlyings in `of` or of all. `margined` leaves out
    accounts that the rules refuse as they stand."""
    asked = _questions(block, market, moves, of, margined)
    return _drawn(block, market, moves, asked, answered(asked))


def _questions(
    block: Block, market: Market, moves: Sequence[float], of: Collection[str] | None, margined: bool
) -> list[Question]:
    """What the map has to know: for each underlying that somebody holds first its falls and then its rises."""
    gross = block.gross_by_underlying()
    if margined:
        gross[np.isnan(block.equity)] = 0.0
    found = []
    for k, name in enumerate(block.underlyings):
        mine = np.flatnonzero(gross[:, k] > 0.0).astype(np.int64)
        if name in market.indices and mine.size and (of is None or name in of):
            found += [Question(name, mine, np.array([1.0 + sign * m for m in moves])) for sign in (-1.0, 1.0)]
    return found


def answers(engine: Engine, asked: Sequence[Question], told: Told | None = None) -> list[Answer]:
    """Every account of every question margined at every edge; the numbers are those of the engine's accounts."""
    market = engine.market()
    # of its shards one may have no account in a question
    nobody = [not question.accounts.size for question in asked]
    if all(nobody):
        return [_none(question) for question in asked]
    below_of = _rows_below(engine, market) if isinstance(engine.margins, RowMargins) else _paths_below(engine, market)
    found = []
    for n, question in enumerate(asked):
        if told is not None:
            told(f"density of {question.underlying}", n, len(asked))
        found.append(_none(question) if nobody[n] else below_of(question))
    return found


def _none(question: Question) -> Answer:
    return np.zeros((0, question.multipliers.size), dtype=bool), np.zeros(0, dtype=bool)


def _drawn(
    block: Block, market: Market, moves: Sequence[float], asked: Sequence[Question], answered: Sequence[Answer]
) -> Density:
    """The map from the answers to its questions."""
    gross, delta = block.gross_by_underlying(), block.by_underlying(block.delta)
    below_now = block.equity < block.maintenance
    sides: dict[str, list[Side]] = {}
    found = {}
    for question, (below, silent) in zip(asked, answered, strict=True):
        name, mine = question.underlying, question.accounts
        k, price = block.underlyings.index(name), market.indices[name].price
        above = ~below_now[mine]
        # the first edge at which it is below, or gives no number any more
        first = np.where(below.any(axis=1), below.argmax(axis=1), len(moves))
        buckets = []
        for b, most in enumerate(moves):
            here = mine[above & (first == b)]
            least = moves[b - 1] if b else 0.0
            ends = price * float(question.multipliers[b])
            buckets.append(_bucket(least, most, ends, here, gross[:, k], delta[:, k]))
        own = sides.setdefault(name, [])
        own.append(Side(tuple(buckets), int((above & (first == len(moves))).sum()), int(silent.sum())))
        if len(own) == 2:
            now = _bucket(0.0, 0.0, price, mine[below_now[mine]], gross[:, k], delta[:, k])
            found[name] = UnderlyingDensity(price, now, own[0], own[1])
    return Density(found)


def _bucket(least: float, most: float, price: float, accounts: I64, gross: F64, delta: F64) -> Bucket:
    own = delta[accounts]
    # a long book is closed by selling
    sold, bought = float(np.maximum(own, 0.0).sum()), float(np.maximum(-own, 0.0).sum())
    return Bucket(least, most, price, accounts.size, float(gross[accounts].sum()), sold, bought)


Below = Callable[[Question], Answer]


def _rows_below(engine: Engine, market: Market) -> Below:
    """Hot rows of a copy of the market that moves, and every account's margins from them."""
    assert isinstance(engine.margins, RowMargins)
    model, holdings = engine.margins.model, engine.holdings
    moving = HotPrices(model, market)
    margins = margins_of(model, moving)

    def below_of(question: Question) -> Answer:
        name, accounts, multipliers = question.underlying, question.accounts, question.multipliers
        below = np.zeros((accounts.size, multipliers.size), dtype=bool)
        silent = np.zeros(accounts.size, dtype=bool)
        for j, m in enumerate([*multipliers.tolist(), 1.0]):
            margins.reprice(moving.move(moved_prices(market, name, m)))
            if j == multipliers.size:
                break
            sheet = margins.sheet(holdings, accounts)
            for a in sheet.refused:
                silent[a] = True
            # what gives no number is taken to be below
            below[:, j] = ~(sheet.equity >= sheet.maintenance)
        return below, silent

    return below_of


def _paths_below(engine: Engine, market: Market) -> Below:
    """The model along the path, account by account."""

    def below_of(question: Question) -> Answer:
        name, accounts, multipliers = question.underlying, question.accounts, question.multipliers
        below = np.zeros((accounts.size, multipliers.size), dtype=bool)
        silent = np.zeros(accounts.size, dtype=bool)
        states = States({name: multipliers}, np.ones(multipliers.size))
        for j, a in enumerate(accounts.tolist()):
            try:
                with np.errstate(all="ignore"):
                    tracks = engine.model.along(engine.account(a), market, states)
            except DocumentError:
                below[j], silent[j] = True, True
                continue
            for track in tracks:
                below[j] |= ~(track.equity >= track.needed)
        return below, silent

    return below_of


def moved_prices(market: Market, underlying: str, multiplier: float) -> Prices:
    """Every price of an underlying multiplied, as one message; what is already averaged into a forward stays."""
    forwards, factor = {}, {}
    for row in market.expiries:
        if row.underlying != underlying or row.forward is None or row.settlement is not None:
            continue
        if row.expiry > market.time:
            moved = row.forward.variable * multiplier + row.forward.fixed
            forwards[forward_key(underlying, row.expiry)] = moved
            factor[row.expiry] = moved / row.forward.price if row.forward.price > 0.0 else multiplier
    marks = {}
    for contract in market.instruments:
        mark = market.marks.get(contract.name)
        if contract.underlying != underlying or contract.kind not in ("future", "perpetual"):
            continue
        if mark is not None and mark.price is not None:
            expiry = getattr(contract, "expiry", None)
            if expiry is None or expiry > market.time:
                marks[contract.name] = mark.price * (multiplier if expiry is None else factor.get(expiry, multiplier))
    assets = {underlying: market.assets[underlying].price * multiplier} if underlying in market.assets else {}
    index = {underlying: market.indices[underlying].price * multiplier}
    return Prices("density", 1, market.time, indices=index, forwards=forwards, marks=marks, assets=assets)
