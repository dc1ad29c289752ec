"""The positions of an event as a table: what a venue's public fills tell about each account, and what they do not."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem
from plimsoll.documents.errors import shorten

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
B = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]

DUST = 0.01
"""USD: what is left open below this is rounding of whoever added up the fills, and counts as nothing."""


COLUMNS = ("account", "asset", "long", "size", "entry", "mark", "realised", "leverage", "liquidated", "deleveraged")


@dataclass(frozen=True, eq=False)
class Positions:
    """`[n]` positions touched in the window of an event, one for each account and asset.

    ```
    account, asset  names; together they are unique
    long            which side the position had at the start of the window, or was opened on
    size            contracts still open at the end, from zero up, no sign: not what was closed
    entry           USD, known only for what was opened inside the window, else NaN
    mark            USD, the mark at the end of the window
    realised        USD gained by what was closed, losses below zero, before fees
    leverage        multiples of the account's equity, NaN where not known
    liquidated, deleveraged   what happened to it, or None where the file does not say
    unnamed         of flags from a second file: positions that it does not name, which count as having neither
    elsewhere       rows of that file that name no position here
    ```

    Raises `DocumentError` for a number outside its range and for a position that is there twice.
    """

    account: Names
    asset: Names
    long: B
    size: F64
    entry: F64
    mark: F64
    realised: F64
    leverage: F64
    liquidated: B | None = None
    deleveraged: B | None = None
    source: str = ""
    unnamed: int = 0
    elsewhere: int = 0

    def __post_init__(self) -> None:
        n = len(self.account)
        problems = []
        for field in COLUMNS[1:]:
            column = getattr(self, field)
            if column is not None and len(column) != n:
                problems.append(Problem(field, f"{len(column)} rows", f"{n} rows, one for each account"))
        if n == 0:
            problems.append(Problem("rows", "a table of 0 rows", "one position or more"))
        if problems:
            raise DocumentError(problems, self.source)
        ranges = (
            ("position_size", self.size, np.isfinite(self.size) & (self.size >= 0.0), "a number from zero up"),
            ("mark_price", self.mark, np.isfinite(self.mark) & (self.mark > 0.0), "a price above zero"),
            ("entry_price", self.entry, ~np.isinf(self.entry) & ~(self.entry <= 0.0), "a price above zero, or none"),
            ("realized_pnl", self.realised, np.isfinite(self.realised), "a finite number"),
            ("leverage_ratio", self.leverage, ~np.isinf(self.leverage) & ~(self.leverage < 0.0), "from zero up"),
        )
        for field, column, fine, allowed in ranges:
            if not fine.all():
                row = int(np.argmin(fine))
                problems.append(Problem(f"rows[{row}].{field}", shorten(float(column[row])), allowed))
        seen: dict[tuple[str, str], int] = {}
        for row, key in enumerate(zip(self.account.tolist(), self.asset.tolist(), strict=True)):
            if key in seen:
                got = f"{shorten(key[0])} in {shorten(key[1])}, as in rows[{seen[key]}]"
                problems.append(Problem(f"rows[{row}].user_address", got, "each account once in each asset"))
                break
            seen[key] = row
        if problems:
            raise DocumentError(problems, self.source)

    def __len__(self) -> int:
        return len(self.account)

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets, in the order of the alphabet."""
        return tuple(sorted(set(self.asset.tolist())))

    @property
    def fresh(self) -> B:
        """Opened inside the window: their entry price is known."""
        return ~np.isnan(self.entry)

    @property
    def closed(self) -> B:
        """Something of them was closed in the window. The others can have neither flag, and say nothing of size."""
        return np.asarray(self.realised != 0.0)

    @property
    def left(self) -> F64:
        """Contracts still open at the end, dust taken as nothing."""
        return np.where(self.size * self.mark < DUST, 0.0, self.size)

    def rows(self, chosen: npt.NDArray[np.bool_] | I64) -> Positions:
        """These positions alone. They were checked with the whole."""
        part = copy(self)
        for field in COLUMNS:
            column = getattr(self, field)
            if column is not None:
                object.__setattr__(part, field, column[chosen])
        return part

    def traps(self) -> dict[str, int]:
        """What in the table is easily taken for something else, counted."""
        found = {
            "entry price unknown": int(np.isnan(self.entry).sum()),
            "leverage unknown": int(np.isnan(self.leverage).sum()),
            "closed to zero: size at the start unknown": int((self.left == 0.0).sum()),
            "open size that is dust": int(((self.size > 0.0) & (self.left == 0.0)).sum()),
            "nothing closed: can have no flag": int((~self.closed).sum()),
        }
        if self.liquidated is not None and self.deleveraged is not None:
            either = self.liquidated | self.deleveraged
            gained = self.realised > 0.0
            found |= {
                "both liquidated and deleveraged": int((self.liquidated & self.deleveraged).sum()),
                "flagged, and open at the end": int((either & (self.left > 0.0)).sum()),
                "liquidated with a profit": int((self.liquidated & gained).sum()),
                "deleveraged with a loss": int((self.deleveraged & ~gained).sum()),
                "flagged without anything closed": int((either & ~self.closed).sum()),
            }
        if self.unnamed or self.elsewhere:
            found |= {
                "not among the outcomes: taken as neither flag": self.unnamed,
                "outcomes of positions that are not here": self.elsewhere,
            }
        return found
