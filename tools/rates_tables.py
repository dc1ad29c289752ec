"""Schedules of rates and the tables that the page of published rates is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.rates.governor import GovernorRule, Published
from plimsoll.rates.tune import Score, Series, published, score

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Schedule:
    """A name and the rate of each asset `[T]`, with the indices of its changes."""

    name: str
    rates: tuple[F64, ...]
    changes: tuple[tuple[int, ...], ...]

    def score(self, series: Sequence[Series], start: int, end: int) -> Score:
        """Over a part of time."""
        return score(list(zip(series, self.rates, self.changes, strict=True)), start, end)


def of_rule(name: str, rule: GovernorRule, series: Sequence[Series]) -> Schedule:
    """A governor on all assets."""
    found: list[Published] = [published(rule, s) for s in series]
    return Schedule(name, tuple(p.rate for p in found), tuple(tuple(c.announced for c in p.changes) for p in found))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table: words left, numbers right."""
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def score_row(name: str, s: Score) -> list[str]:
    """One schedule in the frontier's table."""
    return [
        name,
        f"{s.coverage:.2%}",
        f"{s.worst_coverage:.2%}",
        f"{s.mean:.2%}",
        f"{s.peak_to_trough:.2f}",
        f"{s.rise_30d:.0%}",
        f"{s.shortfall:.2%}",
        f"{s.changes:.0f}",
    ]


HEADS = (
    "schedule",
    "coverage",
    "worst coin, side",
    "mean rate",
    "peak / trough",
    "rise in 30 days",
    "mean shortfall",
    "changes a year",
)
