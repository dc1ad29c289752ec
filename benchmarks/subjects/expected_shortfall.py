"""The expected shortfall of very many accounts."""

from __future__ import annotations

from typing import Any

from benchmarks.harness.bench import Bench, generator
from benchmarks.subjects._accounts import account_inputs
from benchmarks.subjects._contenders import ours, scipy
from benchmarks.subjects.accounts import apart

TITLE = "Expected shortfall of many accounts"
ABOUT = (
    "Expected shortfall at 97.5 % over S scenarios of A accounts with about 20 positions each in N options, one core. "
    "Peers form the A × S array, whole or a thousand accounts at a time, and select with np.partition."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"accounts": 20_000, "instruments": 2000, "scenarios": 300, "level": 0.975},
    "quick": {"accounts": 2_000, "instruments": 500, "scenarios": 300, "level": 0.975},
}
CURVE = (100, 300, 1_000, 3_000)
OURS, FLOAT32, WORST = "plimsoll", "plimsoll, float32", "plimsoll, worst case"
CSR, CHUNKS = "scipy CSR", "scipy CSR, in chunks"


def run(bench: Bench) -> None:
    """Race both precisions, the worst case and the peers; then over the number of scenarios."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("expected_shortfall", bench.seed)
    level = sizes["level"]
    mine = ours(OURS, "accounts:shortfall", "account", level=level)
    whole = scipy(CSR, "scipy_accounts:shortfall", "account", level=level)
    contenders = [
        mine,
        ours(FLOAT32, "accounts:shortfall", "account", level=level, dtype="float32"),
        ours(WORST, "accounts:worst", "account"),
        whole,
        scipy(CHUNKS, "scipy_accounts:shortfall_in_chunks", "account", level=level),
    ]
    inputs = account_inputs(rng, sizes["accounts"], sizes["instruments"], sizes["scenarios"])
    race = bench.race(contenders, inputs, keep=[OURS, FLOAT32, CSR])
    for peer in (CSR, CHUNKS):
        bench.ratio(f"over {peer}", f"rate of plimsoll over that of {peer}", race, peer, OURS)
        bench.ratio(f"float32 over {peer}", f"rate of plimsoll in float32 over that of {peer}", race, peer, FLOAT32)
    bench.ratio("of the worst case", "rate of the shortfall over the rate of the worst case", race, WORST, OURS)
    for name in (OURS, FLOAT32):
        apart(bench, race, inputs, name, CSR)
    few = sizes["accounts"] // 10
    points = CURVE[:2] if bench.quick else CURVE
    bench.curve(
        f"scenarios, {few:,} accounts",
        [mine, whole],
        ((s, account_inputs(rng, few, sizes["instruments"], s), {}) for s in points),
    )
