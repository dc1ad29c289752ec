"""A stress scenario step by step: the outside world of a cascade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from plimsoll.documents import YEAR_SECONDS, refuse
from plimsoll.scenarios.stress.scenario import StressScenario
from plimsoll.scenarios.stress.timeline import Timeline
from plimsoll.scenarios.stress_path import StressPath

F64 = npt.NDArray[np.float64]

LONGEST = 2_000_000
"""Most steps of a path, since a step typed in the wrong unit would fill the memory."""

TOGETHER = 0.7
"""Correlation of the noise of two underlyings where the scenario names none; assumed."""


def stress_path(
    scenario: StressScenario,
    underlyings: Sequence[str],
    step_seconds: float,
    *,
    hours: float | None = None,
    currencies: Sequence[str] = (),
    levels: Mapping[str, float] | None = None,
    noise: float | None = None,
    seed: int = 0,
) -> StressPath:
    """The scenario from its start for `hours` (its own length and at least one hour if left out) in equal steps.

    Row 0 is before: what happens at hour zero is in row 1. With `noise` above zero (annual volatility; the scenario's
    own if left out) a Brownian bridge is drawn between the hours of price waypoints, so that every waypoint is still
    met; underlyings share it by the scenario's correlation, never below zero, or by 0.7. The same seed gives the same
    bits. Marks are late by whole steps, rounded up. Raises `DocumentError` for steps out of range.
    """
    if not (np.isfinite(step_seconds) and step_seconds > 0.0):
        raise refuse("step_seconds", step_seconds, "seconds above zero")
    length = max(scenario.hours[-1], 1.0) if hours is None else hours
    if not (np.isfinite(length) and length > 0.0):
        raise refuse("hours", length, "hours above zero")
    count = int(np.ceil(length * 3600.0 / step_seconds - 1e-9))
    if count > LONGEST:
        raise refuse("step_seconds", step_seconds, f"steps such that there are at most {LONGEST:,}")
    sigma = scenario.noise if noise is None else noise
    if not (np.isfinite(sigma) and sigma >= 0.0):
        raise refuse("noise", sigma, "an annual volatility of at least zero")
    line = Timeline(scenario, underlyings, currencies, levels)
    # a rounding of the last digit must not put a step before the waypoint that it stands for
    at: F64 = np.arange(1, count + 1, dtype=np.float64) * (step_seconds / 3600.0) + 1e-9
    price, vol, depth = (_after(x) for x in (line.price(at), line.vol(at), line.depth(at)))
    if sigma > 0.0:
        shared = TOGETHER if line.correlation is None else max(line.correlation.rho, 0.0)
        knots = np.unique(np.clip(np.round(np.array(_knots(scenario)) * 3600.0 / step_seconds), 0, count))
        price *= np.exp(_bridge(count, len(underlyings), np.unique([0, *knots, count]).astype(np.int64),
                                sigma * np.sqrt(step_seconds / YEAR_SECONDS), shared, seed))  # fmt: skip
    delay, gas = line.delay(at)
    return StressPath(
        name=scenario.name,
        step_seconds=float(step_seconds),
        underlyings=tuple(underlyings),
        price=price,
        vol=vol,
        depth=depth,
        lag=np.concatenate([[0], np.ceil(delay / step_seconds - 1e-9).astype(np.int64)]),
        gas=np.concatenate([[1.0], gas]),
        currencies=tuple(currencies),
        peg=_after(line.peg(at)),
    )


def _after(values: F64) -> F64:
    return np.vstack([np.ones((1, values.shape[1])), values])


def _knots(scenario: StressScenario) -> list[float]:
    return [h for s in scenario.shocks if s.shock == "price" and s.waypoints is not None for h, _ in s.waypoints]


def _bridge(count: int, width: int, knots: npt.NDArray[np.int64], sd: float, shared: float, seed: int) -> F64:
    """`[count + 1, width]` Brownian bridges of `sd` a step that are zero at every knot."""
    rng = np.random.default_rng(seed)
    common, own = rng.standard_normal((count, 1)), rng.standard_normal((count, width))
    steps = sd * (np.sqrt(shared) * common + np.sqrt(1.0 - shared) * own)
    walk = np.vstack([np.zeros((1, width)), np.cumsum(steps, axis=0)])
    at = np.arange(count + 1)
    pinned = np.stack([np.interp(at, knots, walk[knots, u]) for u in range(width)], axis=1)
    result: F64 = walk - pinned
    return result
