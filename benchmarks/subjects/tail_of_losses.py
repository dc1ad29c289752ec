"""Expected shortfall of one long vector of losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours, scipy

TITLE = "The tail of a long vector"
ABOUT = "Expected shortfall at 97.5 % of one vector of losses with fat tails, one core."
SIZES: dict[str, dict[str, Any]] = {
    "full": {"losses": 100_000, "level": 0.975},
    "quick": {"losses": 100_000, "level": 0.975},
}
CURVE = (100, 1_000, 10_000, 100_000, 1_000_000)
OURS, PARTITION, SORT = "plimsoll", "np.partition", "np.sort"


def run(bench: Bench) -> None:
    """Race on one vector, then over its length."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("tail_of_losses", bench.seed)
    level = sizes["level"]
    contenders = [
        ours(OURS, "accounts:tail", "vector", level=level),
        scipy(PARTITION, "scipy_accounts:tail", "vector", level=level),
        scipy(SORT, "scipy_accounts:tail_by_sorting", "vector", level=level),
    ]
    race = bench.race(contenders, {"losses": rng.standard_t(4, sizes["losses"])}, keep=[OURS, PARTITION])
    for peer in (PARTITION, SORT):
        bench.ratio(f"over {peer}", f"rate of plimsoll over that of {peer}", race, peer, OURS)
    difference = None
    if not race.missing(OURS, PARTITION):
        mine, theirs = (race.results[name]["result"] for name in (OURS, PARTITION))
        difference = Spread.exact(float(np.abs(mine - theirs) / np.abs(theirs)))
    words = f"relative difference of the shortfall from that of {PARTITION}"
    bench.note("apart", words, "", difference, race.missing(OURS, PARTITION))
    points = CURVE[:4] if bench.quick else CURVE
    bench.curve("losses", contenders[:2], ((n, {"losses": rng.standard_t(4, n)}, {}) for n in points))
