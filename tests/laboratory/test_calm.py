"""Calm depth from books: planted refills found again, a wall that comes and goes left out, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from plimsoll.documents import DocumentError
from plimsoll.laboratory.calm import Refill, default_liquidity, measured, observe, refill, scaled
from plimsoll.market.order_book import OrderBook

F64 = npt.NDArray[np.float64]


def planted(rate: float, shown: float, *, seed: int, walls: int = 0, noise: float = 0.0) -> tuple[F64, F64, F64]:
    """Seconds, depth and what was taken, of a side of 10 m USD that refills at `rate` a minute."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(400.0)
    taken = np.where(rng.random(400) < 0.3, rng.exponential(2e5, 400), 0.0)
    gap, depth = 0.0, np.zeros(400)
    for n in range(400):
        gap = gap * np.exp(-rate / 60.0 * (n > 0)) + taken[n]
        depth[n] = 1e7 - shown * gap
    depth += np.cumsum(noise * rng.standard_normal(400))
    for start in rng.integers(0, 390, walls):
        depth[start : start + 8] += 5e6
    return seconds, depth, taken


@pytest.mark.parametrize(("rate", "shown"), [(0.2, 1.0), (1.0, 0.8), (6.0, 1.0), (30.0, 0.5)])
def test_a_planted_refill_is_found(rate: float, shown: float) -> None:
    found = refill(*planted(rate, shown, seed=1), draws=20)
    # the grid of rates is 14 % wide
    assert found.rate == pytest.approx(rate, rel=0.08)
    assert found.shown == pytest.approx(shown, rel=0.05)
    assert found.refill == pytest.approx(1.0 - shown * np.exp(-rate), abs=0.03)


@pytest.mark.timeout(600)
def test_noise_is_within_the_error_and_walls_hardly_count() -> None:
    off, error = [], []
    for seed in range(12):
        found = refill(*planted(1.0, 1.0, seed=seed, noise=3e4, walls=4), draws=60)
        off.append(found.missing - np.exp(-1.0))
        error.append(found.error)
    assert 0.02 < np.mean(error) < 0.35
    assert np.sqrt(np.mean(np.square(off))) < 2.0 * np.mean(error)
    # least squares would put a wall of 5 m USD into the part shown; a robust fit does not
    assert abs(np.mean(off)) < 0.15


def test_depth_that_grows_where_it_is_taken_misses_nothing() -> None:
    seconds, depth, taken = planted(1.0, -1.0, seed=3)
    found = refill(seconds, depth, taken, draws=5)
    assert (found.shown, found.refill) == (0.0, 1.0)


def _books() -> list[OrderBook]:
    second = 1_000_000_000
    return [
        OrderBook.of(second, {99.0: 10.0, 98.0: 10.0}, {101.0: 5.0, 102.0: 30.0}),
        OrderBook.of(2 * second, {99.0: 4.0, 98.0: 10.0}, {101.0: 5.0, 102.0: 30.0}),
        OrderBook.of(4 * second, {99.0: 7.0, 98.0: 10.0}, {101.0: 1.0, 102.0: 30.0}),
    ]


def test_a_watched_book_by_hand() -> None:
    times = np.array([500_000_000, 1_500_000_000, 2_000_000_000, 3_000_000_000])
    series = observe(
        _books(),
        times,
        np.array([1.0, 400.0, 200.0, 404.0]),
        np.array([1.0, -1.0, -1.0, 1.0]),
        (0.01, 0.02),
        reach=0.02,
    )
    assert series.seconds.tolist() == [0.0, 1.0, 3.0]
    # what was traded before the first book belongs to no change; a trade at a book's own instant is in it
    assert series.taken.tolist() == [[0.0, 0.0], [600.0, 0.0], [0.0, 404.0]]
    assert series.depth[:, :, 0].tolist() == [[1000.0, 2000.0], [400.0, 1400.0], [700.0, 1700.0]]
    assert series.curve().tolist() == pytest.approx([100.0 * 11.0 / 3.0, 1700.0])
    assert series.curve(3.0).tolist() == [100.0, 1700.0]


def test_measured_terms() -> None:
    quick, slow = Refill(0.1, 5.0, 0.0, 0.1), Refill(0.5, 0.5, 0.3, 0.1)
    calm = measured((0.01, 0.02, 0.05), (100.4, 100.2, 300.0), (quick, slow))
    assert (calm.moves, calm.depth, calm.refill, calm.evidence) == ((0.01, 0.05), (100.0, 300.0), 0.7, "measured")
    half = scaled(calm, 0.5)
    assert (half.depth, half.refill, half.evidence) == ((50.0, 150.0), 0.7, "assumed")


def test_bad_input() -> None:
    trades = (np.array([0]), np.array([1.0]), np.array([1.0]))
    with pytest.raises(DocumentError, match="where the book is known"):
        observe(_books(), *trades, (0.01, 0.05), reach=0.02)
    with pytest.raises(DocumentError, match="growing"):
        observe(_books(), *trades, (0.02, 0.01), reach=0.02)
    with pytest.raises(DocumentError, match="three books"):
        observe(_books()[:2], *trades, (0.01,), reach=0.02)
    with pytest.raises(DocumentError, match="later than the one before"):
        observe(_books()[::-1], *trades, (0.01,), reach=0.02)
    with pytest.raises(DocumentError, match="last instant"):
        observe(_books(), *trades, (0.01,), reach=0.02).curve(9.0)
    with pytest.raises(DocumentError, match="30 and one or more"):
        refill(np.arange(40.0), np.ones(40), np.zeros(40))
    with pytest.raises(DocumentError, match="factor"):
        scaled(default_liquidity().underlyings["BTC"], 0.0)
    with pytest.raises(DocumentError, match="a depth above zero"):
        measured((0.01,), (0.0,), (Refill(0.1, 5.0, 0.0, 0.1),))


def test_the_shipped_liquidity_says_what_was_measured() -> None:
    shipped = default_liquidity()
    assert {coin for coin, calm in shipped.underlyings.items() if calm.evidence == "measured"} == {"BTC"}
    btc = shipped.underlyings["BTC"]
    for coin in ("ETH", "SOL"):
        ratio = [a / b for a, b in zip(shipped.underlyings[coin].depth, btc.depth, strict=True)]
        assert max(ratio) == pytest.approx(min(ratio), rel=1e-3)
        assert 0.1 < ratio[0] < 1.0


@pytest.mark.slow
def test_the_page_and_the_liquidity_are_what_the_recording_gives(shared: Path) -> None:
    from measure_depth import main

    assert main(["--shared", str(shared), "--check"]) == 0
