"""European options in scenarios: one price for each pair."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import numpy.typing as npt

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.process import Contender
from benchmarks.harness.race import Inputs, Race
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import (
    FLOPS_PER_PRICE,
    financepy,
    ours,
    peak,
    py_vollib_vectorized,
    quantlib,
    scipy,
)
from benchmarks.subjects._options import option_inputs

TITLE = "Prices of options in scenarios"
ABOUT = (
    "N options in S scenarios of price and volatility, float64, one core, Black's formula. Peers that are slow take "
    "the first rows of the same inputs and are compared per price. The array stays in memory and is written anew at "
    "each call."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"options": 2000, "scenarios": 300, "rows_of_slow_peers": 100, "exact_cells": 4000},
    "quick": {"options": 500, "scenarios": 300, "rows_of_slow_peers": 20, "exact_cells": 300},
}
CURVE_SCENARIOS = (1, 10, 30, 100, 300, 1_000, 3_000, 10_000)
CURVE_OPTIONS = (1, 10, 100, 1_000, 10_000)

OURS, NUMPY, PEAK = "plimsoll", "numpy+ndtr", "machine: FMA"


def run(bench: Bench) -> None:
    """Race all, then measure errors and curves."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("pricing", bench.seed)
    inputs = option_inputs(rng, sizes["options"], sizes["scenarios"])
    rows = sizes["rows_of_slow_peers"]
    peers = [
        scipy(NUMPY, "price", "price"),
        scipy("numpy+ndtr, textbook", "textbook", "price"),
        quantlib("price", "price", "QuantLib", rows=rows),
        financepy("price", "price", rows=2 * rows),
        py_vollib_vectorized("price", "price", rows=2 * rows),
    ]
    race = bench.race([ours(OURS, "price", "price"), *peers, peak()], inputs, keep=[OURS, *(p.name for p in peers)])
    for peer in peers:
        bench.ratio(f"over {peer.name}", f"rate of plimsoll over that of {peer.name}", race, peer.name, OURS)
    bench.ratio(
        "of FMA peak", f"share of the FMA peak at {FLOPS_PER_PRICE} flop a price", race, PEAK, OURS, FLOPS_PER_PRICE
    )
    _errors(bench, race, inputs, peers, sizes["exact_cells"])
    _curves(bench)


def _errors(bench: Bench, race: Race, inputs: Inputs, peers: list[Contender], cells: int) -> None:
    """Largest error relative to the forward: of everybody against 40 digits on some cells, of ours against numpy."""
    forward = inputs["forward"][inputs["group"]]
    rng = generator("pricing, cells", bench.seed)
    for name in (OURS, *(peer.name for peer in peers)):
        found = race.results.get(name)
        words = f"largest |price of {name} − 40 digits| / F"
        if found is None:
            bench.note(f"error of {name}", words, "", None, race.missing(name))
            continue
        price = found["result"]
        row, column = rng.integers(0, price.shape[0], cells), rng.integers(0, price.shape[1], cells)
        exact = _exactly(inputs, row, column)
        error = np.abs(price[row, column] - exact) / forward[row, column]
        bench.note(f"error of {name}", words, "", Spread.exact(float(error.max())))
    if OURS in race.results and NUMPY in race.results:
        apart = np.abs(race.results[OURS]["result"] - race.results[NUMPY]["result"]) / forward
        words = f"largest |price of plimsoll − price of {NUMPY}| / F, all cells"
        bench.note(f"apart from {NUMPY}", words, "", Spread.exact(float(apart.max())))


def _exactly(inputs: Inputs, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Black's formula in 40 digits for pairs of a row and a column."""
    with mpmath.workdps(40):
        return np.array([_black(inputs, int(i), int(s)) for i, s in zip(rows, columns, strict=True)])


def _black(inputs: Inputs, i: int, s: int) -> float:
    group = int(inputs["group"][i])
    forward, strike = mpmath.mpf(float(inputs["forward"][group, s])), mpmath.mpf(float(inputs["strike"][i]))
    w = mpmath.mpf(float(inputs["total_vol"][i])) * mpmath.mpf(float(inputs["vol_scale"][group, s]))
    side = 1 if inputs["call"][i] else -1
    d1 = mpmath.log(forward / strike) / w + w / 2
    value = side * (forward * mpmath.ncdf(side * d1) - strike * mpmath.ncdf(side * (d1 - w)))
    return float(value)


def _curves(bench: Bench) -> None:
    both = [ours(OURS, "price", "price"), scipy(NUMPY, "price", "price")]
    few = 50 if bench.quick else 300
    points = CURVE_SCENARIOS[::3] if bench.quick else CURVE_SCENARIOS
    rng = generator("pricing, curves", bench.seed)
    bench.curve(f"scenarios, {few} options", both, ((s, option_inputs(rng, few, s), {}) for s in points))
    counts = CURVE_OPTIONS[:3] if bench.quick else CURVE_OPTIONS
    bench.curve("options, 300 scenarios", both, ((n, option_inputs(rng, n, 300), {}) for n in counts))
