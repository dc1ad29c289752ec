"""Coverage tests: published regions and tables, the naive twin, and size and power by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from tests.naive import backtests as naive

from plimsoll.documents import DocumentError
from plimsoll.validate import (
    conditional_coverage,
    dynamic_quantile,
    exceptions,
    holm,
    independence,
    interval,
    kupiec,
    time_between,
    time_until_first,
    traffic_light,
    worst_light,
)
from plimsoll.validate.coverage import likelihood_ratio

HITS = st.lists(st.booleans(), min_size=3, max_size=60)
LEVELS = st.sampled_from([0.01, 0.025, 0.05, 0.1, 0.5])


def series(count: int, days: int) -> np.ndarray:
    """`count` exceptions spread over `days`."""
    hits = np.zeros(days, dtype=bool)
    hits[np.linspace(0, days - 1, count).astype(int)] = True
    assert hits.sum() == count
    return hits


# Kupiec (1995), table 3: counts at which the test does not reject at 95 %
@pytest.mark.parametrize(
    ("level", "days", "above", "below"),
    [
        (0.01, 255, -1, 7),
        (0.01, 510, 1, 11),
        (0.01, 1000, 4, 17),
        (0.025, 255, 2, 12),
        (0.025, 510, 6, 21),
        (0.025, 1000, 15, 36),
        (0.05, 255, 6, 21),
        (0.05, 510, 16, 36),
        (0.05, 1000, 37, 65),
        (0.10, 255, 16, 36),
        (0.10, 510, 38, 65),
        (0.10, 1000, 81, 120),
    ],
)
def test_regions_of_kupiec(level: float, days: int, above: int, below: int) -> None:
    kept = [n for n in range(days) if likelihood_ratio(n, days, level) < 3.841459]
    # his table calls no exception in 255 days at 1 % not rejected, since the test has no power to see it
    lowest = min(kept) - 1 if above >= 0 else -1
    assert (lowest, max(kept) + 1) == (above, below)


# Basel Committee (1996), table 2: cumulative probability and addition to the multiplier for 250 days at 99 %
BASEL = [
    (0, 8.11, "green", 0.0),
    (1, 28.58, "green", 0.0),
    (2, 54.32, "green", 0.0),
    (3, 75.81, "green", 0.0),
    (4, 89.22, "green", 0.0),
    (5, 95.88, "yellow", 0.40),
    (6, 98.63, "yellow", 0.50),
    (7, 99.60, "yellow", 0.65),
    (8, 99.89, "yellow", 0.75),
    (9, 99.97, "yellow", 0.85),
    (10, 99.99, "red", 1.0),
    (25, 100.0, "red", 1.0),
]


@pytest.mark.parametrize(("count", "percent", "zone", "plus"), BASEL)
def test_traffic_light_of_basel(count: int, percent: float, zone: str, plus: float) -> None:
    light = traffic_light(series(count, 250), 0.01)
    assert (light.zone, light.plus) == (zone, plus)
    assert light.cumulative * 100 == pytest.approx(percent, abs=0.0051)


def test_light_of_other_lengths_has_no_addition() -> None:
    light = traffic_light(series(12, 500), 0.01)
    assert (light.zone, light.plus) == ("yellow", None)


def test_worst_window() -> None:
    hits = np.zeros(600, dtype=bool)
    hits[300:305] = True
    assert worst_light(hits).exceptions == 5
    assert traffic_light(hits).zone == "green"


@given(HITS, LEVELS)
def test_twin_of_the_ratios(hits: list[bool], level: float) -> None:
    assert kupiec(hits, level).statistic == pytest.approx(naive.kupiec_ratio(hits, level), abs=1e-9)
    assert kupiec(hits, level, exact=True).p_value == pytest.approx(naive.exact_chance(hits, level), abs=1e-9)
    alone = independence(hits)
    assert alone.statistic == pytest.approx(naive.independence_ratio(hits), abs=1e-9)
    both = conditional_coverage(hits, level)
    assert both.statistic == pytest.approx(alone.statistic + kupiec(hits, level).statistic, abs=1e-12)
    ratios = naive.waiting_ratios(hits, level)
    mixed = time_between(hits, level)
    assert mixed.statistic == pytest.approx(naive.kupiec_ratio(hits, level) + sum(ratios), abs=1e-8)
    assert mixed.freedom == len(ratios) + 1
    assert time_until_first(hits, level).statistic == pytest.approx(ratios[0] if ratios else 0.0, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.1]), st.integers(0, 4))
def test_twin_of_the_dynamic_quantile(seed: int, level: float, lags: int) -> None:
    rng = np.random.default_rng(seed)
    hits, forecast = rng.random(80) < 0.3, rng.random(80) + 0.5
    got = dynamic_quantile(hits, level, forecast, lags=lags)
    expected = naive.dynamic_quantile(hits.tolist(), level, forecast.tolist(), lags)
    assert got.statistic == pytest.approx(expected, rel=1e-7)
    assert got.freedom == lags + 2
    # the unit of the forecast is not information
    assert dynamic_quantile(hits, level, forecast * 1e6, lags=lags).statistic == pytest.approx(got.statistic, rel=1e-7)


def test_a_constant_forecast_adds_no_degree() -> None:
    hits = series(9, 300)
    assert dynamic_quantile(hits, 0.03, np.full(300, 2.0)).freedom == dynamic_quantile(hits, 0.03).freedom == 5


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_twin_of_holm(p_values: list[float]) -> None:
    assert holm(p_values).tolist() == pytest.approx(naive.holm(p_values), abs=1e-12)


def test_holm_as_in_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.integers(0, 80), st.sampled_from([0.9, 0.95, 0.99]))
def test_interval_holds_by_its_definition(count: int, confidence: float) -> None:
    days = 80
    low, high = interval(count, days, confidence)
    tail = (1 - confidence) / 2
    upper = sum(math.comb(days, k) * low**k * (1 - low) ** (days - k) for k in range(count, days + 1))
    lower = sum(math.comb(days, k) * high**k * (1 - high) ** (days - k) for k in range(count + 1))
    assert count == 0 or upper == pytest.approx(tail, rel=1e-6)
    assert count == days or lower == pytest.approx(tail, rel=1e-6)
    assert low <= count / days <= high
    one_sided = interval(count, days, confidence, "too many")
    assert low <= one_sided[0] <= count / days
    assert one_sided[1] == 1.0


@given(HITS, LEVELS)
def test_one_sided_agrees_with_its_bound(hits: list[bool], level: float) -> None:
    """A share below the lower bound is rejected, and no other."""
    test = kupiec(hits, level, side="too many")
    low, _ = interval(sum(hits), len(hits), 0.95, "too many")
    if abs(test.p_value - 0.05) > 1e-9:
        assert (test.p_value < 0.05) == (level < low)


def test_nothing_to_test_is_told() -> None:
    calm = np.zeros(250, dtype=bool)
    assert not independence(calm).defined
    assert independence(calm).p_value == 1.0
    assert not time_until_first(calm, 0.01).defined
    last = calm.copy()
    last[-1] = True
    assert not independence(last).defined  # no day after it
    assert independence(series(3, 250)).defined


def test_permutation_p_value_of_one_cluster() -> None:
    """Two exceptions in T days lie next to each other with chance 2/T, and then have the largest ratio."""
    days = 40
    hits = np.zeros(days, dtype=bool)
    hits[10:12] = True
    test = independence(hits, draws=4999, seed=3)
    assert test.p_value == pytest.approx(2 / days, abs=4 * math.sqrt(0.05 * 0.95 / 5000))
    assert test.method == "simulated"


# size and power -----------------------------------------------------------------------------------------------

DAYS, LEVEL, SERIES = 500, 0.01, 200


def rejections(hits: np.ndarray, forecast: np.ndarray | None = None) -> dict[str, float]:
    """Share of the series (rows) that each test rejects at 5 %."""
    tests = {
        "exact": lambda h: kupiec(h, LEVEL, exact=True),
        "too many": lambda h: kupiec(h, LEVEL, side="too many"),
        "permuted": lambda h: independence(h, draws=99, seed=1),
        "joint": lambda h: conditional_coverage(h, LEVEL, draws=99, seed=1),
        "between": lambda h: time_between(h, LEVEL, draws=99, seed=1),
        "quantile": lambda h: dynamic_quantile(h, LEVEL, forecast, draws=99, seed=1),
    }
    slow = {"between", "quantile"}
    return {
        name: float(np.mean([test(h).rejects(0.05 + 1e-9) for h in hits[: 40 if name in slow else None]]))
        for name, test in tests.items()
    }


def bound(size: float, trials: int) -> float:
    """Three standard errors above the size."""
    return size + 3 * math.sqrt(size * (1 - size) / trials)


def test_a_right_model_is_not_rejected_more_often_than_its_level() -> None:
    rng = np.random.default_rng(11)
    found = rejections(rng.random((SERIES, DAYS)) < LEVEL)
    for name, share in found.items():
        assert share <= bound(0.05, 40 if name in ("between", "quantile") else SERIES), name


def test_chi_square_is_too_eager_and_the_docstring_says_so() -> None:
    """At 250 days Kupiec's asymptotic test rejects 0 and 7 or more exceptions: 9.5 % of the right models."""
    counts = np.random.default_rng(5).binomial(250, LEVEL, 20_000)
    rejected = likelihood_ratio(counts, 250, LEVEL) > 3.841459
    assert rejected.mean() == pytest.approx(0.0947, abs=0.008)


