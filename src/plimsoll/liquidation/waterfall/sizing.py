"""How large a default fund must be: the losses beyond margin of the one or two members that lose most together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.liquidation.waterfall.documents import VenueState

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cover:
    """The fund that covers the default of the `members` that lose most beyond their margin in one `scenario`.

    `size` in the unit of the losses; `scenario` is -1 where nobody loses more than it has.
    """

    size: float
    scenario: int
    members: tuple[int, ...]


def cover(beyond: F64, members: int = 2) -> Cover:
    """Cover-1 or Cover-2 (`members` = 1, 2, …) of losses beyond margin.

    ```
    size = max_s  sum of the `members` largest  max(0, beyond[m, s])  over m
    ```

    `beyond[M, S]` is what member m loses in scenario s beyond everything that it has at the venue. Never falls when a
    loss or a scenario is added, so it is monotone in the severity of the stress. Raises `DocumentError` for losses
    that are not finite.
    """
    if members < 1:
        raise refuse("members", members, "a number from one up")
    losses = np.asarray(beyond, dtype=np.float64)
    if losses.ndim != 2 or not np.isfinite(losses).all():
        raise refuse("beyond", f"an array {losses.shape}", "finite losses, one row a member and one column a scenario")
    positive = np.maximum(losses, 0.0)
    count = min(members, positive.shape[0])
    if not positive.size or not positive.any():
        return Cover(0.0, -1, ())
    largest = np.sort(positive, axis=0)[-count:]
    sums = largest.sum(axis=0)
    s = int(sums.argmax())
    # stable, so that of equal losers the first is named
    order = np.argsort(-positive[:, s], kind="stable")[:count]
    return Cover(float(sums[s]), s, tuple(int(m) for m in order if positive[m, s] > 0))


def losses_beyond(venue: VenueState) -> list[list[int]]:
    """`[M][S]` units that each member would owe in each of the venue's scenarios, zero where it can pay.

    Without the fund: equity after its loss, and what its open lots gain. Exact whole numbers.
    """
    rows = []
    for m in venue.members:
        free = m.equity - m.loss
        gains = [sum(h.lots * venue.scenarios[i][s] for i, h in m.positions.items()) for s in range(venue.columns)]
        rows.append([max(0, -free - g) for g in gains])
    return rows


def fund_cover(venue: VenueState, members: int = 2) -> Cover:
    """`cover` of a venue's own scenarios, in units."""
    return cover(np.array(losses_beyond(venue), dtype=np.float64).reshape(len(venue.members), venue.columns), members)
