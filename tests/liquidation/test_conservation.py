"""A venue lived through random events, in whole units and lots: nothing is lost, made, closed twice or too far.

The venue is that of `tools/measure_conservation.py`; docs/validation/conservation.md has a million events.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from measure_conservation import DONE, EACH, INVARIANTS, KINDS, Checks, Conserved, Venue, conserved, lived, page


def hold(found: Conserved) -> None:
    """Every invariant was checked, often, and never broken; everything that can happen has happened, often."""
    assert set(found.checks.checked) == set(INVARIANTS)
    assert min(found.checks.checked.values()) > 10, found.checks.checked
    assert not found.checks.broken, (found.checks.broken, found.checks.worst)
    assert set(found.counts) == {*KINDS, *DONE}
    assert min(found.counts.values()) > 10, found.counts


def test_money_and_lots_are_conserved_through_random_events() -> None:
    hold(conserved(range(12)))


@pytest.mark.slow
def test_money_and_lots_are_conserved_through_a_hundred_thousand_events() -> None:
    hold(conserved(range(100, 200)))


@pytest.mark.long
def test_money_and_lots_are_conserved_through_a_million_events() -> None:
    hold(conserved(range(1_000, 2_000)))


def test_the_same_seed_gives_the_same_day() -> None:
    one, other = lived(5, 500), lived(5, 500)
    assert one.cash == other.cash
    assert one.standing == other.standing
    assert one.counts == other.counts


def test_a_unit_that_is_lost_is_found() -> None:
    """The checks can fail: a unit taken out, a lot made and a command repeated are each counted."""
    venue = lived(7, 200)
    assert not venue.checks.broken
    venue.cash["m00"] -= 3
    venue.lots["m01"]["A"] += 2
    venue.hold()
    assert venue.checks.broken == {"money": 1, "lots": 1}
    assert venue.checks.worst == {"money": 3, "lots": 2}
    venue.insurance = -1
    venue.cash["m00"] += 3 + 1
    venue.hold()
    assert venue.checks.broken["funds"] == 1


class Careless(Venue):
    """A venue that charges for a close and books the charge nowhere."""

    def give(self, member: str, to: str, instrument: str, lots: int) -> None:
        """Close lots, a unit short."""
        super().give(member, to, instrument, lots)
        if lots:
            self.cash[to] -= 1


def test_a_careless_venue_is_found_out() -> None:
    worst = 0
    for seed in range(3, 8):
        venue = Careless(seed)
        for _ in range(EACH):
            venue.event()
        # what is missing is what was taken, a unit for each close
        assert (venue.checks.broken["money"] > 0) == (venue.counts["close"] + venue.counts["close all"] > 0)
        worst = max(worst, venue.checks.worst["money"])
    assert worst >= 1


def test_the_committed_page_is_of_a_million_events_without_a_break(pytestconfig: pytest.Config) -> None:
    file = Path(pytestconfig.rootpath) / "docs/validation/conservation.md"
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# Money and lots through random events\n\n1,000,000 events in 1,000 venues")
    rows = [line.split(" | ") for line in text.splitlines()]
    for name, words in INVARIANTS.items():
        (row,) = [r for r in rows if r[0] == f"| {name}" and r[1] == words]
        assert int(row[2].replace(",", "")) > 1_000
        assert row[3:] == ["0", "0 |"]


def test_the_page_of_a_few_events_names_everything() -> None:
    found = conserved(range(1_000, 1_001))
    text = page(found)
    assert all(words in text for words in (*KINDS.values(), *DONE.values(), *INVARIANTS.values()))
    assert isinstance(found.checks, Checks)
