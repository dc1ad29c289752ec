"""Relief between underlyings that move together, from dated quantiles of their correlation.

Implements capabilities K7 under the reading: the charge of a pair is `max(M(rho_low), M(rho_high))` with

```
M(rho) = rho+ * worst(u and v together) + (1 - rho+) * (worst(u) + worst(v)),     rho+ = max(rho, 0)
```

where the quantiles are those of rolling correlations, stressed. Without positive correlation a pair has no relief, so
what would vanish in a storm is not granted in calm weather.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydantic import Field

from plimsoll.documents import Part

F64 = npt.NDArray[np.float64]


class Correlation(Part):
    """Stressed 1 % and 99 % quantiles of the rolling correlation of a pair's returns."""

    low: float = Field(strict=True, ge=-1, le=1)
    high: float = Field(strict=True, ge=-1, le=1)


@dataclass(frozen=True)
class Pairing:
    """A pair `(first, second)` with the part of each that it takes and the relief of that part, in USD (positive)."""

    first: int
    second: int
    weight: float
    relief: float


def pair_name(one: str, other: str) -> str:
    """The name of a pair in a table: both underlyings in order, joined by a dash.

    >>> pair_name("ETH", "BTC")
    'BTC-ETH'
    """
    return "-".join(sorted((one, other)))


def pair_margin(apart: float, together: float, correlation: float) -> float:
    """`M(rho)` of a pair from its losses `apart` (the sum of both worst) and `together` (the worst of both at once).

    >>> pair_margin(100.0, 20.0, 0.8), pair_margin(100.0, 20.0, 0.0), pair_margin(100.0, 20.0, -0.4)
    (36.0, 100.0, 100.0)
    """
    share = max(correlation, 0.0)
    return share * together + (1.0 - share) * apart


def pair_charge(apart: float, together: float, correlation: Correlation) -> float:
    """The larger of `M(low)` and `M(high)`."""
    return max(pair_margin(apart, together, rho) for rho in (correlation.low, correlation.high))


def pairings(names: Sequence[str], pnl: F64, table: Mapping[str, Correlation]) -> tuple[Pairing, ...]:
    """How underlyings are best paired; `pnl[U, S]` are weighted gains of each in common scenarios, USD.

    A part `w` of `u` and the same part of `v` may be margined as a pair, `w` of each underlying at most once in all:
    the weights maximise the relief, a small linear program. A pair that the table does not name has none. The order of
    the underlyings does not matter for the sum. Shapes and signs: `pnl` is negative where it loses.
    """
    worst = np.maximum(0.0, -pnl.min(axis=1, initial=0.0))
    found: list[tuple[int, int, float]] = []
    for u in range(len(names)):
        for v in range(u + 1, len(names)):
            row = table.get(pair_name(names[u], names[v]))
            if row is None:
                continue
            apart = float(worst[u] + worst[v])
            together = max(0.0, -float((pnl[u] + pnl[v]).min(initial=0.0)))
            relief = apart - pair_charge(apart, together, row)
            if relief > 0.0:
                found.append((u, v, relief))
    if len(found) == 1:
        u, v, relief = found[0]
        return (Pairing(u, v, 1.0, relief),)
    return _matched(len(names), found) if found else ()


def _matched(size: int, pairs: Sequence[tuple[int, int, float]]) -> tuple[Pairing, ...]:
    from scipy.optimize import linprog

    taken = np.zeros((size, len(pairs)))
    for j, (u, v, _) in enumerate(pairs):
        taken[u, j] = taken[v, j] = 1.0
    gains = np.array([r for _, _, r in pairs])
    scale = float(gains.max())
    solved = linprog(-gains / scale, A_ub=taken, b_ub=np.ones(size), bounds=(0.0, 1.0), method="highs-ds")
    weights = np.clip(solved.x, 0.0, 1.0) if solved.status == 0 else np.zeros(len(pairs))
    return tuple(Pairing(u, v, float(w), float(w) * r) for (u, v, r), w in zip(pairs, weights, strict=True) if w > 0.0)


def positive_semidefinite(names: Sequence[str], table: Mapping[str, Correlation], side: str) -> bool:
    """Whether the quantiles of one side (`low` or `high`) are a correlation matrix; a missing pair counts as zero."""
    if not names:
        return True
    matrix = np.eye(len(names))
    for u, one in enumerate(names):
        for v, other in enumerate(names):
            row = table.get(pair_name(one, other))
            if u != v and row is not None:
                matrix[u, v] = getattr(row, side)
    return bool(np.linalg.eigvalsh(matrix).min() >= -1e-9)
