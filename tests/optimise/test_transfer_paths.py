"""Paths up to a transfer: where they end, how bars are cut, and that a seed is a set of paths."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from plimsoll.optimise.variation.drawing import transfer_paths
from plimsoll.scenarios.factors import FactorHistory


def history(step_hours: float, count: int = 600, sigma: float = 0.03) -> FactorHistory:
    rng = np.random.default_rng(3)
    return FactorHistory.build(("BTC",), sigma * rng.standard_normal((count, 1)), step_days=step_hours / 24.0)


@pytest.mark.parametrize(
    ("bar", "hours", "instants", "first", "cut"),
    [(1.0, 24.0, 24, 1.0, False), (1.0, 4.0, 4, 1.0, False), (24.0, 24.0, 8, 3.0, True), (1.0, 2.0, 8, 0.25, True)],
)
def test_bars_are_drawn_as_they_are_where_four_of_them_fit(
    bar: float, hours: float, instants: int, first: float, cut: bool
) -> None:
    paths, told = transfer_paths(history(bar), hours, 50, 1)
    assert paths.days.size == instants
    assert 24.0 * paths.days[0] == pytest.approx(first)
    assert 24.0 * paths.days[-1] == pytest.approx(hours)
    assert ("root of time" in told) == cut
    assert paths.names == ("BTC", "BTC iv")


def test_a_long_time_has_no_more_than_24_instants_and_passes_its_end() -> None:
    paths, _ = transfer_paths(history(1.0), 100.5, 10, 1)
    assert paths.days.size == 24
    assert 24.0 * paths.days[-1] == pytest.approx(101.0)


def test_bars_that_are_cut_keep_the_variance_of_a_day() -> None:
    paths, _ = transfer_paths(history(24.0), 24.0, 20_000, 1)
    # the volatility that it starts from is that of the last days of the history, exponentially weighted
    spread = float(np.std(np.log(paths.multiplier[-1, 0])))
    assert spread == pytest.approx(0.03, rel=0.15)
    quarter = float(np.std(np.log(paths.multiplier[1, 0])))
    assert quarter == pytest.approx(0.5 * spread, rel=0.05)


def test_the_same_seed_draws_the_same_paths_and_another_draws_others() -> None:
    first, again, other = (transfer_paths(history(1.0), 4.0, 20, seed)[0].multiplier for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.any(first[:, 0] == other[:, 0])


@pytest.mark.parametrize(("hours", "size", "said"), [(0.0, 10, "transfer: got 0.0"), (4.0, 1, "paths: got 1")])
def test_bad_requests_are_refused(hours: float, size: int, said: str) -> None:
    with pytest.raises(pl.DocumentError) as caught:
        transfer_paths(history(1.0), hours, size, 1)
    assert said in str(caught.value)
