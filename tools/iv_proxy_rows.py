"""Every shared chain in rows: the factors of each fitted surface, and what the market's smile says on a grid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plimsoll.documents import YEAR_SECONDS
from plimsoll.dynamics import Surface, fit_market
from plimsoll.dynamics.factors import SmileFactors, variance_level
from plimsoll.feeds import import_chain, list_snapshots
from plimsoll.market.history import instant_ns

STEPS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Standardised log-moneyness of the grid."""

DAYS = (2.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0)
"""Tenors of the grid, in days."""


@dataclass(frozen=True)
class Row:
    """One surface: when, its factors, the 30-day variance level, the first and last tenor fitted, and its grid."""

    coin: str
    time_ns: int
    factors: SmileFactors
    variance_level: float
    first_days: float
    last_days: float
    vols: dict[tuple[float, float], float]


def rows(folder: Path) -> Iterator[Row]:
    """Both coins of every snapshot of the daily and intraday files of 2026."""
    for path in sorted(folder.glob("deribit_chain_*.parquet")):
        for snapshot in list_snapshots(path):
            for fit in fit_market(import_chain(path, snapshot.time)):
                surface = Surface.of(fit)
                factors = SmileFactors.of(surface)
                taus = [t * YEAR_SECONDS / 86_400.0 for t in surface.taus]
                vols = {}
                for days in DAYS:
                    atm = float(surface.vol(0.0, days / 365.0))
                    for z in STEPS:
                        k = z * atm * (days / 365.0) ** 0.5
                        vols[days, z] = float(surface.vol(k, days / 365.0))
                level = variance_level(surface, 30.0 / 365.0)
                yield Row(fit.underlying, instant_ns(fit.time), factors, level, taus[0], taus[-1], vols)
