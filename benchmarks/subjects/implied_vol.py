"""Volatilities behind prices."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours, py_vollib_vectorized, quantlib
from benchmarks.subjects._elements import element_inputs

TITLE = "Implied volatility"
ABOUT = (
    "The volatility behind each of n prices out of the money, from one day to a year and within three standard "
    "deviations, float64, one core. QuantLib solves to 1e-12. Peers take the first prices of the same inputs and are "
    "compared per volatility; errors are against the volatilities that made the prices."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"options": 20_000, "of_slow_peers": 5_000},
    "quick": {"options": 2_000, "of_slow_peers": 500},
}
CURVE = (1, 10, 100, 1_000, 10_000, 100_000)
OURS = "plimsoll"


def run(bench: Bench) -> None:
    """Race on many prices, then over their number."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("implied_vol", bench.seed)
    few = sizes["of_slow_peers"]
    mine = ours(OURS, "implied", "volatility")
    vollib = py_vollib_vectorized("implied", "volatility", rows=few)
    peers = [quantlib("implied", "volatility", rows=few), vollib]
    inputs = element_inputs(rng, sizes["options"])
    race = bench.race([mine, *peers], inputs, keep=[OURS, *(peer.name for peer in peers)])
    for peer in peers:
        bench.ratio(f"over {peer.name}", f"rate of plimsoll over that of {peer.name}", race, peer.name, OURS)
    for name in (OURS, *(peer.name for peer in peers)):
        words = f"largest |volatility of {name} over the one that made the price − 1|"
        error = None
        if not race.missing(name):
            found = race.results[name]["result"]
            error = Spread.exact(float(np.abs(found / inputs["vol"][: found.size] - 1.0).max()))
        bench.note(f"error of {name}", words, "", error, race.missing(name))
    points = CURVE[:4:3] if bench.quick else CURVE
    bench.curve("prices", [mine], ((n, element_inputs(rng, n), {}) for n in points))
