"""The worst case of very many accounts."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.machine import this_machine
from benchmarks.harness.race import Inputs, Race
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._accounts import account_inputs
from benchmarks.subjects._contenders import ours, reading, scipy

TITLE = "Worst case of many accounts"
ABOUT = (
    "The worst loss over S scenarios of A accounts with about 20 positions each in N options, one core. Peers form the "
    "A × S array of P&L, whole or a thousand accounts at a time, and take its smallest number. Bytes are counted as "
    "gathered: a row of the P&L array for each position."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {
        "accounts": 20_000,
        "instruments": 2000,
        "scenarios": 300,
        "many_scenarios": 2000,
        "crowd": 200_000,
        "curve_accounts": [1, 10, 100, 1_000, 10_000, 50_000],
    },
    "quick": {
        "accounts": 2_000,
        "instruments": 500,
        "scenarios": 300,
        "many_scenarios": 2000,
        "crowd": 10_000,
        "curve_accounts": [10, 1_000],
    },
}
OURS, FLOAT32, CSR, CHUNKS = "plimsoll", "plimsoll, float32", "scipy CSR", "scipy CSR, in chunks"
L2 = "machine: L2 read"


def run(bench: Bench) -> None:
    """Race in few scenarios and in many, then time a crowd on all cores."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("accounts", bench.seed)
    mine = ours(OURS, "accounts:worst", "account")
    single = ours(FLOAT32, "accounts:worst", "account", dtype="float32")
    whole = scipy(CSR, "scipy_accounts:worst", "account")
    chunks = scipy(CHUNKS, "scipy_accounts:worst_in_chunks", "account")
    inputs = account_inputs(rng, sizes["accounts"], sizes["instruments"], sizes["scenarios"])
    race = bench.race([mine, single, whole, chunks, reading("L2")], inputs, keep=[OURS, FLOAT32, CSR])
    for peer in (CSR, CHUNKS):
        bench.ratio(f"over {peer}", f"rate of plimsoll over that of {peer}", race, peer, OURS)
        bench.ratio(f"float32 over {peer}", f"rate of plimsoll in float32 over that of {peer}", race, peer, FLOAT32)
    gathered = inputs["indices"].size * inputs["pnl"].shape[1] * 8 / sizes["accounts"]
    bench.ratio("of L2 read", "gathered bytes per second over the L2 read bandwidth", race, L2, OURS, gathered)
    for name in (OURS, FLOAT32):
        apart(bench, race, inputs, name, CSR)
    bench.curve(
        f"accounts, {sizes['scenarios']} scenarios",
        [mine, whole],
        ((n, account_inputs(rng, n, sizes["instruments"], sizes["scenarios"]), {}) for n in sizes["curve_accounts"]),
    )
    _many(bench, sizes, rng)
    _crowd(bench, sizes, rng)


def apart(bench: Bench, race: Race, inputs: Inputs, name: str, peer: str) -> None:
    """Note the largest difference of the two results, relative to each account's gross sum."""
    words = f"largest |result of {name} − result of {peer}| over the account's gross P&L"
    value = None
    if not race.missing(name, peer):
        gross = np.zeros(inputs["indptr"].size - 1)
        size = np.abs(inputs["quantity"]) * np.abs(inputs["pnl"]).max(axis=1)[inputs["indices"]]
        np.add.at(gross, np.repeat(np.arange(gross.size), np.diff(inputs["indptr"])), size)
        difference = np.abs(race.results[name]["result"] - race.results[peer]["result"])
        value = Spread.exact(float((difference / np.maximum(gross, 1e-300)).max()))
    bench.note(f"{name} apart from {peer}", words, "", value, race.missing(name, peer))


def _many(bench: Bench, sizes: dict[str, Any], rng: np.random.Generator) -> None:
    many = sizes["many_scenarios"]
    inputs = account_inputs(rng, sizes["accounts"] // 4, sizes["instruments"], many)
    names = {OURS: f"{OURS}, S = {many}", CSR: f"{CSR}, S = {many}"}
    race = bench.race(
        [
            ours(names[OURS], "accounts:worst", f"account at S = {many}"),
            scipy(names[CSR], "scipy_accounts:worst", f"account at S = {many}"),
        ],
        inputs,
    )
    words = f"rate of plimsoll over that of {CSR} in {many:,} scenarios"
    bench.ratio(f"over {CSR}, {many:,} scenarios", words, race, names[CSR], names[OURS])


def _crowd(bench: Bench, sizes: dict[str, Any], rng: np.random.Generator) -> None:
    cores = this_machine().cores
    inputs = account_inputs(rng, sizes["crowd"], sizes["instruments"], sizes["scenarios"])
    name = f"plimsoll, {cores} threads"
    mine = ours(name, "accounts:worst", "account of a crowd", clock="wall", threads=cores)
    race = bench.race([mine], inputs, pinned=False)
    per_account = race.lanes[name].per_unit
    words = f"a million accounts, worst case in {sizes['scenarios']} scenarios, {cores} cores, wall"
    value = None if per_account is None else per_account.scaled(1e6)
    bench.note("seconds for a million", words, "s", value, race.missing(name))
