"""Joint paths: their last instants against the one-horizon generators, their steps against loops, their weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.joint_paths import filtered_path, simulated_path
from plimsoll.documents import DocumentError
from plimsoll.scenarios.filtered import filtered_paths
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import VolDynamics, filtered_joint_paths, simulated_joint_paths, with_iv
from plimsoll.scenarios.paths import JointPaths
from plimsoll.scenarios.sampling import uniforms
from plimsoll.scenarios.simulated import Jumps, checked_law, simulated
from plimsoll.scenarios.tilting import Tilt, tails

RNG = np.random.default_rng(11)
RETURNS = 0.03 * RNG.standard_t(4, (60, 2))
SIGMA = 0.02 + 0.02 * RNG.random((61, 2))
NAMES = ["BTC", "ETH"]
CORRELATION = [[1.0, 0.7], [0.7, 1.0]]
VOLS = [0.03, 0.05]


def filtered_of(size: int = 500, seed: int = 3, steps: int = 4, **other: object) -> JointPaths:
    return filtered_joint_paths(NAMES, RETURNS, SIGMA, size=size, decay=0.9, seed=seed, steps=steps, **other)  # type: ignore[arg-type]


def simulated_of(size: int = 500, seed: int = 3, steps: int = 4, **other: object) -> JointPaths:
    return simulated_joint_paths(NAMES, CORRELATION, VOLS, size=size, seed=seed, steps=steps, **other)  # type: ignore[arg-type]


@given(st.integers(1, 5), st.integers(0, 50))
def test_the_last_instant_of_filtered_history_is_the_one_horizon_generator(steps: int, seed: int) -> None:
    one = filtered_paths(NAMES, RETURNS, SIGMA, size=40, decay=0.9, seed=seed, steps=steps)
    found = filtered_of(40, seed, steps)
    np.testing.assert_array_equal(found.at(steps - 1).multiplier, one.multiplier)
    np.testing.assert_array_equal(found.clusters, one.clusters)
    assert found.days[-1] == one.days


@pytest.mark.parametrize("draws", ["plain", "antithetic", "sobol"])
@pytest.mark.parametrize("copula", ["normal", "t", "skewed_t"])
def test_the_last_instant_of_a_simulation_is_the_one_horizon_generator(draws: str, copula: str) -> None:
    law = {"copula": copula, "dof": 6.0, "skew": -0.3 * (copula == "skewed_t"), "jumps": Jumps(), "draws": draws}
    one = simulated(NAMES, CORRELATION, VOLS, size=200, seed=7, steps=3, **law)  # type: ignore[arg-type]
    found = simulated_of(200, 7, 3, **law)
    np.testing.assert_array_equal(found.multiplier[-1], one.multiplier)
    early = simulated_of(200, 7, 3, keep=[1, 3], **law)
    np.testing.assert_array_equal(early.multiplier, found.multiplier[[0, 2]])
    assert early.days.tolist() == [1.0, 3.0]


def test_filtered_steps_are_those_of_the_loop() -> None:
    found = filtered_of(30)
    for p in range(30):
        assert found.clusters is not None
        loop = filtered_path(RETURNS.tolist(), SIGMA.tolist(), found.clusters[p].tolist(), 0.9, 0.25, 4.0)
        np.testing.assert_allclose(found.multiplier[:, :, p], loop, rtol=1e-12)


def test_simulated_steps_are_those_of_the_loop() -> None:
    jumps = Jumps(per_day=0.6, betas={"ETH": 1.4})
    dynamics = VolDynamics(news=0.1, memory=0.8, falls=0.15)
    found = simulated_of(30, 5, 4, jumps=jumps, dynamics=dynamics, dof=5.0, draws="plain", step_days=0.5)
    points, _ = uniforms(30, 7 * 4, 5, "plain")
    root, _ = checked_law(NAMES, CORRELATION, VOLS, 30, 4)
    told = (0.3, jumps.mean, jumps.sd, jumps.own_sd, [1.0, 1.4])
    for p in range(30):
        loop = simulated_path(points[p].tolist(), root.tolist(), VOLS, 5.0, 4.0, 0.1, 0.8, 0.15, told, 4)
        np.testing.assert_allclose(found.multiplier[:, :, p], loop, rtol=1e-9)


def test_no_news_is_constant_volatility() -> None:
    still = simulated_of(dynamics=VolDynamics(news=0.0, memory=0.0))
    np.testing.assert_allclose(still.multiplier, simulated_of().multiplier, rtol=1e-13)


def test_volatility_comes_back_to_its_long_run() -> None:
    calm = VolDynamics(news=0.05, memory=0.6, long_run=(0.01, 0.01))
    r = np.log(simulated_of(20_000, 1, 12, dynamics=calm, marginal="normal", copula="normal").multiplier[:, 0])
    sd = np.diff(r, axis=0, prepend=0.0).std(axis=1)
    # the expected variance of step k is V + 0.65^k (v - V)
    wanted = np.sqrt(0.01**2 + 0.65 ** np.arange(12) * (0.03**2 - 0.01**2))
    np.testing.assert_allclose(sd, wanted, rtol=0.03)


@pytest.mark.parametrize("kind", ["history", "simulation"])
def test_tilted_paths_mean_the_same_law(kind: str) -> None:
    """Weights average one, and a weighted probability is that of paths without a tilt, within four errors."""
    make = filtered_of if kind == "history" else simulated_of
    other = {} if kind == "history" else {"jumps": Jumps(per_day=0.1), "draws": "plain"}
    tilts = tails("BTC", 4, 2.0, 0.6)
    if kind == "simulation":
        tilts = (*tilts, Tilt("BTC", 0.0, 0.2, "path", 5.0))
    found = make(60_000, 1, 4, tilts=tilts, **other)
    plain = make(60_000, 2, 4, **other)
    share = 1.0 - sum(t.share for t in tilts)
    assert found.weight.max() <= 1.0 / share + 1e-9
    assert abs(found.weight.mean() - 1.0) < 4.0 * found.weight.std() / np.sqrt(60_000)
    # a bound in the first quantile of the worst point of each path, so that the event is a passage
    worst, before = found.multiplier[:, 0].min(axis=0), plain.multiplier[:, 0].min(axis=0)
    bound = np.quantile(before, 0.002)
    hit, there = found.weight * (worst < bound), before < bound
    error = np.hypot(hit.std(), there.std()) / np.sqrt(60_000)
    assert abs(hit.mean() - there.mean()) < 4.0 * error
    assert hit.std() < 0.8 * there.std()


def test_weights_of_one_tilt_are_its_likelihood_ratio() -> None:
    """Filtered history, one tilt of the whole path: the ratio from the days themselves, by hand."""
    found = filtered_of(200, 4, 3, tilts=[Tilt("ETH", -1.5, 0.5)])
    z = RETURNS[:, 1] / SIGMA[:-1, 1]
    z = (z - z.mean()) / z.std()
    law = np.exp(-1.5 * z) / np.exp(-1.5 * z).sum()
    assert found.clusters is not None
    ratio = np.prod(law[found.clusters] * 60, axis=1)
    np.testing.assert_allclose(found.weight, 1.0 / (0.5 + 0.5 * ratio), rtol=1e-10)


def test_implied_volatility_goes_along() -> None:
    law = IvLaw()
    paths = with_iv(simulated_of(20_000, 2, 9), law)
    assert paths.names == ("BTC", "ETH", "BTC iv", "ETH iv")
    once = simulated_of(20_000, 2, 9, keep=[9], iv=law)
    r = np.log(once.multiplier[0, 0])
    np.testing.assert_array_equal(once.multiplier[0, 2], np.exp(law.log_moves(r, 9.0, 0)))
    # the last of nine instants has the law of one instant: what is left after the price's part is vol_of_vol * W(9)
    late = np.log(paths.multiplier[:, 2]) - np.maximum(-np.log(paths.multiplier[:, 0]), 0.0)
    late -= 0.3 * np.maximum(np.log(paths.multiplier[:, 0]), 0.0)
    free = np.abs(np.log(paths.multiplier[:, 2])).max(axis=0) < law.cap
    assert np.std(late[8][free]) == pytest.approx(0.04 * 3.0, rel=0.03)
    assert np.corrcoef(late[3][free], late[8][free])[0, 1] == pytest.approx(np.sqrt(4 / 9), abs=0.03)
    assert with_iv(paths, law).names == paths.names


def test_bad_input_names_its_field() -> None:
    for make, wanted in (
        (lambda: filtered_of(steps=3, keep=[2, 4]), "keep"),
        (lambda: filtered_of(tilts=[Tilt("SOL", 1.0)]), "tilts[0].toward"),
        (lambda: filtered_of(tilts=[Tilt("BTC", 1.0, jumps=2.0)]), "tilts[0].jumps"),
        (lambda: filtered_of(tilts=[Tilt("BTC", 1.0, 0.6), Tilt("BTC", -1.0, 0.4)]), "tilts: "),
        (lambda: filtered_of(tilts=[Tilt("BTC", 1.0, over="week")]), "tilts[0].over"),
        (lambda: simulated_of(dynamics=VolDynamics(0.2, 0.9)), "dynamics: "),
        (lambda: simulated_of(dynamics=VolDynamics(-0.2, 0.9)), "dynamics.news"),
        (lambda: simulated_of(dynamics=VolDynamics(long_run=(0.1,))), "dynamics.long_run"),
        (lambda: simulated_of(drift=[0.1]), "drift"),
        (lambda: simulated_of(tilts=[Tilt("BTC", float("nan"))]), "tilts[0].by"),
    ):
        with pytest.raises(DocumentError) as found:
            make()
        assert wanted in str(found.value)
