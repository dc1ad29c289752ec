"""A recorded book: the venue's rules of sequence, features against a slow replay, and tick variance of real trades."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plimsoll.documents import DocumentError
from plimsoll.dynamics.realised import merged_ticks, tick_variance
from plimsoll.feeds.recording import Recording, read_recording
from plimsoll.market.order_book import OrderBook, order_flow


def _book(bids: dict[float, float], asks: dict[float, float]) -> OrderBook:
    return OrderBook.of(0, bids, asks)


def test_features_of_a_small_book() -> None:
    book = _book({99.0: 2.0, 98.0: 3.0, 90.0: 5.0}, {101.0: 1.0, 103.0: 4.0})
    assert (book.mid, book.spread) == (100.0, 0.02)
    assert book.depth(0.01) == (2.0, 1.0)
    assert book.depth(0.03) == (5.0, 5.0)
    assert book.imbalance() == pytest.approx(1.0 / 3.0)
    assert book.imbalance(2) == pytest.approx(0.0)
    assert book.reach() == (pytest.approx(0.1), pytest.approx(0.03))
    # selling four: two at one below the mid, two at two below
    assert book.cost(-4.0) == (pytest.approx(2.0 * 1.0 + 2.0 * 2.0), 0.0)
    assert book.cost(6.0) == (pytest.approx(1.0 * 1.0 + 4.0 * 3.0), 1.0)
    assert book.cost(0.0) == (0.0, 0.0)


def test_order_flow_by_cases() -> None:
    before = _book({99.0: 2.0}, {101.0: 3.0})
    cases = [
        ({99.0: 5.0}, {101.0: 3.0}, 3.0),  # more bids
        ({100.0: 4.0}, {101.0: 3.0}, 4.0),  # a better bid counts whole
        ({98.0: 4.0}, {101.0: 3.0}, -2.0),  # the bid is gone
        ({99.0: 2.0}, {101.0: 1.0}, 2.0),  # fewer offers
        ({99.0: 2.0}, {100.0: 6.0}, -6.0),  # a better offer
        ({99.0: 2.0}, {102.0: 6.0}, 3.0),  # the offer is gone
    ]
    for bids, asks, expected in cases:
        assert order_flow(before, _book(bids, asks)) == expected


@pytest.mark.parametrize(
    ("bids", "asks"),
    [({}, {1.0: 1.0}), ({2.0: 1.0}, {1.0: 1.0}), ({1.0: 1.0}, {1.0: 1.0}), ({-1.0: 1.0}, {1.0: 1.0})],
)
def test_what_is_no_book(bids: dict[float, float], asks: dict[float, float]) -> None:
    with pytest.raises(DocumentError, match="book"):
        _book(bids, asks)


def _line(stamp: int, message: dict[str, Any]) -> str:
    return f"{stamp} {json.dumps(message)}"


def _change(first: int, last: int, previous: int, time: int, bids: list[list[str]]) -> dict[str, Any]:
    return {"data": {"e": "depthUpdate", "U": first, "u": last, "pu": previous, "T": time, "b": bids, "a": []}}


def _recording(tmp_path: Path, gap: bool) -> Recording:
    lines = [
        _line(1, _change(1, 5, 0, 100, [["98.0", "9"]])),
        _line(2, _change(6, 9, 5, 200, [["99.0", "4"]])),
        # the snapshot arrives after a change that it does not hold yet
        _line(3, {"lastUpdateId": 7, "T": 190, "bids": [["99.0", "1"], ["98.0", "9"]], "asks": [["101.0", "2"]]}),
        _line(4, _change(10, 12, 9 if not gap else 8, 1300, [["98.0", "0"]])),
        _line(5, {"data": {"e": "trade", "T": 250, "t": 1, "p": "99.0", "q": "2", "m": True, "X": "MARKET"}}),
        _line(5, {"data": {"e": "trade", "T": 250, "t": 1, "p": "99.0", "q": "2", "m": True, "X": "MARKET"}}),
        _line(5, {"data": {"e": "trade", "T": 260, "t": 2, "p": "0", "q": "0", "m": True, "X": "NA"}}),
    ]
    path = tmp_path / "r.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    return read_recording(path)


def test_changes_are_applied_by_the_venues_rule(tmp_path: Path) -> None:
    recording = _recording(tmp_path, gap=False)
    expected = {"depth": 3, "snapshot": 1, "without-book": 1, "trade": 2, "trade-repeated": 1, "trade-not-market": 1}
    assert {k: v for k, v in recording.counts.items() if v} == expected
    books = [b for b, _ in recording.books()]
    assert [b.time_ns for b in books] == [200_000_000, 1_300_000_000]
    assert books[0].bids.tolist() == [[99.0, 4.0], [98.0, 9.0]]
    assert books[1].bids.tolist() == [[99.0, 4.0]]
    assert recording.trades.signs.tolist() == [-1.0]


def test_a_gap_in_the_sequence_ends_the_book(tmp_path: Path) -> None:
    recording = _recording(tmp_path, gap=True)
    assert recording.counts["sequence-gap"] == 1
    assert len(list(recording.books())) == 1


def test_lines_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('1 {"data": {"e": "trade", "T": 1}}\n')
    with pytest.raises(DocumentError, match=r"lines\[1\]"):
        read_recording(path)


def test_the_shared_recording(shared: Path) -> None:
    recording = read_recording(shared / "data" / "orderbook" / "binance_usdm_btcusdt_20240808_depth_trades.jsonl.gz")
    counts = {k: v for k, v in recording.counts.items() if v}
    assert counts == {"trade": 21_313, "depth": 6_551, "snapshot": 1, "without-book": 4}
    features = recording.features()
    assert len(features.times) == 346
    # a tick of ten cents at sixty thousand dollars
    assert np.median(features.spread * features.mid) == pytest.approx(0.1, abs=1e-6)
    # flow at the best quotes moves the price of its own second
    moves = np.diff(np.log(features.mid))
    assert np.corrcoef(moves, features.flow[1:])[0, 1] > 0.5
    assert (features.bid_depth > 10).all()
    assert (features.ask_depth > 10).all()
    # an independent replay of the first changes, without order or shortcuts
    bids: dict[str, str] = {}
    asks: dict[str, str] = {}
    for event in recording.events[4:40]:
        for side, key in ((bids, "b"), (asks, "a")):
            side.update(dict(event.get(key, event.get({"b": "bids", "a": "asks"}[key], []))))
    best = max(float(p) for p, q in bids.items() if float(q) > 0)
    time = recording.events[39]["T"]
    ours = next(b for b, _ in recording.books(step_ns=1_000_000) if b.time_ns == time * 1_000_000)
    assert ours.bids[0].tolist() == [best, next(float(q) for p, q in bids.items() if float(p) == best)]

    plain = tick_variance(recording.trades.prices)
    times, prices = merged_ticks(recording.trades.times, recording.trades.prices)
    merged = tick_variance(prices)
    years = float(times[-1] - times[0]) / 1e9 / 86_400 / 365
    vols = {k: np.sqrt(getattr(merged, k) / years) for k in ("two_scale", "kernel")}
    # the five-second returns of the same minutes, which bounce hardly reaches, say 0.65
    grid = np.arange(times[0], times[-1], 5_000_000_000)
    x = np.log(prices[np.searchsorted(times, grid, side="right") - 1])
    sparse = np.sqrt((np.diff(x) ** 2).sum() / years)
    assert all(abs(v / sparse - 1.0) < 0.25 for v in vols.values())
    # one large order in many pieces hides what it moves
    assert np.sqrt(plain.two_scale / years) < 0.7 * sparse
