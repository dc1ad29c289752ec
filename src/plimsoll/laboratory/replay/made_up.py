"""Accounts whose leverage, entries and lots are known, a crash and a deleveraging, and what a file tells of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.laboratory.replay.hidden import Assumptions
from plimsoll.laboratory.replay.marks import Marks, fall_in_rounds
from plimsoll.laboratory.replay.positions import F64, Positions
from plimsoll.laboratory.replay.rounds import Asked, Winners, asked, queue

MARKS = {"AAA": Marks(100.0, 88.0, 95.0, "entries"), "BBB": Marks(10.0, 7.2, 9.0, "entries")}
PLACE, WIDTH = float(np.log(0.13)), 0.7
"""Of the logarithm of cushions: half of the accounts can lose 13 per cent."""
ENTRY, SPREAD = 0.10, 0.08
"""Of the logarithm of entry over first mark."""


@dataclass(frozen=True)
class World:
    """A file of `positions`, and the `overshoot` of the deleveraging that made it over the `notional` it closed."""

    positions: Positions
    overshoot: float
    notional: float


def world(seed: int, accounts: int = 900, assumed: Assumptions | None = None) -> World:
    """A crash: longs with cushions below their excursion are liquidated, shorts are closed whole by the queue."""
    assumed = assumed or Assumptions()
    random = np.random.default_rng([seed, 99])
    columns: dict[str, list[F64]] = {k: [] for k in ("long", "size", "entry", "mark", "realised", "liq", "adl")}
    names: list[str] = []
    assets: list[str] = []
    overshoot = notional = 0.0
    for asset, m in MARKS.items():
        path = fall_in_rounds(m, assumed.rounds, assumed.steps, random)
        n = accounts // 2
        long = random.random(n) < 0.6
        fresh = random.random(n) < 0.25
        known = m.low * (m.start / m.low) ** random.random(n)
        entry = np.where(fresh, known, m.start * np.exp(ENTRY + SPREAD * random.standard_normal(n)))
        lots = np.exp(1.2 * random.standard_normal(n)) * 1e4 / m.start
        rate = assumed.rate(asset)
        cushion = np.exp(PLACE + WIDTH * random.standard_normal(n))
        base = np.where(fresh, entry, m.start)
        liq = long & (cushion <= 1.0 - m.low / base)
        line = base * (1.0 - np.minimum(cushion, 0.999))
        winners = Winners(lots[~long], entry[~long], 1.0 / (cushion + rate * (1.0 + cushion))[~long], m.start)
        ask = asked(line[liq] * (1.0 - rate), lots[liq], path)
        # the book takes half of what goes under
        ask = Asked(ask.lots / 2.0, ask.deficit / 2.0, ask.before, ask.at, ask.steps_in_round)
        done = queue(winners, ask, whole=assumed.whole)
        overshoot += done.overshoot
        notional += done.notional
        adl = np.zeros(n, dtype=bool)
        adl[~long] = done.closed > 0.0
        # everybody closes somewhere on the fall, as the file has it of whoever was touched
        close = np.where(liq, line, m.start * (m.low / m.start) ** random.random(n))
        realised = np.where(long, close - entry, entry - close) * lots
        rows = (long, np.zeros(n), np.where(fresh, entry, np.nan), np.full(n, m.end), realised, liq, adl)
        for key, values in zip(columns, rows, strict=True):
            columns[key].append(values.astype(float))
        names += [f"{asset}-{k}" for k in range(n)]
        assets += [asset] * n
    c = {k: np.concatenate(v) for k, v in columns.items()}
    positions = Positions(
        account=np.array(names),
        asset=np.array(assets),
        long=c["long"] > 0.0,
        size=c["size"],
        entry=c["entry"],
        mark=c["mark"],
        realised=c["realised"],
        leverage=np.full(len(names), np.nan),
        liquidated=c["liq"] > 0.0,
        deleveraged=c["adl"] > 0.0,
        source="a made-up crash",
    )
    return World(positions, overshoot / notional, notional)
