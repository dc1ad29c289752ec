"""A sale in slices against one order on a recorded book, fitted on one half and judged on the other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from measure_liquidation import SIZES, crowd, out_of_sample
from plimsoll.liquidation.mechanisms import overhead
from recorded_book import BookAt, recorded

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def books(shared: Path) -> list[BookAt]:
    """Five minutes and three quarters of BTCUSDT, a book a second."""
    return recorded(shared / "data")


def test_the_book_is_read_back_whole(books: list[BookAt]) -> None:
    assert len(books) == 345
    first = books[0]
    # the snapshot itself: a thousand levels on each side
    assert (first.bids[0], first.asks[0]) == ((61_800.2, 2.909), (61_800.3, 1.072))
    assert (len(first.bids), len(first.asks)) == (1_000, 1_000)
    for book in books:
        assert book.bids[0][0] < book.asks[0][0]
    assert first.beside(3.0, buy=False) == pytest.approx(2.909 * 0.05 + 0.091 * 0.15)
    assert np.isnan(first.beside(1e6, buy=True))


def test_slices_beat_one_order_out_of_sample(books: list[BookAt]) -> None:
    impact, slope, judged = out_of_sample(books)
    assert impact.temporary > 0.0
    assert slope > 0.0
    for row in judged:
        # at least two standard errors, of blocks that do not overlap
        assert row.saving > 2.0 * row.error > 0.0, row
        assert row.schedule < row.once
    even = {r.size: r for r in judged if r.aversion == 0.0}
    fast = {r.size: r for r in judged if r.aversion == max(x.aversion for x in judged)}
    for size in SIZES:
        assert fast[size].kappa > even[size].kappa == 0.0
        # whoever hurries knows better what it will cost
        assert fast[size].spread < even[size].spread


def test_the_overhead_of_a_real_crowd(books: list[BookAt], shared: Path) -> None:
    equity, coins, closing, posted = crowd(shared / "data", books[0])
    found = overhead(equity, coins, closing.cost, np.linspace(0.0, 1.0, 21).tolist(), posted=posted, seed=3)
    assert (np.diff(found.overhead) >= 0.0).all()
    # nothing below a tenth of the depth, more than two per cent of the value at fifteen times of it
    assert found.overhead[found.depth < 0.1].max() < 1e-4 * closing.mid * posted
    assert found.depth[-1] > 15.0
    assert found.overhead[-1] > 0.02 * closing.mid * found.coins[-1]
