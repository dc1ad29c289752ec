"""The contenders of the least-shortfall benchmark solve one problem, so that their times can be compared."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest

from benchmarks.harness.bench import generator
from benchmarks.subjects.es_programs import long_only_program, option_program

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


def test_rows_for_highs_and_plimsoll_give_the_same_least() -> None:
    inputs = option_program(generator("test", 1), 12, 600)
    mine = run_path(str(FOLDER / "ours" / "call_es.py"))["options"](inputs, {})["run"]()
    peer = run_path(str(FOLDER / "peers" / "cvxpy" / "call_cvxpy.py"))
    theirs = peer["simplex"](inputs, {"limit": 60.0})["run"]()
    assert mine["objective"] == pytest.approx(theirs["objective"], rel=1e-8)
    assert mine["gap"] <= 1e-8
    # what the peers tell of an answer is what ours tells of its own
    again = peer["told"](inputs["pnl"], inputs["base"], 0.975, mine["x"])
    assert again["objective"] == pytest.approx(mine["objective"], rel=1e-12)
    assert np.abs(inputs["rows"] @ mine["x"]).max() < 1e-9
    none = peer["told"](inputs["pnl"], inputs["base"], 0.975, np.zeros(12))
    assert mine["objective"] < none["objective"]


def test_long_only_shares_add_up_to_one() -> None:
    inputs = long_only_program(generator("test", 2), 9, 500)
    found = run_path(str(FOLDER / "ours" / "call_es.py"))["long_only"](inputs, {})["run"]()
    assert found["x"].sum() == pytest.approx(1.0)
    assert found["x"].min() >= 0.0
    told = run_path(str(FOLDER / "peers" / "cvxpy" / "call_cvxpy.py"))["told"]
    even = told(inputs["pnl"], 0.0, 0.95, np.full(9, 1 / 9))
    assert found["objective"] < even["objective"]
