"""Stress scenarios: the file, the shipped ones against recorded prices, instants and paths against loops."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive import stress_lines as naive
from plimsoll.documents import DocumentError
from plimsoll.scenarios.rules import VolRule
from plimsoll.scenarios.stress import (
    StressScenario,
    StressScenarios,
    Timeline,
    instants,
    shipped_scenarios,
    stress_path,
)

HEAD = {"schema": "plimsoll.stress-scenarios", "schema_version": 1}
COINS = ("BTC", "ETH", "SOL", "DOGE")
STABLE = ("USDC", "USDT")
LEVELS = dict.fromkeys(COINS, 0.5)


def made(*shocks: dict[str, Any], **more: Any) -> StressScenario:
    head = {"name": "toy", "kind": "hypothetical", "source": "a toy", "evidence": "assumed"}
    found = StressScenarios.from_dict({**HEAD, "scenarios": [{**head, "shocks": list(shocks), **more}]})
    return found.scenarios[0]


@pytest.mark.parametrize(
    ("shock", "told"),
    [
        ({"shock": "meteor"}, ["shocks[0].shock", "meteor", "'price'", "'funding'"]),
        ({"shock": "depth", "left": -0.1}, ["left", "-0.1", "greater than or equal to 0"]),
        ({"shock": "volatility", "multiple": 0.0}, ["multiple", "greater than 0"]),
        ({"shock": "volatility", "waypoints": [[1.0, -2.0]]}, ["waypoints", "greater than 0"]),
        ({"shock": "volatility"}, ["multiple", "exactly one of multiple, points, waypoints"]),
        ({"shock": "price", "waypoints": [[2.0, -0.1], [1.0, -0.2]]}, ["waypoints", "hours that grow"]),
        ({"shock": "price", "waypoints": [[2.0, -0.1], [2.0, -0.2]]}, ["waypoints", "hours that grow"]),
        ({"shock": "price", "waypoints": [[-1.0, -0.1]]}, ["waypoints", "greater than or equal to 0"]),
        ({"shock": "price", "move": -1.0}, ["move", "greater than -1"]),
        ({"shock": "price", "move": -0.1, "waypoints": [[1.0, 0.1]]}, ["exactly one of move, waypoints"]),
        ({"shock": "price", "underlying": "BTC", "move": -0.1, "betas": {"ETH": 1.0}}, ["betas", "no betas"]),
        ({"shock": "peg", "currency": "USDC", "price": -0.1}, ["price", "greater than or equal to 0"]),
        ({"shock": "delay", "seconds": 1.0, "gas": 0.0}, ["gas", "greater than 0"]),
        ({"shock": "skew", "tilt": 1.0}, ["tilt", "less than 1"]),
        ({"shock": "correlation", "lead": "BTC", "rho": 1.0}, ["shocks[0].lead", "price shock"]),
        ({"shock": "funding", "rate": 0.1, "colour": 1}, ["colour", "unknown field"]),
    ],
)  # fmt: skip
def test_bad_shocks_are_refused_by_name(shock: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(DocumentError) as caught:
        made(shock)
    for text in told:
        assert text in str(caught.value)


def test_a_name_or_a_subject_twice_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"a second price shock of BTC"):
        made({"shock": "price", "underlying": "BTC", "move": 0.1}, {"shock": "price", "underlying": "BTC", "move": 0.2})
    one = made({"shock": "price", "move": 0.1}).model_dump(mode="json")
    with pytest.raises(DocumentError, match="each name once"):
        StressScenarios.from_dict({**HEAD, "scenarios": [one, one]})
    with pytest.raises(DocumentError, match="at least 1 item"):
        StressScenarios.from_dict({**HEAD, "scenarios": []})
    with pytest.raises(DocumentError, match=r"march-2020"):
        shipped_scenarios().named("march-1820")


def test_points_need_a_level_and_leave_a_volatility() -> None:
    down = made({"shock": "volatility", "points": -0.5})
    with pytest.raises(DocumentError, match=r"a volatility at the money of BTC"):
        instants([down], ["BTC"])
    with pytest.raises(DocumentError, match=r"volatility stays above zero"):
        instants([down], ["BTC"], levels={"BTC": 0.5})
    assert instants([down], ["BTC"], levels={"BTC": 1.0}).vol[0, 0] == 0.5


def test_the_file_survives_a_round_trip() -> None:
    shipped = shipped_scenarios()
    assert StressScenarios.from_json(shipped.to_json()) == shipped
    assert {s.kind for s in shipped.scenarios} == {"historical", "hypothetical"}
    assert len(shipped.of("historical")) == 7
    assert all(s.start is not None for s in shipped.of("historical").scenarios)
    assert max(len(getattr(k, "waypoints", None) or ()) for s in shipped.scenarios for k in s.shocks) <= 60


def test_what_the_crashes_are_known_for() -> None:
    """Lows that anyone can look up: BTC 3,782 on Binance on 13 March 2020 from 7,934; USDC at 0.875; 102,000."""
    rows = instants(shipped_scenarios().scenarios, COINS, STABLE, LEVELS)
    low = {name: rows.price[rows.scenario == k].min(axis=0) - 1.0 for k, name in enumerate(rows.names)}
    assert low["march-2020"][0] == pytest.approx(3782.13 / 7934.52 - 1.0, abs=2e-3)
    assert low["october-2025"][0] == pytest.approx(102000.0 / 121662.41 - 1.0, abs=1e-5)
    high = 122550.0 / 121662.41
    assert (1.0 + low["october-2025"][0]) / high < 1.0 - 0.14  # the day's high to its low: over 14 %
    assert low["february-2026"][0] == pytest.approx(60000.0 / 84260.50 - 1.0, abs=1e-4)
    assert low["ftx-2022"][2] < -0.5  # SOL, the chain of the exchange's own house
    at = rows.names.index("usdc-2023")
    assert rows.peg[rows.scenario == at, 0].min() == pytest.approx(0.875, abs=5e-4)
    assert rows.depth[rows.scenario == rows.names.index("october-2025"), 0].min() == pytest.approx(0.02)


def test_the_shipped_file_is_cut_from_the_records(shared: Path) -> None:
    import make_stress_scenarios as tool

    assert tool.main(["--check", "--shared", str(shared)]) == 0


def test_every_shipped_number_is_that_of_the_loops() -> None:
    hours = np.array([0.0, 0.5, 1.0, 7.3, 21.35, 26.5, 40.1, 500.0])
    for scenario in shipped_scenarios().scenarios:
        plain = json.loads(scenario.model_dump_json())
        line = Timeline(scenario, COINS, STABLE, LEVELS)
        price, vol, depth, peg = line.price(hours), line.vol(hours), line.depth(hours), line.peg(hours)
        for t, hour in enumerate(hours.tolist()):
            for u, coin in enumerate(COINS):
                assert price[t, u] == pytest.approx(naive.price(plain, coin, hour), rel=1e-12)
                assert vol[t, u] == pytest.approx(naive.vol(plain, coin, hour, 0.5), rel=1e-12)
                assert depth[t, u] == pytest.approx(naive.depth(plain, coin, hour), rel=1e-12)
            for c, coin in enumerate(STABLE):
                assert peg[t, c] == pytest.approx(naive.peg(plain, coin, hour), rel=1e-12)


def test_correlation_one_and_zero() -> None:
    fall, own = (
        {"shock": "price", "underlying": "BTC", "move": -0.3},
        {"shock": "price", "underlying": "ETH", "move": 0.1},
    )
    law = {"shock": "correlation", "lead": "BTC"}
    one = instants([made(fall, own, law | {"rho": 1.0, "ratio": {"SOL": 2.0}})], COINS).price[0]
    np.testing.assert_allclose(one, [0.7, 0.7, 0.49, 0.7], rtol=1e-12)
    zero = instants([made(fall, own, law | {"rho": 0.0})], COINS).price[0]
    np.testing.assert_allclose(zero, [0.7, 1.1, 1.0, 1.0], rtol=1e-12)


def test_instants_become_columns_that_hold_each_row_once() -> None:
    rows = instants(shipped_scenarios().scenarios, COINS, STABLE, LEVELS)
    seen = []
    for group in rows.columns():
        seen += group.rows.tolist()
        for u, coin in enumerate(COINS):
            np.testing.assert_array_equal(group.columns[coin].spot, rows.price[group.rows, u])
            np.testing.assert_array_equal(group.columns[coin].vol, rows.vol[group.rows, u] - 1.0)
            assert {rows.tilt[r, u] for r in group.rows} == {group.tilt[coin]}
    assert sorted(seen) == list(range(len(rows)))
    assert rows.label(len(rows) - 1) == "squeeze"
    assert rows.label(0) == "march-2020 +1 h"


def test_a_term_shape_reaches_the_columns() -> None:
    doubled = made({"shock": "volatility", "multiple": 2.0, "short_power": 0.3, "long_power": 0.5})
    (group,) = instants([doubled], ["BTC"]).columns()
    assert group.columns["BTC"].vol_rule == VolRule(0.3, 0.5, 30.0)
    scale = group.columns["BTC"].vol_scale(np.array([30.0, 120.0]) * 86400.0)[:, 0]
    np.testing.assert_allclose(scale, [2.0, 1.5])


def test_a_path_meets_its_instants() -> None:
    for scenario in shipped_scenarios().scenarios:
        path = stress_path(scenario, COINS, 300.0, currencies=STABLE, levels=LEVELS)
        line = Timeline(scenario, COINS, STABLE, LEVELS)
        assert path.steps == math.ceil(max(scenario.hours[-1], 1.0) * 12)
        at = np.array([h for h in scenario.hours if h > 0 and abs(h * 12 - round(h * 12)) < 1e-9])
        if at.size:
            np.testing.assert_allclose(path.price[np.round(at * 12).astype(int)], line.price(at), rtol=1e-6)
    oracle = stress_path(shipped_scenarios().named("oracle-delay"), ["BTC"], 60.0)
    assert oracle.lag.tolist() == [0] + [5] * 60
    assert oracle.gas.tolist() == [1.0] + [100.0] * 60
    np.testing.assert_allclose(oracle.price[:, 0], [1.0] + [0.7] * 60)


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 2.0), st.sampled_from([60.0, 450.0, 3600.0]))
def test_noise_is_seeded_and_leaves_the_waypoints_alone(seed: int, noise: float, step: float) -> None:
    scenario = shipped_scenarios().named("may-2021")
    plain = stress_path(scenario, COINS, step, noise=0.0)
    drawn = stress_path(scenario, COINS, step, noise=noise, seed=seed)
    again = stress_path(scenario, COINS, step, noise=noise, seed=seed)
    np.testing.assert_array_equal(drawn.price, again.price)
    every = round(3600.0 / step)
    np.testing.assert_allclose(drawn.price[::every], plain.price[::every], rtol=1e-12)
    if every > 1:
        assert np.abs(drawn.price / plain.price - 1.0).max() > 1e-6


def test_the_noise_has_the_size_that_it_says() -> None:
    flat = made({"shock": "price", "waypoints": [[240.0, 0.0]]})
    path = stress_path(flat, ["BTC", "ETH"], 60.0, noise=0.8, seed=3)
    steps = np.diff(np.log(path.price), axis=0)
    annual = steps.std(axis=0) * np.sqrt(365 * 24 * 60)
    np.testing.assert_allclose(annual, 0.8, rtol=0.02)
    assert np.corrcoef(steps.T)[0, 1] == pytest.approx(0.7, abs=0.02)


@pytest.mark.parametrize(
    ("step", "more", "told"),
    [
        (0.0, {}, "step_seconds"),
        (math.nan, {}, "step_seconds"),
        (1e-6, {}, "at most 2,000,000"),
        (60.0, {"hours": 0.0}, "hours"),
        (60.0, {"noise": -1.0}, "noise"),
    ],
)
def test_paths_out_of_range_are_refused(step: float, more: dict[str, Any], told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        stress_path(shipped_scenarios().named("squeeze"), ["BTC"], step, **more)
