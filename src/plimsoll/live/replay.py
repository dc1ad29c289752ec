"""Recorded markets as events: a chain's snapshots, a day of an order book; played at any speed."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from plimsoll.contracts import Contract, Perpetual, is_dated
from plimsoll.contracts.settlement import Settlement as SettledIn
from plimsoll.documents import Part, refuse
from plimsoll.feeds.deribit_chain import import_chain, list_snapshots
from plimsoll.feeds.generated import generated_market
from plimsoll.feeds.recording import Trades, read_recording
from plimsoll.live.events import Clock, Event, Fill, Listing, Prices, Settlement, forward_key
from plimsoll.live.listing import listed
from plimsoll.market import Market
from plimsoll.market.snapshot import Mark

BOOK_PERPETUAL = "BTCUSDT"
"""The contract that a recorded book of Binance USD-M futures is of, linear in USDT."""


@dataclass(frozen=True, eq=False)
class Feed:
    """A market to start from and the events that follow. `notes` say what was assumed or left out."""

    market: Market
    events: Callable[[Sequence[str]], Iterator[Event]]
    notes: tuple[str, ...]


def chain_feed(path: str | Path, *, fills: int = 200, seed: int = 7, perpetual: str | Path | None = "index") -> Feed:
    """The snapshots of a chain file: the first is the market, each later one a clock, its settlements and its prices.

    The prices of a snapshot come as one message for each coin (index, forwards, marks of futures and the perpetual) and
    one of volatilities for each expiry, all with the time of the snapshot. An expiry that lies between two snapshots
    settles at the index of the later one, for a chain has no delivery price. Contracts that a later snapshot is the
    first to price are listed with it. Between two snapshots `fills` are drawn at random (`seed`): accounts, contracts
    and lots, at the marks of the file. Raises what `import_chain` raises, and `DocumentError` for a file of one
    snapshot.
    """
    snapshots = list_snapshots(path)
    if len(snapshots) < 2:
        raise refuse("chain", f"{len(snapshots)} snapshot", "two snapshots or more", str(path))
    markets = [import_chain(path, at=s.time, perpetual=perpetual) for s in snapshots]
    first = markets[0]

    def events(accounts: Sequence[str]) -> Iterator[Event]:
        rng = np.random.default_rng(seed)
        numbers: dict[str, Iterator[int]] = {name: count(1) for name in ("clock", "venue", "feed", "matching")}
        known = first
        for before, market in zip([first, *markets], markets, strict=False):
            if market is not first:
                yield from _settled(known, before, market, numbers)
                yield Clock("clock", next(numbers["clock"]), market.time)
                news = _listing(known, market)
                if news is not None:
                    event = Listing("venue", next(numbers["venue"]), market.time, *news)
                    known = listed(known, event)
                    yield event
                yield from _told(known, market, numbers)
            if accounts:
                yield from _fills(known, market, accounts, fills, rng, numbers)

    notes = (
        f"{len(snapshots)} snapshots of {Path(path).name}, {snapshots[0].time:%Y-%m-%d %H:%M} to "
        f"{snapshots[-1].time:%Y-%m-%d %H:%M}",
        "contracts that are listed later are taken up; expiries settle at the next index",
        f"{fills} fills after each snapshot are drawn, at the marks of the file",
    )
    return Feed(first, events, notes)


Parts = tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...], dict[str, dict[str, Any]]]


def _listing(known: Market, market: Market) -> Parts | None:
    """Contracts, expiries and marks that a snapshot has and nobody knew, of coins that are known; `None` without any.

    A contract without a price, or past its expiry, is no news.
    """
    fresh = [
        c
        for c in market.instruments
        if c.name not in known.contracts
        and c.underlying in known.indices
        and c.name in market.marks
        and not (is_dated(c) and c.expiry <= market.time)
        and (c.kind != "option" or market.marks[c.name].vol)
    ]
    had = {forward_key(e.underlying, e.expiry) for e in known.expiries}
    needed = {forward_key(c.underlying, c.expiry) for c in fresh if is_dated(c)} - had
    terms = [e for e in market.expiries if forward_key(e.underlying, e.expiry) in needed]
    told = {forward_key(e.underlying, e.expiry) for e in terms}
    fresh = [c for c in fresh if not is_dated(c) or forward_key(c.underlying, c.expiry) in had | told]
    if not fresh:
        return None
    return (
        tuple(_written(c) for c in fresh),
        tuple(_written(e) for e in terms),
        {c.name: _written(market.marks[c.name]) for c in fresh},
    )


def _written(part: Part) -> dict[str, Any]:
    """A part of a market as its document writes it."""
    return part.model_dump(mode="json", by_alias=True)


def _settled(first: Market, before: Market, market: Market, numbers: dict[str, Iterator[int]]) -> Iterator[Event]:
    for row in first.expiries:
        if before.time < row.expiry <= market.time and row.underlying in market.indices:
            price = market.indices[row.underlying].price
            number = next(numbers["venue"])
            yield Settlement("venue", number, max(row.expiry, before.time), row.underlying, row.expiry, price)


def _told(first: Market, market: Market, numbers: dict[str, Iterator[int]]) -> Iterator[Event]:
    """The prices of a snapshot, of what the first one lists and prices."""
    listed = first.contracts
    alive = {forward_key(e.underlying, e.expiry): e for e in first.expiries if e.expiry > market.time and e.forward}
    for coin in sorted(first.indices):
        if coin not in market.indices:
            continue
        forwards = {
            key: row.forward.price
            for row in market.expiries
            if row.underlying == coin and row.forward and (key := forward_key(coin, row.expiry)) in alive
        }
        marks: dict[str, float] = {}
        vols: dict[str, dict[str, float]] = {}
        for name, mark in market.marks.items():
            contract = listed.get(name)
            old = first.marks.get(name)
            if contract is None or old is None or contract.underlying != coin:
                continue
            if contract.kind in ("future", "perpetual") and mark.price is not None and old.price is not None:
                if not is_dated(contract) or contract.expiry > market.time:
                    marks[name] = mark.price
            elif contract.kind == "option" and mark.vol and old.vol and contract.expiry > market.time:
                vols.setdefault(contract.expiry.isoformat(), {})[name] = mark.vol
        yield Prices(
            "feed", next(numbers["feed"]), market.time,
            indices={coin: market.indices[coin].price}, forwards=forwards, marks=marks,
        )  # fmt: skip
        for _, own in sorted(vols.items()):
            yield Prices("feed", next(numbers["feed"]), market.time, vols=own)


def _fills(
    first: Market, market: Market, accounts: Sequence[str], size: int, rng: np.random.Generator,
    numbers: dict[str, Iterator[int]],
) -> Iterator[Event]:  # fmt: skip
    pool: list[tuple[Contract, float, float]] = []
    for contract in first.instruments:
        mark = market.marks.get(contract.name)
        if mark is None or not mark.price or (is_dated(contract) and contract.expiry <= market.time):
            continue
        if contract.kind == "option" and mark.vol and first.marks[contract.name].vol:
            pool.append((contract, mark.price, 0.1))
        elif contract.kind in ("future", "perpetual"):
            pool.append((contract, mark.price, 100.0))
    for _ in range(size if pool else 0):
        contract, price, lot = pool[int(rng.integers(len(pool)))]
        lots = float(1 + rng.geometric(0.2)) * (1.0 if rng.random() < 0.5 else -1.0)
        who = accounts[int(rng.integers(len(accounts)))]
        yield Fill("matching", next(numbers["matching"]), market.time, who, contract.name, round(lots * lot, 9), price)


def book_feed(path: str | Path, *, step_ms: int = 100, seed: int = 7) -> Feed:
    """A recorded book of Binance's BTCUSDT perpetual: its mid as the index, its trades as fills of two accounts each.

    The market is a generated chain whose index and forwards stand at the first mid; every `step_ms` with a change the
    index, the forwards and the marks follow the mid in proportion: a book says nothing of volatilities. Buyer and
    seller of a trade are drawn (`seed`). A clock comes every ten seconds of the recording. Raises what `read_recording`
    raises.
    """
    recording = read_recording(path)
    step = step_ms * 1_000_000
    opening = next(iter(recording.books(step)), None)
    if opening is None:
        raise refuse("recording", "no book that is known", "a snapshot and changes that follow it", str(path))
    began = opening[0].time_ns
    start = datetime.fromtimestamp(began / 1e9, tz=UTC)
    market = _at(generated_market(seed=seed, time=start, underlyings=("BTC",)), opening[0].mid)

    def events(accounts: Sequence[str]) -> Iterator[Event]:
        rng = np.random.default_rng(seed)
        numbers: dict[str, Iterator[int]] = {name: count(1) for name in ("clock", "feed", "matching")}
        trades = recording.trades
        at, due = 0, start
        for book, _ in recording.books(step):
            stamp, mid = book.time_ns, book.mid
            while at < len(trades) and trades.times[at] <= stamp:
                if len(accounts) > 1 and trades.times[at] >= began:
                    yield from _trade(trades, at, accounts, rng, numbers["matching"])
                at += 1
            now = datetime.fromtimestamp(stamp / 1e9, tz=UTC)
            if now >= due:
                due = now + timedelta(seconds=10)
                yield Clock("clock", next(numbers["clock"]), now)
            yield _moved(market, mid, now, next(numbers["feed"]))

    notes = (
        f"{Path(path).name}, every {step_ms} ms with a change; {len(recording.trades):,} trades are fills of two each",
        "the chain around the recorded price is generated; forwards and marks follow the mid",
    )
    return Feed(market, events, notes)


def _at(market: Market, price: float) -> Market:
    """A generated market of one coin moved to a price, with the recorded perpetual beside its own."""
    ratio = price / market.indices["BTC"].price
    expiries = tuple(
        e if e.forward is None else e.model_copy(
            update={"forward": e.forward.model_copy(update={"variable": e.forward.variable * ratio})}
        )
        for e in market.expiries
    )  # fmt: skip
    swap = Perpetual(
        name=BOOK_PERPETUAL, underlying="BTC", settlement=SettledIn.LINEAR, currency="USDT", multiplier=1.0
    )
    marks = dict(market.marks)
    for contract in market.instruments:
        mark = marks.get(contract.name)
        if contract.kind in ("future", "perpetual") and mark is not None and mark.price is not None:
            marks[contract.name] = mark.model_copy(update={"price": mark.price * ratio})
    marks[BOOK_PERPETUAL] = Mark(price=price)
    indices = {"BTC": market.indices["BTC"].model_copy(update={"price": price})}
    return market.model_copy(
        update={"indices": indices, "expiries": expiries, "instruments": (*market.instruments, swap), "marks": marks}
    )


def _moved(market: Market, mid: float, now: datetime, number: int) -> Prices:
    ratio = mid / market.indices["BTC"].price
    forwards = {forward_key(e.underlying, e.expiry): e.forward.price * ratio for e in market.expiries if e.forward}
    marks = {
        c.name: m.price * ratio
        for c in market.instruments
        if c.kind in ("future", "perpetual") and (m := market.marks.get(c.name)) is not None and m.price is not None
    }
    return Prices("feed", number, now, indices={"BTC": mid}, forwards=forwards, marks=marks)


def _trade(
    trades: Trades, at: int, accounts: Sequence[str], rng: np.random.Generator, numbers: Iterator[int]
) -> Iterator[Event]:
    stamp, price = int(trades.times[at]), float(trades.prices[at])
    size, sign = float(trades.quantities[at]), float(trades.signs[at])
    now = datetime.fromtimestamp(stamp / 1e9, tz=UTC)
    taker, maker = rng.choice(len(accounts), 2, replace=False).tolist()
    for who, quantity in ((taker, sign * size), (maker, -sign * size)):
        yield Fill("matching", next(numbers), now, accounts[who], BOOK_PERPETUAL, quantity, price)


def paced(events: Iterator[Event], speed: float | None) -> Iterator[Event]:
    """The events, each not before its time has come at `speed` times that of the recording; at once for `None`."""
    if speed is not None and not speed > 0.0:
        raise refuse("speed", speed, "a number above zero")
    if speed is None:
        yield from events
        return
    began, first = clock.monotonic(), None
    for event in events:
        first = event.time if first is None else first
        wait = (event.time - first).total_seconds() / speed - (clock.monotonic() - began)
        if wait > 0.0:
            clock.sleep(wait)
        yield event


__all__ = ["BOOK_PERPETUAL", "Feed", "book_feed", "chain_feed", "paced"]
