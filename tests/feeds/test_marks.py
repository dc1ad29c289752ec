"""Errors of Black-76 against marks: zero where the file is made by the formula, explained where it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from feeds.chain_files import QUARTER, csv_row, ladder, later, row, write_csv, write_parquet
from plimsoll.documents import DocumentError
from plimsoll.feeds import mark_errors, mark_report
from plimsoll.feeds.marks import VOL_UNIT
from plimsoll.pricing import inverse_price


def test_marks_made_by_the_formula_have_no_error(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet", [*ladder(), *ladder(expiry_datetime=QUARTER)])
    errors = mark_errors(path)
    assert errors.height == 12
    assert errors["error"].abs().max() <= 5.1e-9
    report = mark_report([path])
    assert (report.rows, report.left_out) == (12, 0)
    assert report.overall.largest <= 5.1e-9
    assert sum(line.rows for line in report.by_expiry) == 12
    assert sum(line.rows for line in report.by_moneyness) == 12


def test_percent_and_milliseconds_of_2020(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "c.csv.gz", [csv_row(k, c) for k in (8_000.0, 9_500.0) for c in (True, False)])
    assert mark_errors(path)["error"].abs().max() <= 5.1e-9


def test_the_error_is_model_minus_mark(tmp_path: Path) -> None:
    entry = row(70_000.0, True)
    entry["mark_price"] -= 0.001
    errors = mark_errors(write_parquet(tmp_path / "c.parquet", [entry]))
    assert errors["error"][0] == pytest.approx(0.001, abs=1e-8)


def test_each_row_is_priced_at_its_own_time_and_forward(tmp_path: Path) -> None:
    moved = ladder((70_000.0,), timestamp=later(600), underlying=71_000.0)
    errors = mark_errors(write_parquet(tmp_path / "c.parquet", [*ladder((60_000.0,)), *moved]))
    assert errors["error"].abs().max() <= 5.1e-9


def test_a_stale_forward_is_found_by_parity(tmp_path: Path) -> None:
    """Marks made at 70,000, with 70,070 written beside them: large errors that the pair's own forward removes."""
    strikes = (50_000.0, 60_000.0, 70_000.0, 80_000.0, 200_000.0)
    rows = [r | {"underlying": 70_070.0} for r in ladder(strikes)]
    path = write_parquet(tmp_path / "c.parquet", rows)
    errors = mark_errors(path)
    assert errors["error"].abs().max() > 1e-3
    assert errors["parity_forward"].to_numpy() == pytest.approx(np.full(10, 70_000.0), abs=0.01)
    assert errors["neighbour_forward"].to_numpy() == pytest.approx(np.full(10, 70_000.0), abs=0.01)
    assert errors["error_at_parity"].abs().max() < 1e-7
    assert errors["error_at_neighbour"].abs().max() < 1e-6
    numbers = mark_report([path]).numbers
    assert numbers["gap_median"] == pytest.approx(1e-3, rel=0.01)
    assert numbers["large_puts_inside"] >= 1


def test_rounding_of_the_volatility_bounds_the_error(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = []
    for strike in np.arange(50_000.0, 91_000.0, 1_000.0):
        true = 0.5 + 0.1 * rng.random()
        for entry in ladder((float(strike),)):
            years = (entry["expiry_datetime"] - entry["timestamp"]).total_seconds() / (365 * 86_400.0)
            call = entry["option_type"] == "call"
            mark = round(float(inverse_price(70_000.0, strike, years, true, call)), 8)
            rows.append(entry | {"mark_price": mark, "implied_volatility": round(true, 4)})
    path = write_parquet(tmp_path / "c.parquet", rows)
    errors = mark_errors(path)
    # the bound is of first order in half a unit of volatility
    assert (errors["error"].abs() <= errors["rounding"] * (1 + VOL_UNIT) + 1e-9).all()
    assert errors["error"].abs().max() > 1e-7
    assert mark_report([path]).numbers["within_rounding"] == pytest.approx(1.0, abs=0.1)


def test_a_mark_made_later_than_its_timestamp_shows_as_delay(tmp_path: Path) -> None:
    day = later(12 * 60)
    strikes = tuple(69_000.0 + 250.0 * i for i in range(9))
    rows = [r | {"timestamp": later(-2)} for r in ladder(strikes, expiry_datetime=day)]
    for entry in rows:
        entry["instrument_name"] = f"{entry['strike']}{entry['option_type']}"
    delay = mark_report([write_parquet(tmp_path / "c.parquet", rows)]).numbers["delay_BTC"]
    assert delay == pytest.approx(120.0, rel=0.02)


def test_rows_that_cannot_be_priced_are_counted(tmp_path: Path) -> None:
    rows = [
        *ladder(),
        row(50_000.0, True, mark_price=None),
        row(51_000.0, True, implied_volatility=None),
        row(52_000.0, True, underlying=None, futures_price=None),
        row(53_000.0, True, expiry_datetime=later(-1), instrument_name="gone"),
    ]
    report = mark_report([write_parquet(tmp_path / "c.parquet", rows)])
    assert (report.rows, report.left_out) == (6, 4)


def test_a_strike_with_one_side_has_no_parity(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "c.parquet", [row(70_000.0, True)])
    errors = mark_errors(path)
    assert errors["parity_forward"].null_count() == 1
    assert errors["error_at_parity"].null_count() == 1
    assert "within_rounding" not in mark_report([path]).numbers


def test_files_of_both_years_in_one_report(tmp_path: Path) -> None:
    new = write_parquet(tmp_path / "c.parquet", ladder())
    old = write_csv(tmp_path / "c.csv", [csv_row(9_000.0, True)])
    report = mark_report([new, old])
    assert [(line.label, line.rows) for line in report.by_file] == [("c.parquet", 6), ("c.csv", 1)]


def test_nothing_to_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError):
        mark_report([])
    with pytest.raises(DocumentError):
        mark_report(str(tmp_path))  # type: ignore[arg-type]
    path = write_parquet(tmp_path / "c.parquet", ladder(mark_price=None))
    with pytest.raises(DocumentError) as caught:
        mark_report([path])
    assert caught.value.problems[0].path == "rows"
