"""Least expected shortfall over many scenarios, beside modelling languages, portfolio libraries and simplex."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.document import Curve, Gap, Point
from benchmarks.harness.process import Contender
from benchmarks.harness.race import Effort, Inputs, Race
from benchmarks.harness.statistics import Spread
from benchmarks.subjects._contenders import ours

TITLE = "The least expected shortfall over many scenarios"
ABOUT = (
    "Options of n contracts on two coins in S scenarios, revalued in full: trades within one contract of each, neutral "
    "in delta to either coin, that make the expected shortfall at 97.5 % of a book least. And shares of n assets, long "
    "only, that add up to one, with the least shortfall at 95 % of returns by ten factors. One thread, from arrays to "
    "an answer, compiling a program included; a unit is a program. Every objective is measured again from the answer, "
    "over all scenarios; memory is the largest of the process, inputs included. Who takes longer than the limit is out."
)
SIZES: dict[str, dict[str, Any]] = {
    "full": {
        "options": ["200x1000", "200x10000", "200x100000", "500x1000", "500x10000", "500x100000"],
        "long_only": ["200x1000", "200x10000"],
        "limit": 60.0,
        "longer": {"HiGHS simplex, 500x100000": 300.0},
    },
    "quick": {"options": ["20x1000", "20x3000"], "long_only": ["20x1000"], "limit": 60.0, "longer": {}},
}
OURS, SIMPLEX, DEFAULT, CLARABEL = "plimsoll", "HiGHS simplex", "cvxpy", "cvxpy CLARABEL"
SKFOLIO, RISKFOLIO = "skfolio", "Riskfolio-Lib"
UNIT = "program"
#: Above these many numbers of the array every contender is run once a round, for one round.
LONG = 1_500_000


def option_program(rng: np.random.Generator, count: int, scenarios: int) -> Inputs:
    """`pnl` [N, S] of one contract each a day ahead in thousandths of a coin, `base` [S] of a book of a third of them,
    `rows` [2, N] deltas to either coin, `level`.
    """
    z = 0.03 * rng.standard_t(4, (2, scenarios)) / np.sqrt(2.0)
    z[1] = 0.8 * z[0] + 0.78 * z[1]
    shock = -0.6 * z + 0.02 * rng.standard_t(4, (2, scenarios))
    spot = np.exp(np.clip(z, -0.5, 0.5))
    pnl, rows = np.empty((count, scenarios)), np.zeros((2, count))
    for i in range(count):
        u, years = i % 2, float(np.exp(rng.uniform(np.log(3.0 / 365.0), 0.0)))
        strike, vol, call = (
            float(np.exp(0.6 * rng.normal() * np.sqrt(years))),
            0.6 + 0.2 * rng.random(),
            rng.random() < 0.5,
        )

        moved = np.maximum(0.1, vol * (1.0 + shock[u] / np.sqrt(12.0 * years + 0.3)))
        after = _value(spot[u], strike, call, moved * np.sqrt(years - 1.0 / 365.0))
        before, up, down = (_value(f, strike, call, vol * np.sqrt(years)) for f in (1.0, 1.0001, 0.9999))
        pnl[i], rows[u, i] = after - before, (up - down) / 0.0002
    held = 2.0 * rng.normal(size=count) * (rng.random(count) < 0.3)
    return {"pnl": pnl, "base": held @ pnl, "rows": rows, "level": np.asarray(0.975)}


def _value(forward: Any, strike: float, call: bool, width: Any) -> Any:
    """Thousandths of a coin, by Black's formula."""
    d1 = np.log(forward / strike) / width + 0.5 * width
    whole = forward * ndtr(d1) - strike * ndtr(d1 - width)
    return 1_000.0 * (whole if call else whole - forward + strike)


def long_only_program(rng: np.random.Generator, count: int, scenarios: int) -> Inputs:
    """`pnl` [N, S] returns by ten factors with fat tails and noise of their own, `level`."""
    factors = 0.01 * rng.standard_t(4, (10, scenarios))
    pnl = rng.normal(0.27, 0.13, (count, 10)) @ factors + 0.01 * rng.standard_t(4, (count, scenarios))
    return {"pnl": pnl + rng.normal(3e-4, 3e-4, (count, 1)), "level": np.asarray(0.95)}


