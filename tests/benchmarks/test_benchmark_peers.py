"""The peers in their environments agree with us; made from their locks, so not a part of the core."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.harness.bench import generator
from benchmarks.harness.environments import make
from benchmarks.harness.process import Contender
from benchmarks.harness.race import Effort, run_race
from benchmarks.subjects._contenders import financepy, ours, py_vollib_vectorized, quantlib, scipy
from benchmarks.subjects._elements import element_inputs
from benchmarks.subjects._options import option_inputs
from benchmarks.subjects.es_programs import long_only_program, option_program

CVXPY = "benchmarks/peers/cvxpy/call_cvxpy.py"

pytestmark = [pytest.mark.peer, pytest.mark.timeout(1200)]


def test_peers_agree_element_by_element_and_on_implied_volatility() -> None:
    for peer in ("scipy", "quantlib", "py_vollib_vectorized"):
        make(peer)
    inputs = element_inputs(generator("test", 2), 20)
    for call, scale, tolerance in (("elements", inputs["forward"], 1e-13), ("implied", inputs["vol"], 1e-9)):
        contenders = [
            ours("plimsoll", call, "element"),
            quantlib(call, "element", rows=20),
            py_vollib_vectorized(call, "element", rows=20),
            *([scipy("numpy+ndtr", call, "element")] if call == "elements" else []),
        ]
        names = [contender.name for contender in contenders]
        race = run_race(contenders, inputs, Effort(1, 1e-4), core=None, keep=names)
        assert race.missing(*names) is None
        for name in names[1:]:
            apart = np.abs(race.results[name]["result"] - race.results["plimsoll"]["result"]) / scale
            assert apart.max() < tolerance, (call, name)


def test_every_peer_prices_as_we_do() -> None:
    for peer in ("scipy", "quantlib", "financepy", "py_vollib_vectorized"):
        make(peer)
    inputs = option_inputs(generator("test", 1), 6, 9, groups=2)
    contenders = [
        ours("plimsoll", "price", "price"),
        scipy("numpy+ndtr", "price", "price"),
        scipy("textbook", "textbook", "price"),
        quantlib("price", "price", rows=6),
        financepy("price", "price", rows=6),
        py_vollib_vectorized("price", "price", rows=6),
    ]
    names = [contender.name for contender in contenders]
    race = run_race(contenders, inputs, Effort(1, 1e-4), core=None, keep=names)
    assert race.missing(*names) is None
    forward = inputs["forward"][inputs["group"]]
    for name in names[1:]:
        apart = np.abs(race.results[name]["result"] - race.results["plimsoll"]["result"]) / forward
        # one of them has a short approximation of the normal distribution
        assert apart.max() < (1e-6 if name == "FinancePy" else 1e-13), name


def test_every_peer_finds_the_least_shortfall_that_we_find() -> None:
    for peer in ("cvxpy", "skfolio", "riskfolio"):
        make(peer)
    limit = {"limit": 60.0}
    races = [
        (
            option_program(generator("test", 3), 10, 500),
            [
                ours("plimsoll", "es:options", "program"),
                Contender("simplex", "cvxpy", f"{CVXPY}:simplex", "program", (), limit),
                Contender("cvxpy", "cvxpy", f"{CVXPY}:options", "program", (), limit | {"solver": ""}),
                Contender("CLARABEL", "cvxpy", f"{CVXPY}:options", "program", (), limit | {"solver": "CLARABEL"}),
            ],
        ),
        (
            long_only_program(generator("test", 4), 10, 500),
            [
                ours("plimsoll", "es:long_only", "program"),
                Contender("cvxpy", "cvxpy", f"{CVXPY}:long_only", "program", (), limit | {"solver": "CLARABEL"}),
                Contender("skfolio", "skfolio", "benchmarks/peers/skfolio/call_skfolio.py:long_only", "program"),
                Contender(
                    "riskfolio", "riskfolio", "benchmarks/peers/riskfolio/call_riskfolio.py:long_only", "program"
                ),
            ],
        ),
    ]
    for inputs, contenders in races:
        names = [contender.name for contender in contenders]
        race = run_race(contenders, inputs, Effort(1, 1e-4), core=None, keep=names)
        assert race.missing(*names) is None
        least = float(race.results["plimsoll"]["objective"])
        for name in names[1:]:
            assert abs(float(race.results[name]["objective"]) / least - 1.0) < 1e-5, name
