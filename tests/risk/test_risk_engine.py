"""The engine: closed forms, axioms, shapes from configuration, and what a crash does to a number."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from naive.tail_risk import quantile, shortfall, variance
from plimsoll.documents import DocumentError
from plimsoll.risk.charges import dependence
from plimsoll.risk.engine import WARM_UP, RiskResult, evaluate, volatility
from plimsoll.risk.joint import joint_losses
from plimsoll.risk.models import MODELS, RiskModel, risk_model
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.factors import FactorHistory
from tail_desk import book_of, history_of, random_positions

PERPS = {"BTC-PERP": 2.0, "ETH-PERP": -15.0}


def model(name: str = "hs", **changes: Any) -> RiskModel:
    """A shipped model with top-level fields replaced, read again so that it is checked."""
    return RiskModel.from_dict(risk_model(name).to_dict() | changes)


def linear_loss(history: FactorHistory) -> np.ndarray:
    """Losses of `PERPS` in the days of a history."""
    moves = np.expm1(history.returns[:, :2])
    return -(2.0 * 70_000.0 * moves[:, 0] - 15.0 * 3_500.0 * moves[:, 1])


def test_historical_simulation_is_the_loop() -> None:
    history = history_of(np.random.default_rng(1), 500)
    losses = linear_loss(history)
    found = evaluate(model(), book_of(PERPS), history)
    np.testing.assert_allclose(found.losses, losses, rtol=1e-9)
    assert found.var.value == pytest.approx(quantile(losses.tolist(), 0.99), rel=1e-9)
    assert found.es.value == pytest.approx(shortfall(losses.tolist(), 0.99), rel=1e-9)
    weighted = evaluate(model("whs"), book_of(PERPS), history)
    age = 0.995 ** np.arange(499, -1, -1)
    p = (age / age.sum()).tolist()
    assert weighted.var.value == pytest.approx(quantile(losses.tolist(), 0.99, p), rel=1e-9)
    assert weighted.es.value == pytest.approx(shortfall(losses.tolist(), 0.99, p), rel=1e-9)


def test_filtered_simulation_is_the_loop() -> None:
    history = history_of(np.random.default_rng(2), 300)
    multipliers = []
    for f in range(2):
        r = history.returns[:, f].tolist()
        start = sum(x * x for x in r[:WARM_UP]) / WARM_UP
        v = variance(r, 0.97, start)
        scale = [min(max(math.sqrt(v[-1] / v[t]), 0.25), 4.0) for t in range(len(r))]
        multipliers.append([math.exp(x * s) for x, s in zip(r, scale, strict=True)])
    losses = [-(2.0 * 70_000.0 * (b - 1.0) - 15.0 * 3_500.0 * (e - 1.0)) for b, e in zip(*multipliers, strict=True)]
    found = evaluate(model("fhs"), book_of(PERPS), history)
    assert found.var.value == pytest.approx(quantile(losses, 0.99), rel=1e-9)
    assert found.es.value == pytest.approx(shortfall(losses, 0.99), rel=1e-9)


@pytest.mark.parametrize("law", ["normal", "student"])
def test_closed_forms_within_the_stated_errors(law: str) -> None:
    """A long and a short coin-linear book on moves of 0.1 %, where the price is linear in its logarithm."""
    rng = np.random.default_rng(4)
    history = history_of(rng, 20_000, law, daily=0.001)
    a, b = 2.0 * 70_000.0, -15.0 * 3_500.0
    level = 0.99
    inside = 0
    if law == "normal":
        sd = 0.001 * math.sqrt(a * a + b * b + 2.0 * 0.7 * a * b)
        exact = (sd * norm.ppf(level), sd * norm.pdf(norm.ppf(level)) / (1.0 - level))
        book, scenarios = book_of(PERPS), {"kind": "simulated", "copula": "normal", "marginal": "normal"}
    else:
        # one coin: a Student-t of 4 degrees of freedom and unit variance
        unit = 0.001 * a / math.sqrt(2.0)
        q = float(student.ppf(level, 4.0))
        exact = (unit * q, unit * student.pdf(q, 4.0) * (4.0 + q * q) / 3.0 / (1.0 - level))
        book, scenarios = book_of({"BTC-PERP": 2.0}), {"kind": "simulated", "marginal": "t", "marginal_dof": 4.0}
    hs = evaluate(model(), book, history)
    for estimate, value in zip((hs.var, hs.es), exact, strict=True):
        assert estimate.value == pytest.approx(value, abs=3.0 * estimate.standard_error)
        assert estimate.standard_error < 0.06 * value
        inside += 1
    mc = evaluate(model(scenarios=scenarios | {"size": 30_000, "decay": 0.9999}), book, history)
    scale = float(volatility(history.returns, 0.9999)[-1, 0] / 0.001)
    for estimate, value in zip((mc.var, mc.es), exact, strict=True):
        # the volatility itself is estimated, from 10,000 days' worth
        allowed = 4.0 * estimate.standard_error + (0.03 if law == "student" else 0.02) * value
        assert estimate.value / scale == pytest.approx(value, abs=allowed)
    assert inside == 2


def test_horizons_without_jumps_grow_with_the_root_and_with_jumps_do_not() -> None:
    history = history_of(np.random.default_rng(7), 4_000, "normal", daily=0.01)
    base = {"kind": "simulated", "size": 30_000, "copula": "normal", "marginal": "normal", "decay": 0.999}
    jumps = {"per_day": 0.01, "mean": -0.15, "sd": 0.01, "own_sd": 0.0}
    book = book_of({"BTC-PERP": 1.0})

    def var(days: float, **more: Any) -> float:
        return evaluate(model(scenarios=base | more, horizon_days=days), book, history).var.value

    assert var(9.0) / var(1.0) == pytest.approx(3.0, rel=0.05)
    # a jump of 15 % on one day in a hundred sets the 99 % loss of nine days, and hardly that of one
    assert var(9.0, jumps=jumps) / var(1.0, jumps=jumps) > 4.0


@pytest.mark.parametrize("name", MODELS)
def test_every_model_explains_itself(name: str) -> None:
    history = history_of(np.random.default_rng(3), 700, iv=True)
    positions = random_positions(np.random.default_rng(5), 9) | {"BTC-KO": 3.0, "BTC-30d-70000-P": -2.0}
    chosen = model(name)
    if chosen.scenarios.kind == "simulated":
        chosen = model(name, scenarios=chosen.scenarios.model_dump(mode="json") | {"size": 2_000})
    found = evaluate(chosen, book_of(positions, {"BTC": 0.5}), history)
    assert found.es.value >= found.var.value
    assert math.isfinite(found.charge.standard_error)
    assert found.charge.standard_error > 0.0
    assert sum(c.value for c in found.components) == pytest.approx(found.charge.value, rel=1e-12)
    assert found.shares.sum() == pytest.approx(found.charge.value, rel=1e-9)
    for c in found.components:
        assert c.shares.sum() == pytest.approx(c.value, rel=1e-9, abs=1e-6)
    assert found.binding
    assert found.proxies == ()
    assert set(found.hashes) == {"model", "history", "book"}
    json.dumps(found.to_dict(), allow_nan=False)
    again = evaluate(chosen, book_of(positions, {"BTC": 0.5}), history, threads=2)
    assert again.losses.tobytes() == found.losses.tobytes()
    assert again.to_dict() == found.to_dict()


@given(st.integers(0, 100_000))
@settings(max_examples=25)
def test_es_is_subadditive_and_homogeneous_on_random_books(seed: int) -> None:
    rng = np.random.default_rng(seed)
    history = history_of(rng, 120, iv=True)
    one, two = random_positions(rng, 5), random_positions(rng, 5)
    both = {n: one.get(n, 0.0) + two.get(n, 0.0) for n in one | two}
    if not any(both.values()):
        return
    chosen = model("fhs", level=0.95)
    es = [evaluate(chosen, book_of(p), history).es.value for p in (one, two, both)]
    scale = max(abs(x) for x in es) + 1.0
    assert es[2] <= es[0] + es[1] + 1e-9 * scale
    double = evaluate(chosen, book_of({n: 2.0 * q for n, q in one.items()}), history)
    assert double.es.value == pytest.approx(2.0 * es[0], rel=1e-9, abs=1e-6)
    turned = evaluate(chosen, book_of(dict(reversed(one.items()))), history)
    assert turned.es.value == pytest.approx(es[0], rel=1e-9, abs=1e-6)


def test_a_crash_moves_the_number_and_not_the_path() -> None:
    """One more day of -45 % in the history: the same code, other numbers, and the day is named."""
    history = history_of(np.random.default_rng(9), 300)
    crashed = FactorHistory.build(
        history.names,
        np.vstack([history.returns[:-1], [[-0.6, -0.75]]]),
        times=history.times,
    )
    book = book_of({"BTC-30d-70000-P": -3.0, "ETH-PERP": 10.0})
    for name in ("hs", "fhs", "pot", "blend"):
        calm, wild = (evaluate(model(name, level=0.975), book, h) for h in (history, crashed))
        assert wild.es.value > 1.5 * calm.es.value
        assert wild.losses.size == calm.losses.size
        assert [c.name for c in wild.components if c.name != "floor"] or wild.notes
    worst = evaluate(model("hs", charge={"kind": "plain", "measure": "es"}), book, crashed)
    day = np.datetime64(int(crashed.times[-1]), "ns").astype("datetime64[m]")
    assert worst.binding[0].label.startswith(f"{day}Z: BTC -45.1%")


def test_a_proxy_is_flagged_and_a_history_is_not() -> None:
    rng = np.random.default_rng(12)
    book = book_of({"BTC-30d-70000-C": 1.0})
    flagged = evaluate(model(), book, history_of(rng, 100))
    assert flagged.proxies == ("BTC",)
    assert flagged.to_dict()["iv"] == {"BTC": "proxy"}
    assert any(n.startswith("iv: proxy") for n in flagged.notes)
    assert evaluate(model(), book, history_of(rng, 100, iv=True)).proxies == ()


def test_time_passes_by_the_horizon() -> None:
    history = FactorHistory.build(["BTC", "BTC iv"], 1e-9 * np.random.default_rng(1).standard_normal((100, 2)))
    book = book_of({"BTC-7d-70000-C": 1.0})
    passed = evaluate(model(), book, history).var.value
    stayed = evaluate(model(theta=False), book, history).var.value
    flat = {"BTC": Scenarios.build([1.0], days=[1.0])}
    assert passed == pytest.approx(joint_losses(book, flat)[0], rel=1e-4)
    assert abs(stayed) < 1e-2
    assert passed > 100.0


def test_the_floor_of_a_blend_binds_in_calm_times() -> None:
    rng = np.random.default_rng(6)
    wild, calm = 0.06 * rng.standard_normal((300, 1)), 0.005 * rng.standard_normal((300, 1))
    book = book_of({"BTC-PERP": 1.0})
    quiet = FactorHistory.build(["BTC"], np.vstack([wild, calm]))
    blend = {"kind": "stress_blend", "weight": 1.0, "stress_rows": 100}
    found = evaluate(model("blend", charge=blend), book, quiet)
    assert found.notes[-1] == "the floor binds"
    whole = evaluate(model("hs"), book, quiet)
    assert found.charge.value == pytest.approx(whole.var.value, rel=1e-12)
    without = evaluate(model("blend", charge=blend | {"floor": False}), book, quiet)
    assert without.charge.value == pytest.approx(without.var.value, rel=1e-12)
    half = evaluate(model("blend", charge=blend | {"weight": 0.5, "floor": False}), book, quiet)
    stressed = evaluate(model("hs"), book, FactorHistory.build(["BTC"], quiet.returns[:300]))
    assert half.charge.value > without.charge.value
    assert half.components[1].value < 0.5 * 1.4 * stressed.var.value


def test_shapes_against_their_own_words() -> None:
    history = history_of(np.random.default_rng(8), 760)
    book = book_of(PERPS)
    fhs = evaluate(model("fhs"), book, history)

    prisma = {"kind": "prisma", "samples": 3, "break_rows": 250, "break_factor": 1.0, "stress_weight": 0.0}
    found = evaluate(model("prisma", charge=prisma), book, history)
    parts = [quantile(fhs.losses[k::3].tolist(), 0.99) for k in range(3)]
    windows = [quantile(fhs.losses[a : a + 250].tolist(), 0.99) for a in (0, 250, 500)]
    break_ = min(float(np.std(windows, ddof=1)), 0.3 * float(np.mean(parts)))
    assert found.charge.value == pytest.approx(np.mean(parts) + break_, rel=1e-9)

    stress = [{"label": "down", "prices": {"BTC": -0.5, "*": -0.7}}]
    size = {"half_spread": 0.001, "limit_usd": {"BTC": 100_000.0, "*": 1e9}, "concentration": 0.02}
    span2 = {"kind": "span2", "weight": 0.6, "moves": stress, "size": size, "stress_rows": 50}
    found = evaluate(model("span2", charge=span2), book, history)
    down = -(140_000.0 * math.expm1(-0.5) - 52_500.0 * math.expm1(-0.7))
    named = {c.name: c.value for c in found.components}
    assert named["historical"] == pytest.approx(0.6 * fhs.var.value, rel=1e-9)
    assert named["stress"] == pytest.approx(0.4 * down, rel=1e-9)
    assert named["liquidity"] == pytest.approx(0.001 * (140_000.0 + 52_500.0), rel=1e-9)
    assert named["concentration"] == pytest.approx(0.02 * 40_000.0, rel=1e-9)

    scenarios = {"kind": "simulated", "size": 4_000, "copula": "t", "dof": 5.0}
    found = evaluate(model("stans", scenarios=scenarios), book_of({"BTC-PERP": 2.0, "ETH-PERP": 15.0}), history)
    named = {c.name: c.value for c in found.components}
    assert named["es"] == pytest.approx(found.es.value, rel=1e-12)
    # both long: perfect dependence is worse, and a quarter of what it adds is charged
    assert 0.0 < named["dependence"] < 0.25 * found.es.value
    assert "correlation 1" in found.components[1].title


def test_a_fitted_tail_is_less_sure_where_windows_overlap() -> None:
    history = history_of(np.random.default_rng(14), 1_500)
    apart, over = (evaluate(model("pot", horizon_days=d), book_of(PERPS), history) for d in (1.0, 5.0))
    assert apart.tail is not None
    assert over.tail is not None
    assert apart.charge.standard_error == apart.tail.var.standard_error
    assert over.charge.standard_error > 1.3 * over.tail.var.standard_error
    assert "depend on each other" in over.notes[-1]


def test_dependence_keeps_each_volatility_on_its_side() -> None:
    names = ("BTC", "ETH", "BTC iv", "ETH iv")
    correlation = np.array([[1, 0.8, -0.5, -0.4], [0.8, 1, -0.4, 0.2], [-0.5, -0.4, 1, 0.6], [-0.4, 0.2, 0.6, 1]])
    apart, joined = dependence(names, correlation)
    assert apart.tolist() == [[1, 0, -0.5, 0], [0, 1, 0, 0.2], [-0.5, 0, 1, 0], [0, 0.2, 0, 1]]
    assert joined[0].tolist() == [1, 1, -1, 1]
    assert np.linalg.matrix_rank(joined) == 1


def test_garch_filters_with_its_own_variance_and_says_when_it_cannot() -> None:
    from plimsoll.dynamics.garch import garch_forecast

    rng = np.random.default_rng(21)
    v, returns = 1e-3, []
    for _ in range(900):
        returns.append(math.sqrt(v) * rng.standard_normal())
        v = 5e-5 + 0.15 * returns[-1] ** 2 + 0.80 * v
    history = FactorHistory.build(["BTC"], np.array(returns)[:, None])
    scenarios = {"kind": "filtered", "variance": "garch", "cap": [0.01, 100.0]}
    found = evaluate(model("fhs", scenarios=scenarios), book_of({"BTC-PERP": 1.0}), history)
    sigma = np.sqrt(garch_forecast(np.array(returns), "garch").variance)
    losses = 70_000.0 * -np.expm1(np.array(returns) * sigma[-1] / sigma[:-1])
    np.testing.assert_allclose(found.losses, losses, rtol=1e-9, atol=1e-9)
    short = evaluate(model("fhs", scenarios=scenarios), book_of({"BTC-PERP": 1.0}), history.last(100))
    assert any("exponential weights instead" in n for n in short.notes)
    plain = evaluate(
        model("fhs", scenarios={"kind": "filtered", "cap": [0.01, 100.0]}),
        book_of({"BTC-PERP": 1.0}),
        history.last(100),
    )
    np.testing.assert_array_equal(short.losses, plain.losses)


def test_a_buffer_is_used_up_by_stress() -> None:
    rng = np.random.default_rng(10)
    calm = 0.01 * rng.standard_normal((400, 1))
    storm = np.vstack([calm, 0.08 * rng.standard_normal((60, 1))])
    book = book_of({"BTC-PERP": 1.0})
    shape = {"kind": "buffer", "floor_quantile": 0.0, "buffer": 0.25, "calm": 2.0, "stressed": 5.0}
    quiet, wild = (evaluate(model("irm2", charge=shape), book, FactorHistory.build(["BTC"], r)) for r in (calm, storm))
    extra = {c.name: c.value for c in quiet.components}
    assert extra["buffer"] == pytest.approx(0.25 * extra["var"], rel=0.1)
    assert "buffer" not in {c.name for c in wild.components}
    assert wild.notes[-1] == "BTC: stress 100%"


def result_paths(make: Any) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        make()
    return [p.path for p in caught.value.problems]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"level": 1.0}, "level"),
        ({"level": 0.5}, "level"),
        ({"horizon_days": 0.0}, "horizon_days"),
        ({"colour": "red"}, "colour"),
        ({"scenarios": {"kind": "filtered", "decay": 1.0}}, "scenarios.decay"),
        ({"scenarios": {"kind": "filtered", "paths": -1}}, "scenarios.paths"),
        ({"scenarios": {"kind": "magic"}}, "scenarios.kind"),
        ({"scenarios": {"kind": "simulated", "size": 10}}, "scenarios.size"),
        ({"scenarios": {"kind": "filtered", "paths": 100, "variance": "gjr"}}, "scenarios.variance"),
        ({"scenarios": {"kind": "simulated", "trim": 0.1}}, "scenarios.trim"),
        ({"charge": {"kind": "stans"}}, "scenarios.kind"),
        ({"charge": {"kind": "buffer"}}, "scenarios.kind"),
        ({"charge": {"kind": "span2", "weight": 1.5}}, "charge.weight"),
        ({"scenarios": {"kind": "historical", "age": 0.9}, "charge": {"kind": "plain", "tail": 0.1}}, "scenarios.age"),
    ],
)
def test_a_bad_model_is_refused_by_field(changes: dict[str, Any], path: str) -> None:
    found = result_paths(lambda: model("hs", **changes))
    assert any(p.endswith(path) for p in found), found


def test_bad_histories_are_refused_by_field() -> None:
    book, history = book_of(PERPS), history_of(np.random.default_rng(1), 300)
    assert result_paths(lambda: evaluate(model(), book, history.of(["BTC"]))) == ["history.ETH"]
    assert result_paths(lambda: evaluate(model(), book, history.last(20))) == ["history"]
    assert result_paths(lambda: evaluate(model(horizon_days=0.5), book, history)) == ["horizon"]
    assert result_paths(lambda: evaluate(model("pot"), book, history.last(100))) == ["tail"]
    assert result_paths(lambda: risk_model("var")) == ["model"]
    size = {"kind": "span2", "size": {"limit_usd": {"SOL": 1.0}}}
    found = result_paths(lambda: evaluate(model("span2", charge=size), book, history))
    assert found == ["charge.size.limit_usd.BTC"]


def test_results_name_what_they_are() -> None:
    found = evaluate(model("fhs"), book_of(PERPS), history_of(np.random.default_rng(1), 300))
    assert isinstance(found, RiskResult)
    assert found.names == ("BTC-PERP", "ETH-PERP")
    assert found.effective == pytest.approx(300.0)
