"""Tests of Expected Shortfall: the twin, the published critical value, and size and power by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student
from tests.naive import scores as naive

from plimsoll.documents import DocumentError
from plimsoll.validate import acerbi_szekely_1, acerbi_szekely_2, mcneil_frey, multinomial

LEVEL = 0.025


def t_tail(degrees: float, level: float) -> tuple[float, float]:
    """VaR and ES of a Student t with unit variance."""
    unit = np.sqrt((degrees - 2) / degrees)
    q = student.isf(level, degrees)
    es = student.pdf(q, degrees) / level * (degrees + q * q) / (degrees - 1)
    return float(q * unit), float(es * unit)


def normal_tail(level: float) -> tuple[float, float]:
    """VaR and ES of a standard normal."""
    q = norm.isf(level)
    return float(q), float(norm.pdf(q) / level)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.025, 0.1]))
def test_twin(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    losses, var = rng.standard_normal(60), rng.uniform(0.2, 1.0, 60)
    es = var + rng.uniform(0.1, 1.0, 60)
    losses[7] = 3.0
    lists = losses.tolist(), var.tolist(), es.tolist()
    assert acerbi_szekely_1(losses, var, es, level, draws=9).statistic == pytest.approx(naive.z1(*lists))
    assert acerbi_szekely_2(losses, var, es, level, draws=9).statistic == pytest.approx(naive.z2(*lists, level))


@pytest.mark.parametrize("shape", [0.0, 0.2])
def test_critical_value_of_the_paper(shape: float) -> None:
    """Acerbi and Székely: at 2.5 % and 250 days Z2 below −0.7 rejects at 5 %, for the usual tails."""
    var, es = (np.full(250, x) for x in normal_tail(LEVEL))
    test = acerbi_szekely_2(np.zeros(250), var, es, LEVEL, shape=shape, draws=20_000)
    assert test.detail["critical_5"] == pytest.approx(-0.70, abs=0.04)
    assert test.statistic == 1.0  # no loss beyond VaR at all
    assert test.p_value > 0.99


def test_the_null_is_the_distribution_itself() -> None:
    """For a normal distribution the simulated null agrees with Z1 and Z2 of normal losses (the tail's shape matters
    little), day by day with different forecasts."""
    rng = np.random.default_rng(3)
    width = rng.uniform(0.5, 2.0, 250)
    q, tail = normal_tail(LEVEL)
    losses = rng.standard_normal((4000, 250)) * width
    beyond = losses > q * width
    z2 = 1 - (losses * beyond / (tail * width)).sum(axis=1) / (250 * LEVEL)
    for share in (0.01, 0.05, 0.5):
        null = acerbi_szekely_2(np.quantile(z2, share) * 0 + losses[0], q * width, tail * width, LEVEL, shape=0.0)
        assert null.detail["critical_5"] == pytest.approx(np.quantile(z2, 0.05), abs=0.05)


def test_right_forecasts_keep_the_size() -> None:
    rng, days, trials = np.random.default_rng(5), 500, 300
    q, tail = t_tail(5, LEVEL)
    var, es = np.full(days, q), np.full(days, tail)
    losses = rng.standard_t(5, (trials, days)) * np.sqrt(3 / 5)
    for test in (acerbi_szekely_1, acerbi_szekely_2):
        rejected = np.mean([test(row, var, es, LEVEL, draws=299, seed=i).rejects() for i, row in enumerate(losses)])
        assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials), test
    bootstrap = np.mean([mcneil_frey(row, var, es, draws=299, seed=i).rejects() for i, row in enumerate(losses)])
    # the bootstrap of a dozen skewed residuals is a little too careful, never too eager
    assert bootstrap <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)


def test_halved_volatility_and_a_thin_tail_are_detected() -> None:
    rng, days, trials = np.random.default_rng(6), 1000, 60
    q, tail = t_tail(3, LEVEL)
    losses = rng.standard_t(3, (trials, days)) * np.sqrt(1 / 3)
    halved = [
        acerbi_szekely_2(row, np.full(days, q / 2), np.full(days, tail / 2), LEVEL, draws=299).rejects()
        for row in losses
    ]
    assert np.mean(halved) == 1.0
    # VaR right, ES that of a normal tail: only how large the losses are is wrong
    thin = np.full(days, q * normal_tail(LEVEL)[1] / normal_tail(LEVEL)[0])
    for test in (acerbi_szekely_1, mcneil_frey):
        further = (LEVEL,) if test is acerbi_szekely_1 else ()
        found = [test(row, np.full(days, q), thin, *further, draws=299).rejects() for row in losses]
        assert np.mean(found) > 0.5, test


def test_multinomial_sees_what_one_level_does_not() -> None:
    rng, days = np.random.default_rng(7), 2000
    levels = (0.05, 0.025, 0.01)
    right = np.tile(norm.isf(levels), (days, 1))
    rejected = np.mean([multinomial(rng.standard_normal(days), right, levels).rejects() for _ in range(300)])
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    heavy = rng.standard_t(3, (40, days)) * norm.isf(0.05) / student.isf(0.05, 3)  # 5 % VaR as promised
    assert np.mean([multinomial(row, right, levels).rejects() for row in heavy]) > 0.9
    test = multinomial(rng.standard_normal(days), right, levels)
    assert sum(test.detail[f"band{i}"] for i in range(4)) == days


def test_one_level_is_kupiec() -> None:
    from plimsoll.validate import kupiec

    losses = np.random.default_rng(8).standard_normal(300)
    var = np.full(300, 1.5)
    both = multinomial(losses, var[:, None], [0.05]), kupiec(losses > var, 0.05)
    assert both[0].statistic == pytest.approx(both[1].statistic)
    assert both[0].p_value == pytest.approx(both[1].p_value)


def test_nothing_to_test_is_told() -> None:
    calm = np.zeros(50), np.ones(50), np.full(50, 2.0)
    assert not mcneil_frey(*calm).defined
    assert not acerbi_szekely_1(*calm, 0.01).defined


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda: acerbi_szekely_2([1.0], [0.5], [0.4], 0.01), "es[0]"),
        (lambda: acerbi_szekely_2([1.0], [-0.5], [0.0], 0.01), "es[0]"),
        (lambda: acerbi_szekely_2([1.0], [0.5], [0.6], 0.01, shape=0.5), "shape"),
        (lambda: acerbi_szekely_2([1.0], [0.5], [0.6], 0.01, draws=0), "draws"),
        (lambda: mcneil_frey([1.0, 2.0, 3.0], [0.5] * 3, [0.6] * 3, draws=0), "draws"),
        (lambda: mcneil_frey([1.0], [0.5], [0.6], [0.0]), "scale[0]"),
        (lambda: multinomial([1.0], [[0.5]], [0.05, 0.01]), "forecasts"),
        (lambda: multinomial([1.0], [[0.5, 0.6]], [0.01, 0.05]), "levels"),
    ],
)
def test_bad_inputs_are_named(call: object, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        call()  # type: ignore[operator]
    assert caught.value.problems[0].path == path
