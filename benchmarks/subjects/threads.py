"""What further cores add."""

from __future__ import annotations

from typing import Any

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.machine import this_machine
from benchmarks.subjects._contenders import ours
from benchmarks.subjects._options import option_inputs

TITLE = "Threads"
ABOUT = (
    "The array of prices with one thread and with more, by the clock on the wall and on whatever cores the system "
    "gives: only a quiet machine shows what the kernels can do (see the load before and after)."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"options": 4000, "scenarios": 1000},
    "quick": {"options": 1000, "scenarios": 300},
}


def run(bench: Bench) -> None:
    """Race the same work with 1, 2, 4, ... threads, up to the cores there are, and at least two."""
    sizes = SIZES["quick" if bench.quick else "full"]
    inputs = option_inputs(generator("threads", bench.seed), sizes["options"], sizes["scenarios"])
    counts = [1, 2]
    while counts[-1] * 2 <= this_machine().cores:
        counts.append(counts[-1] * 2)
    names = {count: f"{count} thread{'s' if count > 1 else ''}" for count in counts}
    race = bench.race([ours(names[c], "price", "price", clock="wall", threads=c) for c in counts], inputs, pinned=False)
    for count in counts[1:]:
        words = f"rate of {count} threads over that of one, on {this_machine().cores} cores"
        bench.ratio(f"{count} threads", words, race, names[1], names[count])
