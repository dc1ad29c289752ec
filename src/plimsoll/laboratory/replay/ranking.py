"""How well the venue's own rule, with what it looks at hidden, points at those who were deleveraged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from plimsoll.laboratory.replay.calibration import Interval, interval, resampled
from plimsoll.laboratory.replay.fit import ReplayFit, features
from plimsoll.laboratory.replay.hidden import Assumptions, entries_and_lots, winners_of
from plimsoll.laboratory.replay.marks import Marks
from plimsoll.laboratory.replay.positions import F64, B, Positions

HIDDEN_DRAWS = 40
"""Draws of entries and leverage over which a rank is averaged."""


@dataclass(frozen=True)
class Pointed:
    """Of the `positions` shorts of an asset that the fit has not seen, `flagged` were deleveraged.

    Each order names as many as were flagged; the precision of these, which is their recall too, is the share that was.
    `random` names blindly, `production` by profit and leverage as the fit knows them, `fitted` by the regression on
    the flags of the other half. The intervals of the latter two are over accounts, `*_lift` is what they have beyond
    the random order on the same accounts.
    """

    asset: str
    positions: int
    flagged: int
    random: Interval
    production: Interval
    fitted: Interval
    production_lift: Interval
    fitted_lift: Interval


def pointed(
    positions: Positions,
    marks: Mapping[str, Marks],
    model: ReplayFit,
    fitted: B,
    assumed: Assumptions,
    seed: int,
    draws: int = 200,
) -> tuple[Pointed, ...]:
    """For each asset with both kinds of shorts in the half that was not fitted."""
    assert positions.deleveraged is not None
    found = []
    for k, asset in enumerate(positions.assets):
        rows = np.flatnonzero((positions.asset == asset) & ~positions.long & positions.closed & ~fitted)
        if not rows.size:
            continue
        there = positions.rows(rows)
        assert there.deleveraged is not None
        y = there.deleveraged
        if y.all() or not y.any():
            continue
        random = np.random.default_rng([seed, 2, k])
        rank = np.zeros(rows.size)
        for _ in range(HIDDEN_DRAWS):
            entry, lots = entries_and_lots(there, model, marks[asset], assumed, random)
            held = winners_of(there, marks, model, entry, lots, marks[asset], assumed, random)
            rank += np.argsort(np.argsort(held.score(marks[asset].low), kind="stable"), kind="stable")
        made = features(there, marks, model.assets, (model.size_centre, model.size_scale)).deleveraged
        chance = model.model(False, "deleveraged").chance(made)
        blind = random.random(rows.size)
        weights = resampled(there.account, draws, random)
        got = {
            n: precisions(s, y, np.vstack([np.ones(rows.size), weights]))
            for n, s in (("production", rank), ("fitted", chance))
        }
        base = np.array([precision(random.permutation(blind), y, w) for w in weights])
        share = np.array([float(w @ y / w.sum()) for w in (np.ones(rows.size), *weights)])
        found.append(
            Pointed(
                asset=asset,
                positions=int(rows.size),
                flagged=int(y.sum()),
                random=interval(float(y.mean()), base),
                production=interval(float(got["production"][0]), got["production"][1:]),
                fitted=interval(float(got["fitted"][0]), got["fitted"][1:]),
                production_lift=_lift(got["production"] - share),
                fitted_lift=_lift(got["fitted"] - share),
            )
        )
    return tuple(found)


def _lift(found: F64) -> Interval:
    return interval(float(found[0]), found[1:])


def precision(score: F64, y: B, weight: F64) -> float:
    """The share of flagged among the highest scores, as many (by weight) as are flagged; the last one counts in part.

    >>> precision(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]), np.ones(3))
    0.5
    """
    return float(precisions(score, y, weight[None, :])[0])


def precisions(score: F64, y: B, weights: F64) -> F64:
    """`[m]` for weights `[m, n]`, NaN where nothing is flagged: the order is the same for all of them."""
    order = np.argsort(-score, kind="stable")
    hit = np.flatnonzero(y[order])
    w = weights[:, order]
    wanted = weights @ y.astype(float)
    before = np.cumsum(w, axis=1)[:, hit] - w[:, hit]
    part = np.clip(wanted[:, None] - before, 0.0, w[:, hit])
    found: F64 = np.divide(part.sum(axis=1), wanted, out=np.full(wanted.size, np.nan), where=wanted > 0.0)
    return found
