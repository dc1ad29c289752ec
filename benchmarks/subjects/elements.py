"""Values of options that share no table."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours, py_vollib_vectorized, quantlib, scipy
from benchmarks.subjects._elements import element_inputs

TITLE = "Values element by element"
ABOUT = (
    "n options with forwards, strikes and volatilities of their own, float64, one core: each needs its own logarithms. "
    "Right in the digits of the price itself, not only beside the forward. Peers that are slow take the first elements "
    "of the same inputs and are compared per price."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"options": 100_000, "of_slow_peers": 20_000},
    "quick": {"options": 20_000, "of_slow_peers": 2_000},
}
CURVE = (1, 10, 100, 1_000, 10_000, 100_000)
OURS, NUMPY = "plimsoll", "numpy+ndtr"


def run(bench: Bench) -> None:
    """Race on many elements, then over their number."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("elements", bench.seed)
    few = sizes["of_slow_peers"]
    mine, numpy = ours(OURS, "elements", "price"), scipy(NUMPY, "elements", "price")
    peers = [numpy, quantlib("elements", "price", rows=few), py_vollib_vectorized("elements", "price", rows=few)]
    inputs = element_inputs(rng, sizes["options"])
    race = bench.race([mine, *peers], inputs, keep=[OURS, NUMPY])
    for peer in peers:
        bench.ratio(f"over {peer.name}", f"rate of plimsoll over that of {peer.name}", race, peer.name, OURS)
    apart = None
    if not race.missing(OURS, NUMPY):
        a, b = (race.results[name]["result"] for name in (OURS, NUMPY))
        apart = Spread.exact(float((np.abs(a - b) / inputs["forward"]).max()))
    words = f"largest |price of plimsoll − price of {NUMPY}| / F"
    bench.note(f"apart from {NUMPY}", words, "", apart, race.missing(OURS, NUMPY))
    points = CURVE[:4:3] if bench.quick else CURVE
    bench.curve("options", [mine, numpy], ((n, element_inputs(rng, n), {}) for n in points))
