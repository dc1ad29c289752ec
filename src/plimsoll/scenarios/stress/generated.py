"""Stress scenarios by the thousands: price, volatility, depth, peg and delay drawn jointly from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from plimsoll.documents import Asset, NonNegative, Number, Part, Positive, refuse
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.moves import F64, whole
from plimsoll.scenarios.simulated import Draws, Jumps, nearest_correlation, rank_correlation, simulated
from plimsoll.scenarios.stress.scenario import StressScenario, StressScenarios

DAILY = {"BTC": 0.04, "ETH": 0.05, "SOL": 0.065}
"""Standard deviation of a day's log return in a market that is already nervous; assumed."""

OTHER_DAILY = 0.07
MOST = 200_000
_OWN = ("vol", "depth", "peg", "delay")


class StressLaw(Part):
    """What generated scenarios are drawn from; assumed throughout, meant to reach beyond any history.

    Log moves over `days` days: Student-t of `dof` joined by a t copula of `copula_dof`, `daily` a day's standard
    deviation by underlying (others `other_daily`), `together` the correlation of two prices, plus common `jumps`.
    The log of the volatility multiple is `vol_of_fall * fall + vol_of_rise * rise + vol_own * v`, held within a factor
    `vol_most` of one either way; the depth left is `exp(-depth_shy * |move| + depth_own * d)`, at most one, `move` that
    of the first underlying. A stable coin loses its peg where `p` is more than `peg_from` deviations down: `peg_step`
    for each deviation more. Marks are late where `o` is more than `delay_from` down: `delay_seconds` and `delay_gas`
    times calm gas for each more. `v, d, p, o` are of the same copula, `d, p, o` joined to the prices by `joint` and `v`
    against them, so that bad things come together. `correlation` (in the order of the
    underlyings) takes the place of `together`.
    """

    days: Positive = 1.0
    dof: Annotated[float, Field(strict=True, gt=2)] = 3.0
    copula_dof: Positive = 3.0
    daily: dict[Asset, Positive] = DAILY
    other_daily: Positive = OTHER_DAILY
    together: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.8
    correlation: tuple[tuple[Number, ...], ...] | None = None
    joint: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.5
    jumps: Jumps = Jumps(per_day=0.3, mean=-0.06, sd=0.18, own_sd=0.05)
    vol_of_fall: Number = 1.5
    vol_of_rise: Number = 0.6
    vol_own: NonNegative = 0.15
    vol_most: Annotated[float, Field(strict=True, allow_inf_nan=False, gt=1)] = 4.0
    depth_shy: NonNegative = 6.0
    depth_own: NonNegative = 0.3
    peg_from: NonNegative = 2.0
    peg_step: NonNegative = 0.03
    delay_from: NonNegative = 1.0
    delay_seconds: NonNegative = 120.0
    delay_gas: NonNegative = 10.0

    @classmethod
    def of_history(cls, history: FactorHistory, underlyings: Sequence[str], *, stretch: float = 1.5) -> StressLaw:
        """Volatility (times `stretch`) and rank correlation of the prices from a history; the rest as assumed."""
        if not (np.isfinite(stretch) and stretch > 0.0):
            raise refuse("stretch", stretch, "a number above zero")
        own = history.of(underlyings)
        at = [own.names.index(u) for u in underlyings]
        returns = own.returns[:, at]
        daily = stretch * returns.std(axis=0) / np.sqrt(own.step_days)
        if not (daily > 0.0).all():
            raise refuse("history", "a price that never moves", "prices that move")
        matrix = rank_correlation(returns)
        return cls(
            daily=dict(zip(underlyings, daily.tolist(), strict=True)),
            correlation=tuple(tuple(row) for row in matrix.tolist()),
        )


