"""Exponentially weighted variance against its loop, its closed form, and the past it may use."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.dynamics.ewma import ewma_variance, ewma_weights

RETURNS = st.lists(st.one_of(st.floats(-0.6, 0.6), st.just(math.nan)), min_size=0, max_size=40)
LAMBDAS = st.floats(0.5, 0.999)


def _loop(returns: list[float], lam: float, seed: object) -> list[float]:
    """The recursion, return by return."""
    raw, count, weight, out = 0.0, 0, 0.0, []
    if isinstance(seed, float):
        raw = seed
    out.append(raw if isinstance(seed, float) else math.nan)
    for r in returns:
        if not math.isnan(r):
            if seed == "first" and count == 0:
                raw = r * r
            raw = lam * raw + (1 - lam) * (r * r)
            weight = lam * weight + (1 - lam)
            count += 1
        value = raw / weight if seed == "bias-corrected" and count else raw
        out.append(value if count or isinstance(seed, float) else math.nan)
    return out


@given(RETURNS, LAMBDAS, st.sampled_from(["bias-corrected", "first", 0.0, 4e-4]))
def test_it_is_the_loop(returns: list[float], lam: float, seed: object) -> None:
    got = ewma_variance(returns, lam, seed=seed)  # type: ignore[arg-type]
    assert got.shape == (len(returns) + 1,)
    # the loop sums its weights one by one, so it loses digits where 1 - lam is small
    np.testing.assert_allclose(got, _loop(returns, lam, seed), rtol=1e-12, atol=1e-300)


@given(st.lists(st.floats(-0.6, 0.6), min_size=1, max_size=40), LAMBDAS)
def test_the_weights_sum_to_one(returns: list[float], lam: float) -> None:
    weights = ewma_weights(len(returns), lam)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    expected = float(weights @ np.square(returns))
    assert ewma_variance(returns, lam)[-1] == pytest.approx(expected, rel=1e-10, abs=1e-300)


@given(RETURNS, LAMBDAS, st.integers(0, 40))
def test_a_row_knows_only_what_was_before_it(returns: list[float], lam: float, cut: int) -> None:
    for seed in ("bias-corrected", "first", 1e-3):
        whole = ewma_variance(returns, lam, seed=seed)  # type: ignore[arg-type]
        part = ewma_variance(returns[:cut], lam, seed=seed)  # type: ignore[arg-type]
        np.testing.assert_array_equal(part, whole[: len(part)])


def test_the_first_rows_are_not_low() -> None:
    r = np.random.default_rng(1).normal(0, 0.03, (4000, 500))
    got = ewma_variance(r, 0.99)
    assert np.isnan(got[0]).all()
    # unbiased from the first return on: mean over 500 series within four standard errors
    for row in (1, 2, 5, 20, 4000):
        mean, error = got[row].mean(), got[row].std() / math.sqrt(500)
        assert abs(mean - 0.03**2) < 4 * error, row
    # an uncorrected start at zero would be low by 1 - 0.99^5
    raw = ewma_variance(r[:5], 0.99, seed=0.0)[-1].mean()
    assert raw < 0.06 * 0.03**2


def test_columns_are_on_their_own() -> None:
    r = np.random.default_rng(2).normal(0, 0.03, (50, 3))
    r[10:20, 1] = np.nan
    whole = ewma_variance(r, 0.94)
    for j in range(3):
        np.testing.assert_array_equal(whole[:, j], ewma_variance(r[:, j], 0.94))
    # a missing return changes nothing
    np.testing.assert_array_equal(whole[10:21, 1], np.full(11, whole[10, 1]))
    np.testing.assert_array_equal(whole[-1, 1], ewma_variance(r[~np.isnan(r[:, 1]), 1], 0.94)[-1])


def test_published_counts_of_the_shared_backtest(shared: object) -> None:
    """EWMA at 0.94 seeded with the first square: the violations that the shared data publish."""
    import polars as pl
    from scipy.stats import norm

    table = pl.read_csv(f"{shared}/data/backtests/btc_daily_log_returns.csv.gz")
    r = table[table.columns[-1]].to_numpy()
    sigma = np.sqrt(ewma_variance(r, 0.94, seed="first"))[:-1]
    counts = [int((r < norm.ppf(p) * sigma)[-1185:].sum()) for p in (0.01, 0.025, 0.05, 0.10)]
    assert counts == [27, 38, 61, 95]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0.1], 1.0), "lam"),
        (([0.1], 0.0), "lam"),
        (([0.1], math.nan), "lam"),
        (([math.inf], 0.9), "infinity"),
        (([[[0.1]]], 0.9), "shape"),
        (([0.1], 0.9, "zero"), "seed"),
        (([0.1], 0.9, -1.0), "seed"),
        (([0.1], 0.9, math.nan), "seed"),
    ],
)
def test_refusals(arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        ewma_variance(*arguments[:2], **({"seed": arguments[2]} if len(arguments) > 2 else {}))  # type: ignore[arg-type]
    with pytest.raises(DocumentError):
        ewma_weights(0, 0.9)
