"""What comes back for many accounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Amounts:
    """`initial`, `maintenance` and `equity` `[A]` of one block of accounts, in `currency`; `odd[A]` are left out.

    `currency` is one for the rule set or an array `[A]`. An odd account is one that the block's arithmetic does not
    cover: the exact engine is asked for it.
    """

    initial: F64
    maintenance: F64
    equity: F64
    odd: npt.NDArray[np.bool_]
    currency: str | npt.NDArray[np.str_] | None = None


@dataclass(frozen=True, eq=False)
class Totals:
    """Initial and maintenance margin of `A` accounts under one rule set, unrounded, as floats in `currency[A]`.

    `equity[A]` is the net equity of the positions alone (option and spot value as the rules count it): cash and
    collateral come on top of it. An account that the rules refuse has NaN in all three and its reasons in `refused`,
    by its number; the paths of the problems start with `accounts[number]`.
    """

    initial: F64
    maintenance: F64
    equity: F64
    currency: npt.NDArray[np.str_]
    refused: dict[int, tuple[Problem, ...]]

    def __len__(self) -> int:
        """Number of accounts."""
        return self.initial.size

    def check(self) -> Totals:
        """The same totals; raises `DocumentError` with every problem of every refused account, if there is one."""
        problems = [problem for found in self.refused.values() for problem in found]
        if problems:
            raise DocumentError(problems)
        return self

    def frame(self) -> Any:
        """One row for each account as a polars data frame; `refused` holds the first problem in words."""
        import polars as pl

        words = [None if (p := self.refused.get(a)) is None else str(p[0]) for a in range(len(self))]
        columns = {n: getattr(self, n) for n in ("initial", "maintenance", "equity")}
        more = {"currency": self.currency.tolist(), "refused": pl.Series(words, dtype=pl.String)}
        return pl.DataFrame({"account": np.arange(len(self)), **columns, **more})
