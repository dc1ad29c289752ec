"""Where positions were entered that were open before the window: a distribution fitted to the signs of what they made.

A short closed at `x` has gained where its entry is above `x`. Shares of gains at different distances below the first
mark give the place and the width of the distribution of entries; nothing else in the table does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from plimsoll.laboratory.replay.marks import Marks
from plimsoll.laboratory.replay.positions import F64, B, Positions

NODES = 9
"""Points over which the unknown closing price is averaged, even in the logarithm between first mark and lowest."""

PLACE, WIDTH = (0.05, 0.10), (float(np.log(0.10)), 0.5)
"""Priors, normal: of the mean logarithm of entry over first mark, and of the logarithm of its standard deviation."""

GRID = 61


@dataclass(frozen=True, eq=False)
class Entries:
    """`ln(entry / first mark)` of one side is normal with mean `place` and standard deviation `exp(log_width)`.

    `mean` is (place, log_width), `covariance` `[2, 2]` how sure both are.
    """

    mean: F64
    covariance: F64

    def draw(self, random: np.random.Generator) -> tuple[float, float]:
        """A place and a width (not its logarithm)."""
        place, log_width = random.multivariate_normal(self.mean, self.covariance, method="cholesky")
        return float(place), float(np.exp(log_width))


def entries_of(positions: Positions, marks: Mapping[str, Marks], long: bool) -> Entries:
    """The posterior of place and width of one side, on a grid, summed up by its mean and covariance.

    Only positions that were open before and closed something count. The closing price is averaged over the fall, so
    that no minute is assumed.
    """
    place = np.linspace(PLACE[0] - 4.0 * PLACE[1], PLACE[0] + 4.0 * PLACE[1], GRID)
    log_width = np.linspace(WIDTH[0] - 4.0 * WIDTH[1], WIDTH[0] + 4.0 * WIDTH[1], GRID)
    p, w = np.meshgrid(place, log_width, indexing="ij")
    height = -0.5 * (((p - PLACE[0]) / PLACE[1]) ** 2 + ((w - WIDTH[0]) / WIDTH[1]) ** 2)
    used = positions.closed & ~positions.fresh & (positions.long == long)
    for asset, m in marks.items():
        here = used & (positions.asset == asset)
        gains = int((positions.realised[here] > 0.0).sum())
        losses = int(here.sum()) - gains
        if gains + losses:
            x = np.linspace(0.0, np.log(m.low / m.start), NODES)[:, None, None]
            above = np.logaddexp.reduce(log_ndtr((p - x) / np.exp(w)), axis=0) - np.log(NODES)
            below = np.logaddexp.reduce(log_ndtr((x - p) / np.exp(w)), axis=0) - np.log(NODES)
            height += gains * (below if long else above) + losses * (above if long else below)
    weight = np.exp(height - height.max())
    weight /= weight.sum()
    points = np.stack([p.ravel(), w.ravel()])
    mean = points @ weight.ravel()
    off = points - mean[:, None]
    return Entries(mean, (off * weight.ravel()) @ off.T + 1e-10 * np.eye(2))


def draw_entries(close: F64, start: float, above: B, place: float, width: float, random: np.random.Generator) -> F64:
    """An entry for each close `[n]` from the fitted distribution, given on which side of it the entry must lie."""
    cut = ndtr((np.log(close / start) - place) / width)
    u = random.random(close.size)
    share = np.where(above, cut + u * (1.0 - cut), u * cut)
    return np.asarray(start * np.exp(place + width * ndtri(np.clip(share, 1e-12, 1.0 - 1e-12))))
