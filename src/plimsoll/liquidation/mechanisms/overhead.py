"""Systemic liquidation overhead: what liquidating many at once costs beyond what they owe.

```
overhead = realised loss - theoretical deficit
deficit  = sum over accounts of max(0, -equity at the marks)
loss     = sum over accounts of max(0, -(equity - its part of the cost of selling all of it together))
```

An account that could have paid alone cannot when it sells into the same depth as all others: the overhead is what the
crowd adds to the loss of whoever stands behind it. It is zero for nothing sold and never falls with the fraction that
is liquidated at once, since cost is convex in the size and what is below zero stays there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overhead:
    """`[K]` for each fraction of the accounts: coins sold together, `depth` of them (coins over the coins posted),
    realised loss, deficit and overhead in USD, and how many accounts end below zero."""

    fractions: F64
    coins: F64
    depth: F64
    loss: F64
    deficit: F64
    failed: npt.NDArray[np.int64]

    @property
    def overhead(self) -> F64:
        """`[K]` loss less deficit, USD."""
        found: F64 = self.loss - self.deficit
        return found


def overhead(
    equity: F64,
    coins: F64,
    cost: Callable[[float], float],
    fractions: Sequence[float],
    *,
    posted: float,
    seed: int | None = None,
) -> Overhead:
    """The overhead of liquidating the first part of the accounts at once, for each of the `fractions`.

    `equity[N]` at the marks in USD, `coins[N]` above zero that each sells, all on one side; `cost` is USD for selling
    so many coins together (`Closing.cost`), of which everybody bears the part that it sells. `posted` coins are the
    depth that sizes are told against. With a `seed` the accounts are shuffled first; without, they fail in the order in
    which they stand. Raises `DocumentError` for numbers outside their range.
    """
    equity, coins = np.asarray(equity, dtype=np.float64), np.asarray(coins, dtype=np.float64)
    if equity.shape != coins.shape or equity.ndim != 1 or equity.size == 0:
        raise refuse("accounts", f"{equity.size} equities and {coins.size} sizes", "as many of both, at least one")
    if not (np.isfinite(equity).all() and np.isfinite(coins).all() and (coins > 0.0).all()):
        raise refuse("coins", "sizes that are not all above zero", "finite equities, and sizes above zero")
    wanted = np.asarray(fractions, dtype=np.float64)
    if not ((wanted >= 0.0) & (wanted <= 1.0)).all():
        raise refuse("fractions", list(fractions), "parts from zero to one")
    if seed is not None:
        place = np.random.default_rng(seed).permutation(equity.size)
        equity, coins = equity[place], coins[place]
    rows = []
    for part in wanted.tolist():
        n = round(part * equity.size)
        sold = float(coins[:n].sum())
        each = cost(sold) / sold if n else 0.0
        left = equity[:n] - each * coins[:n]
        owed = np.maximum(0.0, -left)
        rows.append((sold, float(owed.sum()), float(np.maximum(0.0, -equity[:n]).sum()), int((left < 0.0).sum())))
    sold_all, loss, deficit, failed = (np.array(x) for x in zip(*rows, strict=True))
    return Overhead(wanted, sold_all, sold_all / posted, loss, deficit, failed.astype(np.int64))


def separate(equity: F64, coins: F64, cost: Callable[[float], float]) -> float:
    """USD lost when each account is liquidated alone, into depth that is whole again: the other end of the curve."""
    return float(sum(max(0.0, cost(float(q)) - float(e)) for e, q in zip(equity, coins, strict=True)))
