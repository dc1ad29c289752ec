"""Least expected shortfall and worst loss: every route, against all rows at once and against every corner."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from naive import tail_program as naive
from plimsoll.documents import DocumentError
from plimsoll.optimise.tail_programs import (
    NoPointError,
    TailAnswer,
    UnprovedError,
    certify,
    make_program,
    minimum,
    minimum_es,
    minimum_loss,
    tail_of,
)
from plimsoll.optimise.tail_programs.rows import GaveUpError

LEVELS = (0.0, 0.5, 0.9, 0.975, 0.999)
CONIC = ("screened conic",) if find_spec("clarabel") else ()


def arrays(seed: int) -> dict[str, Any]:
    """A program of up to 8 variables and 120 scenarios: whole numbers, scenarios twice, variables twice, fixed ones."""
    rng = np.random.default_rng(seed)
    size, count, rows = (int(rng.integers(*ends)) for ends in ((1, 9), (1, 121), (0, 4)))
    pnl = rng.normal(size=(size, count))
    if rng.random() < 0.3:
        pnl = np.round(pnl)
    if rng.random() < 0.3:
        pnl = pnl[:, rng.integers(0, count, count)]
    if rng.random() < 0.3:
        pnl[-1] = pnl[0]
    matrix = np.round(rng.normal(size=(rows, size)), 1)
    there = matrix @ rng.uniform(-1.0, 1.0, size)
    return {
        "pnl": pnl,
        "base": rng.normal(size=count) * rng.choice([0.0, 1.0, 10.0]),
        "cost": rng.normal(size=size) * rng.choice([0.0, 0.1]),
        "rows": (matrix, there - rng.choice([0.0, 1.0, np.inf], rows), there + rng.choice([0.0, 1.0], rows)),
        "boxes": (-1.0, np.where(rng.random(size) < 0.2, -1.0, 1.0)),
    }


def outcome(made: dict[str, Any], level: float | None, route: Any) -> TailAnswer | str:
    """An answer, or which error there is none for."""
    try:
        if level is None:
            return minimum_loss(**made, route=route)
        return minimum_es(**made, level=level, route=route)
    except NoPointError:
        return "no point"


@given(st.integers(0, 10**6), st.sampled_from((*LEVELS, None)))
@example(35, 0.9)  # the interior point ends before what it was asked for; its certificate holds
@example(139, None)  # nothing at all is lost at the best point, and cuts do not come to it
@example(23, 0.9)  # nothing is lost at the best point: what is the gap relative to?
def test_every_route_finds_what_all_rows_at_once_give(seed: int, level: float | None) -> None:
    made = arrays(seed)
    want = outcome(made, level, "simplex")
    for route in ("auto", "screened simplex", *CONIC):
        found = outcome(made, level, route)
        if isinstance(want, str):
            assert found == want
            continue
        assert isinstance(found, TailAnswer)
        assert found.objective == pytest.approx(want.objective, rel=1e-9, abs=1e-9)
        assert found.gap <= 1e-8
        assert found.bound <= want.objective + 1e-9
        # what is told is of the point that is told
        losses = -(made["base"] + found.x @ made["pnl"])
        tail = naive.shortfall(losses.tolist(), level)
        assert found.tail == pytest.approx(tail, rel=1e-12, abs=1e-12)
        assert found.objective == pytest.approx(made["cost"] @ found.x + tail, rel=1e-12, abs=1e-12)
        matrix, lower, upper = made["rows"]
        assert (matrix @ found.x >= lower - 1e-8).all()
        assert (matrix @ found.x <= upper + 1e-8).all()
        assert np.array_equal(np.clip(found.x, *made["boxes"]), found.x)


@pytest.mark.parametrize("level", [*LEVELS, None])
def test_every_corner_was_tried(level: float | None) -> None:
    for seed in range(12):
        rng = np.random.default_rng(seed)
        size, count = 1 + seed % 2, int(rng.integers(2, 9))
        pnl, base = np.round(rng.normal(size=(size, count)), 1), np.round(rng.normal(size=count), 1)
        cost = np.round(rng.normal(size=size), 1) * (seed % 3)
        want = naive.least(pnl.tolist(), base.tolist(), cost.tolist(), level)
        made = {"pnl": pnl, "base": base, "cost": cost, "boxes": (-1.0, 1.0)}
        for route in ("auto", "simplex"):
            found = outcome(made, level, route)
            assert isinstance(found, TailAnswer)
            assert found.objective == pytest.approx(want, rel=1e-9, abs=1e-9), (seed, route)


@pytest.mark.parametrize("level", [0.9, None])
def test_the_last_route_answers_where_all_before_it_give_up(
    level: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("clarabel")
    made = arrays(5)
    want = outcome(made, level, "simplex")
    assert isinstance(want, TailAnswer)

    def gives_up(*_rest: Any) -> Any:
        raise GaveUpError("made to")

    for name in tuple(minimum.ROUTES):
        if name != "screened conic":
            monkeypatch.setitem(minimum.ROUTES, name, gives_up)
    found = outcome(made, level, "auto")
    assert isinstance(found, TailAnswer)
    assert [r.split(":")[0] for r in found.route][-3:] == ["screened simplex", "simplex", "screened conic"]
    assert found.route[-2] == "simplex: made to"
    assert found.objective == pytest.approx(want.objective, rel=1e-8, abs=1e-8)
    assert found.gap <= 1e-8
    # without it the error says what was missing
    monkeypatch.setitem(sys.modules, "clarabel", None)
    with pytest.raises(UnprovedError, match=r"screened conic: .*Clarabel.*plimsoll-margin\[optimise\]"):
        outcome(made, level, "auto")


def test_cuts_find_the_worst_case() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        size, count = int(rng.integers(2, 12)), int(rng.integers(20, 300))
        made = {"pnl": rng.normal(size=(size, count)), "base": rng.normal(size=count), "boxes": (-1.0, 1.0)}
        found, want = minimum_loss(**made), minimum_loss(**made, route="simplex")
        assert found.route[0].startswith("cuts")
        assert len(found.route) == 1
        assert found.objective == pytest.approx(want.objective, rel=1e-9)


def fat(seed: int, size: int, count: int, factors: int = 3) -> dict[str, Any]:
    """Gains by a few factors with fat tails, and noise of their own."""
    rng = np.random.default_rng(seed)
    moves = rng.standard_t(4, (factors, count))
    pnl = rng.normal(size=(size, factors)) @ moves + 0.3 * rng.standard_t(4, (size, count))
    base = 5.0 * rng.normal(size=factors) @ moves
    matrix = rng.normal(size=(1, size))
    return {"pnl": pnl, "base": base, "rows": (matrix, 0.0, 0.0), "boxes": (-1.0, 1.0)}


@pytest.mark.parametrize(("level", "seed"), [(0.975, 1), (0.95, 2), (0.999, 3), (None, 4)])
def test_screened_scenarios_are_proved_not_to_matter(level: float | None, seed: int) -> None:
    made = fat(seed, 12, 6_000)
    found, want = outcome(made, level, "interior"), outcome(made, level, "simplex")
    assert isinstance(found, TailAnswer)
    assert isinstance(want, TailAnswer)
    assert found.rows < 1_500
    assert found.objective == pytest.approx(want.objective, rel=1e-9)
    assert found.bound <= want.objective * (1.0 + 1e-12)
    # the proof is one over all scenarios: weights within their largest that add up to one
    most = 1.0 if level is None else 1.0 / 6_000 / (1.0 - level)
    assert found.weights.shape == (6_000,)
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.weights.max() <= most * (1.0 + 1e-12)
    assert found.weights.min() >= 0.0


def test_a_band_about_the_wrong_place_moves() -> None:
    """Noise in many directions: a sample overfits, and half of what it left out is misjudged at first."""
    rng = np.random.default_rng(0)
    pnl, base = rng.standard_t(4, (60, 5_000)), 3.0 * rng.standard_t(4, 5_000)
    found = minimum_es(pnl, 0.99, boxes=(-1.0, 1.0), base=base)
    assert found.rounds > 1
    assert found.rows < 2_000
    assert found.gap <= 1e-8


@pytest.mark.parametrize("level", [0.975, None])
def test_scenarios_that_are_all_alike(level: float | None) -> None:
    pnl = np.repeat(np.array([[1.0], [-2.0], [0.5]]), 5_000, axis=1)
    for base in (0.0, 7.0):
        made = {"pnl": pnl, "base": base, "boxes": (-1.0, 2.0)}
        found = outcome(made, level, "auto")
        assert isinstance(found, TailAnswer)
        assert found.objective == pytest.approx(-(2.0 + 2.0 + 1.0) - base, rel=1e-9)


def test_heavy_ties_at_the_quantile() -> None:
    rng = np.random.default_rng(5)
    pnl = np.round(rng.standard_t(3, (6, 5_000)))
    made = {"pnl": pnl, "base": np.round(4.0 * rng.normal(size=5_000)), "boxes": (-1.0, 1.0)}
    for level in (0.9, 0.975, 1.0 - 1.0 / 5_000):
        found, want = outcome(made, level, "interior"), outcome(made, level, "simplex")
        assert isinstance(found, TailAnswer)
        assert isinstance(want, TailAnswer)
        assert found.objective == pytest.approx(want.objective, rel=1e-9)


def test_probabilities_weigh_as_repetition_does() -> None:
    rng = np.random.default_rng(7)
    pnl, base, times = rng.normal(size=(4, 60)), rng.normal(size=60), rng.integers(0, 4, 60)
    once = minimum_es(pnl, 0.9, boxes=(-1.0, 1.0), base=base, probability=times)
    often = minimum_es(np.repeat(pnl, times, axis=1), 0.9, boxes=(-1.0, 1.0), base=np.repeat(base, times))
    assert once.objective == pytest.approx(often.objective, rel=1e-9)


def test_a_price_is_what_a_unit_of_its_row_is_worth() -> None:
    rng = np.random.default_rng(3)
    pnl = 0.001 * rng.normal(size=(5, 1)) + rng.standard_t(4, (5, 400)) * 0.01
    ones = np.ones((1, 5))

    def least(total: float) -> TailAnswer:
        return minimum_es(pnl, 0.95, rows=(ones, total, total), boxes=(0.0, np.inf), gap=1e-10)

    here = least(1.0)
    slopes = [(least(1.0 + d).objective - here.objective) / d for d in (-1e-4, 1e-4)]
    assert slopes[0] - 1e-6 <= here.prices[0] <= slopes[1] + 1e-6
    assert here.prices[0] == pytest.approx(here.objective, rel=1e-6)  # of degree one in the total


def test_long_only_shares_that_add_up_to_one() -> None:
    rng = np.random.default_rng(11)
    returns = (
        0.0003 + (rng.normal(0.8, 0.4, (20, 4)) @ rng.standard_t(4, (4, 1_500)) + rng.standard_t(4, (20, 1_500))) * 0.01
    )
    found = minimum_es(returns, 0.95, rows=(np.ones((1, 20)), 1.0, 1.0), boxes=(0.0, 1.0))
    assert found.x.sum() == pytest.approx(1.0, abs=1e-10)
    assert found.x.min() >= 0.0
    equal = tail_of(-(np.full(20, 0.05) @ returns), np.full(1_500, 1.0 / 1_500 / 0.05))[0]
    assert found.tail < 0.9 * equal


@given(st.integers(0, 10**6), st.sampled_from(LEVELS))
def test_no_weights_and_prices_prove_too_much(seed: int, level: float) -> None:
    """The certificate is handed nonsense: its bound stays below the least, and its objective above."""
    made = arrays(seed)
    want = outcome(made, level, "simplex")
    if isinstance(want, str):
        return
    program = make_program(**made, level=level)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=program.size)
    proof = certify(program, x, rng.normal(size=program.scenarios), rng.normal(size=program.lower.size))
    assert proof.bound <= want.objective + 1e-9 * max(1.0, abs(want.objective))
    low, high = program.low, program.high
    inside = ((x >= low) & (x <= high)).all()
    there = program.matrix @ x
    inside &= bool((there >= program.lower).all() and (there <= program.upper).all())
    assert (proof.beyond == 0.0) == inside
    if inside:
        assert proof.objective >= want.objective - 1e-9


def test_wrong_points_are_not_certified() -> None:
    made = fat(9, 6, 3_000)
    program, found = make_program(**made, level=0.975), minimum_es(**made, level=0.975)
    good = certify(program, found.x, found.weights, found.prices)
    assert good.holds(1e-8)
    off = found.x.copy()
    off[0] += 1e-4
    assert certify(program, off, found.weights, found.prices).beyond > 1e-6
    assert not certify(program, np.zeros(6), found.weights, found.prices).holds(1e-3)
    assert not certify(program, found.x, np.zeros(3_000), found.prices).holds(1e-3)
    assert not certify(program, found.x, found.weights, found.prices + 1.0).holds(1e-3)
    # a scenario that is left behind: its weight is nobody's
    worst = int(np.argmax(found.weights))
    without = found.weights.copy()
    without[worst] = 0.0
    assert not certify(program, found.x, without, found.prices).holds(1e-6)
    for wrong in (found.x[:-1], np.full(6, np.nan)):
        with pytest.raises(DocumentError, match="6 finite numbers"):
            certify(program, wrong, found.weights, found.prices)


def test_no_point_and_no_least_value_are_errors() -> None:
    rng = np.random.default_rng(1)
    pnl = rng.normal(size=(3, 50))
    with pytest.raises(NoPointError):
        minimum_es(pnl, 0.9, rows=(np.ones((1, 3)), 9.0, 9.0), boxes=(-1.0, 1.0))
    with pytest.raises(DocumentError, match="lowers forever"):
        minimum_es(pnl + 5.0, 0.9)
    with pytest.raises(DocumentError, match="lowers forever"):
        minimum_loss(pnl, cost=[-9.0, 0.0, 0.0], boxes=(0.0, np.inf))
    # without sides, and yet with a least value
    assert minimum_es(pnl, 0.0 + 0.9, base=rng.normal(size=50)).gap <= 1e-8


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"pnl": np.zeros((0, 5))}, "pnl"),
        ({"pnl": np.zeros((3, 0))}, "pnl"),
        ({"pnl": np.zeros(5)}, "pnl"),
        ({"pnl": np.array([[1.0, np.nan], [0.0, 1.0], [0.0, np.inf]])}, r"pnl\[0, 1\]"),
        ({"level": 1.0}, "level"),
        ({"level": -0.1}, "level"),
        ({"level": float("nan")}, "level"),
        ({"base": np.ones(4)}, "base"),
        ({"base": [0.0] * 49 + [np.inf]}, r"base\[49\]"),
        ({"cost": [1.0, np.nan, 0.0]}, r"cost\[1\]"),
        ({"probability": -np.ones(50)}, "probability"),
        ({"probability": np.zeros(50)}, "probability"),
        ({"boxes": (1.0, 0.0)}, r"boxes\[0\]"),
        ({"boxes": (np.inf, np.inf)}, r"boxes\[0\]"),
        ({"boxes": (np.nan, 1.0)}, r"boxes\[0\]\[0\]"),
        ({"rows": (np.ones((1, 2)), 0.0, 0.0)}, r"rows\[0\]"),
        ({"rows": (np.ones((2, 3)), 1.0, 0.0)}, r"rows\[0\]"),
        ({"rows": (np.ones((2, 3)), [0.0, 0.0, 0.0], 0.0)}, r"rows\[1\]"),
        ({"rows": (np.full((1, 3), np.nan), 0.0, 0.0)}, r"rows\[0\]"),
        ({"gap": 0.0}, "gap"),
        ({"route": "guess"}, "route"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, Any], path: str) -> None:
    made = {"pnl": np.random.default_rng(0).normal(size=(3, 50)), "level": 0.9} | change
    with pytest.raises(DocumentError, match=path):
        minimum_es(**made)
