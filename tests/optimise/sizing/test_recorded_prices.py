"""Buffers on recorded prices: a part of what docs/validation/sizing.md has whole."""

from __future__ import annotations

from importlib import import_module
from itertools import islice
from pathlib import Path

import pytest


@pytest.mark.slow
def test_windows_of_recorded_closes(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_SHARED", str(shared))
    tool = import_module("measure_sizing")
    windows = list(islice(tool.lived(tool.closes(("BTC",)), "BTC", 300, 400), 8))
    assert len(windows) == 8
    for w in windows:
        # less is asked for where a call may be likelier, and nobody is let off the margin itself
        assert list(w.paths) == sorted(w.paths, reverse=True)
        assert list(w.closed) == sorted(w.closed, reverse=True)
        assert min(*w.paths, *w.closed, w.needed) > 0.05
    assert sum(w.needed > w.paths[0] for w in windows) <= 1
    assert tool.page(windows, [tool.Held("none", 0.0, 0, 1, 0.0, 0.0)], 300, 400).count("\n| BTC") == 2
