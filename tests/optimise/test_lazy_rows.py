"""Expected shortfall over more scenarios than a program has rows: the same answers, limit or objective."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hedge_desks import chain, holding, random_book
from naive.tail_program import shortfall
from plimsoll.optimise import (
    ConflictError,
    Desk,
    Solver,
    TradingTerms,
    capital,
    compile_problem,
    cost,
    delta,
    es,
    make_desk,
    minimise,
    problem,
    tickets,
    today,
)
from plimsoll.scenarios import Scenarios

SCENARIOS = 2_400


def scenarios(seed: int, count: int = SCENARIOS) -> dict[str, Scenarios]:
    """Moves of price and volatility with fat tails."""
    rng = np.random.default_rng(seed)
    move = 0.03 * rng.standard_t(4, count)
    return {"BTC": Scenarios.build(np.exp(np.clip(move, -0.5, 0.5)), -0.5 * move + 0.02 * rng.standard_t(4, count))}


def desk_of(
    seed: int, lot: float | None = None, columns: Any = None, pack: str = "prbm@2026-01-01", few: int | None = None
) -> Desk:
    rng = np.random.default_rng(seed)
    market = chain(rng)
    book = holding(pack, random_book(rng, market))
    terms = TradingTerms(size=4.0, lot=lot, option_lot=lot)
    names = None if few is None else [market.instruments[i].name for i in rng.choice(21, few, replace=False)]
    return make_desk(
        market, [book], candidates=names, terms=terms, columns=scenarios(seed) if columns is None else columns
    )


def check(lazy: Any, whole: Any) -> None:
    """Two answers of one problem."""
    assert lazy.after == pytest.approx(whole.after, rel=1e-7, abs=1e-4)
    assert lazy.bound <= whole.after + 1e-6 * max(1.0, abs(whole.after))
    assert lazy.gap <= 2e-6
    assert lazy.status == whole.status


@pytest.mark.parametrize("seed", range(2))
def test_rows_that_are_made_when_needed_give_what_all_rows_give(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of(seed)
    least = minimise(desk, 0.05 * capital() + cost(), [delta("BTC") == today])
    top = shortfall((-desk.tail_rows[0] - least.trades[0] @ desk.tail_rows[1][0]).tolist(), 0.975)
    cap = 0.5 * (top + minimise(desk, es(0.975), [delta("BTC") == today]).after)
    problems: list[tuple[Any, list[Any]]] = [
        (es(0.975) + cost(), [delta("BTC") == today]),
        (0.05 * capital() + cost(), [delta("BTC") == today, es(0.975) <= cap]),
        (es(0.99) + es(0.9), [cost() <= 1_000.0]),
    ]
    for goal, limits in problems:
        lazy = minimise(desk, goal, limits)
        assert any("rows made of what was asked for" in r for r in lazy.route)
        with monkeypatch.context() as patch:
            patch.setattr(problem, "MANY", SCENARIOS)
            check(lazy, minimise(desk, goal, limits))
        # what is told of a limit is measured over all scenarios
        gain = desk.tail_rows[0] + lazy.trades[0] @ desk.tail_rows[1][0]
        for kept in lazy.limits:
            if kept.name.startswith("es"):
                assert kept.after == pytest.approx(shortfall((-gain).tolist(), 0.975), rel=1e-9)
                assert kept.after == pytest.approx(cap, rel=1e-6)


def test_whole_lots_and_few_tickets_are_cut_at_what_they_find(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = desk_of(3, lot=0.5, few=5, columns=scenarios(3, 600))
    start = shortfall((-desk.tail_rows[0]).tolist(), 0.99)
    goal, limits = es(0.975) + cost(), [tickets() <= 2.0, es(0.99) <= 0.9 * start]
    whole = minimise(desk, goal, limits)
    monkeypatch.setattr(problem, "MANY", 100)
    lazy = minimise(desk, goal, limits)
    assert any("rows made of what was asked for" in r for r in lazy.route)
    check(lazy, whole)
    assert lazy.saving > 10.0
    traded = lazy.trades[0][lazy.trades[0] != 0.0]
    assert 0 < traded.size <= 2
    assert np.allclose(traded / 0.5, np.round(traded / 0.5))


def test_the_price_of_a_cap_on_the_shortfall_is_what_a_dollar_more_is_worth() -> None:
    desk = desk_of(1)
    goal = 0.05 * capital() + cost()
    free = minimise(desk, goal)
    cap = 0.5 * shortfall((-desk.tail_rows[0] - free.trades[0] @ desk.tail_rows[1][0]).tolist(), 0.975)
    here, more, less = (minimise(desk, goal, [es(0.975) <= cap + d]) for d in (0.0, 0.1, -0.1))
    slopes = sorted([(more.after - here.after) / 0.1, (here.after - less.after) / 0.1])
    assert slopes[0] - 1e-4 <= here.limits[0].price <= slopes[1] + 1e-4
    assert here.limits[0].price < -1e-3


def test_a_cap_that_cannot_be_kept_is_named() -> None:
    desk = desk_of(2)
    with pytest.raises(ConflictError, match=r"es 0\.975 <= -1000000"):
        minimise(desk, capital(), [es(0.975) <= -1e6, delta("BTC") == today])


def test_new_marks_begin_with_the_rows_of_the_last() -> None:
    goal, limits = es(0.975) + cost(), [delta("BTC") == today]
    first, second = desk_of(5), desk_of(5, columns=scenarios(6))
    solver = Solver()
    compiled = compile_problem(first, goal, limits)
    solver.solve(compiled.model)
    again = compiled.again(second)
    warm, cold = solver.solve(again.model), Solver().solve(again.model)
    assert warm.objective == pytest.approx(cold.objective, rel=1e-9)
    same = solver.solve(again.model)
    assert "in 1 round" in same.route[-1]
    assert "from the last basis" in same.route[0]
    assert same.objective == pytest.approx(cold.objective, rel=1e-9)


def test_a_model_whose_form_is_a_bound_keeps_the_cap_on_every_step() -> None:
    desk = desk_of(4, pack="span@2026-01-01")
    assert not desk.places[0].exact
    start = shortfall((-desk.tail_rows[0]).tolist(), 0.975)
    answer = minimise(desk, 0.05 * capital() + cost(), [es(0.975) <= 0.9 * start])
    assert answer.status in ("local", "no saving")
    assert answer.limits[0].after <= 0.9 * start * (1.0 + 1e-6)
