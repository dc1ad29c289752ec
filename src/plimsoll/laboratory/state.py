"""Who has what in a cascade: cash and lots of every party, in whole units, and the check that the sums stay."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.setup import CascadeVenue

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

PARTIES = ("makers", "rest", "desk", "insurance_fund", "venue_capital", "fees", "keepers", "owners")
"""Besides the accounts: makers that take forced orders, the rest of the venue that holds what the fleet does not hold
against itself, the desk that changes currencies, four purses, and what holders have outside, from which they pay in."""


@dataclass
class State:
    """Cash `[A, C]` of the accounts and `[C]` of each other party, lots `[P]` of the accounts and `[N]` of makers and
    the rest; `entry[P]` only ranks. Changed in place by one cascade."""

    lots: I64
    entry: I64
    cash: I64
    parties: dict[str, I64]
    maker_lots: I64
    rest_lots: I64
    indices: I64

    @classmethod
    def of(cls, fleet: FleetArrays, venue: CascadeVenue, price: I64, settle: I64) -> State:
        """At the start: the rest of the venue has paid for what it holds at `price[N]`, makers hold nothing."""
        unit = 10**venue.decimals
        width = len(fleet.currencies)
        parties = {name: np.zeros(width, dtype=np.int64) for name in PARTIES}
        parties["insurance_fund"][0] = round(venue.insurance_fund * unit)
        parties["venue_capital"][0] = round(venue.venue_capital * unit)
        rest = -fleet.net_lots()
        np.subtract.at(parties["rest"], settle, rest * price)
        return cls(
            fleet.lots.copy(),
            fleet.entry.copy(),
            fleet.cash.copy(),
            parties,
            np.zeros(len(fleet.instruments), dtype=np.int64),
            rest,
            fleet.indices,
        )

    def money(self) -> I64:
        """Units of each currency over all parties `[C]`: constant."""
        total: I64 = self.cash.sum(axis=0)
        for purse in self.parties.values():
            total = total + purse
        return total

    def net(self) -> I64:
        """Lots of each instrument over all parties `[N]`: zero."""
        found = self.maker_lots + self.rest_lots
        np.add.at(found, self.indices, self.lots)
        return found


def spread(total: int, weights: I64) -> I64:
    """`total` units over whole weights from zero up, in proportion, exact in sum, nobody above its weight.

    ```
    share_k = floor(total * W_k / W) - floor(total * W_(k-1) / W)          W_k the sum of the first k weights
    ```

    With `total` above the sum of the weights everybody gets its weight. Whoever calls orders the weights.

    >>> spread(10, np.array([1, 1, 1])).tolist(), spread(2, np.array([5, 0, 5])).tolist()
    ([1, 1, 1], [1, 0, 1])
    """
    whole = int(weights.sum())
    if total >= whole:
        return weights.astype(np.int64)
    sums = [0]
    running = 0
    for w in weights.tolist():
        running += w
        sums.append(total * running // whole)
    found = np.array(sums, dtype=np.int64)
    return found[1:] - found[:-1]
