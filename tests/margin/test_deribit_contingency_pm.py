"""Deribit portfolio margin before 2024, one rule at a time."""

from __future__ import annotations

from typing import Any

import pytest

from deribit_desk import DECK, INVERSE, LINEAR, PAGE, WEEK, chain, coins, desk, future_coins, option, require
from naive.black import black
from plimsoll.margin import Requirement
from rule_books import DAY, Desk

T = 7.0 / 365.0


def cell(found: Requirement, label: str) -> float:
    return next(s.pnl for s in found.scenarios if s.label == label)


def options_charge(book: Desk, reference: str = DECK, **changes: Any) -> float:
    return require(book, reference, **changes).component("options_contingency").maintenance


@pytest.mark.rule("DERIBIT-PMC-01")
def test_eleven_columns_of_three_volatilities() -> None:
    found = desk()
    coins(found, 1.0)
    labels = [s.label for s in require(found, DECK).scenarios]
    assert len(labels) == 33
    assert labels[:4] == ["-15% iv up", "-15%", "-15% iv down", "-12% iv up"]
    assert labels[15:18] == ["0% iv up", "0%", "0% iv down"]
    assert labels[-1] == "+15% iv down"
    assert [s.label for s in require(found, PAGE).scenarios][::3] == [
        f"{m:+}% iv up".replace("+0", "0") for m in range(-10, 11, 2)
    ]


@pytest.mark.rule("DERIBIT-PMC-02")
@pytest.mark.parametrize(
    ("reference", "days", "up", "down"),
    [
        (DECK, 30, 0.60 * 1.45, 0.60 * 0.70),  # the deck: 60 points become 87
        (DECK, 7, 0.60 * (1 + 0.45 * (30 / 7) ** 0.30), 0.60 * (1 - 0.30 * (30 / 7) ** 0.30)),
        (DECK, 120, 0.60 * (1 + 0.45 * 0.25**0.13), 0.60 * (1 - 0.30 * 0.25**0.13)),
        (PAGE, 30, 0.60 * 1.38, 0.60 * 0.62),
        (PAGE, 15, 0.60 * (1 + 0.38 * 2**0.30), 0.60 * (1 - 0.38 * 2**0.30)),
        (PAGE, 120, 0.60 * (1 + 0.38 * 0.25**0.30), 0.60 * (1 - 0.38 * 0.25**0.30)),
    ],
)
def test_volatilities_move_by_a_power_of_time(reference: str, days: int, up: float, down: float) -> None:
    assert (reference, days) != (DECK, 30) or up == pytest.approx(0.87, rel=1e-12)
    found = desk()
    found.add_expiry(days * DAY)
    option(found, 2.0, 104.0, True, days * DAY, 0.60)
    r = require(found, reference)
    now = black(True, 100.0, 104.0, days / 365.0, 0.60)
    for label, vol in (("0% iv up", up), ("0%", 0.60), ("0% iv down", down)):
        then = black(True, 100.0, 104.0, days / 365.0, vol)
        assert cell(r, label) == pytest.approx(2.0 * (then - now) / 100.0, rel=1e-10, abs=1e-15)


