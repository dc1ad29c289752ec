"""Terms compose, limits name themselves, and what a solver could not keep to is refused when it is written."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import chain, holding, random_book
from plimsoll.optimise import (
    ConflictError,
    Solver,
    TradingTerms,
    capital,
    compile_problem,
    cost,
    delta,
    es,
    make_desk,
    minimise,
    outside,
    tickets,
    today,
    trades,
    vega,
)
from plimsoll.optimise.measure import measure

PRBM = "prbm@2026-01-01"


def desk(seed: int = 1, **changes: object) -> object:
    rng = np.random.default_rng(seed)
    market = chain(rng)
    return make_desk(market, [holding(PRBM, random_book(rng, market))], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda: capital() >= 5.0, "limit: got 'initial margin >= 5'"),
        (lambda: cost() == 5.0, "limit: got 'cost == 5'"),
        (lambda: -1.0 * es(0.99) <= 5.0, "equalities of affine terms only"),
        (lambda: abs(cost()), "abs: got 'cost'"),
        (lambda: es(1.0), "es.level: got 1.0"),
        (lambda: delta("BTC") + vega("BTC"), "one unit, not BTC and USD a point"),
        (lambda: delta("BTC") <= float("nan"), "limit.bound: got nan"),
        (lambda: float("inf") * cost(), "term.factor: got inf"),
        (lambda: cost() + float("nan"), "term: got nan"),
    ],
)
def test_what_is_not_convex_or_no_number_is_refused(write: object, said: str) -> None:
    with pytest.raises(pl.DocumentError) as caught:
        write()  # type: ignore[operator]
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("goal", "limits", "said"),
    [
        (-1.0 * capital(), [], "a convex objective"),
        (capital("other"), [], "capital: got 'other'; allowed: one of book"),
        (capital(), [delta("ETH") == today], "delta: got 'ETH'; allowed: one of BTC"),
        (capital(), [trades("NONE") <= 1.0], "trades: got 'NONE'"),
        (capital(), [es(0.99) <= 1.0], "desk.columns: got 'nothing'"),
        (capital(), [outside("up", "ETH") <= 1.0], "outside.underlying: got 'ETH'"),
        (capital(), [cost() <= 1.0, cost() <= 1.0], "limits: got 'cost <= 1'; allowed: each limit once"),
    ],
)
def test_what_the_desk_does_not_know_is_refused(goal: object, limits: list[object], said: str) -> None:
    with pytest.raises(pl.DocumentError) as caught:
        compile_problem(desk(), goal, limits)  # type: ignore[arg-type]
    assert said in str(caught.value).replace('"', "'")


def test_the_rows_come_to_what_the_terms_are_measured_at() -> None:
    """Every term, held where the trades are fixed: its row has the value that is measured without a solver."""
    rng = np.random.default_rng(3)
    found = desk(3, terms=TradingTerms(size=5.0), columns=_columns(rng))
    wanted = "60D-1-C"
    terms = [
        capital(),
        cost(),
        delta("BTC"),
        vega("BTC"),
        abs(vega("BTC")),
        outside("down"),
        outside("up"),
        es(0.9),
        trades(wanted),
        2.0 * delta("BTC") - 1.0,
    ]
    for term in terms:
        fixed = [trades(n) == float(n == wanted) * 1.5 for n in found.places[0].names]  # type: ignore[attr-defined]
        problem = compile_problem(found, term, fixed)  # type: ignore[arg-type]
        solved = Solver().solve(problem.model)
        want = measure(found, term, problem.trades(solved.x))  # type: ignore[arg-type]
        assert solved.objective == pytest.approx(want, rel=1e-6, abs=1e-5), term.name


def _columns(rng: np.random.Generator) -> object:
    from plimsoll.scenarios import Scenarios

    return {"BTC": Scenarios.build(np.exp(0.1 * rng.standard_normal(40)), 0.2 * rng.standard_normal(40))}


def test_the_fewest_limits_in_conflict_are_named() -> None:
    found = desk(4, terms=TradingTerms(size=1.0))
    limits = [
        cost() <= 1e9,
        delta("BTC") >= found.delta("BTC") + 3.0,  # type: ignore[attr-defined]
        tickets() <= 30.0,
        cost() + 0.0 <= 1.0,
        vega("BTC") <= 1e9,
    ]
    with pytest.raises(ConflictError) as caught:
        minimise(found, capital(), limits)  # type: ignore[arg-type]
    assert set(caught.value.limits) == {limits[1].name, limits[3].name}


def test_an_objective_without_a_least_value_is_none_here() -> None:
    """Depth bounds every trade, so even an affine goal has its least value where the depth ends."""
    found = desk(5, terms=TradingTerms(size=2.0))
    answer = minimise(found, 1e6 * delta("BTC") + cost(), [])  # type: ignore[arg-type]
    assert answer.status == "optimal"
    assert answer.saving > 0.0
    assert answer.exhausted


def test_new_marks_are_solved_from_the_last_basis() -> None:
    rng = np.random.default_rng(6)
    market = chain(rng)
    book = holding(PRBM, {"60D-1-C": -5.0, "60D-0.9-P": -5.0, "14D-1-P": 2.0})
    names = ["60D-1.1-C", "60D-0.8-P", "PERP", "14D-1-C"]
    goal, solver = 0.02 * capital() + cost(), Solver()
    first = compile_problem(make_desk(market, [book], candidates=names), goal, [delta("BTC") == today])
    solver.solve(first.model)
    content = market.to_dict()
    content["indices"]["BTC"]["price"] *= 1.01
    for row in content["expiries"]:
        row["forward"]["variable"] *= 1.01
    content["marks"]["PERP"]["price"] *= 1.01
    moved = make_desk(pl.Market.from_dict(content), [book], candidates=names)
    again = first.again(moved)
    warm, cold = solver.solve(again.model), Solver().solve(again.model)
    assert warm.objective == pytest.approx(cold.objective, rel=1e-9)
    assert "from the last basis" in warm.route[0]
    assert warm.iterations <= cold.iterations
    with pytest.raises(pl.DocumentError, match="another structure"):
        first.again(make_desk(market, [book], candidates=names[:3]))
