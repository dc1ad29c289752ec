"""Procyclicality: each measure by its definition, in loops, and the properties that make it one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.validate import (
    conservatism,
    extra_cost,
    frontier,
    frontier_of,
    largest_rise,
    largest_rise_within,
    over_margin,
    peak_to_trough,
    profile,
    realised_quantile,
    shortfall,
)

RATES = st.lists(st.floats(0.01, 2.0), min_size=2, max_size=40)


@given(RATES, st.integers(1, 45), st.floats(0.1, 50))
def test_steps_by_their_definition(rates: list[float], days: int, unit: float) -> None:
    rises = [rates[t + days] / rates[t] - 1 for t in range(len(rates) - days)]
    assert largest_rise(rates, days) == pytest.approx(max([0.0, *rises]))
    assert peak_to_trough(rates) == pytest.approx(max(rates) / min(rates))
    # the unit of the margin is no part of how it moves
    scaled = [unit * r for r in rates]
    assert peak_to_trough(scaled) == pytest.approx(peak_to_trough(rates))
    assert largest_rise(scaled, days) == pytest.approx(largest_rise(rates, days), abs=1e-9)
    within = largest_rise_within(rates, days)
    assert within >= largest_rise(rates, days)
    assert within <= peak_to_trough(rates) - 1 + 1e-12


@given(RATES, st.data())
def test_cost_and_use_by_their_definition(rates: list[float], data: st.DataObject) -> None:
    losses = data.draw(st.lists(st.floats(-1, 3), min_size=len(rates), max_size=len(rates)))
    held = sum(rates)
    idle = sum(max(0.0, r - max(0.0, loss)) for r, loss in zip(rates, losses, strict=True))
    assert over_margin(rates, losses) == pytest.approx(idle / held, abs=1e-12)
    beyond = [loss - r for r, loss in zip(rates, losses, strict=True) if loss > r]
    found = shortfall(rates, losses)
    assert found.exceptions == len(beyond)
    assert found.coverage == pytest.approx(1 - len(beyond) / len(rates))
    assert found.mean == pytest.approx(sum(beyond) / len(beyond) if beyond else 0.0)
    assert found.largest == pytest.approx(max(beyond, default=0.0))
    assert found.share == pytest.approx(sum(beyond) / held, abs=1e-12)
    assert extra_cost(rates, rates) == 0.0
    assert extra_cost([2 * r for r in rates], rates) == pytest.approx(1.0)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=300), st.sampled_from([0.01, 0.05, 0.1]))
def test_realised_quantile_is_the_least_constant_margin_that_covers(losses: list[float], level: float) -> None:
    needed = realised_quantile(losses, level)
    allowed = len(losses) * level + 1e-9
    assert sum(loss > needed for loss in losses) <= allowed
    below = [loss for loss in losses if loss < needed]
    if below:  # one loss less covers too little
        assert sum(loss > max(below) for loss in losses) > allowed


def test_a_static_rate_has_no_steps() -> None:
    found = profile(np.full(300, 0.1), np.linspace(-0.2, 0.2, 300), reference=np.full(300, 0.08))
    assert (found.peak_to_trough, set(found.rises.values())) == (1.0, {0.0})
    assert found.cost == pytest.approx(0.25)


def test_ceiling_marks_margin_that_only_money_bought() -> None:
    losses = np.random.default_rng(0).standard_normal(1000) * 0.02
    needed = realised_quantile(losses, 0.01)
    assert conservatism(np.full(1000, needed), losses) == pytest.approx(1.0)
    assert not profile(np.full(1000, 1.9 * needed), losses).too_conservative
    assert profile(np.full(1000, 2.1 * needed), losses).too_conservative
    assert profile(np.full(1000, 0.1), -np.ones(1000)).to_dict()["conservatism"] is None


def test_frontier_keeps_what_nothing_beats() -> None:
    points = [[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [2.0, 3.0], [1.0, 3.0], [3.0, 3.0]]
    assert frontier(points).tolist() == [True, True, True, False, True, False]


def test_frontier_of_schedules_of_one_history() -> None:
    rng = np.random.default_rng(4)
    sigma = 0.03 * np.exp(np.cumsum(rng.normal(0, 0.05, 1500)) * 0.3)
    losses = sigma * rng.standard_normal(1500)
    fast, static = 2.33 * sigma, np.full(1500, realised_quantile(losses, 0.01))
    wasteful = 3 * fast.max() + fast  # dearer than the static rate, with steps, and covers as much as anything
    names = [
        p.name
        for p in frontier_of(
            profile(rates, losses, name=name, reference=fast)
            for name, rates in (("fast", fast), ("static", static), ("wasteful", wasteful), ("wider", 1.01 * wasteful))
        )
    ]
    assert "fast" in names
    assert "static" in names
    assert "wider" not in names


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda: peak_to_trough([0.1, 0.0]), "rates[1]"),
        (lambda: peak_to_trough([]), "rates"),
        (lambda: largest_rise([0.1, 0.2], 0), "days"),
        (lambda: extra_cost([0.1, 0.2], [0.1]), "reference"),
        (lambda: shortfall([0.1, 0.2], [0.1, float("inf")]), "losses[1]"),
        (lambda: conservatism([0.1], ["much"]), "losses"),
        (lambda: frontier([1.0, 2.0]), "points"),
    ],
)
def test_bad_inputs_are_named(call: object, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        call()  # type: ignore[operator]
    assert caught.value.problems[0].path == path
