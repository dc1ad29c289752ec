"""What many accounts hold, as compressed rows over one list of instruments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.account import QUANTITY_LIMIT, Account

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions of `A` accounts in `N` instruments, by name.

    Account `a` holds `quantity[j]` contracts (signed, positive is long) of `instruments[indices[j]]` for `j` from
    `indptr[a]` up to, not including, `indptr[a + 1]`. An instrument may stand twice in an account, which then holds
    the sum; an account may be empty. No collateral, no open orders, nothing unsettled: positions only. Raises
    `DocumentError` naming the argument.
    """

    instruments: tuple[str, ...]
    indptr: I64
    indices: I64
    quantity: F64

    def __post_init__(self) -> None:
        names = tuple(self.instruments)
        if len(set(names)) != len(names):
            twice = next(n for i, n in enumerate(names) if n in names[:i])
            raise refuse("positions.instruments", twice, "each instrument once")
        object.__setattr__(self, "instruments", names)
        for field in ("indptr", "indices"):
            object.__setattr__(self, field, _whole(f"positions.{field}", getattr(self, field)))
        starts, columns, held = self.indptr, self.indices, np.asarray(self.quantity)
        if held.ndim != 1 or (held.size and held.dtype.kind not in "fiu"):
            raise refuse("positions.quantity", f"{held.dtype} of shape {held.shape}", "real numbers with one axis")
        object.__setattr__(self, "quantity", held.astype(np.float64, copy=False))
        if held.size != columns.size:
            raise refuse("positions.quantity", f"{held.size} numbers", f"{columns.size} as in indices")
        if starts.size == 0 or starts[0] != 0 or starts[-1] != columns.size or (np.diff(starts) < 0).any():
            allowed = f"numbers that rise from 0 to {columns.size}, the number of indices, and never fall"
            raise refuse("positions.indptr", f"{starts.size} numbers", allowed)
        stray = (columns < 0) | (columns >= len(names))
        if stray.any():
            at = int(np.argmax(stray))
            raise refuse(f"positions.indices[{at}]", int(columns[at]), f"0 to {len(names) - 1}")
        wrong = ~(np.abs(self.quantity) <= QUANTITY_LIMIT)
        if wrong.any():
            at = int(np.argmax(wrong))
            allowed = f"contracts from {-QUANTITY_LIMIT:g} to {QUANTITY_LIMIT:g}"
            raise refuse(f"positions.quantity[{at}]", float(self.quantity[at]), allowed)

    def __len__(self) -> int:
        """Number of accounts."""
        return self.indptr.size - 1

    def take(self, start: int, stop: int) -> Positions:
        """The accounts from `start` up to, not including, `stop`."""
        low, high = int(self.indptr[start]), int(self.indptr[stop])
        indptr = self.indptr[start : stop + 1] - low
        return Positions(self.instruments, indptr, self.indices[low:high], self.quantity[low:high])

    @classmethod
    def of(cls, accounts: Iterable[Account]) -> Positions:
        """The positions of account documents; what else stands in them is left out.

        >>> from plimsoll.margin import Account, Position
        >>> held = Account(positions=(Position(instrument="BTC-PERP", quantity=2.0),))
        >>> Positions.of([held, Account()]).indptr.tolist()
        [0, 1, 1]
        """
        places: dict[str, int] = {}
        starts, columns, held = [0], [], []
        for account in accounts:
            for position in account.positions:
                columns.append(places.setdefault(position.instrument, len(places)))
                held.append(position.quantity)
            starts.append(len(columns))
        return cls(tuple(places), np.array(starts), np.array(columns, np.int64), np.array(held, np.float64))


def _whole(path: str, value: Any) -> I64:
    array = np.asarray(value)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise refuse(path, f"{array.dtype} of shape {array.shape}", "integers with one axis")
    return array.astype(np.int64, copy=False)
