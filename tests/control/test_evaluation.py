"""Differences with intervals that know which episodes depend, whole histories in one run, and the worst storm."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.control.courses import Course, Record, drawn
from plimsoll.control.cycle import Cycle, cycle_difference, cycles
from plimsoll.control.evaluate import Episode, Judged, difference, judge, pooled, worst_storm
from plimsoll.control.evaluation import ALL, Evaluation, evaluation
from plimsoll.control.intervals import LEAST, paired, periods_of
from plimsoll.control.policies import FrozenPolicy
from plimsoll.control.terms import TERMS, Agents, ControlTerms
from plimsoll.control.tracks import settled, storm, worst_fall
from plimsoll.documents import DocumentError

SMALL = ControlTerms(agents=Agents(accounts=60), steps=40)
LOW = FrozenPolicy(name="low", kind="coverage")
RULE = FrozenPolicy(name="rule", kind="rule", parameters=(0.5, 0.25, -1.0))
HOUR = 3_600_000_000_000


def record(name: str, seed: int, steps: int = 160) -> Record:
    """A history with a fall of a fifth shortly before its end."""
    many = SMALL.bounds.window + steps + 1
    logs = np.cumsum(0.008 * np.random.default_rng(seed).standard_t(4, many))
    logs[-15:] -= 0.22
    return Record(name, np.arange(many, dtype=np.int64) * 4 * HOUR, np.exp(logs))


@cache
def evaluated() -> Evaluation:
    """Two policies on two histories and three drawn courses."""
    courses = [drawn(SMALL, k) for k in (11, 12, 13)]
    return evaluation((RULE, LOW), SMALL, "rule", courses, [record("A", 1), record("B", 2)], elasticity=(0.0,))


def with_costs(e: Episode, less: float) -> Episode:
    return replace(e, costs=e.costs - less)


def test_differences_are_paired_and_seeded() -> None:
    courses = tuple(drawn(SMALL, k) for k in range(6))
    base, same = judge([RULE, RULE.model_copy(update={"name": "again"})], SMALL, courses)
    apart = difference(same, base, SMALL)
    assert (apart.mean, apart.low, apart.high) == (0.0, 0.0, 0.0)
    assert apart.verdict == "is not told apart from rule"
    cheaper = Judged("less", "", tuple(with_costs(e, k + 1.0) for k, e in enumerate(base.episodes)))
    less = difference(cheaper, base, SMALL)
    assert less.mean == pytest.approx(-7.0 * 3.5)
    assert less.high < 0.0
    assert (less.verdict, less.cheaper, less.blocks) == ("costs less than rule", 1.0, 6)
    assert less.worst == pytest.approx(-7.0)
    assert difference(base, cheaper, SMALL).verdict == "costs more than less"
    few = [Judged(j.name, "", j.episodes[: LEAST - 1]) for j in (cheaper, base)]
    assert difference(few[0], few[1], SMALL).verdict == "is not told apart from rule"
    assert json.dumps(base.to_dict())


def test_an_interval_is_that_of_students_t_where_the_mean_is_normal() -> None:
    """Percentiles of resampled means, widened: for a symmetric sample the textbook's interval."""
    x = np.random.default_rng(4).standard_normal(24)
    found = paired("a", "b", x, None)
    half = 2.0687 * x.std(ddof=1) / np.sqrt(24)
    assert found.high - found.low == pytest.approx(2.0 * half, rel=0.05)


