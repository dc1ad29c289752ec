"""Auto-deleveraging of many accounts at once: the rankings of the waterfall, over arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plimsoll.laboratory.state import spread
from plimsoll.liquidation.waterfall.documents import Ranking

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def scores(lots: I64, entry: I64, price: int, equity: I64) -> F64:
    """The rank of positions in the queue of `profit-leverage`, higher first; `price` and `entry` in one unit.

    ```
    gained   (lots * price - entry) / |entry|         leverage  |lots * price| / equity
    score    gained * leverage where something was gained, else gained / leverage
    ```

    `equity` is above zero. As `plimsoll.liquidation.waterfall.adl.score` in floats.
    """
    value = np.abs((lots * price).astype(np.float64))
    profit = (lots * price - entry).astype(np.float64)
    gained = profit / np.maximum(1.0, np.abs(entry.astype(np.float64)))
    leverage = value / equity.astype(np.float64)
    # one that is worth nothing has no leverage and nothing to lose by it: last
    ratio = np.divide(gained, leverage, out=np.full(value.size, -np.inf), where=leverage > 0.0)
    return np.where(gained > 0.0, gained * leverage, ratio)


def taken_lots(
    ranking: Ranking,
    needed: int,
    lots: I64,
    entry: I64,
    price: int,
    equity: I64,
    ids: I64,
    size: int,
    ends: F64,
    rates: F64,
) -> I64:
    """Lots that each holder of the opposite side gives up, from zero to what it holds; `needed` in all, or all.

    ```
    profit-leverage   the highest score first, each whole before the next; of equal ones the lower number
    pro-rata          in proportion to lots
    least-risk        the lots whose close lowers maintenance most, which are those in the highest tiers
    ```

    `size` units of USD a lot for the tiers `ends[K]` (units) with `rates[K]`; arrays are `[H]`.
    """
    held = np.abs(lots)
    needed = min(needed, int(held.sum()))
    if ranking == "pro-rata":
        order = np.argsort(ids)
        found = np.zeros(held.size, dtype=np.int64)
        found[order] = spread(needed, held[order])
        return found
    if ranking == "profit-leverage":
        order = np.lexsort((ids, -scores(lots, entry, price, equity)))
        return _in_turn(needed, held, order)
    # a requirement that is convex in the position: its dearest lots are the last ones
    starts = np.concatenate([[0.0], ends[:-1]])
    firsts = [np.minimum(held, np.floor(np.minimum(s / max(1, size), 2.0**62)).astype(np.int64)) for s in starts]
    parts, who, rate = [], [], []
    for k in range(ends.size):
        top = held if k == ends.size - 1 else firsts[k + 1]
        parts.append(top - firsts[k])
        who.append(np.arange(held.size))
        rate.append(np.full(held.size, rates[k]))
    part, owner, dear = np.concatenate(parts), np.concatenate(who), np.concatenate(rate)
    given = _in_turn(needed, part, np.lexsort((ids[owner], -dear)))
    found = np.zeros(held.size, dtype=np.int64)
    np.add.at(found, owner, given)
    return found


def _in_turn(needed: int, held: I64, order: npt.NDArray[np.intp]) -> I64:
    before = np.cumsum(held[order]) - held[order]
    found = np.zeros(held.size, dtype=np.int64)
    found[order] = np.clip(needed - before, 0, held[order])
    return found
