"""The table of assumptions: every row is the cascade with that one assumption changed, and every one of them counts."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

import measure_cascade
from cascade_fleets import fall, liquidity, random_fleet, rates
from plimsoll.laboratory.assumed import Varied, sensitivity
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.liquidity import Calm, Liquidity, Makers
from plimsoll.laboratory.setup import CascadeVenue, Keepers
from plimsoll.report.assumed_view import assumed_view, cells

FLEET = random_fleet(np.random.default_rng(5), 150)
VENUE = CascadeVenue(insurance_fund=30_000.0)
PATH = fall(-0.2, steps=40)
MARKET = liquidity(depth=3e7, makers=Makers(stay=0.1, shy=50.0, minutes=10.0, lasting=0.3))


def rows() -> dict[tuple[str, float | None], Varied]:
    found = sensitivity(FLEET, PATH, MARKET, VENUE, rates(), seed=3)
    return {(row.what, row.value): row for row in found}


def test_each_row_is_the_cascade_with_that_one_thing_changed() -> None:
    table = rows()
    calm = {
        name: Calm(moves=c.moves, depth=c.depth, refill=min(c.refill, 0.05)) for name, c in MARKET.underlyings.items()
    }
    late = CascadeVenue(insurance_fund=30_000.0, keepers=Keepers(latency=300.0))
    for key, path, market, venue in (
        (("as given", None), PATH, MARKET, VENUE),
        (("depth", 0.1), replace(PATH, depth=0.1 * PATH.depth), MARKET, VENUE),
        (("stay", 0.3), PATH, Liquidity(underlyings=MARKET.underlyings, makers=Makers(stay=0.3, shy=50.0)), VENUE),
        (("shy", 0.0), PATH, Liquidity(underlyings=MARKET.underlyings, makers=Makers(shy=0.0)), VENUE),
        (("refill", 0.05), PATH, Liquidity(underlyings=calm, makers=MARKET.makers), VENUE),
        (("delay", 300.0), PATH, MARKET, late),
    ):
        run = cascade(FLEET, path, market, venue, rates(), seed=3)
        row = table[key]
        assert row == Varied.of(key[0], key[1], run)
        assert row.forced == run.forced.sum()
        assert row.fund_paid == run.fund_paid.sum()


def test_every_assumption_counts_and_thin_books_deepen_the_fall() -> None:
    table = rows()
    base = table["as given", None]
    for what in {what for what, _ in table if what != "as given"}:
        changed = [row for (name, _), row in table.items() if name == what]
        assert any(replace(row, what=base.what, value=None) != base for row in changed), what
    assert table["depth", 0.1].deepest > base.deepest > table["depth", 2.0].deepest
    assert table["shy", 60.0].deepest >= base.deepest >= table["shy", 0.0].deepest
    # an impact that stays keeps the price down for whoever comes later
    assert table["lasting", 0.8].deepest > base.deepest > table["lasting", 0.0].deepest


def test_a_refill_is_never_raised() -> None:
    slow = liquidity(depth=3e5, refill=0.04, makers=MARKET.makers)
    found = sensitivity(FLEET, PATH, slow, VENUE, rates(), seed=3)
    base, *others = found
    for row in others:
        if row.what == "refill":
            assert replace(row, what=base.what, value=None) == base


def test_the_table_has_a_row_for_each_case_and_fits_a_terminal() -> None:
    found = tuple(rows().values())
    console = Console(width=80, record=True, file=StringIO())
    console.print(assumed_view(found))
    lines = console.export_text().splitlines()
    assert len(lines) == len(found) + 2
    assert max(map(len, lines)) <= 80
    for row, line in zip(found, lines[1:], strict=False):
        assert all(cell in line for cell in cells(row))


@pytest.mark.long
def test_the_page_says_what_is_measured() -> None:
    assert measure_cascade.main(["--check"]) == 0
