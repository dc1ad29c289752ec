"""Equity and maintenance margin of every pool at any point of a path."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError
from plimsoll.liquidation.path import Path
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import States, Track
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

ROUNDING = 1e-13
"""Part of equity and margin that may be rounding: what is smaller is no excess and no lack."""


@dataclass(eq=False)
class Probe:
    """An account under a model on a path, asked at multipliers `1 + x`; counts the states it computed.

    Where the rules refuse a state far out (a price that double precision cannot carry, a volatility that they do not
    take) that state has no number (NaN); `refusal` keeps the first reason.
    """

    model: MarginModel
    account: Account
    market: Market
    path: Path
    computed: int = 0
    refusal: str = ""
    _here: dict[str, float] = field(default_factory=dict)

    def tracks(self, multipliers: F64) -> dict[str, Track]:
        """One track `[K]` for each pool; maintenance holds the fee of a liquidation where the venue sets one against
        equity. Raises what the model raises where nothing has moved.
        """
        states = self.path.at(multipliers)
        self.computed += len(states)
        try:
            with np.errstate(all="ignore"):
                return self._at(states)
        except DocumentError as error:
            if multipliers.size == 1:
                if multipliers[0] == 1.0:
                    raise
                self.refusal = self.refusal or str(error)
                return {}
        return self._joined([self.tracks(multipliers[k : k + 1]) for k in range(multipliers.size)])

    @staticmethod
    def _joined(parts: list[dict[str, Track]]) -> dict[str, Track]:
        subjects = list(dict.fromkeys(s for part in parts for s in part))
        none = np.array([np.nan])

        def row(subject: str, name: str) -> F64:
            return np.concatenate([getattr(p[subject], name) if subject in p else none for p in parts])

        return {s: Track(s, row(s, "equity"), row(s, "maintenance")) for s in subjects}

    def _at(self, states: States) -> dict[str, Track]:
        """The model's tracks, what a liquidation costs beside the maintenance margin counted in it."""
        tracks = self.model.along(self.account, self.market, states)
        return {t.subject: Track(t.subject, t.equity, t.needed) for t in tracks}

    def excess(self, subject: str, multipliers: F64) -> tuple[F64, F64]:
        """`[K]` equity less maintenance of a pool, and how much of it may be rounding."""
        found = self.tracks(multipliers).get(subject)
        if found is None:
            nothing = np.full(multipliers.shape, np.nan)
            return nothing, nothing
        return self.gap(found)

    def gap(self, track: Track) -> tuple[F64, F64]:
        """Excess of a track `[K]` and its rounding."""
        if track.subject not in self._here:
            start = self.tracks(np.ones(1))[track.subject]
            self._here[track.subject] = float(abs(start.equity[0]) + abs(start.maintenance[0]))
        with np.errstate(all="ignore"):
            size = np.abs(track.equity) + np.abs(track.maintenance) + self._here[track.subject]
            return track.equity - track.maintenance, ROUNDING * size

    def kinks(self) -> F64:
        """Multipliers `1 + x` of the path at which equity or margin may bend or jump, increasing."""
        found = [self.path.multiplier_of(u, k) for u, k in self.model.kinks(self.account, self.market).items()]
        points: F64 = np.unique(np.concatenate([np.empty(0), *found]))
        inside: F64 = points[np.isfinite(points) & (points > 0)]
        return inside


def states_at(path: Path, multiplier: float) -> States:
    """The one state at `1 + x`."""
    return path.at(np.array([multiplier]))