def test_halved_volatility_is_detected() -> None:
    """Losses of a normal distribution against a 99 % forecast with half the volatility: 12 % exceptions."""
    rng = np.random.default_rng(12)
    losses = rng.standard_normal((30, DAYS))
    hits = losses > 0.5 * norm.isf(LEVEL)
    found = rejections(hits)
    assert {name for name, share in found.items() if share < 0.99} <= {"permuted"}  # independent, only too many
    assert all(traffic_light(h[:250], LEVEL).zone == "red" for h in hits)


def test_clustered_exceptions_of_the_right_share_are_detected() -> None:
    """Exceptions that come in pairs and longer, 5 % of the days: the share is right, the order is not."""
    rng = np.random.default_rng(13)
    after, days = 0.4, 1000
    before = 0.05 * (1 - after) / 0.95
    hits = np.zeros((40, days), dtype=bool)
    for t in range(1, days):
        hits[:, t] = rng.random(40) < np.where(hits[:, t - 1], after, before)
    assert np.mean([independence(h, draws=99).rejects(0.05 + 1e-9) for h in hits]) > 0.95
    assert np.mean([dynamic_quantile(h, 0.05).rejects() for h in hits]) > 0.95
    assert np.mean([conditional_coverage(h, 0.05).rejects() for h in hits]) > 0.95


