"""The cheapest rates: against brute force, within their limits, blind to the future, and honest when they lose."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.documents import DocumentError
from plimsoll.optimise.rate_rules import StateRule, cheapest, compare, hindsight, learn, scale_to, walk
from plimsoll.rates.governor import GovernorRule
from plimsoll.rates.tune import Series, losses

DAY = 86_400_000_000_000


def brute(groups: list[np.ndarray], weights: np.ndarray, budget: int, floor: float, cap: float, rising: bool) -> float:
    """The least mean over all ways of letting losses through; rates of later groups no lower where `rising`."""
    best = float("inf")
    choices = []
    for g in groups:
        down = np.sort(g)[::-1]
        choices.append([(j, max(floor, float(down[j])) if j < down.size else floor) for j in range(down.size + 1)])
    for pick in product(*choices):
        if sum(j for j, _ in pick) > budget:
            continue
        rates = [r for _, r in pick]
        if rising:
            rates = np.maximum.accumulate(rates).tolist()
        if max(rates) <= cap:
            best = min(best, float(weights @ rates / weights.sum()))
    return best


@settings(max_examples=25)
@given(st.integers(0, 2**31), st.integers(1, 4), st.integers(0, 5), st.booleans())
def test_brute_force_agrees(seed: int, count: int, budget: int, rising: bool) -> None:
    rng = np.random.default_rng(seed)
    groups = [rng.normal(0.02, 0.05, int(rng.integers(1, 6))) for _ in range(count)]
    weights = rng.uniform(0.5, 3.0, count)
    found = cheapest(groups, weights, budget, floor=0.01, cap=1.0, fall=1.0 if rising else 0.0)
    assert found.mean == pytest.approx(brute(groups, weights, budget, 0.01, 1.0, rising), rel=1e-7)
    assert sum(found.beyond) <= budget
    assert found.gap <= 1e-5
    assert (found.rates >= 0.01 - 1e-12).all()
    assert not rising or (np.diff(found.rates) >= -1e-9).all()


def test_limits_of_speed_are_kept_and_cost_something() -> None:
    rng = np.random.default_rng(3)
    calm, storm = rng.normal(0.0, 0.02, (60, 2)), rng.normal(0.0, 0.1, (30, 2))
    lost = np.concatenate([calm, storm, calm])
    free = hindsight(lost, 10, 0.99, floor=0.01, cap=1.0, up=50.0, down=0.99)
    slow = hindsight(lost, 10, 0.99, floor=0.01, cap=1.0, up=0.02, down=0.01)
    assert slow.mean > free.mean * 1.05
    ratio = slow.rates[1:] / slow.rates[:-1]
    assert (ratio <= 1.02**10 + 1e-7).all()
    assert (ratio >= 0.99**10 - 1e-7).all()
    for found in (free, slow):
        held = np.repeat(found.rates, 10)[:, None]
        assert (lost <= held * (1.0 + 1e-9)).mean() >= 0.99


def made(seed: int = 1, size: int = 900) -> Series:
    """Calm and stormy spells of forty days, seen with noise by the raw rate, and the losses of two days."""
    rng = np.random.default_rng(seed)
    vol = np.where(np.arange(size) // 40 % 2, 0.06, 0.012)
    price = 100.0 * np.exp(np.cumsum(vol * rng.standard_normal(size)))
    raw = 3.0 * vol * np.exp(rng.normal(0.0, 0.05, size))
    times = np.arange(size, dtype=np.int64) * DAY
    return Series("X", times, raw, np.full(size, 0.01), np.maximum.accumulate(raw), losses(price, 2))


RULE = StateRule(coverage=0.97, states=3, every=120, least=200, window=600)


def test_what_comes_later_changes_nothing_before() -> None:
    one, other = made(), made(2)
    at = 500
    cut = Series(
        "X",
        one.times,
        np.where(np.arange(900) <= at, one.raw, other.raw),
        one.floor,
        one.stressed,
        # a loss is known two bars after it began
        np.where((np.arange(900) <= at - 2)[:, None], one.losses, other.losses),
    )
    first, _ = walk(RULE, one, 300)
    second, _ = walk(RULE, cut, 300)
    assert np.array_equal(first[300 : at + 1], second[300 : at + 1])
    assert not np.array_equal(first[at + 100 :], second[at + 100 :])


def test_known_losses_are_covered_and_storms_cost_more() -> None:
    series = made()
    found = learn(RULE, series, 700)
    assert (np.diff(found.rates) >= 0.0).all()
    assert found.rates[-1] > found.rates[0]
    known = slice(700 - 2 + 1 - 600, 700 - 1)
    assert (series.losses[known] <= found.at(series.raw[known])[:, None] * (1.0 + 1e-9)).mean() >= RULE.coverage


def test_equal_coverage_is_equal() -> None:
    series = made()
    at_once = GovernorRule(
        notice_hours=0.0, up_per_day=None, down_per_day=None, step=0.0, least_change=0.0, emergency=None
    )
    found = compare([series], int(series.times[450]), rule=RULE, governor=at_once)
    lost = series.losses[450:]
    known = np.isfinite(lost).all(axis=1)
    for m in found.methods:
        rates = m.scale * m.paths[0][known, None]
        assert (lost[known] <= rates * (1.0 + 1e-12)).mean() >= RULE.coverage
        # and no smaller scale would do
        assert (lost[known] <= rates * (1.0 - 1e-9)).mean() < RULE.coverage
        assert m.equal == pytest.approx(m.scale * m.paths[0].mean())
    assert set(found.tests) == {"one rate", "governed", "plain"}
    assert found.hindsight_bound <= found.hindsight + 1e-12
    # volatility that can be seen is worth seeing: states beat one rate here, beyond chance
    assert found.methods[0].equal < 0.9 * found.methods[1].equal
    assert found.tests["one rate"].smaller < 0.05
    assert found.to_dict()["methods"]["states"]["coverage"] == found.methods[0].score.coverage


def test_states_of_nothing_are_no_better_than_one_rate() -> None:
    # the raw rate knows nothing of what comes: more states cannot help, and the study says so
    rng = np.random.default_rng(5)
    size = 900
    price = 100.0 * np.exp(np.cumsum(0.03 * rng.standard_normal(size)))
    raw = 0.08 * np.exp(rng.normal(0.0, 0.3, size))
    blind = Series("X", np.arange(size) * DAY, raw, np.full(size, 0.01), np.maximum.accumulate(raw), losses(price, 2))
    found = compare([blind], int(blind.times[450]), rule=RULE)
    assert not found.tests["one rate"].smaller < 0.05


def test_the_scale_is_an_order_statistic() -> None:
    lost = np.stack([np.linspace(0.01, 1.0, 100), np.full(100, -1.0)], 1)
    assert scale_to(0.99, [np.ones(100)], [lost]) == pytest.approx(0.98)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": np.array([1.0])}, "weights"),
        ({"floor": 0.0}, "floor"),
        ({"fall": 2.0}, "fall"),
        ({"budget": -1}, "budget"),
        ({"cap": 0.05, "budget": 0}, "coverage"),
        ({"losses": [np.array([np.nan]), np.array([0.1])]}, "losses"),
    ],
)
def test_bad_input_is_refused(change: dict[str, object], said: str) -> None:
    given = {
        "losses": [np.array([0.1, 0.2]), np.array([0.3])],
        "weights": np.array([1.0, 1.0]),
        "budget": 0,
        "floor": 0.01,
        "cap": 1.0,
    } | change
    with pytest.raises(DocumentError, match=said):
        cheapest(given.pop("losses"), given.pop("weights"), given.pop("budget"), **given)  # type: ignore[arg-type]


def test_rules_and_parts_that_cannot_be() -> None:
    with pytest.raises(DocumentError, match="states"):
        StateRule(states=0)
    with pytest.raises(DocumentError, match="least"):
        learn(RULE, made(), 100)
    with pytest.raises(DocumentError, match="start"):
        compare([made()], int(made().times[-1]), rule=RULE)
