"""Lives along joint paths: calls and their deadlines, money paid in, liquidations, and where they must agree."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from passage_books import MODEL, PRICE, account, lognormal, market, strangle
from plimsoll.documents import DocumentError
from plimsoll.liquidation.calls import CallPolicy
from plimsoll.liquidation.passage import Lives, lives, passage
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.paths import JointPaths

PLACES = market(coins={"BTC": PRICE})
LONG = account(6_000.0, {"BTC-P": 1.0})
POLICY = CallPolicy(warn=1.5, call=1.2, reduce_only=1.1, target=1.3, deadline_hours=5.0)
NO_CALLS = CallPolicy(warn=1.0, call=1.0, reduce_only=1.0, target=1.0)


def along(*levels: float, gap: float = 1 / 6) -> JointPaths:
    """One path of a price, every four hours."""
    days = gap * np.arange(1, len(levels) + 1)
    return JointPaths(("BTC",), np.array(levels)[:, None, None], days, np.ones(1))


def health(level: float, cash: float = 6_000.0) -> float:
    """Of a long of one coin with 8 % of maintenance."""
    return (cash + PRICE * (level - 1.0)) / (0.08 * PRICE * level)


def live(paths: JointPaths, **more: object) -> Lives:
    """The long along paths."""
    return lives(MODEL, LONG, PLACES, paths, policy=POLICY, **more)  # type: ignore[arg-type]


def test_a_call_that_nobody_answers_is_closed_at_its_deadline() -> None:
    assert 1.1 < health(0.972) < 1.2
    found = live(along(0.99, 0.972, 0.972, 0.972, 0.972))
    # called at the second instant; five hours later is the fourth
    assert (found.called[0], found.liquidated[0]) == (1, 3)
    assert found.mechanisms == {"smallest closes at a deadline": 1}
    # the smallest part of twentieths with which health is 1.3: equity over what is left of the margin
    left = 1.0 - found.closed[0] / (PRICE * 0.972)
    equity = 6_000.0 - 0.028 * PRICE - found.fees[0]
    assert equity / (0.08 * PRICE * 0.972 * left) >= 1.3
    assert equity / (0.08 * PRICE * 0.972 * (left + 0.05)) < 1.3
    assert found.fees[0] == pytest.approx(found.closed[0] * (POLICY.fee + POLICY.spread))


def test_money_in_time_ends_the_call() -> None:
    found = live(along(0.99, 0.972, 0.972, 0.972, 0.972), answer=lambda _: (3.0, 1.0))
    assert (found.called[0], found.liquidated[0]) == (1, 5)
    # what lifts health to 1.3 as it stood when it was called
    assert found.paid[0] == pytest.approx(1.3 * 0.08 * PRICE * 0.972 - (6_000.0 - 0.028 * PRICE))
    late = live(along(0.99, 0.972, 0.972, 0.972, 0.972), answer=lambda _: (24.0, 1.0))
    assert late.liquidated[0] == 3
    half = live(along(0.99, 0.972, 0.972, 0.972, 0.972), answer=lambda _: (1.0, 0.1))
    assert half.liquidated[0] == 3


def test_below_the_line_the_venue_liquidates_and_what_is_left_goes_on() -> None:
    assert health(0.955) < 1.0
    found = live(along(1.0, 0.955, 0.955, 1.0))
    assert found.liquidated[0] == 1
    assert found.mechanisms.get("as the venue does it", 0) >= 1
    assert 0.0 < found.closed[0] <= PRICE
    assert 0.0 < found.fees[0] <= found.cost[0]
    assert not found.bankrupt[0]


def test_a_gap_through_everything_is_a_loss_of_others() -> None:
    found = live(along(1.0, 0.8, 0.8))
    assert found.bankrupt[0]
    # equity is 6,000 less a fifth of the price
    assert found.debt[0] >= 0.2 * PRICE - 6_000.0
    assert found.probabilities()["bankrupt"].value == 1.0


@pytest.mark.parametrize("rules", ["prbm@2026-03-01", "derive-pmrm2@2025-04-18"])
def test_without_calls_the_first_liquidation_is_the_first_passage(rules: str) -> None:
    rows, vols = strangle()
    cash = 10_500.0 if rules.startswith("prbm") else 16_000.0
    held = account(cash, {"PUT": -1.0, "CALL": -1.0, "BTC-P": 0.2})
    places = market(*rows, marks=vols, coins={"BTC": PRICE})
    paths = lognormal(60, 0.07, 4, iv=IvLaw())
    model = pl.margin_model(rules)
    found = lives(model, held, places, paths, policy=NO_CALLS)
    first = passage(model, held, places, paths)
    np.testing.assert_array_equal(found.liquidated, first.firsts())
    assert 0.02 < first.probability().value < 0.98
    told = found.probabilities()
    assert told["liquidated"].value == first.probability().value
    assert told["liquidated"].error == pytest.approx(first.probability().error)
    assert found.times()[-1] == pytest.approx(first.probability().value)


def test_nothing_happens_above_a_call() -> None:
    found = live(along(1.0, 1.01, 0.995))
    assert found.lived == 0
    assert {e.value for e in found.probabilities().values()} == {0.0}
    assert {e.value for e in found.expected().values()} == {0.0}


def test_a_nearer_call_forces_no_less() -> None:
    paths = lognormal(60, 0.05, 6, gap=0.25)
    called = live(paths)
    never = lives(MODEL, LONG, PLACES, paths, policy=NO_CALLS)
    assert called.probabilities()["liquidated"].value >= never.probabilities()["liquidated"].value
    answered = live(paths, answer=lambda _: (0.0, 1.0))
    assert answered.expected()["closed"].value < called.expected()["closed"].value
    assert answered.expected()["paid"].value > 0.0


def test_bad_input() -> None:
    rows = [{"instrument": "BTC-P", "quantity": 1.0, "isolated_margin": 1.0}]
    isolated = pl.Account.from_dict(
        {"schema": "plimsoll.account", "schema_version": 1, "name": "a", "positions": rows, "collateral": {"USDC": 1.0}}
    )
    with pytest.raises(DocumentError, match="isolated"):
        lives(MODEL, isolated, PLACES, along(1.0))
    with pytest.raises(DocumentError, match="answer"):
        live(along(0.972), answer=lambda _: (-1.0, 1.0))
    with pytest.raises(DocumentError, match="which"):
        live(along(1.0)).times("bankrupt")