def test_exceptions_foretold_by_the_forecast_are_detected() -> None:
    """A forecast that does not move while volatility does: the forecast of a better model foretells exceptions."""
    rng = np.random.default_rng(14)
    wide = np.exp(0.6 * rng.standard_normal((30, 1500)))
    losses = wide * rng.standard_normal(wide.shape)
    flat = np.quantile(losses, 0.95)
    found = [
        dynamic_quantile(row > flat, 0.05, width, lags=1).rejects() for row, width in zip(losses, wide, strict=True)
    ]
    assert np.mean(found) > 0.95


# bad inputs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda: kupiec([], 0.01), "hits"),
        (lambda: kupiec([0, 1, 2], 0.01), "hits"),
        (lambda: kupiec(["yes"], 0.01), "hits"),
        (lambda: kupiec([[0, 1]], 0.01), "hits"),
        (lambda: kupiec([0, 1], 1.0), "level"),
        (lambda: kupiec([0, 1], 0.0), "level"),
        (lambda: kupiec([0, 1], 0.1, side="few"), "side"),  # type: ignore[arg-type]
        (lambda: independence([1]), "hits"),
        (lambda: conditional_coverage([1], 0.1), "hits"),
        (lambda: independence([1, 0], draws=-1), "draws"),
        (lambda: time_between([1, 0], 0.1, draws=-1), "draws"),
        (lambda: dynamic_quantile([1, 0, 0], 0.1, lags=2), "lags"),
        (lambda: dynamic_quantile([1, 0, 0], 0.1, [1.0, 2.0], lags=1), "forecast"),
        (lambda: dynamic_quantile([1, 0, 0], 0.1, lags=1, draws=-3), "draws"),
        (lambda: interval(3, 2), "count"),
        (lambda: interval(1, 2, 1.5), "confidence"),
        (lambda: worst_light([0, 1], window=3), "window"),
        (lambda: holm([0.5, 1.5]), "p_values"),
        (lambda: exceptions([1.0, math.nan], [1.0, 1.0]), "losses[1]"),
        (lambda: exceptions([1.0], [1.0, 1.0]), "forecast"),
    ],
)
def test_bad_inputs_are_named(call: object, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        call()  # type: ignore[operator]
    assert caught.value.problems[0].path == path


def test_a_loss_equal_to_the_forecast_is_covered() -> None:
    assert exceptions([1.0, 1.1, -3.0], [1.0, 1.0, 0.5]).tolist() == [False, True, False]
