"""What a deleveraging takes: against the loops of the twin, against the house's own, and what must always hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from naive.replay import run as naive
from plimsoll.laboratory.replay.marks import Marks, fall_in_rounds
from plimsoll.laboratory.replay.rounds import Taken, Winners, asked, in_proportion, profits_only, queue
from plimsoll.liquidation.waterfall.adl import deleveraged
from plimsoll.liquidation.waterfall.documents import Holding, VenueState

START, LOW, END = 100.0, 70.0, 90.0


def case(seed: int, longs: int = 6, shorts: int = 7, rounds: int = 3, steps: int = 2) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(seed)
    path = fall_in_rounds(Marks(START, LOW, END, "given"), rounds, steps, random)
    held = Winners(
        np.exp(random.standard_normal(shorts)), 60.0 + 70.0 * random.random(shorts), 10.0 * random.random(shorts), START
    )
    return path, (50.0 + 50.0 * random.random(longs), np.exp(random.standard_normal(longs))), held


def same(found: Taken, twin: Any) -> None:
    for name in ("notional", "needed", "taken", "left", "missing"):
        assert getattr(found, name) == pytest.approx(getattr(twin, name), rel=1e-9, abs=1e-9), name
    assert found.burden == pytest.approx([s.lost for s in twin.shorts], rel=1e-9, abs=1e-9)
    assert found.closed == pytest.approx([s.closed for s in twin.shorts], rel=1e-9, abs=1e-9)


@given(
    seed=st.integers(0, 10**6),
    longs=st.integers(1, 8),
    shorts=st.integers(1, 8),
    whole=st.booleans(),
    oracle=st.booleans(),
    horizon=st.sampled_from(["round", "low", "end"]),
)
def test_every_rule_equals_its_loops(
    seed: int, longs: int, shorts: int, whole: bool, oracle: bool, horizon: Any
) -> None:
    path, (price, lots), held = case(seed, longs, shorts)
    ask = asked(price, lots, path)
    accounts = list(zip(price.tolist(), lots.tolist(), strict=True))
    winners = list(zip(held.lots.tolist(), held.entry.tolist(), held.leverage.tolist(), strict=True))

    def twin(rule: str, **more: Any) -> Any:
        return naive(rule, path.tolist(), accounts, winners, horizon=horizon, end=END, **more)

    at = cast("Any", "oracle" if oracle else "bankruptcy")
    same(
        queue(held, ask, whole=whole, close_at=at, horizon=horizon, end=END), twin("queue", whole=whole, oracle=oracle)
    )
    same(in_proportion(held, ask, horizon=horizon, end=END), twin("pro-rata"))
    same(profits_only(held, ask, horizon=horizon, end=END), twin("profits"))


@given(seed=st.integers(0, 10**6), horizon=st.sampled_from(["round", "low"]))
def test_what_must_hold(seed: int, horizon: Any) -> None:
    path, (price, lots), held = case(seed)
    plenty = replace(held, lots=held.lots * 100.0)
    ask = asked(price, lots, path)
    whole, by_lots = (queue(plenty, ask, whole=w, horizon=horizon) for w in (True, False))
    fair, haircut = in_proportion(plenty, ask, horizon=horizon), profits_only(plenty, ask, horizon=horizon)
    # exactly what was asked is closed by lots, not less by whole positions, and nobody gives more than it holds
    assert by_lots.closed.sum() == pytest.approx(ask.lots.sum())
    assert whole.closed.sum() >= by_lots.closed.sum() * (1.0 - 1e-12)
    assert np.all(whole.closed <= plenty.lots * (1.0 + 1e-12))
    # the ranking decides who pays, not how much is taken
    assert by_lots.taken == pytest.approx(fair.taken)
    assert by_lots.needed == pytest.approx(fair.needed)
    assert whole.taken >= by_lots.taken * (1.0 - 1e-9)
    # what the winners forgo by a close is what the venue loses without it: it is not saved, it changes hands
    assert haircut.left == pytest.approx(fair.overshoot, abs=1e-9)
    assert haircut.overshoot == 0.0
    # down a fall nobody gains from being closed early
    assert min(whole.overshoot, by_lots.overshoot) >= -1e-9


@pytest.mark.parametrize("seed", range(6))
def test_the_queue_by_lots_is_the_house_s_own_ranking(seed: int) -> None:
    """One step, whole lots: the members and lots of `plimsoll.liquidation`, ranked by profit and leverage."""
    random = np.random.default_rng(seed)
    size, price, n = random.integers(1, 9, 12), 80, int(random.integers(5, 30))
    entry = random.integers(60, 120, 12)
    equity = random.integers(50, 2000, 12)
    positions = {
        f"m{i:02d}": {"X": Holding(lots=-int(size[i]), profit=int(size[i] * (entry[i] - price)))} for i in range(12)
    }
    venue = VenueState(currency="USD", decimals=0, members=(), prices={"X": price}, ranking="profit-leverage")
    ours = deleveraged(venue, "X", n, positions, {m: int(equity[i]) for i, m in enumerate(positions)})
    # leverage at the mark of the step, which is where the fall starts here
    held = Winners(size.astype(float), entry.astype(float), size * price / equity, float(price))
    ask = asked(np.array([float(price)]), np.array([float(min(n, size.sum()))]), np.array([[80.0, 79.0]]))
    found = queue(held, ask, whole=False)
    assert {f"m{i:02d}": round(x) for i, x in enumerate(found.closed) if x > 0.5} == ours


def test_who_is_above_the_lowest_mark_never_goes_under_and_each_goes_once() -> None:
    path = np.array([[100.0, 95.0, 90.0], [90.0, 85.0, 80.0]])
    ask = asked(np.array([96.0, 90.0, 80.0, 79.0]), np.array([1.0, 2.0, 4.0, 8.0]), path)
    assert ask.lots.tolist() == [1.0, 0.0, 2.0, 0.0]
    assert ask.deficit.tolist() == [1.0, 0.0, 10.0, 0.0]


@given(seed=st.integers(0, 10**6), rounds=st.integers(1, 20), steps=st.integers(1, 6))
def test_a_fall_starts_at_the_first_mark_ends_at_the_lowest_and_never_rises(seed: int, rounds: int, steps: int) -> None:
    path = fall_in_rounds(Marks(START, LOW, END, "given"), rounds, steps, np.random.default_rng(seed))
    assert path.shape == (rounds, steps + 1)
    assert path[0, 0] == START
    assert path[-1, -1] == pytest.approx(LOW)
    assert np.all(np.diff(path, axis=1) <= 0.0)
    assert np.array_equal(path[1:, 0], path[:-1, -1])
