"""Published backtests: the real folder, another asset of the same shape, and what a broken folder is told."""

from __future__ import annotations

import csv
import gzip
import json
import math
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.naive import published as naive

from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.validate.published import read_published, reproduce
from plimsoll.validate.published.forecasts import tail
from plimsoll.validate.published.reproduce import equal

LEVELS = (0.01, 0.05)


def test_the_published_figures_of_bitcoin(shared: Path) -> None:
    """All of Hist-Sim, EWMA and FHS from the returns alone, and what follows from counts for everybody."""
    found = reproduce(shared / "data" / "backtests", fits=False)
    assert found.count("differs") == 0
    equal_ones = Counter((f.table, f.model) for f in found.figures if f.status == "equal" and f.basis == "returns")
    assert equal_ones == {
        ("var", "Hist-Sim"): 68,
        ("var", "EWMA"): 68,
        ("tail", "FHS"): 11,
        ("es", "Hist-Sim"): 6,
        ("es", "EWMA"): 6,
    }
    told = {f.column: f.ours for f in found.figures if (f.table, f.model, f.level) == ("var", "EWMA", 0.01)}
    assert (told["viol_raw"], told["viol_cp"]) == (27, 3)
    assert {f.model for f in found.figures if f.status == "skipped"} == {"GARCH-N", "EVT-POT"}
    assert all(f.reason for f in found.figures if f.status in ("not reproducible", "skipped"))
    assert any("plain historical simulation" in note for note in found.notes)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_fitted_figures_of_bitcoin(shared: Path) -> None:
    """GARCH of every window to the digits at which optimisers of two versions stop, and the peaks over threshold."""
    found = reproduce(shared / "data" / "backtests")
    assert found.complete
    equal_ones = Counter((f.table, f.model) for f in found.figures if f.status == "equal" and f.basis == "fit")
    assert equal_ones == {("var", "GARCH-N"): 68, ("tail", "EVT-POT"): 11, ("es", "GARCH-N"): 6}


# another asset of the same shape ------------------------------------------------------------------------------


def toy_returns(jumps: int) -> np.ndarray:
    """600 heavy-tailed returns, some days beyond one half."""
    rng = np.random.default_rng(9)
    returns = 0.03 * rng.standard_t(4, 600).clip(-8, 8)
    returns[[100, 400][:jumps]] = [-0.62, 0.55][:jumps]
    return returns


def write_folder(folder: Path, returns: np.ndarray, used: np.ndarray, change: Any = None) -> Path:
    """Tables of the toy asset, written by the naive twin; `change` may edit the VaR rows."""
    window = 250
    total = used.size - window
    calibration = int(total * 0.7)
    after, rows, es_rows = used.tolist()[window:], [], []
    for model, maker in (("Hist-Sim", naive.historical), ("EWMA", naive.ewma)):
        for level in LEVELS:
            quantile, mean, std = maker(used.tolist(), level, window)
            rows.append(naive.var_row(after, quantile, level, calibration))
            rows[-1] |= {"model": model, "symbol": "TOY", "alpha": level}
            if level == 0.01:
                es = naive.es_row(after, quantile, mean, std, level, calibration)
                es_rows.append({"model": model, "symbol": "TOY", **es})
    if change is not None:
        change(rows)
    write(folder / "toy_daily_log_returns.csv.gz", [{"date": day(i), "log_return": r} for i, r in enumerate(returns)])
    write(folder / "var_backtest_published_toy.csv.gz", rows)
    write(folder / "es_z2_published_toy.csv", es_rows)
    return folder


def day(i: int) -> str:
    return str(np.datetime64("2020-01-01") + i)


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    text = path.with_suffix(".tmp")
    with text.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    content = text.read_bytes()
    text.unlink()
    path.write_bytes(gzip.compress(content) if path.name.endswith(".gz") else content)


def test_another_asset_by_the_twin(tmp_path: Path) -> None:
    returns = toy_returns(0)
    found = reproduce(write_folder(tmp_path, returns, returns))
    assert found.complete
    assert found.count("equal") == len(found.figures) == 4 * 17 + 2 * 6
    assert {f.symbol for f in found.figures} == {"TOY"}


def test_days_that_the_sizes_say_were_left_out(tmp_path: Path) -> None:
    """Two days beyond one half: the forecasts have two fewer than the returns, so those days were left out."""
    returns = toy_returns(2)
    found = reproduce(write_folder(tmp_path, returns, returns[np.abs(returns) <= 0.5]))
    assert found.complete
    assert found.count("equal") == len(found.figures)
    assert any("2 days" in note for note in found.notes)


def test_jumps_that_were_kept(tmp_path: Path) -> None:
    returns = toy_returns(2)
    found = reproduce(write_folder(tmp_path, returns, returns))
    assert found.complete
    assert not found.notes


