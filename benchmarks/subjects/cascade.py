"""A cascade of liquidations through many accounts and steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.race import Effort, Inputs
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours, scipy

TITLE = "A cascade of liquidations"
ABOUT = (
    "A accounts in linear contracts on three coins through a fall of 30 % with noise in T steps: at every step each "
    "account is margined by tiers, whoever is below its line is sold into a book of limited depth, the price moves, "
    "and again until nobody new is below. Plimsoll counts in whole units, with makers, queue and purses. The peer is a "
    "loop in numpy over the same rules in floats, made for this case alone. A unit is an account in a step."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"accounts": 100_000, "steps": 1_000, "raced_accounts": 20_000, "raced_steps": 100},
    "quick": {"accounts": 5_000, "steps": 60, "raced_accounts": 1_000, "raced_steps": 30},
}
CURVE = (1_000, 3_000, 10_000, 30_000, 100_000)
OURS, NUMPY = "plimsoll", "numpy loop"
CALL_OURS, CALL_NUMPY = "cascade:run", "scipy_cascade:run"
PRICES = np.array([88_000.0, 3_000.0, 180.0])
UNIT = 1_000_000


def cascade_inputs(rng: np.random.Generator, accounts: int, steps: int) -> Inputs:
    """A fleet near its lines, a path and a book.

    Arrays: `indptr` [A + 1], `indices`, `lots` [P], `cash` [A] in millionths of a USD after the cost of the positions;
    `lot` coins, `first` USD [U]; `price` [T + 1, U] multiples; `ends`, `rates` [K] of the tiers, `moves`, `depth`
    [U, K] of the book, `refill` a minute, `lasting`; `fund` USD.
    """
    many = PRICES.size
    lot = np.array([1e-4, 1e-3, 1e-2])
    held = rng.random((accounts, many)).argsort(axis=1) < rng.integers(1, many + 1, accounts)[:, None]
    total = np.exp(rng.normal(np.log(30_000.0), 1.2, accounts))
    weight = np.where(held, rng.exponential(size=held.shape), 0.0)
    sign = np.where(rng.random(held.shape) < 2.0 / 3.0, 1.0, -1.0)
    notional = sign * weight / weight.sum(axis=1, keepdims=True) * total[:, None]
    lots = np.rint(notional / (PRICES * lot)).astype(np.int64)
    each = np.rint(PRICES * lot * UNIT).astype(np.int64)
    equity = np.abs(notional).sum(axis=1) * rng.uniform(0.03, 0.6, accounts)
    rows, columns = np.nonzero(lots)
    cash = np.rint(equity * UNIT).astype(np.int64) - (lots * each).sum(axis=1)
    part = np.linspace(0.0, 1.0, steps + 1)[:, None]
    noise = np.vstack([np.zeros((1, many)), rng.normal(0.0, 0.001, (steps, many)).cumsum(axis=0)])
    scale = accounts / 100_000.0
    return {
        "indptr": np.append(0, np.cumsum((lots != 0).sum(axis=1))).astype(np.int64),
        "indices": columns.astype(np.int64),
        "lots": lots[rows, columns],
        "cash": cash,
        "lot": lot,
        "first": PRICES,
        "price": np.exp(np.log(0.7) * part + noise - part * noise[-1]),
        "ends": np.array([1e5, 1e6, np.inf]),
        "rates": np.array([0.01, 0.025, 0.05]),
        "moves": np.array([0.001, 0.01, 0.05]),
        "depth": scale * np.array([[1e7, 1e8, 4e8]]) * np.array([[1.0], [0.6], [0.3]]),
        "refill": np.asarray(0.5),
        "lasting": np.asarray(0.3),
        "fund": np.asarray(1e9 * scale),
    }


def run(bench: Bench) -> None:
    """Race on fewer accounts and steps, time the whole, then over the number of accounts."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("cascade", bench.seed)
    inputs = cascade_inputs(rng, sizes["raced_accounts"], sizes["raced_steps"])
    contenders = [ours(OURS, CALL_OURS, "account step"), scipy(NUMPY, CALL_NUMPY, "account step")]
    race = bench.race(contenders, inputs, keep=[OURS, NUMPY])
    bench.ratio(f"over {NUMPY}", f"rate of plimsoll over that of the {NUMPY}", race, NUMPY, OURS)
    apart = None
    if not race.missing(OURS, NUMPY):
        mine, theirs = race.results[OURS], race.results[NUMPY]
        apart = Spread.exact(max(float(np.abs(mine[k] / theirs[k] - 1.0).max()) for k in ("price", "forced", "fund")))
    words = f"largest relative difference of prices, forced volume and fund from those of the {NUMPY}"
    bench.note("apart", words, "", apart, race.missing(OURS, NUMPY))
    whole = cascade_inputs(rng, sizes["accounts"], sizes["steps"])
    name = f"plimsoll, {sizes['accounts']:,} accounts, {sizes['steps']:,} steps"
    alone = bench.race([ours(name, CALL_OURS, "account step")], whole, effort=Effort(3, 0.0))
    per_unit = alone.lanes[name].per_unit
    bench.note(
        "seconds for the cascade",
        f"{sizes['accounts']:,} accounts through {sizes['steps']:,} steps on one core",
        "s",
        None if per_unit is None else per_unit.scaled(sizes["accounts"] * sizes["steps"]),
        alone.missing(name),
    )
    points = CURVE[:2] if bench.quick else CURVE
    steps = sizes["raced_steps"]
    few = [ours(OURS, CALL_OURS, "account step"), scipy(NUMPY, CALL_NUMPY, "account step")]
    bench.curve(f"accounts, {steps} steps", few, ((n, cascade_inputs(rng, n, steps), {}) for n in points))
