"""The margin period of risk: its parts, its size, and that everything that needs a time asks it."""

from __future__ import annotations

import ast
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.liquidation.calls import CallPolicy, Seen, Standing, step
from plimsoll.margin.addons.haircuts import HaircutRule, haircut
from plimsoll.margin.addons.liquidity import LiquidityRule
from plimsoll.margin.period import MarginPeriod, closing_hours, margin_period, stretch

START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS = st.floats(0.0, 500.0)
PERIODS = st.builds(MarginPeriod, detection=HOURS, call=HOURS, close_out=st.floats(0.01, 500.0), settlement=HOURS)


@given(PERIODS, st.floats(0.0, 1e4), st.floats(0.0, 1e4))
def test_it_never_falls_in_the_size_and_is_the_sum_of_its_parts(period: MarginPeriod, one: float, other: float) -> None:
    small, large = sorted((one, other))
    least = period.detection + period.call + period.close_out + period.settlement
    assert period.hours == pytest.approx(least)
    assert period.hours <= margin_period(period, small) <= margin_period(period, large)
    assert margin_period(period, large) == pytest.approx(
        period.detection + period.call + period.settlement + max(period.close_out, large)
    )
    assert stretch(period, small) <= stretch(period, large)
    assert stretch(period, 0.0) == 1.0


@given(PERIODS, st.floats(0.0, 1e4))
def test_settlement_at_once_takes_away_its_own_part_alone(period: MarginPeriod, closing: float) -> None:
    at_once = period.model_copy(update={"settlement": 0.0})
    gone = margin_period(period, closing) - margin_period(at_once, closing)
    assert gone == pytest.approx(period.settlement, abs=1e-9)
    # so it can never be zero while anything has to be seen, called or closed
    assert margin_period(at_once, closing) >= max(period.detection, period.call, period.close_out)


@given(st.floats(0.0, 1e9), st.floats(1.0, 1e9), st.floats(1.0, 1e9), st.floats(0.001, 1.0))
def test_hours_of_closing_grow_with_size_over_depth(size: float, one: float, other: float, part: float) -> None:
    thin, deep = sorted((one, other))
    assert closing_hours(size, thin, part) >= closing_hours(size, deep, part)
    assert closing_hours(2.0 * size, deep, part) == pytest.approx(2.0 * closing_hours(size, deep, part))


def test_many_sizes_at_once_are_the_single_ones() -> None:
    period = MarginPeriod(detection=1.0, call=2.0, close_out=3.0, settlement=4.0)
    sizes = np.array([0.0, 10.0, 1_000.0])
    hours = closing_hours(sizes, 500.0, 0.1)
    assert margin_period(period, hours).tolist() == [margin_period(period, float(h)) for h in hours]
    assert stretch(period, hours).tolist() == pytest.approx([stretch(period, float(h)) for h in hours])


@pytest.mark.parametrize(("field", "value"), [("detection", -1.0), ("call", float("nan")), ("grace", 1.0)])
def test_what_is_no_period_is_refused(field: str, value: float) -> None:
    rule = {"impact": 1.0, "stress": 0.5, "free": 0.0, "participation": 0.1, "days": 1.0, "markets": {}}
    with pytest.raises(ValueError, match=field):
        LiquidityRule.model_validate(rule | {"period": {"close_out": 24.0, field: value}})


def test_a_period_of_no_time_and_a_volume_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="hours above zero"):
        MarginPeriod()
    with pytest.raises(DocumentError, match="volume"):
        closing_hours(1.0, 0.0, 0.1)
    with pytest.raises(ValueError, match="hours above zero"):
        CallPolicy(deadline_hours=0.0, detection_hours=0.0, close_out_hours=0.0, settlement_hours=0.0)


def test_days_of_a_pack_and_its_period_have_to_agree() -> None:
    rule = {"impact": 1.0, "stress": 0.5, "free": 0.0, "participation": 0.1, "days": 1.0, "markets": {}}
    split = {"detection": 0.25, "call": 4.0, "close_out": 18.75, "settlement": 1.0}
    whole = LiquidityRule.model_validate(rule)
    parted = LiquidityRule.model_validate(rule | {"period": split})
    assert whole.margin_period == MarginPeriod(close_out=24.0)
    assert whole.margin_period.hours == parted.margin_period.hours == CallPolicy().period.hours == 24.0
    # what is closed in two days is out of reach of the first hours: less stretched, and sooner
    assert stretch(whole.margin_period, 48.0) == pytest.approx(math.sqrt(2.0))
    assert stretch(parted.margin_period, 48.0) == pytest.approx(math.sqrt((48.0 + 5.25) / 24.0))
    assert stretch(whole.margin_period, 20.0) == 1.0 < stretch(parted.margin_period, 20.0)
    with pytest.raises(ValueError, match="24 hours of period"):
        LiquidityRule.model_validate(rule | {"days": 2.0, "period": split})


def test_the_finality_of_its_sale_is_a_part_of_a_haircut() -> None:
    rule = {"floor": 0.0, "daily_vol": 0.04, "days": 1.0, "volume": 1e12, "impact": 0.0}
    soon, late = HaircutRule.model_validate(rule), HaircutRule.model_validate(rule | {"settlement_hours": 72.0})
    assert haircut(soon, 1.0, 2.33) == pytest.approx(1.0 - math.exp(-2.33 * 0.04))
    assert haircut(late, 1.0, 2.33) == pytest.approx(1.0 - math.exp(-2.33 * 0.04 * 2.0))


def test_a_deadline_is_the_call_of_the_period() -> None:
    policy = CallPolicy(deadline_hours=6.0)
    standing, _ = step(policy, Standing("a"), Seen(1, START, 115.0, 100.0))
    assert standing.deadline is not None
    assert (standing.deadline - START).total_seconds() == 3_600.0 * policy.period.call


def test_nothing_else_takes_the_root_of_a_margin_period() -> None:
    """The house's add-ons and calls have no copy of the rule: no square root of days outside `margin.period`."""
    root = Path(__file__).parents[2] / "src/plimsoll"
    found = []
    for file in [*(root / "margin/addons").glob("*.py"), *(root / "margin/house").glob("whole*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sqrt":
                named = ast.unparse(node)
                if "days" in named or "period" in named.replace("margin_period.hours", ""):
                    found.append(f"{file.name}: {named}")
    assert found == []