@pytest.mark.parametrize("column", ["qV", "viol_raw", "p_kup_cp", "TL_raw", "QS_cp", "raw_width", "p_cc_raw"])
def test_one_changed_figure_is_found(tmp_path: Path, column: str) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        value = rows[0][column]
        rows[0][column] = "Blue" if isinstance(value, str) else 0.5 if value is None else value + (value == 0) + 1

    returns = toy_returns(0)
    found = reproduce(write_folder(tmp_path, returns, returns, change))
    assert [(f.model, f.level, f.column) for f in found.figures if f.status == "differs"] == [
        ("Hist-Sim", 0.01, column)
    ]
    assert not found.complete


def test_sizes_that_fit_no_rule_are_told(tmp_path: Path) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["n_cal"] -= 7

    returns = toy_returns(0)
    found = reproduce(write_folder(tmp_path, returns, returns, change))
    assert any("not the 600 returns less a window" in note for note in found.notes)


def test_a_fitted_tail_on_a_few_days() -> None:
    """With fits the residuals are GARCH's, and filtered history is no longer plain history."""
    returns = toy_returns(0)
    plain, fitted = (tail(returns, 590, 0.01, fit=fit) for fit in (False, True))
    expected = [-naive.linear_quantile(returns.tolist()[t - 250 : t], 0.01) for t in range(590, 600)]
    assert plain.filtered.tolist() == pytest.approx(expected)
    assert (plain.unfitted, fitted.unfitted) == (10, 0)
    assert not np.allclose(plain.filtered, fitted.filtered, rtol=0.01)
    assert (fitted.pot > 0).all()


def test_equality_of_entries() -> None:
    assert equal(0.1, 0.1 + 1e-11, 1e-9)
    assert not equal(0.1, 0.1001, 1e-9)
    assert not equal(3, 4, 1.0)  # counts agree exactly or not at all
    assert equal(None, None, 1e-9)
    assert not equal(None, 0.5, 1e-9)
    assert not equal(0.5, None, 1e-9)
    assert equal("True", True, 1e-9)
    assert equal(math.nan, math.nan, 1e-9)


# the command --------------------------------------------------------------------------------------------------


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    returns = toy_returns(0)
    write_folder(tmp_path, returns, returns)
    assert run(["validate", "reproduce", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"equal": 80, "differs": 0, "not reproducible": 0, "skipped": 0}
    assert set(told["files"]) == {p.name for p in tmp_path.iterdir()}
    one = told["figures"][0]
    assert abs(one["ours"] - one["published"]) <= 1e-9
    assert run(["validate", "reproduce", str(tmp_path), "--every"]) == 0
    text = capsys.readouterr().out
    assert "80 equal" in text
    assert max(len(line) for line in text.splitlines()) <= 100


def test_command_on_a_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[0]["qV"] *= 1.001

    returns = toy_returns(0)
    write_folder(tmp_path, returns, returns, change)
    assert run(["validate", "reproduce", str(tmp_path)]) == 1
    assert "qV" in capsys.readouterr().out


# bad folders --------------------------------------------------------------------------------------------------


def refused(folder: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        read_published(folder)
    return str(caught.value)


def test_bad_folders_are_named(tmp_path: Path) -> None:
    assert "DIR" in refused(tmp_path / "none")
    assert "_daily_log_returns.csv" in refused(tmp_path)
    returns = toy_returns(0)
    write(tmp_path / "toy_daily_log_returns.csv", [{"date": day(i), "log_return": r} for i, r in enumerate(returns)])
    assert "var_backtest_published_toy.csv" in refused(tmp_path)
    write(tmp_path / "var_backtest_published_toy.csv", [{"model": "EWMA", "symbol": "TOY", "alpha": 0.01}])
    assert "n_cal, n_test" in refused(tmp_path)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"when": "2020-01-01", "log_return": 0.1}], "date and log_return"),
        ([{"date": "2020-01-02", "log_return": 0.1}, {"date": "2020-01-02", "log_return": 0.1}], "date[1]"),
        ([{"date": "2020-01-02", "log_return": 0.1}, {"date": "2020-01-01", "log_return": 0.1}], "date[1]"),
        ([{"date": "2020-01-01", "log_return": "x"}, {"date": "2020-01-02", "log_return": 0.1}], "log_return"),
        ([{"date": "2020-01-01", "log_return": "inf"}, {"date": "2020-01-02", "log_return": 0.1}], "log_return[0]"),
    ],
)
def test_bad_returns_are_named(tmp_path: Path, rows: list[dict[str, Any]], told: str) -> None:
    write(tmp_path / "toy_daily_log_returns.csv", rows)
    assert told in refused(tmp_path)


def test_a_broken_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "toy_daily_log_returns.csv.gz").write_bytes(b"not gzip")
    assert "toy_daily_log_returns.csv.gz" in refused(tmp_path)


def test_a_missing_library_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "arch", None)
    with pytest.raises(DocumentError, match=r"\[history\]"):
        tail(toy_returns(0), 599, 0.01, fit=True)
