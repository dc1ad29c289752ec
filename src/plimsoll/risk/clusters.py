"""The variance of a mean over draws that share something: the days they were drawn from, a pair, a randomisation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def clustered_variance(parts: F64, clusters: npt.ArrayLike) -> float:
    """Variance of `sum_s parts[s]`, which is zero, where draws with an equal number in `clusters[S, K]` depend.

    With `S_g = sum_s n[s, g] parts[s]` over the draws in which `g` stands `n` times, it is `G / (G - 1) (sum_g S_g^2 -
    sum_s parts[s]^2 (sum_g n[s, g]^2 - 1))` over `G` numbers; with `K` different ones in each draw the second sum is
    `(K - 1) sum parts^2`. `S_g` is the influence of a day on the mean, so the first sum is the variance over other
    histories, and the noise of a finite number of draws `K` times; the second leaves that noise once. Numbers of one
    column are a partition, for which it is the usual variance by clusters. Draws in several columns are independent
    given what they were drawn from: there it is never below `sum parts^2`, that of drawing alone.

    Sources: Cameron, Gelbach and Miller (2011), "Robust inference with multiway clustering"; Efron (2014), "Estimation
    and accuracy after model selection", and Wager, Hastie and Efron (2014), "Confidence intervals for random forests",
    for the influence of a day and the noise in it.

    >>> clustered_variance(np.array([0.5, 0.5, -0.5, -0.5]), [0, 0, 1, 1])
    4.0
    """
    groups = np.asarray(clusters, dtype=np.int64)
    groups = groups[:, None] if groups.ndim == 1 else groups
    least = int(groups.min())
    top = int(groups.max()) - least + 1
    sums, seen = np.zeros(top), np.zeros(top, dtype=bool)
    for k in range(groups.shape[1]):
        column = groups[:, k] - least
        sums += np.bincount(column, weights=parts, minlength=top)
        seen[column] = True
    count = int(np.count_nonzero(seen))
    squares = parts * parts
    alone = float(squares.sum())
    surplus = (groups.shape[1] - 1) * alone
    if groups.shape[1] > 1:
        surplus += float(squares @ _repeats(groups))
    found: float = (float(sums @ sums) - surplus) * count / max(count - 1, 1)
    return found if groups.shape[1] == 1 else max(found, alone)


def _repeats(groups: I64) -> F64:
    """`[S]` of `sum_g n[s, g]^2 - K`: twice the pairs of columns in which a draw has the same number."""
    ordered = np.sort(groups, axis=1)
    found = np.zeros(groups.shape[0])
    for lag in range(1, groups.shape[1]):
        same = ordered[:, lag:] == ordered[:, :-lag]
        if not same.any():
            break
        found += 2.0 * same.sum(axis=1)
    return found