@pytest.mark.rule("DERIBIT-PMC-03")
def test_the_worst_cell_is_a_loss_of_the_whole_book() -> None:
    found = desk()
    found.add_expiry(7.0 * DAY, variable=103.0)
    coins(found, 2.0, 101.0)
    option(found, -3.0, 110.0, True, 7.0 * DAY, 0.6)
    r = require(found, DECK)
    up = 0.6 * (1 + 0.45 * (30 / 7) ** 0.30)
    value = [black(True, f, 110.0, T, v) / f for f, v in ((103.0, 0.6), (103.0 * 1.15, up))]
    expected = 2.0 * (1 - 1 / 1.15) - 3.0 * (value[1] - value[0])
    assert cell(r, "+15% iv up") == pytest.approx(expected, rel=1e-12)
    assert r.workings["worst_cell"] == -min(s.pnl for s in r.scenarios)
    assert r.binding[0].pnl == -r.workings["worst_cell"]
    linear = desk(USDC=1.0)
    linear.add_perpetual(2.0, 103.0, **LINEAR)
    assert cell(require(linear, DECK), "-9%") == pytest.approx(-2.0 * 103.0 * 0.09, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-03")
def test_a_book_that_never_loses_has_no_worst_cell() -> None:
    found = desk()
    coins(found, 1.0)
    found.add_perpetual(-100.0, 100.0, **INVERSE)
    r = require(found, PAGE)
    assert (r.workings["worst_cell"], r.binding[0].label) == (0.0, "no loss")
    assert r.maintenance == pytest.approx(0.01, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-04")
@pytest.mark.parametrize(("reference", "charged"), [(DECK, 0.006 * 9.0), (PAGE, 0.01 * 3.0)])
def test_futures_are_charged_by_all_their_coins_or_by_those_that_offset(reference: str, charged: float) -> None:
    found = desk()
    found.add_expiry(WEEK)
    first = coins(found, 5.0, 125.0)
    second = future_coins(found, -3.0, WEEK, 80.0)
    third = found.add_perpetual(100.0, 100.0, **INVERSE)
    part = require(found, reference).component("futures_contingency")
    assert part.maintenance == pytest.approx(charged, rel=1e-12)
    shares = {s.subject: s.maintenance for s in part.shares}
    expected = {first: 5.0, second: 3.0, third: 1.0} if reference == DECK else {second: 3.0}
    rate = 0.006 if reference == DECK else 0.01
    assert shares == pytest.approx({name: rate * size for name, size in expected.items()}, rel=1e-12)
    linear = desk(spot=110.0, USDC=1.0)
    linear.add_perpetual(-2.0, 103.0, **LINEAR)
    charge = require(linear, reference).component("futures_contingency")
    assert charge.maintenance == pytest.approx(0.006 * 2.0 * 110.0 if reference == DECK else 0.0, rel=1e-12)
    assert charge.evidence == "assumed"


@pytest.mark.rule("DERIBIT-PMC-04")
def test_equal_sides_share_what_they_offset() -> None:
    found = desk()
    one, two = coins(found, 5.0), coins(found, -5.0)
    part = require(found, PAGE).component("futures_contingency")
    assert {s.subject: s.maintenance for s in part.shares} == pytest.approx({one: 0.025, two: 0.025}, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-05")
def test_calls_and_puts_of_a_strike_are_one_position_and_only_what_is_short_is_charged() -> None:
    book = desk()
    book.add_expiry(WEEK)
    option(book, 10.0, 130.0, True)
    option(book, -20.0, 130.0, False, multiplier=0.5)
    option(book, -8.0, 140.0, False)
    option(book, 3.0, 140.0, True)
    option(book, 50.0, 150.0, True)
    assert options_charge(book, PAGE) == pytest.approx(0.01 * 5.0, rel=1e-12)
    linear = chain((130.0, -2.0), found=desk(spot=100.0, USDC=1.0), **LINEAR)
    assert options_charge(linear, PAGE) == pytest.approx(0.01 * 2.0 * 100.0, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-06")
@pytest.mark.parametrize(
    ("rows", "short"),
    [
        ([(120.0, 6.0), (130.0, -10.0)], 4.0),  # a long strike stands for a short one further out
        ([(120.0, -10.0), (130.0, 6.0)], 10.0),  # and for none nearer the money
        ([(120.0, -2.0), (130.0, 6.0), (140.0, -5.0), (150.0, -3.0)], 4.0),
        ([(80.0, 6.0), (70.0, -10.0)], 4.0),  # downwards below the index
        ([(80.0, -10.0), (70.0, 6.0)], 10.0),
        ([(80.0, 9.0), (120.0, -9.0)], 9.0),  # one side never for the other
        ([(110.0, -4.0), (90.0, -5.0)], 9.0),
        ([(120.0, 9.0), (130.0, -9.0)], 0.0),
    ],
)
def test_short_strikes_are_rolled_against_long_ones_nearer_the_money(
    rows: list[tuple[float, float]], short: float
) -> None:
    assert options_charge(chain(*rows)) == pytest.approx(0.01 * short, rel=1e-12, abs=1e-15)


@pytest.mark.rule("DERIBIT-PMC-06")
def test_shares_lie_on_the_strikes_that_make_up_what_is_charged() -> None:
    part = require(chain((120.0, 6.0), (130.0, -10.0), (140.0, 3.0), (80.0, -1.0)), DECK).component(
        "options_contingency"
    )
    amounts = [s.maintenance for s in part.shares]
    assert amounts == pytest.approx([-0.06, 0.10, 0.01], rel=1e-12)
    assert part.method == "euler"


@pytest.mark.rule("DERIBIT-PMC-07")
@pytest.mark.parametrize(
    ("strike", "weight"), [(105.0, 0.5), (95.0, 0.5), (110.0, 1.0), (90.0, 1.0), (102.0, 0.2), (100.0, 0.0)]
)
def test_a_strike_near_the_index_counts_in_part(strike: float, weight: float) -> None:
    assert options_charge(chain((strike, -3.0))) == pytest.approx(0.03 * weight, rel=1e-12, abs=1e-15)
    assert options_charge(chain((strike, -3.0)), PAGE) == pytest.approx(0.03, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-07")
def test_what_is_long_near_the_index_stands_for_less_too() -> None:
    assert options_charge(chain((105.0, 10.0), (120.0, -10.0))) == pytest.approx(0.05, rel=1e-12)


@pytest.mark.rule("DERIBIT-PMC-08")
def test_expiries_are_not_netted_and_the_other_reading_is_shown() -> None:
    book = chain((120.0, 4.0), seconds=WEEK)
    chain((130.0, -10.0), seconds=30.0 * DAY, found=book)
    r = require(book, DECK)
    part = r.component("options_contingency")
    assert (part.maintenance, part.evidence) == (pytest.approx(0.10, rel=1e-12), "assumed")
    saved = r.workings["reading.expiries_apart"] - r.workings["reading.expiries_together"]
    assert saved == pytest.approx(0.04, rel=1e-12)
    assert any("expiry by expiry" in note for note in r.notes)
    alone = require(chain((130.0, -10.0)), DECK)
    assert alone.component("options_contingency").evidence == "read"
    assert (
        require(chain((130.0, -10.0)), "deribit-pm@2023-01-01").component("options_contingency").evidence == "assumed"
    )
    assert "reading.expiries_together" not in alone.workings
