"""Holders who are called, the crowding add-on of a fleet, beta from planted losses, and paired comparisons by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from cascade_fleets import fall, liquidity, random_fleet, rates, schedule
from plimsoll.documents import DocumentError
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.crowding.charges import Charges, charges, curves_of, exposures
from plimsoll.laboratory.crowding.contest import (
    MEASURES,
    Difference,
    ScaledRates,
    Tally,
    compared,
    holm,
    paid_in,
    tally,
)
from plimsoll.laboratory.crowding.marginal import MOST, Marginals, calibrated, covered, fitted, judged, marginals, owed
from plimsoll.laboratory.holders import Called, Seen
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.margin.cavb import Book, CrowdingRule, crowding
from plimsoll.rates.impact import margins

VENUE = CascadeVenue(order=("insurance_fund",))


def _seen(step: int, equity: list[int], line: int = 100, base: int = 50) -> Seen:
    many = len(equity)
    return Seen(
        step,
        step * 3_600.0,
        np.array(equity, dtype=np.int64),
        np.full(many, line, dtype=np.int64),
        np.full(many, base, dtype=np.int64),
        np.ones(many, dtype=np.bool_),
        np.arange(many, dtype=np.int64),
    )


def test_holders_pay_two_hours_after_a_call() -> None:
    people = Called()
    low = [120, 131, 120, 110]
    assert people.pays(_seen(1, low)).tolist() == [0, 0, 0, 0]
    assert people.calls == 3
    assert people.pays(_seen(2, low)).tolist() == [0, 0, 0, 0]
    # to 140: the first pays all, the third half, the fourth nothing
    assert people.pays(_seen(3, low)).tolist() == [20, 0, 10, 0]
    assert people.pays(_seen(4, low)).tolist() == [0, 0, 0, 0]
    # above the line of calls and under it again: a new call
    assert people.pays(_seen(5, [140, 140, 140, 140])).tolist() == [0, 0, 0, 0]
    assert people.pays(_seen(6, [100, 140, -5, 140])).tolist() == [0, 0, 0, 0]
    assert people.pays(_seen(8, [100, 140, -5, 140])).tolist() == [40, 0, 0, 0]
    assert (people.calls, people.paid) == (5, 70)
    people.closing(_seen(9, [40, 60, 60, 60]), np.array([0, 1]), np.array([7.0, 8.0]))
    people.closing(_seen(9, [40, 40, 60, 60]), np.array([0, 1, 2]), np.array([7.0, 8.0, 9.0]))
    assert (people.below_base, people.deadline, people.deadline_usd) == (1, 2, 17.0)
    with pytest.raises(DocumentError, match="target"):
        Called(call=1.5, target=1.2)


def test_money_of_holders_is_counted_in_the_cascade() -> None:
    fleet = random_fleet(np.random.default_rng(3), 80)
    path = replace(fall(-0.05, 24), step_seconds=1_800.0)
    people = Called(hours=0.5)
    raised = ScaledRates(rates(), np.full(25, 1.6), grace=3_600.0)
    run = cascade(fleet, path, liquidity(1e8), VENUE, raised, holders=people, check=True)
    assert people.paid > 0
    assert run.state.parties["owners"][0] == -people.paid
    assert people.below_base + people.deadline == int((run.times_closed > 0).sum())
    assert people.deadline > 0
    without = cascade(fleet, path, liquidity(1e8), VENUE, raised)
    assert not without.state.parties["owners"].any()
    # a fixed rule closes nobody above its base margin
    fixed = Called(hours=0.5)
    cascade(fleet, path, liquidity(1e8), VENUE, rates(), holders=fixed)
    assert fixed.deadline == 0

    class Takes:
        def pays(self, seen: Seen) -> np.ndarray:
            return np.full(80, -1, dtype=np.int64)

        def closing(self, seen: Seen, rows: np.ndarray, usd: np.ndarray) -> None: ...

    with pytest.raises(DocumentError, match="holders"):
        cascade(fleet, path, liquidity(), VENUE, rates(), holders=Takes())


def test_scaled_rates_and_money_paid_in() -> None:
    fleet = random_fleet(np.random.default_rng(4), 60)
    path = fall(-0.2)
    flat = tally(fleet, path, liquidity(), VENUE, ScaledRates(rates(), np.full(13, 2.0)))
    assert flat == replace(
        tally(fleet, path, liquidity(), VENUE, rates(2.0), holders=(people := Called())),
        below_base=flat.below_base,
        deadline=flat.deadline,
        deadline_usd=flat.deadline_usd,
    )
    assert people.below_base == flat.below_base + flat.deadline
    more = paid_in(fleet, np.full(60, 1e9))
    assert tally(more, path, liquidity(), VENUE, rates()).forced == 0.0
    with pytest.raises(DocumentError, match="scalar"):
        ScaledRates(rates(), np.array([1.0, 0.9]))


def test_charges_are_those_of_the_add_on() -> None:
    fleet = random_fleet(np.random.default_rng(5), 50)
    run = cascade(fleet, fall(-0.01, 1), liquidity(), VENUE, rates())
    curves = curves_of(run, rates(), liquidity(), unit=10.0)
    rule = CrowdingRule(cap=0.3, free=0.0)
    found = charges(rule, curves, fleet, schedule())
    usd = exposures(fleet)
    initial = margins(schedule(), fleet.underlyings, usd).initial
    asked = rule.model_copy(update={"beta": 0.07})
    for k in range(50):
        book = Book(dict(zip(fleet.underlyings, usd[k].tolist(), strict=True)), float(initial[k]))
        assert found.at(0.07)[k] == pytest.approx(crowding(asked, curves, [book]).total, rel=1e-12)
    # depth at a tenth is that of the last level, halved, and rounded down
    crowd = curves.underlyings["BTC"].fall
    assert crowd.depth[9] == 10.0 * np.floor(4e6 * 0.5 / 10.0)
    assert crowd.liquidated[-1] > 0.0


def _planted(crash: str, size: np.ndarray, each: float, cap: float = 1e9) -> Marginals:
    fleet = random_fleet(np.random.default_rng(6), size.size)
    charge = size[fleet.ids]

    def lose(them: object) -> tuple[float, np.ndarray]:
        mine = size[them.ids]  # type: ignore[attr-defined]
        return each * float((mine**2).sum()), 0.5 * each * mine**2

    return marginals(crash, fleet, lose, Charges(charge, charge, cap))


def test_beta_from_planted_losses() -> None:
    size = np.array([1.0, 2.0, 3.0, 5.0])
    unit = _planted("a", size, 3.0)
    # a loss that is a sum of squares: each account's marginal loss is its own square, and the charge beta size^2
    assert unit.loss == pytest.approx(3.0 * unit.charges.initial**2)
    assert unit.own == pytest.approx(1.5 * unit.charges.initial**2)
    assert calibrated([unit]) == pytest.approx(3.0)
    other = _planted("b", size, 1.0)
    fit = fitted([unit, other], draws=50)
    assert fit.beta == pytest.approx(2.0)
    assert (fit.low, fit.high) == (pytest.approx(1.0), pytest.approx(3.0))
    seen = judged([unit, other], 2.0)
    assert (seen.covered, seen.rank, seen.others, seen.size) == (pytest.approx(1.0), 1.0, 1.0, 1.0)
    # a cap that asks less than the losses whatever beta, and losses below zero
    assert calibrated([_planted("c", size, 3.0, cap=0.5)]) == MOST
    assert calibrated([_planted("d", size, -1.0)]) == 0.0
    assert covered([_planted("d", size, -1.0)], 1.0) == np.inf
    with pytest.raises(DocumentError, match="units"):
        fitted([])


def test_what_is_owed_is_of_accounts_without_positions() -> None:
    fleet = random_fleet(np.random.default_rng(7), 60)
    run = cascade(fleet, fall(-0.6, 3), liquidity(1e8), VENUE, rates())
    assert run.bad_debt[-1] > 0.0
    assert owed(run).sum() == pytest.approx(run.bad_debt[-1])


def _tallies(*debts: float) -> list[Tally]:
    return [Tally(1.0, d, 0.0, 0.0, 0.0, 0.0, 0.0) for d in debts]


def test_paired_comparisons_by_hand() -> None:
    other = {"a": _tallies(5.0, 6.0, 7.0), "b": _tallies(1.0, 2.0, 3.0)}
    same = compared(other, other)
    assert [d.p for d in same] == [1.0] * len(MEASURES)
    less = {c: [replace(t, debt=t.debt - 1.0) for t in rows] for c, rows in other.items()}
    debt = next(d for d in compared(less, other, draws=20_000) if d.measure == "debt")
    assert (debt.mean, debt.lower, debt.higher) == (-1.0, 2, 0)
    assert debt.part == pytest.approx(-0.25)
    # of 64 turns of six equal signs two are as far
    assert debt.p == pytest.approx(2.0 / 64.0, abs=0.005)
    with pytest.raises(DocumentError, match="crashes"):
        compared({"a": other["a"]}, other)


def test_holm_by_hand() -> None:
    rows = {
        "x": [Difference("forced", 0.0, 0.0, 0, 0, 0.01), Difference("debt", 0.0, 0.0, 0, 0, 0.04)],
        "y": [Difference("forced", 0.0, 0.0, 0, 0, 0.03), Difference("debt", 0.0, 0.0, 0, 0, 1.0)],
    }
    found = holm(rows)
    assert [d.holm for d in found["x"]] == [pytest.approx(0.03), pytest.approx(0.06)]
    assert [d.holm for d in found["y"]] == [pytest.approx(0.06), 1.0]


def test_the_page_is_made_of_the_recorded_numbers() -> None:
    from measure_crowding import main

    assert main(["--check"]) == 0


@pytest.mark.slow
def test_a_recorded_contest_is_what_a_run_gives(shared: Path) -> None:
    from measure_crowding import CONTEST_SEEDS, MEASURED, RULE, contested, rounded
    from recorded_crashes import recorded_crashes

    recorded = json.loads(MEASURED.read_text(encoding="utf-8"))
    name, crash = "wide", "FTX, November 2022"
    path = recorded_crashes(shared / "data", RULE)[crash]
    for policy, found in contested(name, path, CONTEST_SEEDS[0], recorded["beta"]).items():
        assert rounded(list(asdict(found).values())) == recorded["contests"][name][crash][policy][0], policy
