"""Schedules on a recorded book and recorded minutes: a part of what docs/validation/schedule.md has whole."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest


@pytest.mark.slow
def test_a_schedule_beats_everything_at_once_out_of_sample(shared: Path) -> None:
    tool = import_module("measure_schedule")
    data = shared / "data"
    books = [book for book, _ in tool.read_recording(data / tool.BOOK).books()]
    known = tool.walks(books[::6], 5e6)
    close = pl.read_parquet(data / tool.MINUTES)["close"].to_numpy().astype(float)[: 60 * tool.DAY]
    row = tool.episodes(close, known, 5e6, 1e-5, tool.ExecutionTerms())
    assert row.tests["at once"].blocks >= 55
    assert row.tests["at once"].smaller < 0.01
    assert row.value("schedule") < row.value("at once")
    # the test can say the opposite: no aversion and no impact leave nothing to gain from haste or patience
    flat = tool.Walks(
        known.sizes, {b: 0.0 * c for b, c in known.cost.items()}, known.spread, dict.fromkeys(known.slope, 1e-12)
    )
    assert not tool.episodes(close, flat, 5e6, 0.0, tool.ExecutionTerms()).tests["at once"].smaller < 0.01
    assert np.isfinite(row.cost["schedule"]).all()
