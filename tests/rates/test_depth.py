"""Order books in published rates: the cost of closing by their levels, depth that bounds a day, and nothing early."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plimsoll.documents import DocumentError
from plimsoll.feeds.sample_history import sample_assets
from plimsoll.market.history import DAY_NS
from plimsoll.market.order_book import OrderBook
from plimsoll.rates.depth import KnownBooks, RateBooks
from plimsoll.rates.publish import RatePolicy, publish
from plimsoll.rates.raw import TailRule
from plimsoll.rates.size import SizeRule

RULE = SizeRule(sizes=(1_000.0, 2_500.0, 5_000.0), stress=0.5, impact=0.0, within=0.03, refills=4.0, book_days=2.0)


def book(time: int = 0) -> OrderBook:
    """Middle of 100: 20 coins 1 % below and 40 more 3 % below, 10 at 1 % above and 100 at 4 %."""
    return OrderBook.of(time, {99.0: 20.0, 97.0: 40.0}, {101.0: 10.0, 104.0: 100.0})


def test_closing_walks_the_stressed_levels() -> None:
    wide = RULE.model_copy(update={"within": 0.04})
    known = KnownBooks.at(wide, [book()], np.array([0]))
    bids, asks = known.closings(wide, 0, 1e6, 0.03)
    # half of each level is left: 1,000 USD at 1 % and 2,000 at 3 %; 500 at 1 % and 5,000 at 4 %
    assert [bids.cost(s) for s in (1_000.0, 2_500.0)] == pytest.approx([10.0, 10.0 + 1_500.0 * 0.03])
    assert [asks.cost(s) for s in (400.0, 1_000.0)] == pytest.approx([4.0, 5.0 + 500.0 * 0.04])
    # beyond the last level no coin is cheaper than it
    assert bids.cost(5_000.0) == pytest.approx(10.0 + 4_000.0 * 0.03)


def test_levels_far_from_the_middle_are_nobodys_price() -> None:
    """An order at a tenth of the price, as real books have them, does not set what closing costs; the best one does."""
    near = RULE.model_copy(update={"within": 0.01, "impact": 1.0})
    stray = OrderBook.of(0, {99.0: 20.0, 10.0: 600.0}, {101.0: 10.0})
    alone = OrderBook.of(0, {99.0: 20.0}, {101.0: 10.0})
    sizes = (500.0, 5_000.0, 50_000.0)
    costs = [
        [KnownBooks.at(near, [b], np.array([0])).closings(near, 0, 1e6, 0.03)[0].cost(s) for s in sizes]
        for b in (stray, alone)
    ]
    assert costs[0] == costs[1]
    far = OrderBook.of(0, {90.0: 1.0}, {110.0: 1.0})
    bids, _ = KnownBooks.at(near, [far], np.array([0])).closings(near, 0, 1e6, 0.03)
    assert bids.cost(5_000.0) == pytest.approx(500.0)


def test_depth_bounds_what_a_day_lets_out() -> None:
    known = KnownBooks.at(RULE, [book(DAY_NS)], DAY_NS * np.arange(5))
    # the thinner side has 10 coins within 3 %: 1,000 USD, half of it left, four times a day, at a tenth of the volume
    assert known.volume(RULE, np.full(5, 1e6)).tolist() == pytest.approx([1e6, 2e4, 2e4, 2e4, 1e6])
    assert known.volume(RULE, np.full(5, 1e3)).tolist() == [1e3] * 5
    nothing_near = KnownBooks.at(RULE, [OrderBook.of(0, {90.0: 1.0}, {110.0: 1.0})], np.array([0]))
    assert nothing_near.volume(RULE, np.array([1e6])).tolist() == [1.0]
    # it reaches 3 % below, and says nothing about 3.5 %
    wider = RULE.model_copy(update={"within": 0.035})
    assert known.volume(wider, np.full(5, 1e6)).tolist() == [1e6] * 5


def test_a_book_counts_from_its_time_until_it_is_old_or_another_comes() -> None:
    found = KnownBooks.at(RULE, [book(DAY_NS), book(2 * DAY_NS)], DAY_NS * np.arange(7))
    assert found.row.tolist() == [-1, 0, 1, 1, 1, -1, -1]
    assert len(found.closings(RULE, 0, 1e6, 0.03)) == 1
    with pytest.raises(DocumentError, match="books"):
        KnownBooks.at(RULE, [book(5), book(5)], np.array([9]))


def real(shared: Path) -> dict[str, Any]:
    content = json.loads((shared / "data" / "orderbook" / "binance_futures_depth100_20241101.json").read_text())
    found: dict[str, Any] = content["/fapi/v1/depth?limit=100&symbol=BTCUSDT"]
    return {k: [(float(p), float(q)) for p, q in found[k]] for k in ("bids", "asks")}


def test_a_real_book_in_the_rates_of_a_venue(shared: Path) -> None:
    sides = real(shared)
    history = sample_assets(days=420)["BTC"]
    at = 330
    policy = RatePolicy(tail=TailRule(window=250), size=SizeRule(sizes=(1e5, 1e6, 5e7), book_days=20.0))
    document = RateBooks.from_dict(
        {
            "schema": RateBooks.SCHEMA,
            "schema_version": 1,
            "books": {"BTC": [{"time": int_text(history.times[at]), **sides}]},
        }
    )
    assert RateBooks.from_json(document.to_json()) == document
    plain = publish(policy, {"BTC": history})["BTC"]
    found = publish(policy, {"BTC": replace(history, books=document.of("BTC"))})["BTC"]
    here = at - (history.times.size - found.times.size)
    cost = found.raw.close_out
    for part in (slice(0, here), slice(here + 21, None)):
        assert np.array_equal(cost[part], plain.raw.close_out[part])
        assert np.array_equal(found.raw.raw[part], plain.raw.raw[part])
    # the same walk in words: half of each level, the dearer side
    mid = (sides["bids"][0][0] + sides["asks"][0][0]) / 2.0

    def walked(levels: list[tuple[float, float]], size: float) -> float:
        left, paid = size, 0.0
        for price, coins in levels:
            take = min(left, 0.5 * coins * mid)
            left, paid = left - take, paid + take * abs(price / mid - 1.0)
        assert left < 1e-6
        return paid / size

    for k, size in enumerate((1e5, 1e6)):
        expected = max(walked(sides["bids"], size), walked(sides["asks"], size))
        assert cost[here : here + 20, k] == pytest.approx(np.full(20, expected))
    # 50 million are more than a hundred levels hold: the law goes on where they end
    assert (cost[here : here + 20, 2] > cost[here : here + 20, 1]).all()


def int_text(ns: Any) -> str:
    return f"{np.datetime64(int(ns), 'ns').astype('datetime64[s]')}Z"


def test_books_with_faults_are_named() -> None:
    one = {"time": "2024-01-01T00:00:00Z", "bids": [[99.0, 1.0]], "asks": [[101.0, 1.0]]}
    head = {"schema": RateBooks.SCHEMA, "schema_version": 1}
    for change, words in (
        ([one, one], r"books\.BTC\[1\]\.time"),
        ([], "books.BTC"),
        ([one | {"bids": []}], "bids"),
        ([one | {"bids": [[0.0, 1.0]]}], "bids"),
    ):
        with pytest.raises(DocumentError, match=words):
            RateBooks.from_dict({**head, "books": {"BTC": change}})
    crossed = RateBooks.from_dict({**head, "books": {"BTC": [one | {"bids": [[102.0, 1.0]]}]}})
    with pytest.raises(DocumentError, match="best bid under"):
        crossed.of("BTC")
    assert crossed.of("ETH") == ()
