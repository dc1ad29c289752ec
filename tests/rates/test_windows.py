"""Tails of overlapping windows in blocks: those of each whole window, whatever the prices do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.naive import rate_tails

from plimsoll.market.history import DAY_NS
from plimsoll.rates.raw import TailRule, tail_series
from plimsoll.rates.windows import Measure, window_tails

RULES = st.builds(
    TailRule,
    measure=st.sampled_from(["var", "es"]),
    level=st.sampled_from([0.6, 0.9, 0.95, 0.99, 0.995]),
    decay=st.sampled_from([0.8, 0.97]),
    cap=st.sampled_from([1.0, 1.5, 3.0]),
    window=st.sampled_from([40, 90, 200]),
    least=st.just(30),
    stress_window=st.sampled_from([30, 77]),
    floor_years=st.sampled_from([0.15, 10.0]),
)


def path(seed: int, days: int, missing: float, kind: str) -> np.ndarray:
    """Closes with storms, or with so few different moves that most are equal, or that stand still."""
    random = np.random.default_rng(seed)
    moves = {
        "storms": 0.03 * random.standard_t(2.5, days) * np.exp(0.8 * random.standard_normal(days)),
        "ties": random.choice([-0.02, 0.0, 0.0, 0.01], days),
        "still": np.zeros(days),
    }[kind]
    closes = 100.0 * np.exp(np.cumsum(np.clip(moves, -2.0, 2.0)))
    # a series that lacks more than a tenth of its prices is refused
    closes[np.flatnonzero(random.random(days) < missing)[: days // 10 - 1]] = np.nan
    closes[0] = 100.0
    return closes


@given(
    st.integers(0, 2**32 - 1),
    RULES,
    st.sampled_from(["storms", "storms", "ties", "still"]),
    st.sampled_from([0.0, 0.05]),
    st.sampled_from([((1,), 1), ((1, 2, 5), 1), ((3, 8), 3)]),
    st.booleans(),
)
def test_blocks_of_windows_are_each_window_by_itself(
    seed: int, rule: TailRule, kind: str, missing: float, ladder: tuple[tuple[int, ...], int], learned: bool
) -> None:
    horizons, whole = ladder
    closes = path(seed, 170, missing, kind)
    times = np.arange(closes.size, dtype=np.int64) * DAY_NS
    forecast = None
    if learned:
        random = np.random.default_rng(seed + 1)
        forecast = np.where(random.random(closes.size) < 0.5, np.nan, 0.05 * random.random(closes.size) + 1e-4)
    got = tail_series(rule, times, closes, horizons, whole=whole, forecast=forecast)
    expected = rate_tails.tails(rule, times, closes, horizons, whole, forecast)
    for name, series in expected.items():
        assert getattr(got, name) == pytest.approx(series, rel=1e-12, abs=1e-15), name
        if rule.measure == "var":
            assert np.array_equal(getattr(got, name), series), name


def test_a_storm_of_hours_in_large_blocks() -> None:
    """Windows of thousands, as hourly rates have them: a calm series, a crash within a block, and a gap."""
    random = np.random.default_rng(4)
    count = 5200
    moves = 0.004 * random.standard_t(4, count)
    moves[4700:4712] = [-0.08, 0.05] * 6
    closes = 100.0 * np.exp(np.cumsum(moves))
    closes[4300:4320] = np.nan
    times = np.arange(count, dtype=np.int64) * (DAY_NS // 24)
    rule = TailRule(decay=0.99, window=4200, least=4500 - 300, stress_window=4200)
    got = tail_series(rule, times, closes, (1, 24), whole=24)
    expected = rate_tails.tails(rule, times, closes, (1, 24), 24)
    for name, series in expected.items():
        assert np.array_equal(getattr(got, name), series), name


@given(st.integers(1, 4000), st.sampled_from([0.55, 0.9, 0.95, 0.99, 0.999, 0.1]))
def test_the_tail_takes_as_many_as_in_the_kernels(size: int, level: float) -> None:
    from plimsoll.kernels.selection import tail_of

    assert Measure("var", level).places(np.array([size])).tolist() == [tail_of(size, level).k]


def test_windows_of_nothing_are_refused() -> None:
    moves = np.array([np.nan, np.nan, 0.1])
    with pytest.raises(ValueError, match=r"moves\[0:2\]"):
        window_tails(Measure("var", 0.9), moves, np.array([0]), np.array([2]))
    with pytest.raises(ValueError, match=r"level\[0\]"):
        window_tails(Measure("var", 0.9), moves, np.array([0]), np.array([3]), np.ones(3), np.array([np.nan]))
    none = np.array([], dtype=np.int64)
    assert window_tails(Measure("var", 0.9), moves, none, none).size == 0
