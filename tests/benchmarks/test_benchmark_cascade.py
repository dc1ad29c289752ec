"""The contenders of the cascade benchmark do the same thing, so that their times can be compared."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import numpy as np
import pytest

from benchmarks.harness.bench import generator
from benchmarks.subjects.cascade import cascade_inputs

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.parametrize(("accounts", "steps"), [(1, 3), (300, 20)])
def test_the_numpy_loop_and_plimsoll_give_the_same_cascade(accounts: int, steps: int) -> None:
    """Whole units against floats: apart by the rounding of lots' prices to a millionth of a USD."""
    inputs = cascade_inputs(generator("test", 1), accounts, steps)
    calls = [FOLDER / "ours" / "call_cascade.py", FOLDER / "peers" / "scipy" / "call_scipy_cascade.py"]
    made = [run_path(str(path))["run"](inputs, {"threads": 1}) for path in calls]
    assert made[0]["units"] == made[1]["units"] == accounts * steps
    mine, theirs = (one["run"]() for one in made)
    for name in ("price", "forced", "fund"):
        assert mine[name] == pytest.approx(theirs[name], rel=1e-5), name
    if accounts > 1:
        assert mine["forced"].min() > 0.0
        assert (mine["price"] < inputs["first"] * inputs["price"][-1]).all()
    assert np.isfinite(mine["fund"]).all()
