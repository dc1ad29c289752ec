"""Filtered historical simulation of a book of options, from returns to VaR and ES."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.race import Inputs
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours, scipy

TITLE = "VaR and ES of a book by filtered history"
ABOUT = (
    "From returns and volatilities of a price and an implied volatility to VaR and ES at 99 % of one book of N options "
    "on 24 expiries, an hour ahead, float64, one core: returns are scaled to the volatility of now, the book is "
    "revalued in full with the hour passed, the tail is selected. Plimsoll gives standard errors as well. The peer "
    "does the same with numpy and scipy, a loop over options in blocks of scenarios that stay in the cache."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"options": 1000, "scenarios": 100_000, "groups": 24, "raced_scenarios": 10_000},
    "quick": {"options": 100, "scenarios": 4_000, "groups": 24, "raced_scenarios": 2_000},
}
CURVE = (300, 1_000, 3_000, 10_000, 30_000, 100_000)
OURS, NUMPY = "plimsoll", "numpy loop"
CALL_OURS, CALL_NUMPY = "risk:filtered_tail", "scipy_risk:filtered_tail"
LEVEL, HOUR = 0.99, 1.0 / 24.0


def risk_inputs(rng: np.random.Generator, count: int, scenarios: int, groups: int) -> Inputs:
    """`scenarios` hours of fat-tailed returns with clustered volatility, and `count` options within three deviations.

    Arrays: `returns` [T, 2], `sigma` [T + 1, 2]; `seconds`, `forward` [E]; `group`, `strike`, `vol`, `call`, `quantity`
    [N]; `spot`, `level`, `days`.
    """
    slow = np.exp(0.5 * np.sin(np.linspace(0.0, 12.0, scenarios + 1)))[:, None]
    sigma = slow * np.array([0.006, 0.012])
    z = rng.standard_t(4, (scenarios, 2)) / np.sqrt(2.0)
    returns = np.clip(sigma[:-1] * z, -0.4, 0.4)
    seconds = np.sort(np.round(np.exp(rng.uniform(np.log(1.0), np.log(365.0), groups)) * 86_400.0)).astype(np.int64)
    seconds = np.unique(seconds)
    group = np.sort(rng.integers(0, seconds.size, count)).astype(np.int64)
    vol, years = rng.uniform(0.3, 1.2, count), seconds / 31_536_000.0
    forward = 60_000.0 * np.exp(0.05 * years)
    reach = vol * np.sqrt(years[group]) * rng.uniform(-3.0, 3.0, count)
    return {
        "returns": returns,
        "sigma": sigma,
        "seconds": seconds,
        "forward": forward,
        "group": group,
        "strike": forward[group] * np.exp(reach),
        "vol": vol,
        "call": rng.random(count) < 0.5,
        "quantity": np.round(10.0 * rng.standard_normal(count), 1) + 0.05,
        "spot": np.asarray(60_000.0),
        "level": np.asarray(LEVEL),
        "days": np.asarray(HOUR),
    }


def run(bench: Bench) -> None:
    """Race on fewer scenarios, time all of them, then over the number of scenarios."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("tail_risk", bench.seed)
    inputs = risk_inputs(rng, sizes["options"], sizes["raced_scenarios"], sizes["groups"])
    contenders = [ours(OURS, CALL_OURS, "price"), scipy(NUMPY, CALL_NUMPY, "price")]
    race = bench.race(contenders, inputs, keep=[OURS, NUMPY])
    bench.ratio(f"over {NUMPY}", f"rate of plimsoll over that of the {NUMPY}", race, NUMPY, OURS)
    apart = None
    if not race.missing(OURS, NUMPY):
        mine, theirs = race.results[OURS], race.results[NUMPY]
        apart = Spread.exact(max(float(abs(mine[k] - theirs[k]) / abs(theirs[k])) for k in ("var", "es")))
    words = f"largest relative difference of VaR and ES from those of the {NUMPY}"
    bench.note("apart", words, "", apart, race.missing(OURS, NUMPY))
    whole = risk_inputs(rng, sizes["options"], sizes["scenarios"], sizes["groups"])
    name = f"plimsoll, {sizes['scenarios']:,} scenarios"
    alone = bench.race([ours(name, CALL_OURS, "price")], whole)
    per_price = alone.lanes[name].per_unit
    cells = sizes["options"] * sizes["scenarios"]
    bench.note(
        "seconds for the book",
        f"{sizes['options']:,} options in {sizes['scenarios']:,} scenarios to VaR, ES and their errors, one core",
        "s",
        None if per_price is None else per_price.scaled(cells),
        alone.missing(name),
    )
    points = CURVE[:3] if bench.quick else CURVE
    few = [ours(OURS, CALL_OURS, "price"), scipy(NUMPY, CALL_NUMPY, "price")]
    bench.curve("scenarios, 100 options", few, ((s, risk_inputs(rng, 100, s, 24), {}) for s in points))
