"""How long a proof takes to make and to verify, and how large it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.race import Effort
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours

TITLE = "Proofs"
ABOUT = (
    "Worst of scenarios over private positions, ranges of 40 bits for positions and 72 for money, and the publication "
    "of a venue whose accounts hold four instruments and one asset, 48 bits for each equity and balance. Processor "
    "seconds of all threads, on one core; the same by the clock on the wall on all cores, which only a quiet machine "
    "shows (see the load). Verification begins with bytes. Curve arithmetic is blst's where the machine has it, else "
    "arkworks'. Published by others (see the page on proofs): Binance 62 s "
    "for 700 users on 32 vCPU, OKX 28 minutes for a million, Summa 0.4 s for one inclusion on 32 cores."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"statements": ((64, 128), (256, 300)), "accounts": 1024},
    "quick": {"statements": ((4, 8),), "accounts": 4},
}


def run(bench: Bench) -> None:
    """Each size of statement proved and verified, then the publication."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("proofs", bench.seed)
    widest = max(n for n, _ in sizes["statements"])
    inputs = {
        "losses": rng.integers(-(2**31), 2**31, (max(s for _, s in sizes["statements"]), widest)),
        "quantity": rng.integers(-1000, 1000, widest),
        "held": rng.integers(-500, 500, (sizes["accounts"], 4)),
        "marks": np.asarray([7_000_000, 250_000, 15_000, 320]),
    }
    few = Effort(3, 0.0, most_calls=1)
    for n, s in sizes["statements"]:
        options = {"instruments": n, "scenarios": s}
        calls = (("prove", "a proof"), ("verify", "its verification"))
        _both(bench, inputs, few, f"{n} x {s}", options, calls, beside=n == sizes["statements"][0][0])
        bench.note(f"bytes, {n} x {s}", f"bytes of a proof, {n} x {s}", "B", Spread.exact(_length(n, s)))
    options = {"accounts": sizes["accounts"]}
    words = (("publish", "an account of a publication"), ("check", "an account of its verification"))
    _both(bench, inputs, few, f"{sizes['accounts']:,} accounts", options, words)


def _both(
    bench: Bench,
    inputs: dict[str, Any],
    effort: Effort,
    size: str,
    options: dict[str, Any],
    calls: tuple[tuple[str, str], ...],
    beside: bool = False,
) -> None:
    """The calls by the processor's time on one core, and by the clock on the wall on all; `beside`: by arkworks too."""
    for clock, pinned, where in (("cpu", True, "one core"), ("wall", False, "all cores")):
        unit = "account" if "accounts" in options else "proof"
        lanes, said = [], {}
        for library in ("", "arkworks") if beside else ("",):
            for key, words in calls:
                alone = ", arkworks alone" if library else ""
                name = f"{key}, {size}, {where}{alone}"
                own = {**options, "library": library}
                lanes.append(ours(name, f"proofs:{key}", unit, clock=clock, **own))  # type: ignore[arg-type]
                said[name] = f"seconds for {words}, {size}, {where}{alone}"
        race = bench.race(lanes, inputs, pinned=pinned, effort=effort)
        for name, words in said.items():
            bench.note(name, words, "s", race.lanes[name].per_unit, race.lanes[name].missing)


def _length(n: int, s: int) -> float:
    """A version byte, `4 + 2 log2 L` elements of 48 bytes, five scalars."""
    bits = 40 * n + 72 * (s + 1)
    return float(1 + (4 + 2 * (bits - 1).bit_length()) * 48 + 160)
