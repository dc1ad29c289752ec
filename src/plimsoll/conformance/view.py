"""The conformance table and the misses below it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from plimsoll.conformance.outcome import FileOutcome

if TYPE_CHECKING:
    from rich.table import Table


def outcome_table(outcomes: list[FileOutcome]) -> Table:
    """`file, model, passed, total, worst error`, one row for each file and a last one for all."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("file", overflow="fold")
    table.add_column("model", no_wrap=True)
    for heading in ("passed", "total", "worst error"):
        table.add_column(heading, justify="right")
    table.add_column("", no_wrap=True)
    for o in outcomes:
        word = {"parameters": "parameters", "no model": "no model"}.get(o.status, "ok" if o.ok else "MISS")
        if o.status == "cases" and o.total == 0:
            word = "asserts nothing"
        table.add_row(PurePath(o.path).name, o.model, str(o.passed), str(o.total), _error(o.worst_error), word)
    passed, total = sum(o.passed for o in outcomes), sum(o.total for o in outcomes)
    table.add_row("all", "", str(passed), str(total), "", "ok" if all(o.ok for o in outcomes) else "MISS")
    return table


def shown_misses(outcomes: list[FileOutcome], most: int) -> Iterator[str]:
    """Up to `most` missed assertions of each case that missed."""
    for o in outcomes:
        for case in o.cases:
            if case.passed:
                continue
            if not case.misses:
                yield f"{case.case}: asserts nothing"
            for miss in case.misses[:most]:
                yield f"{case.case}: {miss}"
            if len(case.misses) > most:
                yield f"{case.case}: ... and {len(case.misses) - most} more"


def _error(error: float | None) -> str:
    if error is None:
        return "-"
    return "inf" if math.isinf(error) else f"{error:.1e}"