def run(bench: Bench) -> None:
    """Race on every size; ratios, gaps and memory of each."""
    sizes = SIZES["quick" if bench.quick else "full"]
    limit = {"limit": sizes["limit"]}
    options = [
        ours(OURS, "es:options", UNIT),
        _cvxpy(SIMPLEX, "simplex", limit),
        _cvxpy(DEFAULT, "options", limit | {"solver": ""}),
        _cvxpy(CLARABEL, "options", limit | {"solver": "CLARABEL"}),
    ]
    curves: dict[tuple[str, int], list[Point | Gap]] = {}
    for text in sizes["options"]:
        count, scenarios = _size(text)
        key = f"CVaR {count} x {_short(scenarios)}"
        if bench.only and text not in bench.only:
            continue
        inputs = option_program(generator(f"es_programs {text}", bench.seed), count, scenarios)
        named = [_renamed(c, text, sizes) for c in options]
        race = bench.race(named, inputs, keep=[c.name for c in named], effort=_effort(bench, inputs))
        _judge(bench, key, race, text, {SIMPLEX: "HiGHS simplex", DEFAULT: "cvxpy", CLARABEL: "CLARABEL"})
        for c in options:
            lane = race.lanes[f"{c.name}, {text}"]
            found = Point(at=scenarios, units_per_second=lane.rate) if lane.rate else None
            curves.setdefault((c.name, count), []).append(found or Gap(at=scenarios, why=lane.missing or ""))
    bench.curves += [
        Curve(
            contender=name,
            over=f"scenarios, {count} options",
            unit=UNIT,
            points=tuple(p for p in at if isinstance(p, Point)),
            gaps=tuple(g for g in at if isinstance(g, Gap)),
        )
        for (name, count), at in curves.items()
        if len(at) > 1
    ]
    shares = [
        ours(OURS, "es:long_only", UNIT),
        _cvxpy(CLARABEL, "long_only", limit | {"solver": "CLARABEL"}),
        _library(SKFOLIO, "skfolio", ("skfolio", "cvxpy-base", "clarabel", "numpy")),
        _library(RISKFOLIO, "riskfolio", ("riskfolio-lib", "cvxpy", "clarabel", "numpy")),
    ]
    for text in sizes["long_only"]:
        count, scenarios = _size(text)
        if bench.only and f"long-only-{text}" not in bench.only:
            continue
        # the floors are of ten thousand scenarios
        key = "long-only CVaR" if scenarios == 10_000 else f"long-only CVaR {count} x {_short(scenarios)}"
        inputs = long_only_program(generator(f"es_programs long only {text}", bench.seed), count, scenarios)
        named = [_renamed(c, f"long only {text}", sizes) for c in shares]
        race = bench.race(named, inputs, keep=[c.name for c in named], effort=_effort(bench, inputs))
        _judge(
            bench, key, race, f"long only {text}", {CLARABEL: "CLARABEL", SKFOLIO: "skfolio", RISKFOLIO: "riskfolio"}
        )


def _judge(bench: Bench, key: str, race: Race, text: str, peers: dict[str, str]) -> None:
    """Seconds, ratios, differences of the objective, gap and memory of one race."""
    mine = f"{OURS}, {text}"
    lane = race.lanes[mine]
    bench.note(f"{key} seconds", f"{key}: processor time of plimsoll", "s", lane.per_unit, race.missing(mine))
    found = race.results.get(mine)
    gap = None if found is None else Spread.exact(max(float(found["gap"]), 1e-16))
    bench.note(f"{key} gap", f"{key}: relative gap of plimsoll over all scenarios", "", gap, race.missing(mine))
    peak = None if found is None or "peak" not in found else Spread.exact(float(found["peak"]))
    bench.note(f"{key} memory", f"{key}: largest memory of plimsoll", "GB", peak, race.missing(mine))
    for peer, word in peers.items():
        theirs = f"{peer}, {text}"
        bench.ratio(f"{key} over {word}", f"{key}: rate of plimsoll over that of {peer}", race, theirs, mine)
        apart = more = None
        if found is not None and theirs in race.results:
            other = race.results[theirs]
            least = float(found["objective"])
            apart = Spread.exact((float(other["objective"]) - least) / abs(least))
            if "peak" in other and "peak" in found:
                more = Spread.exact(float(other["peak"]) / float(found["peak"]))
        missing = race.missing(theirs, mine)
        words = f"{key}: objective of {peer} less that of plimsoll, relative"
        bench.note(f"{key} apart from {word}", words, "", apart, missing)
        bench.note(f"{key} memory of {word}", f"{key}: memory of {peer} over that of plimsoll", "×", more, missing)


def _cvxpy(name: str, function: str, options: dict[str, Any]) -> Contender:
    call = f"benchmarks/peers/cvxpy/call_cvxpy.py:{function}"
    versions = ("highspy", "numpy") if function == "simplex" else ("cvxpy", "clarabel", "highspy", "numpy")
    return Contender(name, "cvxpy", call, UNIT, versions, options)


def _library(name: str, folder: str, versions: tuple[str, ...]) -> Contender:
    return Contender(name, folder, f"benchmarks/peers/{folder}/call_{folder}.py:long_only", UNIT, versions)


def _renamed(contender: Contender, text: str, sizes: dict[str, Any]) -> Contender:
    name = f"{contender.name}, {text}"
    limit = float(sizes["longer"].get(name, sizes["limit"]))
    options = contender.options | ({"limit": limit} if "limit" in contender.options else {})
    return replace(contender, name=name, options=options, patience=limit)


def _effort(bench: Bench, inputs: Inputs) -> Effort:
    rounds = 1 if inputs["pnl"].size > LONG else min(3, bench.effort.rounds)
    return Effort(rounds, 0.0)


def _size(text: str) -> tuple[int, int]:
    count, _, scenarios = text.partition("x")
    return int(count), int(scenarios)


def _short(scenarios: int) -> str:
    return f"{scenarios // 1_000}k" if scenarios % 1_000 == 0 else str(scenarios)
