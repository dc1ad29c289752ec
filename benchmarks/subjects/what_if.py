"""May this order be sent? One account, one instrument, one answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.process import Contender
from benchmarks.harness.race import Effort, Inputs, Race
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._accounts import account_inputs
from benchmarks.subjects._contenders import ours, scipy

TITLE = "What if this order were filled"
ABOUT = (
    "The worst loss and the expected shortfall at 97.5 % of an account after one more trade, order after order over "
    "random accounts and instruments, each call timed alone (some 0.05 µs of it are the timer's). The peer holds each "
    "account's P&L vector and computes as one writes it in numpy. Median of single calls; the slowest of a hundred "
    "depends on what else the machine does."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"accounts": 1000, "instruments": 500, "orders": 2000, "scenarios": [300, 10_000], "level": 0.975},
    "quick": {"accounts": 100, "instruments": 100, "orders": 500, "scenarios": [300, 10_000], "level": 0.975},
}
MEASURES = {"worst": "worst", "ES": "shortfall"}


def run(bench: Bench) -> None:
    """Race both measures at each number of scenarios."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("what_if", bench.seed)
    effort = Effort(bench.effort.rounds, bench.effort.seconds, most_calls=20_000)
    for scenarios in sizes["scenarios"]:
        inputs = _inputs(rng, sizes, scenarios)
        for measure, function in MEASURES.items():
            mine, numpy = (f"{who}, {measure}, S = {scenarios:,}" for who in ("plimsoll", "numpy"))
            unit, call = f"{measure} at S = {scenarios:,}", f"what_if_{function}"
            contenders: list[Contender] = [
                ours(mine, f"accounts:{call}", unit, clock="p50", level=sizes["level"]),
                scipy(numpy, f"scipy_accounts:{call}", unit, clock="p50", level=sizes["level"]),
            ]
            race = bench.race(contenders, inputs, keep=[mine, numpy], effort=effort)
            key = f"{measure}, {scenarios:,} scenarios"
            bench.ratio(key, f"a call of numpy over one of plimsoll: {key}", race, numpy, mine)
            _apart(bench, race, mine, numpy, key)


def _apart(bench: Bench, race: Race, mine: str, numpy: str, key: str) -> None:
    value = None
    if not race.missing(mine, numpy):
        a, b = (race.results[name]["result"] for name in (mine, numpy))
        value = Spread.exact(float((np.abs(a - b) / np.abs(b).max()).max()))
    words = f"largest difference of the two answers over the largest answer: {key}"
    bench.note(f"apart, {key}", words, "", value, race.missing(mine, numpy))


def _inputs(rng: np.random.Generator, sizes: dict[str, Any], scenarios: int) -> Inputs:
    """Accounts, the P&L vector of each in `vectors` [A, S], and orders as three columns."""
    held = account_inputs(rng, sizes["accounts"], sizes["instruments"], scenarios)
    starts = held["indptr"]
    vectors = np.zeros((sizes["accounts"], scenarios))
    for a in range(sizes["accounts"]):
        rows = slice(int(starts[a]), int(starts[a + 1]))
        vectors[a] = held["quantity"][rows] @ held["pnl"][held["indices"][rows]]
    orders = sizes["orders"]
    return {
        **held,
        "vectors": vectors,
        "order_account": rng.integers(0, sizes["accounts"], orders),
        "order_instrument": rng.integers(0, sizes["instruments"], orders),
        "order_quantity": np.round(10.0 * rng.standard_normal(orders), 1),
    }
