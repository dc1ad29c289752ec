"""Size of a fund, and adequacy of capital."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.feeds.sample_default import sample_default
from plimsoll.liquidation.waterfall import (
    Holdings,
    Obligation,
    adequacy,
    cover,
    fund_cover,
    losses_beyond,
    waterfall,
)

LOSSES = st.lists(st.lists(st.integers(-50, 80), min_size=4, max_size=4), min_size=1, max_size=6)


@given(LOSSES, st.integers(1, 3))
def test_cover_is_the_worst_choice_of_members_in_the_worst_scenario(rows: list[list[int]], members: int) -> None:
    found = cover(np.array(rows, dtype=np.float64), members)
    every = [
        sum(max(0, rows[m][s]) for m in chosen)
        for s in range(4)
        for chosen in combinations(range(len(rows)), min(members, len(rows)))
    ]
    assert found.size == max(every)
    assert found.size == sum(rows[m][found.scenario] for m in found.members)


@given(LOSSES, st.floats(1.0, 5.0))
def test_cover_is_monotone_in_severity_and_in_scenarios(rows: list[list[int]], severity: float) -> None:
    losses = np.array(rows, dtype=np.float64)
    worse = np.where(losses > 0, losses * severity, losses)
    assert cover(worse).size >= cover(losses).size
    assert cover(losses).size >= cover(losses[:, :2]).size
    assert cover(losses, 2).size >= cover(losses, 1).size


def test_a_fund_of_cover_two_pays_for_the_two_in_every_scenario() -> None:
    """The fund sized by the formula, put through the waterfall: no bad debt of any two members in any scenario."""
    state = sample_default(members=12, move=-0.02)
    beyond = losses_beyond(state)
    size = int(fund_cover(state, 2).size)
    assert size > 0
    for s in range(state.columns):
        for pair in combinations(range(len(state.members)), 2):
            lost = [
                m.model_copy(
                    update={"loss": m.loss + m.equity - m.loss + beyond[k][s], "positions": {}, "fund_share": 0}
                )
                if k in pair and beyond[k][s]
                else m.model_copy(update={"positions": {}})
                for k, m in enumerate(state.members)
            ]
            funded = state.model_copy(
                update={
                    "members": tuple(lost),
                    "order": ("insurance_fund",),
                    "insurance_fund": size,
                    "venue_capital": 0,
                }
            )
            assert waterfall(funded).bad_debt == {}


def test_cover_refuses_what_is_no_loss() -> None:
    with pytest.raises(DocumentError, match="finite losses"):
        cover(np.array([[np.nan, 1.0]]))
    with pytest.raises(DocumentError, match="from one up"):
        cover(np.ones((2, 2)), 0)


@pytest.mark.parametrize(
    ("assets", "obligations", "verdict", "ratio", "shortfall", "at"),
    [
        # cash covers everything
        ([("cash", 100.0, 0.0, 0.0)], [("all", 80.0, 0.0)], "sound", 1.25, 0.0, None),
        # worth 190 against 100, but only 10 at once and 7.5 an hour: 100 are due after 4 hours, when 40 are there
        (
            [("cash", 10.0, 0.0, 0.0), ("coins", 200.0, 0.1, 24.0)],
            [("withdrawals", 100.0, 4.0)],
            "illiquid but solvent",
            1.9,
            60.0,
            4.0,
        ),
        # 50 of cash pay the 40 due now; 100 more are due in a month, and nothing is left for them
        (
            [("cash", 50.0, 0.0, 0.0)],
            [("now", 40.0, 0.0), ("loan", 100.0, 720.0)],
            "liquid but insolvent",
            50.0 / 140.0,
            90.0,
            720.0,
        ),
        # solvent at marks (120 for 100), not after the impact of selling
        ([("coins", 120.0, 0.3, 0.0)], [("all", 100.0, 1.0)], "insolvent", 0.84, 16.0, 1.0),
        ([("cash", 5.0, 0.0, 0.0)], [], "sound", None, 0.0, None),
    ],
)
def test_solvency_and_liquidity_are_told_apart(
    assets: list[Any], obligations: list[Any], verdict: str, ratio: float | None, shortfall: float, at: float | None
) -> None:
    found = adequacy(
        [Holdings(name=n, value=v, impact=i, hours=h) for n, v, i, h in assets],
        [Obligation(name=n, amount=a, due=d) for n, a, d in obligations],
    )
    assert found.verdict == verdict
    assert found.adequacy == (None if ratio is None else pytest.approx(ratio))
    assert found.shortfall == pytest.approx(shortfall)
    assert found.short_at == at


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_impact_never_helps(one: float, other: float) -> None:
    low, high = sorted((one, other))
    owed = [Obligation(name="o", amount=50.0, due=2.0)]
    better, worse = (adequacy([Holdings(name="a", value=100.0, impact=i, hours=5.0)], owed) for i in (low, high))
    assert worse.liquidation <= better.liquidation
    assert worse.shortfall >= better.shortfall
