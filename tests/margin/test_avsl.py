"""The scalar on maintenance margins, its speed limits, and the four zones."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.cli.schema import schema
from plimsoll.documents import DocumentError
from plimsoll.margin.avsl import ZONES, ThresholdRule, blended, changes, follow, scalars, wanted, zone, zones

RULES = st.builds(
    ThresholdRule,
    weight=st.floats(0.0, 1.0),
    reference=st.floats(0.1, 2.0),
    cap=st.floats(1.0, 5.0),
    up=st.floats(0.01, 2.0),
    down=st.floats(0.001, 1.0),
    release=st.floats(1.0, 1.5),
)
VOLS = st.lists(st.tuples(st.floats(0.0, 6.0), st.floats(0.0, 6.0), st.floats(0.0, 3.0)), min_size=2, max_size=60)


def path_of(raw: list[tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, fast volatilities and forecasts."""
    fast, forecast, gaps = (np.array(x) for x in zip(*raw, strict=True))
    return np.concatenate([[0.0], np.cumsum(gaps[1:])]), fast, forecast


def by_hand(rule: ThresholdRule, hours: list[float], fast: list[float], forecast: list[float]) -> list[float]:
    """The formulas of the rule with loops."""
    found = [1.0]
    for k in range(1, len(hours)):
        dt = hours[k] - hours[k - 1]
        sigma = rule.weight * fast[k] + (1.0 - rule.weight) * forecast[k]
        want = min(max(sigma / rule.reference, 1.0), rule.cap)
        change = want - found[-1]
        change = min(max(change, -rule.down * dt), rule.up * dt)
        found.append(found[-1] + change)
    return found


@given(RULES, VOLS)
def test_scalars_are_the_formulas_and_keep_their_limits(rule: ThresholdRule, raw: list[tuple[float, ...]]) -> None:
    hours, fast, forecast = path_of(raw)  # type: ignore[arg-type]
    found = scalars(rule, hours, fast, forecast)
    assert found.tolist() == pytest.approx(by_hand(rule, hours.tolist(), fast.tolist(), forecast.tolist()), abs=1e-12)
    assert found.min() >= 1.0
    assert found.max() <= rule.cap + 1e-12
    for (a, b), dt in zip(pairwise(found.tolist()), np.diff(hours).tolist(), strict=True):
        assert -rule.down * dt - 1e-12 <= b - a <= rule.up * dt + 1e-12
    # what comes later changes nothing before
    half = hours.size // 2 + 1
    assert scalars(rule, hours[:half], fast[:half], forecast[:half]).tolist() == found[:half].tolist()


@given(RULES, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 40.0), st.integers(1, 12))
def test_the_step_of_the_path_does_not_matter(rule: ThresholdRule, a: float, b: float, hours: float, n: int) -> None:
    start, want = (1.0 + x * (rule.cap - 1.0) for x in (a, b))
    whole = follow(rule, start, want, hours)
    parts = start
    for _ in range(n):
        parts = follow(rule, parts, want, hours / n)
    assert parts == pytest.approx(whole, abs=1e-9)


@given(RULES, VOLS, st.floats(1.0, 3.0))
def test_higher_volatility_is_never_a_lower_threshold(
    rule: ThresholdRule, raw: list[tuple[float, ...]], more: float
) -> None:
    hours, fast, forecast = path_of(raw)  # type: ignore[arg-type]
    low, high = scalars(rule, hours, fast, forecast), scalars(rule, hours, more * fast, more * forecast)
    assert (high >= low - 1e-12).all()


def test_a_missing_volatility_lowers_nothing() -> None:
    rule = ThresholdRule(weight=0.5, reference=1.0, cap=3.0, up=1.0, down=1.0)
    nan = math.nan
    assert blended(rule, np.array([1.0, nan, 1.0, nan]), np.array([3.0, 3.0, nan, nan])).tolist()[:3] == [2.0, 3.0, 1.0]
    found = scalars(rule, np.arange(4.0), np.array([2.0, 2.0, nan, nan]), np.array([2.0, 2.0, nan, nan]), start=2.0)
    assert found.tolist() == [2.0, 2.0, 2.0, 2.0]
    assert np.isnan(wanted(rule, np.array([nan]))[0])


