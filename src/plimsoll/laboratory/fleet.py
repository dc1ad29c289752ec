"""The accounts of a cascade as arrays: whole lots, cash in whole units, and where each currency is worth what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor, log10

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.documents.money import to_units
from plimsoll.laboratory.instruments import Instrument
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.rates.impact import Fleet

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MOST_LOTS = 2**44
"""Of one position: parts of it are counted in whole numbers."""


@dataclass(frozen=True, eq=False)
class FleetArrays:
    """A accounts that hold `lots[P]` (signed) of the instruments `indices[P]`, rows by `indptr[A + 1]`.

    `cash[A, C]` is what each has in whole units of `currencies`, the venue's own first, *after* all that its positions
    have cost: equity is `cash + lots * price`. `entry[P]` is that cost in units of the settlement currency, lots times
    the entry price, and only says who has gained most. `prices` are USD a coin of each underlying at the start.
    `decimals[C]` of each currency. `ids[A]` are the numbers by which delays are drawn: an account keeps its own
    whatever its place. Within an account instruments stand in growing order, each once.

    Raises `DocumentError` for arrays that do not fit together, an unknown instrument, or amounts beyond 2^62 units.
    """

    instruments: tuple[Instrument, ...]
    prices: Mapping[str, float]
    currencies: tuple[str, ...]
    decimals: tuple[int, ...]
    indptr: I64
    indices: I64
    lots: I64
    cash: I64
    entry: I64
    ids: I64

    def __post_init__(self) -> None:
        a, p = self.indptr.size - 1, self.indices.size
        if a < 1 or self.indptr[0] != 0 or self.indptr[-1] != p or (np.diff(self.indptr) < 0).any():
            raise refuse("indptr", f"{self.indptr.size} numbers", f"rising from 0 to {p}, the number of positions")
        for field, shape in (("lots", (p,)), ("entry", (p,)), ("ids", (a,)), ("cash", (a, len(self.currencies)))):
            got = getattr(self, field)
            if got.shape != shape or got.dtype != np.int64:
                raise refuse(field, f"{got.dtype} of shape {got.shape}", f"int64 of shape {shape}")
        if not self.currencies or len(self.decimals) != len(self.currencies):
            raise refuse("decimals", len(self.decimals), f"one for each of the {len(self.currencies)} currencies")
        if p and (self.indices.min() < 0 or self.indices.max() >= len(self.instruments)):
            raise refuse("indices", int(self.indices.max()), f"from 0 to {len(self.instruments) - 1}")
        owner = np.repeat(np.arange(a), np.diff(self.indptr))
        if ((np.diff(self.indices) <= 0) & (np.diff(owner) == 0)).any():
            raise refuse("indices", "an instrument twice or out of order", "each once in an account, growing")
        if p and int(np.abs(self.lots).max()) > MOST_LOTS:
            raise refuse("lots", int(np.abs(self.lots).max()), f"at most {MOST_LOTS} in a position")
        if np.unique(self.ids).size != a:
            raise refuse("ids", "a number twice", "a number of its own for every account")
        for what in self.instruments:
            if what.underlying not in self.prices:
                names = ", ".join(sorted(self.prices))
                raise refuse(f"instruments.{what.name}.underlying", what.underlying, f"one of {names}")
            if what.kind == "inverse" and what.underlying not in self.currencies:
                raise refuse("currencies", list(self.currencies), f"{what.underlying}, in which {what.name} settles")
        if np.abs(self.cash.astype(np.float64)).sum() > 2.0**62:
            raise refuse("cash", "more than 2^62 units", "amounts that whole numbers hold: fewer decimals")

    @property
    def accounts(self) -> int:
        """A."""
        return int(self.indptr.size - 1)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Those of the instruments, in order of first use."""
        return tuple(dict.fromkeys(i.underlying for i in self.instruments))

    def net_lots(self) -> I64:
        """Lots of all accounts together `[N]`, signed: the rest of the venue holds the opposite."""
        found = np.zeros(len(self.instruments), dtype=np.int64)
        np.add.at(found, self.indices, self.lots)
        return found

    def ordered(self, order: Sequence[int] | I64) -> FleetArrays:
        """The same accounts in another order; numbers stay with their accounts."""
        order = np.asarray(order, dtype=np.int64)
        length = np.diff(self.indptr)[order]
        indptr = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        at = positions_of(self.indptr, order)
        return replace(
            self,
            indptr=indptr,
            indices=self.indices[at],
            lots=self.lots[at],
            entry=self.entry[at],
            cash=self.cash[order],
            ids=self.ids[order],
        )


def positions_of(indptr: I64, rows: I64) -> I64:
    """Places of the positions of `rows`, row after row."""
    length = indptr[rows + 1] - indptr[rows]
    ends = np.cumsum(length)
    total = int(ends[-1]) if ends.size else 0
    return np.repeat(indptr[rows] - (ends - length), length) + np.arange(total, dtype=np.int64)


def owners_of(indptr: I64, rows: I64) -> I64:
    """For each of those places the position in `rows` of the account that it belongs to."""
    return np.repeat(np.arange(rows.size), indptr[rows + 1] - indptr[rows])


def usual_lot(price: float) -> float:
    """The power of ten of coins that is worth at most 10 USD.

    >>> usual_lot(88_000.0), usual_lot(3_000.0), usual_lot(0.5)
    (0.0001, 0.001, 10.0)
    """
    return float(f"1e{floor(log10(10.0 / price))}")


def from_fleet(fleet: Fleet, venue: CascadeVenue) -> FleetArrays:
    """A fleet document in whole lots and units: positions go to the nearest lot, equity is rounded down.

    Positions count as entered at the fleet's prices. Each asset is one linear contract settled in the venue's currency.
    """
    names = tuple(fleet.prices)
    for asset in venue.lots:
        if asset not in fleet.prices:
            raise refuse(f"lots.{asset}", asset, f"an asset of the fleet ({', '.join(names)})")
    instruments = tuple(Instrument(n, n, venue.lots.get(n, usual_lot(fleet.prices[n]))) for n in names)
    unit = 10.0**venue.decimals
    each = [round(fleet.prices[n] * i.lot * unit) for n, i in zip(names, instruments, strict=True)]
    place = {n: k for k, n in enumerate(names)}
    indptr, indices, lots, entry, cash = [0], [], [], [], []
    for account in fleet.accounts:
        cost = 0
        for asset in sorted(account.positions, key=place.__getitem__):
            k = place[asset]
            count = round(account.positions[asset] / instruments[k].lot)
            if count:
                indices.append(k)
                lots.append(count)
                entry.append(count * each[k])
                cost += count * each[k]
        indptr.append(len(indices))
        cash.append([to_units(account.equity, venue.decimals, against="holder") - cost])
    return FleetArrays(
        instruments,
        dict(fleet.prices),
        (venue.currency,),
        (venue.decimals,),
        np.array(indptr, dtype=np.int64),
        np.array(indices, dtype=np.int64),
        np.array(lots, dtype=np.int64),
        np.array(cash, dtype=np.int64).reshape(-1, 1),
        np.array(entry, dtype=np.int64),
        np.arange(len(fleet.accounts), dtype=np.int64),
    )
