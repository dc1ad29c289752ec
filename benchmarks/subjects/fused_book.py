"""A whole book in very many scenarios."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours, scipy
from benchmarks.subjects._options import option_inputs

TITLE = "A book in many scenarios"
ABOUT = (
    "The value of one book of N options on 24 expiries in S scenarios, float64, one core: values are added as they "
    "are computed and the N × S array is never stored. The peer loops over instruments with numpy in blocks of "
    "scenarios that stay in the cache."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"options": 1000, "scenarios": 100_000, "groups": 24, "raced_scenarios": 10_000},
    "quick": {"options": 200, "scenarios": 10_000, "groups": 24, "raced_scenarios": 2_000},
}
CURVE = (300, 1_000, 3_000, 10_000, 30_000, 100_000)
OURS, NUMPY = "plimsoll", "numpy loop"


def run(bench: Bench) -> None:
    """Race on fewer scenarios, then time the whole book on all."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("fused_book", bench.seed)
    inputs = option_inputs(rng, sizes["options"], sizes["raced_scenarios"], sizes["groups"])
    contenders = [ours(OURS, "book_values", "price"), scipy(NUMPY, "book_values", "price")]
    race = bench.race(contenders, inputs, keep=[OURS, NUMPY])
    bench.ratio(f"over {NUMPY}", f"rate of plimsoll over that of the {NUMPY}", race, NUMPY, OURS)
    apart = None
    if not race.missing(OURS, NUMPY):
        mine, theirs = (race.results[name]["result"] for name in (OURS, NUMPY))
        gross = np.abs(inputs["quantity"]).sum() * inputs["forward"].max()
        apart = Spread.exact(float(np.abs(mine - theirs).max() / gross))
    words = "largest |book − book of the numpy loop| over gross quantity times the highest forward"
    bench.note("apart", words, "", apart, race.missing(OURS, NUMPY))
    whole = option_inputs(rng, sizes["options"], sizes["scenarios"], sizes["groups"])
    name = f"plimsoll, {sizes['scenarios']:,} scenarios"
    alone = bench.race([ours(name, "book_values", "price")], whole)
    per_price = alone.lanes[name].per_unit
    count = sizes["options"] * sizes["scenarios"]
    bench.note(
        "seconds for the book",
        f"{sizes['options']:,} options in {sizes['scenarios']:,} scenarios, one core",
        "s",
        None if per_price is None else per_price.scaled(count),
        alone.missing(name),
    )
    points = CURVE[:3] if bench.quick else CURVE
    few = [ours(OURS, "book_values", "price"), scipy(NUMPY, "book_values", "price")]
    bench.curve("scenarios, 100 options", few, ((s, option_inputs(rng, 100, s, 24), {}) for s in points))
