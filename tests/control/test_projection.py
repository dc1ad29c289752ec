"""What no policy can break: floor, cap, speed, notice and coverage, whatever it says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.control.coverage import Coverage
from plimsoll.control.projection import Posted, Projection, violations
from plimsoll.control.terms import Bounds, ControlTerms
from plimsoll.documents import DocumentError
from plimsoll.rates.governor import GovernorRule, govern
from plimsoll.rates.online import OnlineGovernor
from plimsoll.rates.raw import TailRule, tail_series

BOUNDS = Bounds()
HOUR = 3_600_000_000_000


def posted_of(actions: list[float], coverage: list[float], bounds: Bounds = BOUNDS) -> list[Posted]:
    projection = Projection(bounds, 4.0, len(actions))
    return [projection.post(a, c) for a, c in zip(actions, coverage, strict=True)]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.floats(-3, 3), st.sampled_from([math.nan, math.inf, -math.inf, 1.0, -1.0])),
            st.floats(0.0, 1.0),
        ),
        min_size=2,
        max_size=60,
    )
)
def test_no_action_and_no_coverage_breaks_a_bound(rows: list[tuple[float, float]]) -> None:
    posted = posted_of([a for a, _ in rows], [c for _, c in rows])
    assert violations(BOUNDS, posted) == []


def test_five_thousand_steps_of_wild_actions() -> None:
    random = np.random.default_rng(5)
    coverage = 0.06 * np.exp(np.cumsum(0.08 * random.standard_normal(5_000)) % 2.0)
    actions = random.choice([-5.0, -1.0, -0.3, 0.0, 0.4, 1.0, 9.0, np.nan], 5_000)
    posted = posted_of(actions.tolist(), coverage.tolist())
    assert violations(BOUNDS, posted) == []
    rates = np.array([p.in_force for p in posted])
    assert (np.diff(rates) < 0).any()
    assert (np.diff(rates) > 0).any()


def test_a_rise_is_at_once_and_a_fall_waits_for_its_notice() -> None:
    posted = posted_of([0.0] * 3 + [-1.0] * 20, [0.1, 0.1, 0.2] + [0.05] * 20)
    assert [p.in_force for p in posted[:3]] == [0.1, 0.1, 0.2]
    first = next(k for k in range(3, 23) if posted[k].announced < 0.2)
    falls = next(k for k in range(3, 23) if posted[k].in_force < 0.2)
    assert posted[falls].time - posted[first].time == 24 * HOUR


def test_a_cap_below_the_coverage_is_the_rate() -> None:
    posted = posted_of([0.0, 1.0], [0.9, 0.9])
    assert [p.in_force for p in posted] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p: replace(p, in_force=0.6), "above the cap"),
        (lambda p: replace(p, in_force=0.01, needed=0.0), "below the floor"),
        (lambda p: replace(p, in_force=0.05), "below the coverage"),
        (lambda p: replace(p, in_force=0.3), "rises from"),
        (lambda p: replace(p, announced=0.03), "a fall too fast"),
        (lambda p: replace(p, in_force=0.095, needed=0.05), "without notice"),
    ],
)
def test_each_breach_is_seen(change: object, words: str) -> None:
    posted = posted_of([0.0] * 4, [0.1] * 4)
    assert violations(BOUNDS, posted) == []
    posted[2] = change(posted[2])  # type: ignore[operator]
    assert any(words in v for v in violations(BOUNDS, posted))


def test_the_online_governor_is_the_governor() -> None:
    random = np.random.default_rng(3)
    times = np.cumsum(random.integers(1, 30, 300)) * HOUR
    raw = 0.05 * np.exp(0.2 * np.cumsum(random.standard_normal(300) * 0.3) % 1.5)
    floor, urged = raw * random.random(300), raw * 1.4 * (random.random(300) < 0.1)
    for rule in (GovernorRule(), GovernorRule(step=0.0, emergency=None, notice_hours=0.0), BOUNDS.governor):
        whole = govern(rule, times, raw, floor=floor, urged=urged)
        online = OnlineGovernor(rule, 300)
        rows = [
            online.publish(int(t), float(r), floor=float(f), urged=float(u))
            for t, r, f, u in zip(times, raw, floor, urged, strict=True)
        ]
        assert [r for r, _ in rows] == pytest.approx(whole.rate.tolist(), rel=1e-12)
        assert [a for _, a in rows] == pytest.approx(whole.announced.tolist(), rel=1e-12)
        assert len(online.changes) == len(whole.changes)


def test_the_online_governor_refuses() -> None:
    online = OnlineGovernor(GovernorRule(), 2)
    with pytest.raises(DocumentError, match="raw"):
        online.publish(0, 0.0)
    online.publish(10, 0.1)
    with pytest.raises(DocumentError, match="time"):
        online.publish(10, 0.1)
    online.publish(11, 0.1)
    with pytest.raises(DocumentError, match="at most 2"):
        online.publish(12, 0.1)


def test_coverage_is_the_tail_that_rates_are_published_from() -> None:
    random = np.random.default_rng(11)
    price = np.exp(np.cumsum(0.01 * random.standard_t(4, 420)))
    rule = TailRule(level=0.99, decay=0.97, cap=3.0, window=BOUNDS.window, least=250, stress_window=250)
    step = 4 * HOUR
    tails = tail_series(rule, np.arange(420) * step, price, (2,))
    watch = Coverage(BOUNDS, 4.0, price[:300], 120)
    assert watch.bars == 2
    for k in range(300, 420):
        watch.add(float(price[k]))
        row = k - tails.start
        assert watch.rate == pytest.approx(float(tails.tail[row, 0]), rel=1e-9)
        assert watch.sigma == pytest.approx(float(tails.sigma[row]), rel=1e-9)


@pytest.mark.parametrize(
    ("bounds", "named"),
    [
        ({"governor": GovernorRule().to_dict()}, "governor"),
        ({"floor": 0.6}, "floor"),
        ({"hours": 2.0}, "hours"),
        ({"least": 600}, "least"),
    ],
)
def test_bounds_that_would_let_a_rate_go_otherwise_are_refused(bounds: dict[str, object], named: str) -> None:
    with pytest.raises(DocumentError, match=named):
        ControlTerms.from_dict({"schema": ControlTerms.SCHEMA, "schema_version": 1, "bounds": bounds})
