"""The rates of a venue at one time as a document, and what they ask of positions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Asset, Document, Name, refuse
from plimsoll.documents.instants import Instant
from plimsoll.margin.parts.tiers import Tiers, TierTable

F64 = npt.NDArray[np.float64]


class RateSchedule(Document):
    """Initial and maintenance rates by asset and tier (USD of notional, marginal counting), from `effective` on.

    `causes` says for each asset what set its rates; `inputs` are the hashes of what they were computed from.
    """

    SCHEMA: ClassVar[str] = "plimsoll.rate-schedule"

    name: Name
    effective: Instant
    assets: dict[Asset, TierTable]
    causes: dict[Asset, str] = {}
    inputs: dict[Name, str] = {}

    def tiers(self, asset: str) -> Tiers:
        """The table of an asset as arrays."""
        if asset not in self.assets:
            raise refuse("asset", asset, f"one of {', '.join(sorted(self.assets))}")
        return Tiers.of(self.assets[asset])


def initial_margin(table: TierTable, notional: F64) -> F64:
    """USD for positions of that `notional` (USD, any sign): each part of a position at the initial rate of its tier.

    >>> from plimsoll.margin.parts.tiers import Tier
    >>> table = TierTable(tiers=(Tier(upto=100.0, maintenance=0.05, initial=0.1),
    ...                          Tier(upto=None, maintenance=0.1, initial=0.2)))
    >>> initial_margin(table, np.array([50.0, -200.0])).tolist()
    [5.0, 30.0]
    """
    return _marginal(np.array([t.initial for t in table.tiers]), _ends(table), notional)


def maintenance_margin(table: TierTable, notional: F64) -> F64:
    """The same at the maintenance rates."""
    return _marginal(np.array([t.maintenance for t in table.tiers]), _ends(table), notional)


def _ends(table: TierTable) -> F64:
    return np.array([np.inf if t.upto is None else t.upto for t in table.tiers], dtype=np.float64)


def _marginal(rates: F64, ends: F64, notional: F64) -> F64:
    size = np.abs(np.asarray(notional, dtype=np.float64))[..., None]
    starts = np.concatenate([[0.0], ends[:-1]])
    found: F64 = (np.clip(size - starts, 0.0, ends - starts) * rates).sum(axis=-1)
    return found
