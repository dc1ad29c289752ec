"""Capital as rows of a program: initial margin, and what the paths ask for as far as cuts are known.

```
tail      C >= level + sum of weight spill / (p P),   spill[j] >= cut - level,  spill, level >= 0
whole     C >= cut - M b[j],   sum of weight b <= p P,   b[j] 0 or 1: path j is given up
```
A path without a cut asks for nothing: with few cuts the rows are a relaxation. `level` may start at zero, for the
shortfall of now, which is a maintenance margin, is one of every path. Source of `tail`: Rockafellar and Uryasev (2000).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from plimsoll.optimise import algebra as al
from plimsoll.optimise.layout import Layout, Row, added
from plimsoll.optimise.variation.cuts import Cut
from plimsoll.risk.plan import F64, I64
from plimsoll.scenarios.paths import JointPaths


class Book(Protocol):
    """Columns of a book in a program; see `plimsoll.optimise.problem.Columns`."""

    @property
    def position(self) -> I64:
        """`[2 N]`: long, then short."""

    @property
    def step(self) -> I64:
        """`[K]` of the ladders."""

    @property
    def item(self) -> I64:
        """`[K]` the contract of each step."""

    @property
    def cost(self) -> F64:
        """`[K]` US dollars a contract."""


def capital_rows(
    layout: Layout, initial: Row, book: Book, cuts: Sequence[Cut], term: al.Capital, paths: JointPaths
) -> Row:
    """A column that is at least `initial` and what `cuts` say over the columns of a book."""
    if not cuts:
        return initial
    assert term.breach is not None
    top = layout.new(0.0, np.inf)
    layout.add(added([initial, Row(top, np.array([-1.0]))]), -np.inf, 0.0)
    rows = [_row(book, c) for c in cuts]
    names = sorted({c.path for c in cuts})
    at = {j: k for k, j in enumerate(names)}
    weight = paths.weight[names]
    mass = term.breach * paths.weight.size
    if term.whole:
        given = layout.new(np.zeros(len(names)), 1.0, whole=True)
        layout.add(Row(given, weight), -np.inf, mass * (1.0 + 1e-12))
        for cut, row in zip(cuts, rows, strict=True):
            most = _most(layout, row)
            if most > 0.0:
                b = given[[at[cut.path]]]
                layout.add(added([row, Row(top, np.array([-1.0])), Row(b, np.array([-most]))]), -np.inf, 0.0)
        return Row(top, np.ones(1))
    level, spill = layout.new(0.0, np.inf), layout.new(np.zeros(len(names)), np.inf)
    for cut, row in zip(cuts, rows, strict=True):
        over = np.array([level[0], spill[at[cut.path]]])
        layout.add(added([row, Row(over, np.array([-1.0, -1.0]))]), -np.inf, 0.0)
    tail = added([Row(level, np.ones(1)), Row(spill, weight / mass), Row(top, np.array([-1.0]))])
    layout.add(tail, -np.inf, 0.0)
    return Row(top, np.ones(1))


def _row(book: Book, cut: Cut) -> Row:
    positions = Row(book.position, np.concatenate([cut.long, cut.short]), cut.constant)
    if not cut.paid.any():
        return positions
    return added([positions, Row(book.step, cut.paid[book.item] * book.cost)])


def _most(layout: Layout, row: Row) -> float:
    """The largest value of a row over the bounds of its columns."""
    low, high = (np.array(b)[row.columns] for b in (layout.low, layout.high))
    ends = np.where(row.values > 0.0, row.values * high, np.where(row.values < 0.0, row.values * low, 0.0))
    return float(ends.sum()) + row.constant
