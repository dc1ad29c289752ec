"""Prices with four derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours, quantlib, scipy
from benchmarks.subjects._options import option_inputs

TITLE = "Prices with Greeks"
ABOUT = (
    "Price, delta, gamma, vega and theta of N options in S scenarios, float64, one core. A unit of work is one option "
    "in one scenario with all five numbers; five arrays are written."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"options": 1000, "scenarios": 300, "rows_of_slow_peers": 20},
    "quick": {"options": 200, "scenarios": 300, "rows_of_slow_peers": 5},
}
OURS, PRICES, NUMPY, QUANTLIB = "plimsoll", "plimsoll, prices only", "numpy+ndtr", "QuantLib BlackCalculator"
#: What a difference is multiplied by, in the unit of each number: the error of a delta is absolute.
SCALES = {"value": "1/F", "delta": "", "gamma": "F", "vega": "1/F", "theta": "1/F"}


def run(bench: Bench) -> None:
    """Race with and without derivatives."""
    sizes = SIZES["quick" if bench.quick else "full"]
    inputs = option_inputs(generator("greeks", bench.seed), sizes["options"], sizes["scenarios"])
    contenders = [
        ours(OURS, "greeks", "option"),
        ours(PRICES, "price", "option"),
        scipy(NUMPY, "greeks", "option"),
        quantlib("greeks", "option", QUANTLIB, rows=sizes["rows_of_slow_peers"]),
    ]
    race = bench.race(contenders, inputs, keep=[OURS, NUMPY])
    bench.ratio("of prices only", "rate with Greeks over the rate of prices only", race, PRICES, OURS)
    for peer in (NUMPY, QUANTLIB):
        bench.ratio(f"over {peer}", f"rate of plimsoll over that of {peer}", race, peer, OURS)
    forward = inputs["forward"][inputs["group"]]
    factor = {"1/F": 1.0 / forward, "": np.ones_like(forward), "F": forward}
    for name, times in SCALES.items():
        words = f"largest |{name} of plimsoll − {name} of {NUMPY}|" + (f" · {times}" if times else "")
        apart = None
        if not race.missing(OURS, NUMPY):
            mine, theirs = (race.results[contender][name] for contender in (OURS, NUMPY))
            apart = Spread.exact(float((np.abs(mine - theirs) * factor[times]).max()))
        bench.note(f"{name} apart from {NUMPY}", words, "", apart, race.missing(OURS, NUMPY))
