"""Kelly's sizes under real rules: limits that bind, calls inside and outside the sample, means that are estimates."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from plimsoll.documents import DocumentError
from plimsoll.optimise.sizing import (
    KellyTerms,
    Means,
    Sizes,
    Watch,
    bets_of,
    call_probability,
    estimated,
    kelly,
    with_means,
)
from sizing_desk import log_normal, perpetuals

BOTH = {"BTC": 0.6, "ETH": 0.8}
RULES = "prbm@2026-01-01"


def means(mean: dict[str, float], error: float = 0.0) -> Means:
    sigma = np.array([BOTH[c] for c in mean])
    covariance = np.diag(sigma**2) + 0.5 * (np.outer(sigma, sigma) - np.diag(sigma**2))
    return Means(tuple(mean), np.array(list(mean.values())), np.full(len(mean), error), covariance, "told")


def sizes(mean: dict[str, float], terms: KellyTerms, error: float = 0.0, size: int = 3_000) -> Sizes:
    market, model = perpetuals(), pl.margin_model(RULES)
    inside, outside = (
        Watch(market, model, log_normal(seed, {c: BOTH[c] for c in mean}, size=size, correlation=0.5))
        for seed in (1, 2)
    )
    return kelly(inside, outside, [f"{c}-PERP" for c in mean], means(mean, error), terms)


def test_small_moves_give_means_over_variances_and_the_fraction_scales_them() -> None:
    terms = KellyTerms(1e6, fraction=0.25, leverage=50.0, margin=1.0, called=0.5, shrink=False)
    found = sizes({"BTC": 0.18, "ETH": 0.1}, terms, size=20_000)
    assert found.plain == pytest.approx(np.linalg.solve(means({"BTC": 1, "ETH": 1}).covariance, [0.18, 0.1]))
    assert found.full == pytest.approx(found.plain, abs=0.05)
    assert found.sized == pytest.approx(0.25 * found.full, rel=1e-6)
    assert found.part == 1.0
    assert found.growth[1] < found.growth[0]


def test_leverage_binds_on_what_is_held() -> None:
    found = sizes({"BTC": 0.9, "ETH": 0.4}, KellyTerms(1e6, fraction=0.5, leverage=0.8, shrink=False, called=0.5))
    assert np.abs(found.sized).sum() == pytest.approx(0.8, rel=1e-8)
    assert found.price["leverage"] > 0.0
    assert found.gap <= 1e-8


def test_initial_margin_binds_by_the_exact_rules() -> None:
    terms = KellyTerms(1e6, fraction=1.0, leverage=50.0, margin=0.1, shrink=False, called=0.5)
    found = sizes({"BTC": 0.9, "ETH": 0.4}, terms)
    assert found.margin == pytest.approx(0.1 * 1e6, rel=1e-6)
    assert found.price["initial margin"] > 0.0


def test_the_limit_on_calls_binds_and_is_kept_outside_of_the_sample() -> None:
    terms = KellyTerms(1e6, fraction=1.0, leverage=50.0, margin=1.0, shrink=False, called=0.005)
    found = sizes({"BTC": 1.6}, terms)
    assert 0.0 < found.part < 1.0
    assert 0.0 < found.called.at_most <= 0.005
    assert found.called_outside.value <= 0.005
    # the maintenance margin of the perpetual is linear: the closed form, watched all the time, is a little above
    model, market = pl.margin_model(RULES), perpetuals()
    notional = abs(found.held[0]) * 1e6
    rate = model.requirement(found.account, market).maintenance / notional
    closed = call_probability(found.held[0], rate, 1.6, 0.6, 30 / 365)
    assert found.called.value - 3 * found.called.error < closed < found.called.at_most + 0.005


def test_means_within_their_errors_are_not_bet_on() -> None:
    found = sizes({"BTC": 0.2}, KellyTerms(1e6), error=0.6)
    assert found.fraction == 0.0
    assert not found.held.any()
    assert found.called.value == 0.0
    assert "no larger than their errors" in " ".join(found.notes)


def test_the_fraction_for_estimates_grows_fastest_in_the_mean() -> None:
    covariance, years = np.diag([0.36, 0.64]), 4.0
    true = np.array([0.5, 0.6])
    rng = np.random.default_rng(1)
    parts = np.linspace(0.0, 1.2, 121)
    guesses = rng.multivariate_normal(true, covariance / years, 200_000)
    plain = np.linalg.solve(covariance, guesses.T).T
    growths = [
        float((c * plain @ true - 0.5 * c**2 * np.einsum("pa,ab,pb->p", plain, covariance, plain)).mean())
        for c in parts
    ]
    best = float(parts[int(np.argmax(growths))])
    quality = float(true @ np.linalg.solve(covariance, true))
    assert best == pytest.approx(quality / (quality + 2 / years), abs=0.02)
    # what is estimated of it is right on average before it is cut at zero
    told = [Means(("A", "B"), g, np.sqrt(np.diag(covariance) / years), covariance, "") for g in guesses[:4_000]]
    assert np.mean([m.quality - m.noise for m in told]) == pytest.approx(quality, rel=0.08)
    assert told[0].noise == pytest.approx(2 / years)


def test_estimates_are_those_of_the_returns() -> None:
    rng = np.random.default_rng(3)
    returns = rng.normal(0.001, 0.03, (2_000, 2))
    found = estimated(("BTC", "ETH"), returns, 1.0)
    assert found.covariance == pytest.approx(np.cov(returns.T) * 365)
    assert found.mean == pytest.approx(returns.mean(axis=0) * 365 + 0.5 * np.diag(found.covariance))
    assert found.error == pytest.approx(returns.std(axis=0, ddof=1) * 365 / np.sqrt(2_000))
    assert found.noise == pytest.approx(2 * 365 / 2_000)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wealth": 0.0}, "wealth"),
        ({"fraction": 1.5}, "fraction"),
        ({"called": 0.0}, "called"),
        ({"currency": "BTC"}, "currency"),
    ],
)
def test_bad_terms_are_named(changes: dict[str, float], said: str) -> None:
    with pytest.raises(DocumentError, match=said):
        sizes({"BTC": 0.3}, KellyTerms(**({"wealth": 1e6} | changes)))


def test_what_is_missing_is_named() -> None:
    market, model = perpetuals(), pl.margin_model(RULES)
    watch = Watch(market, model, log_normal(1, {"BTC": 0.6}, size=100))
    with pytest.raises(DocumentError, match=r"paths.ETH"):
        kelly(watch, watch, ["ETH-PERP"], means({"BTC": 0.3}), KellyTerms(1e6))
    with pytest.raises(DocumentError, match="instruments"):
        kelly(watch, watch, ["NONE"], means({"BTC": 0.3}), KellyTerms(1e6))
    with pytest.raises(DocumentError, match="covariance"):
        Means(("A", "B"), np.zeros(2), np.zeros(2), np.ones((2, 2)), "")


def test_no_sizes_of_a_grid_within_the_exact_margin_grow_faster() -> None:
    terms = KellyTerms(1e6, fraction=1.0, leverage=50.0, margin=0.15, shrink=False, called=0.9)
    found = sizes({"BTC": 0.9, "ETH": 0.9}, terms, size=1_000)
    market, model = perpetuals(), pl.margin_model(RULES)
    watch = Watch(
        market, model, with_means(log_normal(1, BOTH, size=1_000, correlation=0.5), means({"BTC": 0.9, "ETH": 0.9}))
    )
    bets, each = bets_of(watch, ["BTC-PERP", "ETH-PERP"])
    assert bets.growth(found.held) == pytest.approx(found.growth[1], abs=1e-12)
    best = -np.inf
    for x in np.linspace(-1.0, 2.0, 25).tolist():
        for y in np.linspace(-1.0, 2.0, 25).tolist():
            rows = [
                {"instrument": n, "quantity": f * 1e6 * e}
                for n, f, e in zip(("BTC-PERP", "ETH-PERP"), (x, y), each.tolist(), strict=True)
            ]
            book = pl.Account.from_dict({"schema": "plimsoll.account", "schema_version": 1, "positions": rows})
            if model.requirement(book, market).initial <= 0.15 * 1e6:
                best = max(best, bets.growth(np.array([x, y])))
    assert best <= found.growth[1] + found.gap + 1e-10
    assert best >= 0.9 * found.growth[1]