def generate(
    count: int,
    seed: int,
    underlyings: Sequence[str],
    currencies: Sequence[str] = (),
    *,
    law: StressLaw | None = None,
    draws: Draws = "plain",
) -> StressScenarios:
    """`count` scenarios of one instant each, named `generated-SEED-NUMBER`; the same seed gives the same ones.

    Moves are rounded to 1e-6. `currencies` are stable coins that may lose their peg. Of `sobol` points, which come in
    powers of two, the first `count` are kept. Raises `DocumentError` for counts or names out of range.
    """
    whole("count", count, 1)
    if count > MOST:
        raise refuse("count", count, f"at most {MOST:,}")
    whole("seed", seed, 0)
    if not underlyings or len(set(underlyings)) != len(underlyings):
        raise refuse("underlyings", list(underlyings), "at least one, each once")
    law = law or StressLaw()
    x = _drawn(law, count, seed, underlyings, draws)
    lead = x[0]
    level = law.vol_of_fall * np.maximum(-lead, 0.0) + law.vol_of_rise * np.maximum(lead, 0.0) + law.vol_own * x[-4]
    multiple = np.clip(np.exp(level), 1.0 / law.vol_most, law.vol_most)
    left = np.minimum(np.exp(-law.depth_shy * np.abs(lead) + law.depth_own * x[-3]), 1.0)
    peg = np.clip(1.0 - law.peg_step * np.maximum(-x[-2] - law.peg_from, 0.0), 0.0, 1.0)
    late = np.maximum(-x[-1] - law.delay_from, 0.0)
    made = []
    for k in range(count):
        shocks: list[dict[str, Any]] = [
            {"shock": "price", "underlying": u, "move": _round(np.expm1(x[f, k]))} for f, u in enumerate(underlyings)
        ]
        shocks.append({"shock": "volatility", "multiple": _round(multiple[k]), "long_power": 0.5})
        shocks.append({"shock": "depth", "left": _round(left[k]), "recovery_hours": 6.0})
        if peg[k] < 1.0:
            shocks += [{"shock": "peg", "currency": c, "price": _round(peg[k])} for c in currencies]
        if late[k] > 0.0:
            gas = 1.0 + law.delay_gas * late[k]
            shocks.append({"shock": "delay", "seconds": _round(law.delay_seconds * late[k]), "gas": _round(gas)})
        made.append(
            StressScenario.model_validate(
                {
                    "name": f"generated-{seed}-{k:05d}", "kind": "generated", "evidence": "assumed",
                    "source": f"drawn, seed {seed}", "shocks": shocks,
                }
            )
        )  # fmt: skip
    return StressScenarios(scenarios=tuple(made))


def _drawn(law: StressLaw, count: int, seed: int, underlyings: Sequence[str], draws: Draws) -> F64:
    """`[U + 4, count]` log moves of the prices, and deviations of volatility, depth, peg and delay."""
    size = len(underlyings)
    prices = np.full((size, size), law.together)
    if law.correlation is not None:
        prices = np.array(law.correlation, dtype=np.float64)
        if prices.shape != (size, size):
            raise refuse("correlation", f"shape {prices.shape}", f"shape ({size}, {size}), as the underlyings")
    matrix = np.full((size + 4, size + 4), law.joint)
    matrix[:size, :size] = prices
    # a rise of volatility and a fall of the price come together, as do falls of everything else
    matrix[size, :], matrix[:, size] = -law.joint, -law.joint
    np.fill_diagonal(matrix, 1.0)
    sigma = [law.daily.get(u, law.other_daily) * float(np.sqrt(law.days)) for u in underlyings]
    jumps = law.jumps.model_copy(update={"betas": {**dict.fromkeys(_OWN, 0.0), **law.jumps.betas}})
    found = simulated(
        [*underlyings, *_OWN], nearest_correlation(matrix), [*sigma, 1.0, 1.0, 1.0, 1.0], size=max(count, 2),
        seed=seed, step_days=law.days, copula="t", dof=law.copula_dof, marginal="t", marginal_dof=law.dof,
        jumps=jumps, draws=draws, trim=1e-6,
    )  # fmt: skip
    result: F64 = np.log(found.multiplier)[:, :count]
    # a deviation of e^-9.2 and less was stopped by the floor of the multipliers: far enough for everything above
    return result


def _round(value: float) -> float:
    return max(round(float(value), 6), 1e-6) if value > 0.0 else round(float(value), 6)
