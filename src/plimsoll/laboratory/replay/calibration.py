"""Was the fit any good: tested on the half of the accounts that it has not seen, against plain shares."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.laboratory.replay.fit import FLAGS, SIDES, ReplayFit, features
from plimsoll.laboratory.replay.marks import Marks
from plimsoll.laboratory.replay.positions import F64, I64, B, Positions

THIRDS = ("small", "middle", "large")
LEVEL = 0.9
"""Every interval holds this much: from 5 to 95 per cent of its draws."""


def halves(positions: Positions, seed: int) -> B:
    """Which positions belong to accounts whose fit is to be made; the others test it.

    By a hash of seed and address, so that all positions of an account are on the same side, and an account is on the
    same side in every file.
    """
    side = {a: hashlib.sha256(f"{seed}:{a}".encode()).digest()[0] & 1 == 0 for a in set(positions.account.tolist())}
    return np.array([side[a] for a in positions.account.tolist()], dtype=bool)


@dataclass(frozen=True)
class Interval:
    """A number, and the range of its draws (5 to 95 per cent)."""

    value: float
    low: float
    high: float


def interval(value: float, draws: F64) -> Interval:
    """`value` with the 5 and 95 per cent points of `draws`; NaNs among these are left out."""
    known = draws[np.isfinite(draws)]
    if not known.size:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(known, [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Interval(value, float(low), float(high))


@dataclass(frozen=True)
class Bin:
    """Positions of one side and a third by size: the share predicted and the share observed."""

    side: str
    size: str
    positions: int
    predicted: float
    observed: Interval


@dataclass(frozen=True)
class Calibration:
    """A flag on accounts that were not fitted: Brier score and mean log-likelihood, of the fit and of the plain share
    of each asset and side among the fitted; `gain` is the baseline's Brier score less the fit's, above zero where the
    fit is better."""

    flag: str
    positions: int
    brier: float
    baseline: float
    gain: Interval
    likelihood: float
    baseline_likelihood: float
    bins: tuple[Bin, ...]

    @property
    def verdict(self) -> str:
        """Whether the fit beat the plain share, in words."""
        if self.gain.low > 0.0:
            return "better than the plain share"
        return "worse than the plain share" if self.gain.high < 0.0 else "not told apart from the plain share"


def calibrate(
    positions: Positions, marks: Mapping[str, Marks], model: ReplayFit, fitted: B, seed: int, draws: int = 200
) -> tuple[Calibration, ...]:
    """Each flag on the positions outside `fitted` that closed something, with intervals over resampled accounts."""
    if positions.liquidated is None or positions.deleveraged is None:
        raise refuse("was_liquidated, was_adl", "no flags", "flags to test a fit on")
    made = features(positions, marks, model.assets, (model.size_centre, model.size_scale))
    test = np.flatnonzero(positions.closed & ~fitted)
    if not test.size or not (positions.closed & fitted).any():
        raise refuse("user_address", "accounts in one half alone", "enough accounts for two halves")
    weights = resampled(positions.account[test], draws, np.random.default_rng([seed, 1]))
    size = np.digitize(np.abs(positions.realised), np.quantile(np.abs(positions.realised[test]), [1 / 3, 2 / 3]))
    found = []
    for flag in FLAGS:
        y: B = getattr(positions, flag)
        chance, plain = np.zeros(len(positions)), np.zeros(len(positions))
        for long in (True, False):
            here = positions.long == long
            chance[here] = model.model(long, flag).chance(getattr(made, flag)[here])
            for asset in positions.assets:
                cell = here & (positions.asset == asset)
                known = y[cell & fitted & positions.closed]
                plain[cell] = (known.sum() + 0.5) / (known.size + 1.0)
        hit = y[test].astype(float)
        better = (plain[test] - hit) ** 2 - (chance[test] - hit) ** 2
        found.append(
            Calibration(
                flag=flag,
                positions=int(test.size),
                brier=float(np.mean((chance[test] - hit) ** 2)),
                baseline=float(np.mean((plain[test] - hit) ** 2)),
                gain=interval(float(better.mean()), (weights @ better) / weights.sum(axis=1)),
                likelihood=_likelihood(chance[test], hit),
                baseline_likelihood=_likelihood(plain[test], hit),
                bins=_bins(positions, test, size, chance, y, weights),
            )
        )
    return tuple(found)


def _likelihood(chance: F64, hit: F64) -> float:
    p = np.clip(chance, 1e-9, 1.0 - 1e-9)
    return float(np.mean(hit * np.log(p) + (1.0 - hit) * np.log1p(-p)))


def _bins(positions: Positions, test: I64, size: I64, chance: F64, y: B, weights: F64) -> tuple[Bin, ...]:
    found = []
    for side, long in zip(SIDES, (True, False), strict=True):
        for k, name in enumerate(THIRDS):
            here = (positions.long[test] == long) & (size[test] == k)
            if here.any():
                hit = y[test][here].astype(float)
                with np.errstate(invalid="ignore"):
                    shares = (weights[:, here] @ hit) / weights[:, here].sum(axis=1)
                share = interval(float(hit.mean()), shares)
                found.append(Bin(side, name, int(here.sum()), float(chance[test][here].mean()), share))
    return tuple(found)


def resampled(account: np.ndarray[tuple[int], np.dtype[np.str_]], draws: int, random: np.random.Generator) -> F64:
    """`[draws, n]` weights of a bootstrap over accounts: how often the account of each row was drawn."""
    _, which = np.unique(account, return_inverse=True)
    k = int(which.max()) + 1
    counts = random.multinomial(k, np.full(k, 1.0 / k), size=draws)
    return np.asarray(counts[:, which], dtype=float)
