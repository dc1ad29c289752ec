"""The deleveraging of a fall, account by account and step by step, with nothing but loops and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass
class Short:
    """A winner: what it holds, where it entered, its leverage at the first mark; what was closed and lost."""

    lots: float
    entry: float
    leverage: float
    closed: float = 0.0
    lost: float = 0.0


@dataclass
class Book:
    """What a rule did."""

    notional: float = 0.0
    needed: float = 0.0
    taken: float = 0.0
    left: float = 0.0
    missing: float = 0.0
    shorts: list[Short] = field(default_factory=list)


def rank(short: Short, mark: float, start: float) -> float:
    """Profit over entry value times the leverage at the mark; a loss is divided by it."""
    gain = (short.entry - mark) / short.entry
    # one unit of equity carries `leverage` of value at the start
    equity = 1.0 - short.leverage * (mark / start - 1.0)
    leverage = short.leverage * mark / start / max(equity, 1e-9)
    return gain * leverage if gain > 0.0 else gain / max(leverage, 1e-9)


def judged(rounds: Sequence[Sequence[float]], which: int, horizon: str, end: float) -> float:
    """The mark at which what happened in a round is judged."""
    if horizon == "round":
        return rounds[which][-1]
    return rounds[-1][-1] if horizon == "low" else end


def run(
    rule: str,
    rounds: Sequence[Sequence[float]],
    longs: Sequence[tuple[float, float]],
    shorts: Sequence[tuple[float, float, float]],
    *,
    whole: bool = True,
    oracle: bool = False,
    horizon: str = "round",
    end: float = 0.0,
) -> Book:
    """`rule` is queue, pro-rata or profits. `rounds` are marks, the first of each the last of the one before; `longs`
    are (bankruptcy price, lots), `shorts` (lots, entry, leverage)."""
    book = Book(shorts=[Short(*s) for s in shorts])
    start = rounds[0][0]
    gone: set[int] = set()
    held = sum(s.lots for s in book.shorts)
    paid_in_all = 0.0
    owed_in_all = 0.0
    given = 0.0
    for which, marks in enumerate(rounds):
        queue = sorted(range(len(shorts)), key=lambda i, m=marks[0]: -rank(book.shorts[i], m, start))
        for before, at in pairwise(marks):
            lots = owed = 0.0
            for i, (price, size) in enumerate(longs):
                if i not in gone and at < price:
                    gone.add(i)
                    lots += size
                    owed += size * (price - at)
            if lots <= 0.0:
                continue
            mark = judged(rounds, which, horizon, end)
            if rule == "profits":
                owed_in_all += owed
                book.left += lots * max(at - mark, 0.0)
                continue
            if rule == "pro-rata":
                now = max(0.0, min(lots, held - given))
                given += now
                book.missing += lots - now
                book.needed += owed * now / lots
                book.notional += now * at
                for s in book.shorts:
                    part = now * s.lots / held
                    s.closed += part
                    s.lost += part * max(owed / lots + at - mark, 0.0)
                continue
            chosen: list[tuple[Short, float]] = []
            open_ = lots
            for i in queue:
                rest = book.shorts[i].lots - book.shorts[i].closed
                if open_ <= 1e-9 * lots or rest <= 0.0:
                    continue
                part = rest if whole else min(rest, open_)
                chosen.append((book.shorts[i], part))
                open_ -= part
            total = sum(part for _, part in chosen)
            book.missing += max(0.0, lots - total)
            if not chosen:
                continue
            matched = min(lots, total)
            book.needed += owed * matched / lots
            price = before if oracle else at + owed / lots
            for s, part in chosen:
                s.closed += part
                s.lost += part * max(matched * (price - at) / total + at - mark, 0.0)
                book.notional += part * at
    if rule == "profits":
        profits = [max(0.0, s.entry - rounds[-1][-1]) * s.lots for s in book.shorts]
        pot = sum(profits)
        paid_in_all = min(owed_in_all, pot)
        for s, profit in zip(book.shorts, profits, strict=True):
            s.lost = paid_in_all * profit / pot if pot > 0.0 else 0.0
        book.needed = paid_in_all
    book.taken = sum(s.lost for s in book.shorts)
    return book
