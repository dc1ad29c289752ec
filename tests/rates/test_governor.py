"""The governor against a loop that says its rules one by one, and what must hold whatever the market does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.rates.governor import DAY_NS, RAW, Change, GovernorRule, govern, wanted_rates

DAYS = 90


def raw_path(seed: int, days: int = DAYS) -> np.ndarray:
    random = np.random.default_rng(seed)
    level = 0.05 * np.exp(np.cumsum(0.05 * random.standard_t(3, days)))
    return np.clip(level, 0.005, 0.9)


def days(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64) * DAY_NS


rules = st.builds(
    GovernorRule,
    floor=st.booleans(),
    buffer=st.sampled_from([0.0, 0.1, 0.25]),
    stress_weight=st.sampled_from([0.0, 0.25, 0.5]),
    up_per_day=st.sampled_from([0.1, 0.25, 1.0, None]),
    down_per_day=st.sampled_from([0.005, 0.02, 0.05]),
    notice_hours=st.sampled_from([0.0, 6.0, 24.0, 60.0]),
    least_change=st.sampled_from([0.0, 0.02]),
    step=st.sampled_from([0.0, 0.0005, 0.005]),
    emergency=st.sampled_from([1.0, 1.25, 2.0, None]),
)


def naive(
    rule: GovernorRule,
    times: list[int],
    raw: list[float],
    floor: list[float],
    urged: list[float],
    events: tuple[int, ...] = (),
) -> tuple[list[float], list[float]]:
    """Rate in force and last announcement, by lists: announcements with the time from which they hold."""
    worst, total = 0.0, 0.0
    announced: list[tuple[int, float, int]] = []  # from when, rate, order
    in_force: list[float] = []
    spoken: list[float] = []
    track = last = force = 0.0

    def grid(rate: float) -> float:
        return min(np.ceil(rate / rule.step - 1e-9) * rule.step, rule.cap) if rule.step else rate

    for k, (now, asked) in enumerate(zip(times, raw, strict=True)):
        worst, total = max(worst, asked), total + asked
        index = asked / (total / (k + 1))
        blended = (1 - rule.stress_weight) * asked + rule.stress_weight * worst
        used = min(1.0, max(0.0, (index - rule.calm) / (rule.stressed - rule.calm)))
        want = blended * (1 + rule.buffer * (1 - used))
        if rule.floor:
            want = max(want, floor[k])
        want = min(want, rule.cap)
        if k == 0:
            track, last = want, grid(want)
            force = last
        else:
            days_passed = (now - times[k - 1]) / DAY_NS
            high = np.inf if rule.up_per_day is None else track * (1 + rule.up_per_day) ** days_passed
            low = 0.0 if rule.down_per_day is None else track * (1 - rule.down_per_day) ** days_passed
            for at, rate, _ in [a for a in announced if a[0] <= now]:
                force = rate
                announced = [a for a in announced if a[0] > at]
            track = min(max(want, low), high)
            target = grid(track)
            if target > last or target < last * (1 - rule.least_change) * (1 - 1e-12):
                if target > last:
                    announced = [a for a in announced if not a[1] < min(force, target)]
                last = target
                if rule.notice_hours:
                    announced.append((now + round(rule.notice_hours * 3.6e12), target, k))
                else:
                    force = target
        asking = []
        if rule.emergency is not None and min(asked, rule.cap) > rule.emergency * force:
            asking.append(asked)
        if k in events and min(asked, rule.cap) > force:
            asking.append(asked)
        if min(urged[k], rule.cap) > force:
            asking.append(urged[k])
        if asking:
            needed = min(max(*asking, floor[k] if rule.floor else 0.0), rule.cap)
            announced = []
            track = max(track, needed)
            last = max(grid(needed), last)
            force = last
        in_force.append(force)
        spoken.append(last)
    return in_force, spoken


@given(rule=rules, seed=st.integers(0, 10_000), floor=st.floats(0.0, 0.2))
def test_the_loop_says_the_same(rule: GovernorRule, seed: int, floor: float) -> None:
    raw = raw_path(seed)
    random = np.random.default_rng(seed)
    # days, and events at any time between some of them
    inside = np.sort(random.choice(raw.size - 1, 12, replace=False)) * DAY_NS + random.integers(1, DAY_NS, 12)
    times = np.sort(np.concatenate([days(raw.size - 12), inside]))
    times = times[np.concatenate([[True], np.diff(times) > 0])]
    raw = raw[: times.size]
    events = tuple(np.flatnonzero(times % DAY_NS).tolist())
    # a forecast now and then, up to three times what is asked
    urged = raw * random.uniform(0.0, 3.0, raw.size) * (random.random(raw.size) < 0.2)
    found = govern(rule, times, raw, floor=floor, urged=urged, events=dict.fromkeys(events, "a jump"))
    rate, announced = naive(rule, times.tolist(), raw.tolist(), [floor] * raw.size, urged.tolist(), events)
    assert found.rate == pytest.approx(rate, rel=1e-12)
    assert found.announced == pytest.approx(announced, rel=1e-12)
    told = [c for c in found.changes if c.causes == ("event",)]
    assert {c.announced for c in told} <= set(events)
    assert all(c.reason.startswith("a jump; raw rate") and c.effective == times[c.announced] for c in told)


@given(rule=rules, seed=st.integers(0, 10_000), cut=st.integers(1, DAYS - 1))
def test_what_comes_later_changes_nothing(rule: GovernorRule, seed: int, cut: int) -> None:
    raw = raw_path(seed)
    whole = govern(rule, days(raw.size), raw)
    part = govern(rule, days(cut), raw[:cut])
    assert np.array_equal(whole.rate[:cut], part.rate)
    assert whole.changes[: len(part.changes)] == part.changes


@given(rule=rules, seed=st.integers(0, 10_000), floor=st.floats(0.001, 0.2))
def test_promises(rule: GovernorRule, seed: int, floor: float) -> None:
    raw = raw_path(seed)
    found = govern(rule, days(raw.size), raw, floor=floor)
    assert (found.rate <= rule.cap).all()
    if rule.emergency is not None:
        assert (found.rate * rule.emergency >= np.minimum(raw, rule.cap) * (1 - 1e-12)).all()
    if rule.floor:
        assert (found.rate >= min(floor, rule.cap) * (1 - 1e-12)).all()
    # without a jump, nobody is asked for more than the limit and one step of the grid
    jumps = {c.announced for c in found.overrides}
    for change in found.changes[1:]:
        if change.announced not in jumps and rule.up_per_day is not None:
            assert change.after <= change.before * (1 + rule.up_per_day) + rule.step + 1e-12
        if "emergency" in change.causes:
            assert change.effective == change.announced * DAY_NS
            assert "without notice" in change.reason
        else:
            assert change.effective == change.announced * DAY_NS + round(rule.notice_hours * 3.6e12)


@given(seed=st.integers(0, 10_000))
def test_each_tool_only_raises_what_is_wanted(seed: int) -> None:
    raw = raw_path(seed)
    floor, worst = np.full(raw.size, 0.06), np.maximum.accumulate(raw)
    index = raw / np.median(raw)
    plain = wanted_rates(GovernorRule(floor=False, buffer=0.0, stress_weight=0.0), raw, floor, worst, index)[2]
    assert np.array_equal(plain, np.minimum(raw, 1.0))
    for change in ({"floor": True}, {"buffer": 0.25}, {"stress_weight": 0.25}):
        fields: dict[str, Any] = {"floor": False, "buffer": 0.0, "stress_weight": 0.0} | change
        assert (wanted_rates(GovernorRule(**fields), raw, floor, worst, index)[2] >= plain - 1e-15).all()


def test_the_raw_rule_publishes_what_was_asked() -> None:
    raw = raw_path(3)
    found = govern(RAW, days(raw.size), raw)
    assert np.array_equal(found.rate, raw)
    assert not found.overrides


def test_the_buffer_is_used_up_in_stress() -> None:
    raw = np.array([0.1, 0.1, 0.15, 0.2])
    found = wanted_rates(
        GovernorRule(floor=False, buffer=0.25, stress_weight=0.0), raw, np.zeros(4), raw, np.array([1.0, 1.0, 1.5, 2.0])
    )
    assert found[2] == pytest.approx([0.125, 0.125, 0.16875, 0.2])


def test_a_fall_that_waits_is_withdrawn_when_the_market_turns() -> None:
    rule = GovernorRule(
        floor=False, buffer=0.0, stress_weight=0.0, up_per_day=None, down_per_day=None, notice_hours=48.0,
        least_change=0.0, step=0.0, emergency=None,
    )  # fmt: skip
    found = govern(rule, days(6), [0.2, 0.1, 0.3, 0.3, 0.3, 0.3])
    # the fall to 0.1 would have held from day 3 to day 4
    assert found.rate.tolist() == [0.2, 0.2, 0.2, 0.2, 0.3, 0.3]


def test_an_override_says_why() -> None:
    found = govern(GovernorRule(), days(3), [0.1, 0.1, 0.4])
    (override,) = found.overrides
    assert override.causes == ("emergency",)
    assert "raw rate 40.0000% is more than 1.25 times" in override.reason
    assert found.rate[2] == pytest.approx(0.4)


def test_a_forecast_raises_at_once_and_falls_by_the_governor() -> None:
    rule = GovernorRule(buffer=0.0, stress_weight=0.0, floor=False, step=0.0, least_change=0.0, emergency=None)
    urged = [0.0, 0.0, 0.3, 0.0, 0.0, 0.05]
    found = govern(rule, days(6), [0.1] * 6, urged=urged)
    # 0.3 in force at its own instant; then 2 % a day down, each a day after it was announced
    assert found.rate == pytest.approx([0.1, 0.1, 0.3, 0.3, 0.3 * 0.98, 0.3 * 0.98**2])
    (jump,) = found.overrides
    assert (jump.causes, jump.announced, jump.effective) == (("forecast",), 2, int(days(6)[2]))
    assert jump.reason == "the forecast's rate 30.0000% is above the 10.0000% in force: raised at once, without notice"
    with pytest.raises(DocumentError, match=r"urged\[1\]"):
        govern(rule, days(2), [0.1, 0.1], urged=[0.0, -1.0])


@given(rule=rules, seed=st.integers(0, 10_000))
def test_no_forecast_lowers_a_rate(rule: GovernorRule, seed: int) -> None:
    raw = raw_path(seed)
    urged = raw * np.random.default_rng(seed).uniform(0.0, 2.0, raw.size)
    found = govern(rule, days(raw.size), raw, urged=urged)
    assert (found.rate >= np.minimum(urged, rule.cap) * (1 - 1e-12)).all()


def test_limits_compound_over_the_time_that_passed() -> None:
    rule = GovernorRule(
        floor=False, buffer=0.0, stress_weight=0.0, notice_hours=0.0, step=0.0, least_change=0.0, emergency=None,
        up_per_day=0.2, down_per_day=0.1,
    )  # fmt: skip
    hourly = govern(rule, np.arange(25) * DAY_NS // 24, [0.1] + [0.9] * 24)
    daily = govern(rule, days(2), [0.1, 0.9])
    assert hourly.rate[-1] == pytest.approx(0.12)
    assert daily.rate[-1] == pytest.approx(0.12)


@given(start=st.floats(0.01, 0.9), down=st.sampled_from([0.005, 0.01, 0.02, 0.05, 0.1]))
def test_a_fall_of_just_the_least_change_waits(start: float, down: float) -> None:
    # what a day allows is what is worth an announcement: every second day tells one, whatever the last digits are
    rule = GovernorRule(
        floor=False, buffer=0.0, stress_weight=0.0, notice_hours=0.0, step=0.0, emergency=None,
        down_per_day=down, least_change=down,
    )  # fmt: skip
    found = govern(rule, days(9), [start] + [start / 100] * 8)
    assert [c.announced for c in found.changes] == [0, 2, 4, 6, 8]


def test_causes_name_the_stage_that_decided() -> None:
    def causes(rule: dict[str, Any], raw: list[float], **series: Any) -> list[Change]:
        usual: dict[str, Any] = {"buffer": 0.0, "stress_weight": 0.0, "step": 0.0, "emergency": None}
        return list(govern(GovernorRule(**(usual | rule)), days(len(raw)), raw, **series).changes)

    assert causes({}, [0.1], floor=0.2)[0].causes == ("start", "floor")
    assert causes({"up_per_day": 0.1}, [0.1, 0.3])[1].causes == ("speed limit up", "tail")
    assert causes({"down_per_day": 0.05}, [0.3, 0.1])[1].causes == ("speed limit down", "tail")
    assert causes({"stress_weight": 0.25}, [0.1], stressed=0.9)[0].causes == ("start", "stress weight", "tail")
    assert causes({"buffer": 0.25}, [0.1])[0].causes == ("start", "tail", "buffer")
    assert causes({"cap": 0.05}, [0.1])[0].causes == ("start", "cap")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([], []), "times"),
        (([0, 0], [0.1, 0.1]), r"times\[1\]"),
        (([0.5], [0.1]), "times"),
        (([0, 1], [0.1]), "raw"),
        (([0], [0.0]), r"raw\[0\].*above zero"),
        (([0], [float("nan")]), r"raw\[0\]"),
        (([0], [-1.0]), r"raw\[0\]"),
    ],
)
def test_bad_series_are_named(arguments: tuple[Any, Any], words: str) -> None:
    with pytest.raises(DocumentError, match=words):
        govern(GovernorRule(), *arguments)


def test_bad_floors_and_rules_are_named() -> None:
    with pytest.raises(DocumentError, match=r"floor\[0\]"):
        govern(GovernorRule(), [0], [0.1], floor=-0.1)
    for fields, name in (
        ({"stressed": 0.5}, "stressed"),
        ({"up_per_day": 0.01, "down_per_day": 0.5}, "down_per_day"),
        ({"buffer": 1.5}, "buffer"),
        ({"emergency": 0.5}, "emergency"),
        ({"notice": 3}, "notice"),
    ):
        content = {"schema": GovernorRule.SCHEMA, "schema_version": 1} | fields
        with pytest.raises(DocumentError, match=name):
            GovernorRule.from_dict(content)
