"""Accounts per second, rule set by rule set."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.process import Contender
from plimsoll.margin import shipped_packs

TITLE = "Requirements by model"
ABOUT = (
    "The requirement of random accounts on a generated market of some 1,400 instruments, one account at a time, one "
    "core, as the command `plimsoll margin` computes it: components, scenarios, shares, hashes of the inputs. The "
    "newest pack of each model."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {"positions": 20, "accounts": 16, "curve_positions": [1, 5, 20, 50, 100, 200]},
    "quick": {"positions": 20, "accounts": 4, "curve_positions": []},
}


def newest_packs() -> list[str]:
    """Labels of the newest shipped pack of each model."""
    newest: dict[str, str] = {}
    for rules in sorted(shipped_packs(), key=lambda rules: rules.label):
        newest[rules.model] = rules.label
    return sorted(newest.values())


def run(bench: Bench) -> None:
    """Race the models on the same accounts, then over the size of an account."""
    sizes = SIZES["quick" if bench.quick else "full"]
    rng = generator("models", bench.seed)
    inputs = {
        "market_seed": np.asarray(7),
        "account_seeds": rng.integers(1, 1_000_000, sizes["accounts"]),
    }
    contenders = [
        Contender(
            label, "project", "benchmarks/ours/call_models.py:requirements", "account", ("numpy",), {"rules": label}
        )
        for label in newest_packs()
    ]
    entered = [
        Contender(**{**vars(one), "options": one.options | {"positions": sizes["positions"]}}) for one in contenders
    ]
    race = bench.race(entered, inputs)
    for one in entered:
        lane = race.lanes[one.name]
        words = f"accounts of {sizes['positions']} positions under {one.name}"
        bench.note(one.name, words, "1/s", lane.rate, lane.missing)
    points = ((n, inputs, {"positions": n}) for n in sizes["curve_positions"])
    bench.curve("positions of an account", contenders, points)
