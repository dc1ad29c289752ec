"""Is it worse? Paired differences under one seed, by blocks, and the one-sided test of their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.risk.plan import F64


@dataclass(frozen=True)
class Paired:
    """`mean` of after less before with its standard `error`, over `blocks` that count as independent. `larger` is the
    one-sided p that the true mean is not above zero (small: it is larger after), `smaller` that it is not below."""

    before: float
    after: float
    mean: float
    error: float
    larger: float
    smaller: float
    blocks: int

    def worse(self, level: float = 0.05) -> bool:
        """Whether what should be small is larger afterwards, beyond chance."""
        return self.larger < level

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(vars(self))


def paired(before: npt.ArrayLike, after: npt.ArrayLike, *, block: int = 1) -> Paired:
    """Both `[n]` from the same draws; neighbours of `block` are averaged first, a rest at the end left out.

    Student's t on the means of the blocks; where all of them are the same number, that number is certain. Raises
    `DocumentError` for fewer than two blocks or numbers that are none.

    >>> found = paired([1.0, 2.0, 3.0, 4.0], [2.0, 2.5, 4.5, 5.0])
    >>> found.mean, round(found.larger, 4), found.worse()
    (1.0, 0.0081, True)
    """
    one, two = _numbers("before", before), _numbers("after", after)
    if one.shape != two.shape:
        raise refuse("after", two.size, f"{one.size} numbers, one for each of before")
    count = one.size // block if block >= 1 else 0
    if count < 2:
        raise refuse("block", block, f"two blocks or more of the {one.size} pairs")
    means = (two - one)[: count * block].reshape(count, block).mean(axis=1)
    mean, spread = float(means.mean()), float(means.std(ddof=1))
    error = spread / count**0.5
    # numbers that differ by rounding alone are one number
    if spread <= 1e-12 * max(1e-300, float(np.abs(means).max())):
        larger, smaller = (0.0, 1.0) if mean > 0.0 else (1.0, 0.0) if mean < 0.0 else (0.5, 0.5)
        error = 0.0
    else:
        from scipy.special import stdtr

        larger = float(stdtr(count - 1, -mean / error))
        smaller = 1.0 - larger
    return Paired(float(one.mean()), float(two.mean()), mean, error, larger, smaller, count)


def _numbers(name: str, values: npt.ArrayLike) -> F64:
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 1 or not np.isfinite(found).all():
        raise refuse(name, f"shape {found.shape}", "finite numbers in one row")
    return found
