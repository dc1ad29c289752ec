"""Hedges on recorded quotes: a part of what docs/validation/hedges.md has whole."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_maker_and_a_directional_book_on_the_quotes_of_a_day(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_SHARED", str(shared))
    tool = import_module("measure_hedges")
    market = tool.snapshot()
    rows = [tool.run(kind, 0, market) for kind in tool.KINDS]
    for row in rows:
        answer = row.answer
        assert answer.status == "optimal"
        assert answer.gap < 1e-6
        assert answer.saving > 0.0
        assert answer.ticket.complete
        assert answer.outside[1] <= max(answer.outside[0], 0.0) + 1e-3
        # nothing is traded without a quote on its side
        assert not any("assumed" in note for note in answer.notes)
        for step in answer.ticket.steps:
            mark = market.marks[step.instrument]
            assert mark.ask if step.quantity > 0.0 else mark.bid
            assert step.cost > 0.0
    assert tool.page(rows, 1).count("\n| maker") == 2
