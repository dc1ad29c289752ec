"""Historical, filtered and simulated moves: against loops, closed forms and the laws they were drawn from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.tail_risk import filtered_windows
from plimsoll.documents import DocumentError
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.filtered import filtered, filtered_paths
from plimsoll.scenarios.historical import historical
from plimsoll.scenarios.moves import FactorMoves, IvLaw, age_weights
from plimsoll.scenarios.simulated import Jumps, fit_dof, nearest_correlation, rank_correlation, simulated

RNG = np.random.default_rng(11)
RETURNS = 0.03 * RNG.standard_t(4, (40, 2))
SIGMA = 0.02 + 0.02 * RNG.random((41, 2))
NAMES = ["BTC", "ETH"]
STILL = SIGMA.copy()
STILL[3, 1] = 0.0


@given(st.integers(1, 6), st.booleans(), st.sampled_from([(0.25, 4.0), (0.9, 1.1), (1.0, 1.0)]))
def test_filtered_windows_are_those_of_the_loop(steps: int, middle: bool, cap: tuple[float, float]) -> None:
    damping = "middle" if middle else "none"
    found = filtered(NAMES, RETURNS, SIGMA, steps=steps, cap=cap, damping=damping)  # type: ignore[arg-type]
    for f in range(2):
        naive = filtered_windows(RETURNS[:, f].tolist(), SIGMA[:, f].tolist(), steps, *cap, middle)
        np.testing.assert_allclose(found.multiplier[f], naive, rtol=1e-12)
    assert found.lag == steps - 1
    assert found.days == steps


def test_constant_volatility_filters_nothing() -> None:
    flat = np.full((41, 2), 0.03)
    plain = historical(NAMES, RETURNS, steps=3)
    np.testing.assert_allclose(filtered(NAMES, RETURNS, flat, steps=3).multiplier, plain.multiplier, rtol=1e-14)


def test_a_joint_scale_keeps_the_dependence_of_a_day() -> None:
    joint = np.log(filtered(NAMES, RETURNS, SIGMA, scaling="joint", cap=(1e-6, 1e6)).multiplier)
    ratio = joint / RETURNS.T
    np.testing.assert_allclose(ratio[0], ratio[1], rtol=1e-9)
    apart = np.log(filtered(NAMES, RETURNS, SIGMA, cap=(1e-6, 1e6)).multiplier) / RETURNS.T
    np.testing.assert_allclose(ratio[0], np.sqrt(apart[0] * apart[1]), rtol=1e-9)


def test_kinds_of_moves_repeat_what_they_say() -> None:
    prices = np.array([100.0, 110.0, 99.0, 120.0])
    returns = np.diff(np.log(prices))[:, None]
    relative = historical(["BTC"], returns, moves="relative").multiplier[0]
    np.testing.assert_allclose(relative, prices[1:] / prices[:-1], rtol=1e-12)
    absolute = historical(["BTC"], returns, moves="absolute").multiplier[0]
    np.testing.assert_allclose(absolute, 1.0 + np.diff(prices) / prices[-1], rtol=1e-12)
    two = historical(["BTC"], returns, moves="absolute", steps=2).multiplier[0]
    np.testing.assert_allclose(two, 1.0 + (prices[2:] - prices[:-2]) / prices[-1], rtol=1e-12)


def test_windows() -> None:
    returns = np.log(np.array([[2.0], [3.0], [5.0], [7.0], [11.0]]))
    assert historical(["BTC"], returns, steps=2).multiplier[0].round(9).tolist() == [6, 15, 35, 77]
    apart = historical(["BTC"], returns, steps=2, windows="disjoint")
    assert apart.multiplier[0].round(9).tolist() == [15, 77]
    assert (apart.lag, apart.origin.tolist()) == (0, [2, 4])  # type: ignore[union-attr]
    root = historical(["BTC"], returns, steps=4, windows="root")
    assert root.multiplier[0].round(9).tolist() == [4, 9, 25, 49, 121]


def test_a_move_through_zero_is_stopped_and_counted() -> None:
    falling = np.log(np.array([[0.1], [1.0]]))
    wild = filtered(["BTC"], falling, [[0.01], [0.01], [0.04]], moves="relative", cap=(0.1, 10.0))
    assert wild.floored == 1
    assert wild.multiplier.min() > 0.0


@given(st.integers(2, 400), st.floats(0.9, 0.9999))
def test_age_weights(count: int, age: float) -> None:
    weights = age_weights(count, age)
    assert weights is not None
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(weights[1:] / weights[:-1], 1.0 / age, rtol=1e-9)


def test_paths_of_one_step_are_the_filtered_history_drawn_again() -> None:
    paths = filtered_paths(NAMES, RETURNS, SIGMA, size=500, decay=0.97, seed=3)
    once = filtered(NAMES, RETURNS, SIGMA).multiplier
    assert paths.origin is not None
    np.testing.assert_allclose(paths.multiplier, once[:, paths.origin], rtol=1e-13)


def test_paths_carry_volatility_along() -> None:
    paths = filtered_paths(["BTC"], RETURNS[:, :1], SIGMA[:, :1], size=50, decay=0.9, seed=3, steps=4)
    assert paths.clusters is not None
    for s, days in enumerate(paths.clusters.tolist()):
        total, variance = 0.0, SIGMA[-1, 0] ** 2
        for day in days:
            move = RETURNS[day, 0] * min(max(math.sqrt(variance) / SIGMA[day, 0], 0.25), 4.0)
            total += move
            variance = 0.9 * variance + 0.1 * move * move
        assert paths.multiplier[0, s] == pytest.approx(math.exp(total), rel=1e-12)


@pytest.mark.parametrize("draws", ["plain", "antithetic", "sobol"])
@pytest.mark.parametrize("copula", ["normal", "t", "skewed_t"])
def test_simulated_moves_have_the_law_they_were_drawn_from(draws: str, copula: str) -> None:
    correlation = np.array([[1.0, 0.6], [0.6, 1.0]])
    found = simulated(
        NAMES, correlation, [0.03, 0.05], size=20_000, seed=5, copula=copula, dof=6.0, skew=-0.3,
        marginal="t", marginal_dof=5.0, draws=draws,
    )  # fmt: skip
    moves = np.log(found.multiplier)
    np.testing.assert_allclose(moves.std(axis=1), [0.03, 0.05], rtol=0.04)
    # the marginal of every copula is the same Student-t: its quantiles, not only its variance
    from scipy.stats import t

    unit = math.sqrt(3.0 / 5.0) * 0.05
    for level in (0.01, 0.25, 0.5, 0.9, 0.99):
        expected = float(t.ppf(level, 5.0))
        error = math.sqrt(level * (1.0 - level) / len(found)) / float(t.pdf(expected, 5.0))
        assert np.quantile(moves[1], level) == pytest.approx(expected * unit, abs=4.0 * error * unit)
    if copula != "skewed_t":
        assert rank_correlation(moves.T[::7])[0, 1] == pytest.approx(0.6, abs=0.04)


def test_a_skewed_copula_joins_falls() -> None:
    correlation = np.array([[1.0, 0.5], [0.5, 1.0]])
    options = {"size": 60_000, "seed": 2, "dof": 5.0, "copula": "skewed_t"}

    def joint(skew: float, low: bool) -> float:
        moves = np.log(simulated(NAMES, correlation, [0.03, 0.03], skew=skew, **options).multiplier)  # type: ignore[arg-type]
        edge = np.quantile(moves, 0.02 if low else 0.98, axis=1)[:, None]
        both = (moves < edge) if low else (moves > edge)
        return float(both.all(axis=0).mean() / 0.02)

    assert joint(0.0, True) == pytest.approx(joint(0.0, False), abs=0.05)
    assert joint(-0.8, True) > joint(-0.8, False) + 0.1


def test_jumps_have_their_compound_law() -> None:
    jumps = Jumps(per_day=0.5, mean=-0.03, sd=0.02, own_sd=0.01, iv_beta=-1.5, betas={"ETH": 1.2})
    names = ["BTC", "ETH", "BTC iv"]
    found = simulated(names, np.eye(3), [0.0, 0.0, 0.0], size=60_000, seed=4, steps=2, jumps=jumps, draws="plain")
    moves = np.log(found.multiplier)
    count = 0.5 * 2
    beta = np.array([1.0, 1.2, -1.5])
    np.testing.assert_allclose(moves.mean(axis=1), count * -0.03 * beta, rtol=0.04)
    variance = count * ((0.03**2 + 0.02**2) * beta**2 + 0.01**2)
    np.testing.assert_allclose(moves.var(axis=1), variance, rtol=0.04)
    # a horizon is a sum of steps: no jump by then has the probability of the whole horizon
    still = (np.abs(moves).max(axis=0) == 0.0).mean()
    assert still == pytest.approx(math.exp(-count), abs=0.01)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    one, two, other = (
        simulated(NAMES, np.eye(2), [0.03, 0.03], size=256, seed=seed, jumps=Jumps()).multiplier for seed in (1, 1, 2)
    )
    assert one.tobytes() == two.tobytes()
    assert one.tobytes() != other.tobytes()


def test_empirical_marginals_stay_within_what_was_seen() -> None:
    residuals = RNG.standard_normal((300, 2))
    found = simulated(
        NAMES, np.eye(2), [0.01, 0.02], size=5_000, seed=1, marginal="empirical", residuals=residuals
    ).multiplier
    for f, sd in enumerate((0.01, 0.02)):
        assert np.log(found[f]).max() <= sd * residuals[:, f].max() + 1e-12
        assert np.log(found[f]).min() >= sd * residuals[:, f].min() - 1e-12
        assert np.median(np.log(found[f])) == pytest.approx(sd * np.median(residuals[:, f]), abs=sd * 0.02)


def test_degrees_of_freedom_are_found_again() -> None:
    rng = np.random.default_rng(0)
    assert fit_dof(0.02 * rng.standard_t(4, 20_000)) == pytest.approx(4.0, abs=0.35)
    assert fit_dof(rng.standard_normal(20_000)) > 30.0


def test_correlations_become_positive_semidefinite() -> None:
    bad = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    fixed = nearest_correlation(bad)
    assert np.linalg.eigvalsh(fixed)[0] > -1e-12
    np.testing.assert_allclose(np.diag(fixed), 1.0)
    good = np.array([[1.0, 0.3], [0.3, 1.0]])
    assert nearest_correlation(good) is good


def test_columns_use_a_history_of_volatility_where_there_is_one_and_flag_the_proxy() -> None:
    moves = FactorMoves(("BTC", "ETH", "ETH iv"), np.array([[0.8, 1.1], [0.7, 1.2], [1.5, 0.9]]), 2.0)
    columns, proxies = moves.columns(IvLaw(fall=1.5, rise=0.4, vol_of_vol=0.0))
    assert proxies == ("BTC",)
    np.testing.assert_allclose(columns["ETH"].vol, [0.5, -0.1])
    np.testing.assert_allclose(columns["BTC"].vol, np.expm1([-1.5 * math.log(0.8), 0.4 * math.log(1.1)]))
    assert columns["BTC"].days.tolist() == [2.0, 2.0]
    assert moves.columns(IvLaw(), theta=False)[0]["BTC"].days.tolist() == [0.0, 0.0]


def test_a_history_sees_only_the_past() -> None:
    history = FactorHistory.build(NAMES, RETURNS, times=np.arange(40) * 10)
    past = history.until(95)
    assert len(past) == 10
    np.testing.assert_array_equal(past.returns, RETURNS[:10])
    assert past.hash() != history.hash()
    assert history.of(["ETH"]).names == ("ETH",)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: historical(NAMES, [[0.1, 0.2], [float("nan"), 0.0]]), "returns[1].BTC"),
        (lambda: historical(NAMES, RETURNS, steps=41), "horizon"),
        (lambda: historical(NAMES, RETURNS, steps=True), "horizon"),
        (lambda: historical(NAMES, RETURNS, age=0.0), "age"),
        (lambda: historical(NAMES, RETURNS, windows="square"), "windows"),  # type: ignore[arg-type]
        (lambda: historical(NAMES, RETURNS, moves="pips"), "moves"),  # type: ignore[arg-type]
        (lambda: historical(NAMES, RETURNS[:1]), "returns"),
        (lambda: filtered(NAMES, RETURNS, SIGMA[:-1]), "sigma"),
        (lambda: filtered(NAMES, RETURNS, STILL), "sigma[3].ETH"),
        (lambda: filtered(NAMES, RETURNS, SIGMA, cap=(1.1, 2.0)), "cap"),
        (lambda: filtered(NAMES, RETURNS, SIGMA, damping="some"), "damping"),  # type: ignore[arg-type]
        (lambda: filtered(NAMES, RETURNS, SIGMA, scaling="some"), "scaling"),  # type: ignore[arg-type]
        (lambda: filtered_paths(NAMES, RETURNS, SIGMA, size=1, decay=0.9, seed=1), "size"),
        (lambda: filtered_paths(NAMES, RETURNS, SIGMA, size=9, decay=1.0, seed=1), "decay"),
        (lambda: simulated(NAMES, np.eye(3), [0.1, 0.1], size=99, seed=1), "correlation"),
        (lambda: simulated(NAMES, [[1.0, 1.2], [1.2, 1.0]], [0.1, 0.1], size=99, seed=1), "correlation"),
        (lambda: simulated(NAMES, np.eye(2), [0.1, -0.1], size=99, seed=1), "sigma"),
        (lambda: simulated(NAMES, np.eye(2), [0.1, 0.1], size=99, seed=1, marginal_dof=2.0), "marginal_dof"),
        (lambda: simulated(NAMES, np.eye(2), [0.1, 0.1], size=99, seed=1, marginal="empirical"), "residuals"),
        (lambda: simulated(NAMES, np.eye(2), [0.1, 0.1], size=99, seed=1, copula="skewed_t", dof=4.0, skew=1.0), "dof"),
        (lambda: FactorHistory.build(NAMES, RETURNS, times=np.zeros(40)), "history.times[1]"),
        (lambda: FactorHistory.build(["BTC", "BTC"], RETURNS), "history.names"),
        (lambda: FactorHistory.build(NAMES, RETURNS).of(["SOL"]), "history.SOL"),
        (lambda: FactorHistory.build(NAMES, RETURNS).steps(1.5), "horizon"),
        (lambda: FactorMoves(("BTC",), np.ones((2, 3)), 1.0), "moves"),
    ],
)
def test_bad_input_is_refused_by_field(make: object, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        make()  # type: ignore[operator]
    assert caught.value.problems[0].path == path


@pytest.mark.parametrize("draws", ["plain", "antithetic", "sobol"])
def test_errors_of_drawing_are_the_spread_over_seeds(draws: str) -> None:
    """A short straddle on two coins: its ES over 60 seeds spreads as the one seed's error says."""
    from plimsoll.risk.measures import tail_measures

    correlation = [[1.0, 0.7], [0.7, 1.0]]
    values, errors, spread_var, error_var = [], [], [], []
    for seed in range(60):
        moves = simulated(NAMES, correlation, [0.03, 0.04], size=4_096, seed=seed, draws=draws)  # type: ignore[arg-type]
        losses = np.abs(moves.multiplier - 1.0).sum(axis=0)
        found = tail_measures(losses, 0.99, clusters=moves.clusters)
        values.append(found.es.value)
        errors.append(found.es.standard_error)
        spread_var.append(found.var.value)
        error_var.append(found.var.standard_error)
    # 60 seeds know a standard deviation to 9 %; 16 shifts each to 18 %, which averages out
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.3)
    assert np.mean(error_var) == pytest.approx(np.std(spread_var), rel=0.35)