@given(RULES, st.floats(-10.0, 40.0), st.floats(0.0, 10.0), st.floats(0.0, 1.0), st.sampled_from(ZONES))
def test_zones_are_ordered(rule: ThresholdRule, equity: float, base: float, part: float, before: str) -> None:
    scalar = 1.0 + part * (rule.cap - 1.0)
    here = zone(rule, equity, base, scalar, before)  # type: ignore[arg-type]
    # more equity is never a worse zone, a higher scalar never a better one, and it never makes an account red
    assert ZONES.index(zone(rule, equity + 1.0, base, scalar, before)) <= ZONES.index(here)  # type: ignore[arg-type]
    higher = zone(rule, equity, base, scalar + 0.5, before)  # type: ignore[arg-type]
    assert ZONES.index(higher) >= ZONES.index(here)
    assert (
        (higher in ("red", "black"))
        == (here in ("red", "black"))
        == (equity < base or equity < 0.0 or equity == 0.0 < base)
    )


def test_the_example_of_the_brief() -> None:
    """Equity 6 %, base 4 %, V = 2: below 8 % without any move of the price. Amber, not closed."""
    assert zone(ThresholdRule(), 6.0, 4.0, 2.0) == "amber"
    assert zone(ThresholdRule(), 6.0, 4.0, 1.0) == "green"
    assert zone(ThresholdRule(), 0.0, 0.0, 2.0) == "green"


@given(
    RULES,
    st.floats(1.0, 4.0),
    st.lists(st.floats(0.0, 8.0), min_size=10, max_size=200),
    st.floats(0.05, 2.0),
)
def test_zones_do_not_chatter(rule: ThresholdRule, equity: float, vols: list[float], step: float) -> None:
    """Equity stands still between base and cap while the volatility does what it wants: the stated bound holds."""
    sigma = rule.reference * np.array(vols)
    hours = step * np.arange(sigma.size)
    v = scalars(rule, hours, sigma, sigma)
    found = zones(rule, np.full(v.size, equity), np.ones(v.size), v)
    gap = equity * (1.0 - 1.0 / rule.release)
    trip = gap / rule.up + gap / rule.down
    most = math.inf if trip == 0.0 else 2.0 + 2.0 * float(hours[-1]) / trip
    assert changes(found) <= most
    assert set(found) <= {"green", "amber"}


def test_a_volatility_that_flips_every_hour_changes_the_zone_a_few_times_in_a_month() -> None:
    rule = ThresholdRule(reference=0.6, cap=2.0, up=0.25, down=0.02, release=1.05)
    hours = np.arange(720.0)
    sigma = np.where(hours % 2 == 0, 1.2, 0.3)
    v = scalars(rule, hours, sigma, sigma)
    equity = np.full(v.size, 1.5)
    assert changes(zones(rule, equity, np.ones(v.size), v)) <= 2
    # without the two limits there would be a change an hour
    free = ThresholdRule(reference=0.6, cap=2.0, up=10.0, down=10.0, release=1.0)
    assert changes(zones(free, equity, np.ones(v.size), scalars(free, hours, sigma, sigma))) > 700


def test_bad_input_is_refused() -> None:
    rule, one = ThresholdRule(), np.ones(3)
    for hours, fast, start, named in (
        (np.array([0.0, 2.0, 1.0]), one, 1.0, "hours"),
        (np.arange(3.0), np.array([1.0, -1.0, 1.0]), 1.0, "fast"),
        (np.arange(3.0), np.array([1.0, math.inf, 1.0]), 1.0, "fast"),
        (np.arange(4.0), one, 1.0, "fast"),
        (np.arange(3.0), one, 2.5, "start"),
    ):
        with pytest.raises(DocumentError, match=named):
            scalars(rule, hours, fast, np.ones(fast.size), start)
    for equity, base, scalar in ((math.nan, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 0.5)):
        with pytest.raises(DocumentError, match="account"):
            zone(rule, equity, base, scalar)
    content = rule.to_dict()
    for field, value in (("cap", 0.5), ("up", 0.0), ("weight", 1.5), ("release", 0.9), ("speed", 1.0)):
        with pytest.raises(DocumentError, match=field):
            ThresholdRule.from_dict({**content, field: value})
    assert ThresholdRule.from_dict(content) == rule
    assert schema("threshold-rule")["title"] == "ThresholdRule"
