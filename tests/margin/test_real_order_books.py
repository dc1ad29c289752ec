"""The cost of closing through real order books: against a walk by hand, after each refresh, and beyond the book."""

from __future__ import annotations

import gzip
import json
from bisect import bisect_left, insort
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from builders import PERP, account_doc, market_doc
from plimsoll.margin.addons.liquidity import Closing, Liquidity, LiquidityRule
from plimsoll.margin.house.whole import PrbmWhole

WHOLE = "prbm-whole@2026-01-01"
Book = tuple[list[tuple[float, float]], list[tuple[float, float]]]
LEVELS = 400
"""Levels of a side that are kept of a replayed book: what lies deeper is far from the middle."""

MARKET = Liquidity(volume=7.4e8, daily_vol=0.06)


def rule(**changes: float) -> LiquidityRule:
    bare: dict[str, Any] = {"impact": 1.0, "stress": 0.0, "free": 0.0, "participation": 0.05, "days": 1.0}
    return LiquidityRule(**(bare | changes), markets={})


def snapshot(shared: Path) -> Book:
    """A hundred levels a side of BTCUSDT on 1 November 2024."""
    content = json.loads((shared / "data" / "orderbook" / "binance_futures_depth100_20241101.json").read_text())
    row = content["/fapi/v1/depth?limit=100&symbol=BTCUSDT"]
    bids, asks = ([(float(p), float(q)) for p, q in row[side]] for side in ("bids", "asks"))
    return bids, asks


def replayed(shared: Path, every: int, most: int) -> Iterator[Book]:
    """The book of BTCUSDT on 8 August 2024 from its snapshot on, after every so many updates."""
    sides: list[dict[float, float]] = [{}, {}]
    prices: list[list[float]] = [[], []]
    last, seen = None, 0
    with gzip.open(shared / "data" / "orderbook" / "binance_usdm_btcusdt_20240808_depth_trades.jsonl.gz", "rt") as file:
        for line in file:
            row = json.loads(line.partition(" ")[2])
            if "lastUpdateId" in row:
                last = row["lastUpdateId"]
                sides = [{float(p): float(q) for p, q in row[s]} for s in ("bids", "asks")]
                prices = [sorted(s) for s in sides]
                continue
            event = row["data"]
            if last is None or event["e"] != "depthUpdate" or event["u"] < last:
                continue
            for held, ordered, changes in zip(sides, prices, (event["b"], event["a"]), strict=True):
                for p, q in ((float(p), float(q)) for p, q in changes):
                    if q and p not in held:
                        insort(ordered, p)
                    elif not q and p in held:
                        del ordered[bisect_left(ordered, p)]
                    held.pop(p, None)
                    held |= {p: q} if q else {}
            seen += 1
            if seen % every == 0:
                bids, asks = prices[0][-LEVELS:][::-1], prices[1][:LEVELS]
                yield [(p, sides[0][p]) for p in bids], [(p, sides[1][p]) for p in asks]
                most -= 1
                if not most:
                    return


def middle(book: Book) -> float:
    return (book[0][0][0] + book[1][0][0]) / 2.0


def by_hand(size: float, mid: float, levels: list[tuple[float, float]]) -> Fraction:
    """The distance of each level from the middle times the coins taken of it, exactly."""
    left, cost = Fraction(size), Fraction(0)
    for price, coins in levels:
        taken = min(left, Fraction(coins))
        cost += taken * abs(Fraction(price) - Fraction(mid))
        left -= taken
    assert left == 0
    return cost


@pytest.mark.rule("PRBMW-09")
def test_a_real_book_is_walked_level_by_level(shared: Path) -> None:
    book = snapshot(shared)
    mid = middle(book)
    for levels in book:
        depth = sum(q for _, q in levels)
        closing = Closing.of(rule(), MARKET, mid, levels)
        for part in (0.0, 0.01, 0.3, 0.7, 0.999):
            assert closing.cost(part * depth) == pytest.approx(float(by_hand(part * depth, mid, levels)), rel=1e-11)
        halved = Closing.of(rule(stress=0.5), MARKET, mid, levels)
        half = [(p, 0.5 * q) for p, q in levels]
        assert halved.cost(0.4 * depth) == pytest.approx(float(by_hand(0.4 * depth, mid, half)), rel=1e-11)
        # beyond the last level at least its distance, and in the end the square root of what is left
        beyond = closing.cost(depth * 1.5) - closing.cost(depth)
        assert beyond >= 0.5 * depth * abs(levels[-1][0] - mid) * (1 - 1e-12)


@pytest.mark.rule("PRBMW-09", "PRBMW-10")
def test_the_cost_follows_every_refresh_of_a_real_book(shared: Path) -> None:
    sizes = [0.01, 1.0, 5.0, 20.0, 60.0]
    books = list(replayed(shared, 20, 15))
    costs = []
    for book in books:
        mid = middle(book)
        assert book[0][0][0] < book[1][0][0]
        for levels in book:
            closing = Closing.of(rule(), MARKET, mid, levels)
            costs.append([closing.cost(s) for s in sizes])
            assert costs[-1] == pytest.approx([float(by_hand(s, mid, levels)) for s in sizes], rel=1e-10)
            # thinner by a third: nothing becomes cheaper, and what needs more than the first level costs more
            thin = Closing.of(rule(), MARKET, mid, [(p, q / 1.5) for p, q in levels])
            assert all(thin.cost(s) >= c * (1 - 1e-12) for s, c in zip(sizes, costs[-1], strict=True))
            assert thin.cost(60.0) > closing.cost(60.0)
    assert len({round(c[-1], 6) for c in costs}) > 0.9 * len(costs)


@pytest.mark.rule("PRBMW-09", "PRBMW-12")
def test_on_a_real_book_the_charge_is_monotone_convex_free_when_small_and_cannot_be_divided_away(shared: Path) -> None:
    bids, asks = snapshot(shared)
    mid = middle((bids, asks))
    content = market_doc(depth={PERP: {"bids": bids, "asks": asks}})
    content["indices"]["BTC"]["price"] = content["marks"][PERP]["price"] = mid
    market, model = pl.Market.from_dict(content), pl.margin_model(WHOLE)
    assert isinstance(model, PrbmWhole)

    def need(*sizes: float) -> float:
        accounts = [pl.Account.from_dict(account_doc({PERP: s}, collateral={"USDC": 1e9})) for s in sizes]
        return sum(r.initial - r.component("depeg").initial for r in model.requirements(accounts, market))

    liquidity = model.parameters.liquidity
    free = liquidity.free * liquidity.markets["BTC"].volume / mid
    plain = pl.margin_model("prbm@2026-01-01")
    bare = plain.requirement(pl.Account.from_dict(account_doc({PERP: free})), market).initial
    assert need(free) == pytest.approx(bare)
    for sign in (1.0, -1.0):
        sizes = np.linspace(0.0, 2_000.0, 41)
        total = np.array([need(sign * s) for s in sizes])
        assert (np.diff(total) > 0).all()
        assert (np.diff(total, 2) >= -1e-6).all()
        for whole, parts in ((40.0, (10.0, 30.0)), (1_000.0, (1.0, 499.0, 500.0))):
            divided = need(*(sign * p for p in parts))
            assert divided >= need(sign * whole) * (1 - 1e-12)
    jumps = [abs(need(s + 1e-6) - need(s)) for s in (free, *np.cumsum([0.5 * q for _, q in bids])[:20])]
    assert max(jumps) < 1.0
    assert all(b > a for a, b in pairwise(need(s) / s for s in (30.0, 100.0, 1_000.0, 10_000.0)))
