"""What one core of the machine can do at most."""

from __future__ import annotations

import numpy as np

from benchmarks.harness.bench import Bench
from benchmarks.subjects._contenders import peak, reading

TITLE = "The machine"
ABOUT = "Peak rate of fused multiply-adds in double precision and read bandwidth of each level, on one core."
LEVELS = ("L1", "L2", "L3", "memory")
SIZES: dict[str, dict[str, int]] = {"full": {}, "quick": {}}


def run(bench: Bench) -> None:
    """Race the probes."""
    probes = [peak(), *(reading(level) for level in LEVELS)]
    race = bench.race(probes, {"none": np.zeros(1)})
    for probe in probes:
        lane = race.lanes[probe.name]
        words = f"{probe.name.removeprefix('machine: ')}, one core"
        unit = "Gflop/s" if probe.unit == "flop" else "GB/s"
        rate = None if lane.rate is None else lane.rate.scaled(1e-9)
        bench.note(probe.name.removeprefix("machine: "), words, unit, rate, lane.missing)
