"""The oracle and the circuit breaker: whom they believe, and what they stop."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.liquidation.breaker import Safety, attack_cost, attack_profit, push_cost, ruling, safety
from plimsoll.market.oracle import OracleRule, OracleState, Quote, Reading, observe, weighted_median

RULE = OracleRule()
NAMES = ("a", "b", "c", "d", "e")


def quotes(time: float, *prices: float) -> list[Quote]:
    """One quote of each source at a time."""
    return [Quote(n, time, p) for n, p in zip(NAMES, prices, strict=False)]


def run(*steps: tuple[float, tuple[float, ...]], rule: OracleRule = RULE) -> list[Reading]:
    """Readings of a sequence of times and prices."""
    state, found = OracleState(), []
    for time, prices in steps:
        state, reading = observe(rule, state, quotes(time, *prices), time)
        found.append(reading)
    return found


PAIRS = st.lists(st.tuples(st.floats(0.1, 100.0), st.floats(0.1, 5.0)), min_size=1, max_size=9)


@given(PAIRS)
def test_half_of_the_weight_lies_on_either_side_of_the_median(pairs: list[tuple[float, float]]) -> None:
    found, whole = weighted_median(pairs), sum(w for _, w in pairs)
    assert sum(w for p, w in pairs if p < found) <= whole / 2 * (1 + 1e-9)
    assert sum(w for p, w in pairs if p > found) <= whole / 2 * (1 + 1e-9)


@given(PAIRS, st.floats(0.01, 1e6))
def test_less_than_half_of_the_weight_cannot_move_the_median_beyond_the_rest(
    pairs: list[tuple[float, float]], lie: float
) -> None:
    whole = sum(w for _, w in pairs)
    found = weighted_median([*pairs, (lie, 0.99 * whole)])
    assert min(p for p, _ in pairs) <= found <= max(p for p, _ in pairs)


def test_a_source_that_is_off_is_set_apart_and_comes_back() -> None:
    steps = [(0.0, (100.0, 100.1, 99.9, 100.0)), (10.0, (100.0, 100.1, 99.9, 130.0))]
    steps += [(20.0 + 10 * k, (100.0, 100.1, 99.9, 100.0)) for k in range(31)]
    found = run(*steps)
    assert found[1].faults == {"d": "off the others"}
    assert (found[1].status, found[1].price) == ("good", 100.0)
    assert found[2].faults == {"d": "in quarantine"}
    assert found[2].used == ("a", "b", "c")
    assert found[-1].used == ("a", "b", "c", "d")


def test_too_few_sources_keep_the_last_good_price() -> None:
    found = run((0.0, (100.0, 100.1, 99.9)), (10.0, (100.2, 100.1)), (20.0, (100.2, 100.1, 100.0)))
    assert [r.status for r in found] == ["good", "thin", "good"]
    assert found[1].price == 100.0
    old = [Quote("a", 0.0, 100.0), Quote("b", 100.0, 100.0), Quote("c", 100.0, 100.0), Quote("d", 100.0, 100.0)]
    assert observe(RULE, OracleState(), old, 100.0)[1].faults == {"a": "stale"}
    bad = [Quote("a", 0.0, math.nan), Quote("b", 1.0, 100.0)]
    with pytest.raises(DocumentError, match="a not a price; b from the future"):
        observe(RULE, OracleState(), bad, 0.0)


def test_a_crash_that_all_sources_share_is_believed_after_a_minute() -> None:
    steps = [(10.0 * k, (100.0, 100.05, 99.95, 100.0)) for k in range(4)]
    steps += [(40.0 + 10 * k, (80.0, 80.05, 79.95, 80.0)) for k in range(8)]
    found = run(*steps)
    statuses = [r.status for r in found]
    assert statuses == ["good"] * 4 + ["suspect"] * 6 + ["good"] * 2
    # until then the marks hold both prices: what is owned counts at the low one, what is owed at the high one
    assert (found[5].low, found[5].high) == (80.0, pytest.approx(100.0))
    assert found[5].mark(1.0) == 80.0
    assert found[5].mark(-1.0) == pytest.approx(100.0)
    assert found[-1].price == 80.0


def test_a_push_of_two_thin_sources_out_of_four_is_never_believed() -> None:
    steps = [(10.0 * k, (100.0, 100.05, 99.95, 100.0)) for k in range(4)]
    # two are pushed for ten minutes: the median of four is in the middle of both pairs, so nobody agrees with it
    steps += [(40.0 + 10 * k, (100.0, 100.05, 79.95, 80.0)) for k in range(60)]
    steps += [(640.0 + 10 * k, (100.0, 100.05, 99.95, 100.0)) for k in range(40)]
    found = run(*steps)
    assert all(abs(r.price - 100.0) < 0.1 for r in found)
    assert {r.status for r in found[4:64]} <= {"suspect", "thin"}
    assert found[-1].status == "good"


@given(st.floats(0.5, 2.0))
def test_what_is_never_paused_and_what_is(move: float) -> None:
    found = run((0.0, (100.0,) * 4), (1.0, (100.0 * move,) * 4))[-1]
    for action in ("deposit", "top up", "reduce"):
        assert ruling(found, action, under=(False, False)).allowed  # type: ignore[arg-type]
    if found.status == "good":
        assert ruling(found, "liquidate", under=(False, True)).allowed
    else:
        assert not ruling(found, "liquidate", under=(False, True)).allowed
        assert not ruling(found, "liquidate", under=(True, False)).allowed
        under_both = ruling(found, "liquidate", under=(True, True))
        assert (under_both.allowed, under_both.price) == (True, 100.0)


def test_bad_input_is_refused() -> None:
    state, _ = observe(RULE, OracleState(), quotes(10.0, 1.0, 1.0, 1.0), 10.0)
    with pytest.raises(DocumentError, match="one quote of each source"):
        observe(RULE, state, [Quote("a", 11.0, 1.0), Quote("a", 11.0, 1.0)], 11.0)
    with pytest.raises(DocumentError, match="from 10 on"):
        observe(RULE, state, quotes(9.0, 1.0, 1.0, 1.0), 9.0)
    with pytest.raises(DocumentError, match="as many of both"):
        attack_cost([1.0], [])
    with pytest.raises(DocumentError, match="sigmas"):
        OracleRule.from_dict({"schema": OracleRule.SCHEMA, "schema_version": 1, "sigmas": 0.0})


def test_cost_and_profit_of_an_attack() -> None:
    moves = np.array([-0.1, -0.05, 0.05, 0.1])
    lines, notional = np.array([-0.04, -0.08, 0.07]), np.array([1_000.0, 5_000.0, 2_000.0])
    profit = attack_profit(moves, lines, notional, 0.05, position=-1_000.0)
    assert profit.tolist() == pytest.approx([300 + 100, 50 + 50, -50, 100 - 100])
    safety = Safety(moves, np.array([200.0, 200.0, 200.0, 400.0]), profit)
    assert safety.worst == pytest.approx(0.5)
    assert safety.alarm(1.0)
    assert not safety.alarm(0.4)
    assert np.isinf(safety.ratio[2:]).all()


def test_the_safety_of_a_median_by_hand() -> None:
    thin = ([(99.0, 1.0), (95.0, 10.0)], [(101.0, 2.0), (104.0, 5.0)])
    thick = ([(99.0, 100.0), (95.0, 100.0)], [(101.0, 100.0), (104.0, 100.0)])
    moves, lines, notional = np.array([-0.01, -0.05, 0.01]), np.array([-0.04]), np.array([5_000.0])
    found = safety([thin, thick, thin], [1.0, 1.0, 1.0], moves, lines, notional, bonus=0.01)
    # two thin books: 1 by one, 1 and 10 by five, 2 by one
    assert found.cost.tolist() == [2.0, 2.0 * (1.0 + 50.0), 4.0]
    assert found.profit.tolist() == [0.0, 50.0, 0.0]
    assert found.worst == pytest.approx(102.0 / 50.0)
    # with half of the weight the thick one is enough, and needed
    heavy = safety([thin, thick, thin], [1.0, 4.0, 1.0], moves, lines, notional, bonus=0.01)
    assert heavy.cost.tolist() == [100.0, 100.0 + 500.0, 100.0]
    with pytest.raises(DocumentError, match="levels on both sides"):
        safety([([], [(101.0, 2.0)])], [1.0], moves, lines, notional, bonus=0.01)
    # three tenths are half of six, whatever their sum is in the last digit
    assert attack_cost([10.0, 10.0, 1.0], [0.1, 0.2, 0.3]) == 1.0
    with pytest.raises(DocumentError, match="as many of both"):
        safety([thin], [1.0, 1.0], moves, lines, notional, bonus=0.01)


def test_pushing_a_real_book_costs_more_the_further_it_goes(shared: Path) -> None:
    """A recorded book of a hundred levels: convex in the move, and three such books cost two of them."""
    content: Any = json.loads((shared / "data/orderbook/binance_futures_depth100_20241101.json").read_text())
    checked = 0
    for book in content.values():
        for side in ("bids", "asks"):
            levels = [(float(p), float(q)) for p, q, *_ in book.get(side, [])]
            if len(levels) < 50:
                continue
            best = {s: float(book[s][0][0]) for s in ("bids", "asks")}
            mid = sum(best.values()) / 2
            reach = abs(levels[-1][0] - mid) / mid
            moves = np.linspace(0.0, reach, 12)
            costs = [push_cost(levels, mid, m) for m in moves]
            assert all(b >= a for a, b in pairwise(costs))
            assert costs[-1] > 0.0
            assert attack_cost([costs[-1]] * 3, [1.0] * 3) == pytest.approx(2 * costs[-1])
            checked += 1
    assert checked


def test_a_source_with_half_of_the_weight_left_makes_no_price() -> None:
    """Three of five are stale: of the rest the heaviest would be the median by itself, wherever it is pushed."""
    weights = {"a": 3.0, "b": 2.0, "c": 2.0, "d": 1.0, "e": 1.0}

    def said(time: float, fresh: dict[str, float]) -> list[Quote]:
        return [Quote(n, time if n in fresh else -1e3, fresh.get(n, 100.0), w) for n, w in weights.items()]

    state, first = observe(RULE, OracleState(), said(0.0, dict.fromkeys(weights, 100.0)), 0.0)
    assert first.status == "good"
    # inside every band, so nobody is set apart
    _, pushed = observe(RULE, state, said(10.0, {"a": 100.5, "d": 100.0, "e": 100.0}), 10.0)
    assert (pushed.status, pushed.price) == ("thin", 100.0)
    assert len(pushed.used) == 3
    _, without = observe(RULE, state, said(10.0, {"b": 100.1, "c": 100.0, "d": 100.0}), 10.0)
    assert without.status == "good"
    # no first price of it either, and a rule that is content with two sources may have it
    with pytest.raises(DocumentError, match="half of their weight"):
        observe(RULE, OracleState(), said(10.0, {"a": 100.5, "d": 100.0, "e": 100.0}), 10.0)
    two = RULE.model_copy(update={"least": 2})
    assert observe(two, state, said(10.0, {"a": 100.2, "d": 100.2}), 10.0)[1].status == "good"


def test_nobody_is_liquidated_at_a_doubtful_price_unless_it_is_said_that_he_was_below_before() -> None:
    found = run((0.0, (100.0,) * 4), (10.0, (80.0,) * 4))[1]
    assert found.status == "suspect"
    assert not ruling(found, "liquidate").allowed
    assert ruling(found, "liquidate", under=(True, True)).allowed
    assert ruling(found, "deposit").allowed


def test_time_goes_forward_while_a_price_is_doubted_too() -> None:
    state, _ = observe(RULE, OracleState(), quotes(0.0, 100.0, 100.0, 100.0, 100.0), 0.0)
    state, reading = observe(RULE, state, quotes(50.0, 80.0, 80.0, 80.0, 80.0), 50.0)
    assert reading.status == "suspect"
    with pytest.raises(DocumentError, match="a number from 50 on"):
        observe(RULE, state, quotes(40.0, 80.0, 80.0, 80.0, 80.0), 40.0)


def test_prices_that_are_told_at_one_instant_weigh_nothing_and_are_not_kept() -> None:
    often = [(10.0, (100.0 + 0.01 * k,) * 4) for k in range(50)]
    steps = [(0.0, (100.0,) * 4), *often, (10.0, (100.2,) * 4), (20.0, (100.3,) * 4)]
    state = OracleState()
    for time, prices in steps:
        state, reading = observe(RULE, state, quotes(time, *prices), time)
    assert [time for time, _ in state.recent] == [0.0, 10.0, 20.0]
    # ten seconds at each: the average is that of the last word of every instant
    assert reading.low == pytest.approx(100.1)