def test_coins_of_the_same_days_are_one_observation_and_neighbours_stay_together() -> None:
    x = np.random.default_rng(5).standard_normal(27)
    alone = paired("a", "b", x, np.arange(27))
    assert alone.blocks == 9
    thrice = paired("a", "b", np.tile(x, 3), np.tile(np.arange(27), 3))
    assert (thrice.low, thrice.high) == pytest.approx((alone.low, alone.high))
    # nine storms of three neighbours each: resampled one by one they would look like 27 observations
    storms = np.repeat(x[:9], 3)
    wide, narrow = paired("a", "b", storms, np.arange(27)), paired("a", "b", storms, None)
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=40), st.booleans())
def test_an_interval_holds_its_mean_between_the_extremes(values: list[float], recorded: bool) -> None:
    x = np.array(values)
    found = paired("a", "b", x, np.arange(x.size) // 2 if recorded else None)
    tiny = 1e-9 * (1.0 + np.abs(x).max())
    assert x.min() - tiny <= found.low <= found.high <= x.max() + tiny
    assert found.worst == x.max()


def test_periods_are_days_that_coins_share_and_drawn_episodes_have_none() -> None:
    assert periods_of([0, 10, 20, 0, 11, 20], 10).tolist() == [0, 1, 2, 0, 1, 2]  # type: ignore[union-attr]
    assert periods_of([None, None], 10) is None
    assert periods_of([], 10) is None


def test_a_whole_history_is_its_episodes_prices_without_a_new_beginning() -> None:
    one = record("A", 1)
    longer, course = one.whole(SMALL)
    parts = one.courses(SMALL)
    assert longer.steps == 160
    assert course.start == parts[0].start == int(one.times[SMALL.bounds.window])
    assert course.price.tolist() == one.price.tolist()
    for k, part in enumerate(parts):
        assert part.depth.tolist() == course.depth[40 * k : 40 * k + 41].tolist()
        assert part.start == int(one.times[SMALL.bounds.window + 40 * k])


def test_the_shortest_history_has_measures_and_a_shorter_one_is_refused() -> None:
    (found,) = cycles([RULE], SMALL, record("A", 4, 6))
    told = found.to_dict()
    assert told["periods"] == 2
    assert told["rises"] == {"1": 0.0, "5": 0.0, "30": 0.0}
    with pytest.raises(DocumentError, match="507 for a course"):
        record("A", 4, 5).whole(SMALL)


def test_the_measures_of_a_cycle_are_counted_by_hand() -> None:
    rows = {c.name: c for c in evaluated().cycles["A"]}
    for c in rows.values():
        d, first = c.to_dict(), settled(c.terms)
        rate, price = c.track.rate, c.track.price
        moves = [max(price[k + 2] / price[k] - 1.0, 1.0 - price[k + 2] / price[k]) for k in range(first, c.steps - 1)]
        beyond = [m - r for m, r in zip(moves, rate[first : c.steps - 1], strict=True) if m > r]
        assert (d["periods"], d["exceptions"]) == (len(moves), len(beyond))
        assert d["largest_shortfall"] == pytest.approx(max(beyond, default=0.0))
        used = rate[first : c.steps - 1].tolist()
        assert d["peak_to_trough"] == pytest.approx(max(used) / min(used))
        assert d["rises"]["1"] == pytest.approx(max(0.0, *(b / a - 1.0 for a, b in zip(used, used[6:], strict=False))))
        days = [c.track.called[k : k + 6].sum() for k in range(first, c.steps - 5)]
        assert d["worst_day"]["called"] == pytest.approx(1e4 * max(days) / c.scale)
        assert d["cost"] == pytest.approx(sum(d["terms"].values()))
        assert c.violated == ()
    assert rows["low"].to_dict()["exceptions"] > 0
    assert rows["low"].to_dict()["rate"] < rows["rule"].to_dict()["rate"]


def test_pieces_of_a_cycle_are_its_costs_and_its_differences_are_paired() -> None:
    rule, low = evaluated().cycles["A"]
    assert rule.pieces.size == 1
    assert rule.starts == [rule.start]
    total = rule.track.costs[: rule.per_piece].sum() / rule.scale * 1e4 * 2190.0 / rule.per_piece
    assert rule.pieces[0] == pytest.approx(total)
    apart = cycle_difference([low], [rule])
    assert apart.mean == pytest.approx(low.pieces[0] - rule.pieces[0])
    assert apart.verdict == "is not told apart from rule"


def test_several_histories_are_judged_together() -> None:
    found = evaluated()
    assert set(found.differences) == {"drawn", "A", "B", ALL}
    assert set(found.cycle_differences) == {"A", "B", ALL}
    both = pooled([found.judged["A"], found.judged["B"]])
    assert [len(j.episodes) for j in both] == [8, 8]
    (apart,) = found.differences[ALL]
    assert apart.mean == pytest.approx(float((both[1].total - both[0].total).mean()))
    assert apart.blocks < 4
    assert found.violated == 0
    assert found.steps == 2 * (3 * 40 * 2 + 2 * 4 * 40 + 2 * 160)
    told = json.loads(json.dumps(found.to_dict()))
    assert set(told["histories"]) == {"A", "B"}
    assert set(told["sets"]["A"][0]["terms"]) == set(TERMS)


def test_the_worst_storm_is_the_fall() -> None:
    found = evaluated()
    for s in found.storms():
        assert set(s.rate) == {"rule", "low"}
        assert s.price.size == s.needed.size + 1
        assert s.price.min() / s.price.max() < 0.85
        day = np.datetime64((SMALL.bounds.window + s.first) * 4, "h").astype("datetime64[D]")
        assert s.name.endswith(f", from {day}")
    rows = found.judged["A"]
    one = worst_storm(rows, SMALL, ["rule"])
    assert set(one.rate) == {"rule"}
    (name,) = {e.course for e in rows[0].episodes if worst_fall(e.track.outside, SMALL)[1] < -0.15}
    assert one.name == name
    tiny = SMALL.model_copy(update={"steps": 6})
    (j,) = judge([RULE], tiny, [drawn(tiny, 3)])
    assert storm("x", tiny, {"rule": j.episodes[0].track}, 1.0).needed.size == 6


def test_a_drawn_course_is_no_cycle() -> None:
    from plimsoll.control.cycle import cycle

    with pytest.raises(ValueError, match="no start"):
        cycle(SMALL, "x", drawn(SMALL, 1), 0, RULE)
    assert isinstance(cycles([RULE], SMALL, record("A", 3, 50))[0], Cycle)
    assert Course("x", np.ones(5), np.ones(3), 2).start is None
