"""Turns, same-round ratios, same bytes for everybody, and failures with a name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.bench import Bench, generator
from benchmarks.harness.process import Contender, ContenderError, Process, fit_to_print
from benchmarks.harness.race import Effort, digest, run_race
from benchmarks.harness.statistics import Spread, same_round_ratio
from benchmarks.subjects._accounts import account_inputs
from benchmarks.subjects._options import option_inputs

SHORT = Effort(rounds=4, seconds=1e-4)
CALLS = """
import hashlib, os, time
import numpy as np

def total(inputs, options):
    log = options.get("log")
    def run():
        if log:
            with open(log, "a") as file:
                file.write(options["label"] + " ")
        return {"total": inputs["a"].sum(), "affinity": len(os.sched_getaffinity(0))}
    return {"run": run, "units": inputs["a"].size}

def digests(inputs, options):
    told = [hashlib.sha256(inputs[n].tobytes()).hexdigest() for n in sorted(inputs)]
    return {"run": lambda: np.array(told)}

def single(inputs, options):
    return {"call": lambda x: x * 2.0, "arguments": [(1.0,), (2.0,), (3.0,)]}

def breaks(inputs, options):
    raise ValueError("no such thing in /some/where/else")

def breaks_later(inputs, options):
    made = iter(range(3))
    return {"run": lambda: next(made)}

def dies(inputs, options):
    os._exit(3)

def sleeps(inputs, options):
    return {"run": lambda: time.sleep(600), "units": 1}

def chatters(inputs, options):
    print("a library that greets")
    return {"run": lambda: print("and again") or 1.0}
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    path = tmp_path / "call_somebody.py"
    path.write_text(CALLS)
    return path


def contender(calls: Path, function: str, name: str = "", **options: object) -> Contender:
    return Contender(name or function, "project", f"{calls}:{function}", "thing", ("numpy",), dict(options))


ARRAYS = {"a": np.arange(6.0), "b": np.array([True, False])}


def test_a_disturbance_of_a_round_leaves_the_ratio_alone() -> None:
    fast = np.array([1.0, 1.0, 1.0, 1.0, 1.0])
    disturbed = np.array([1.0, 9.0, 1.0, 30.0, 2.0])
    found = same_round_ratio(list(3.0 * fast * disturbed), list(fast * disturbed))
    assert (found.low, found.median, found.high, found.rounds) == (3.0, 3.0, 3.0, 5)


@given(
    st.lists(st.tuples(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3), st.floats(0.1, 10.0)), min_size=1, max_size=20),
    st.floats(1e-3, 1e3),
)
def test_ratios_are_of_pairs_and_scale(rounds: list[tuple[float, float, float]], factor: float) -> None:
    above, below, noise = (list(column) for column in zip(*rounds, strict=True))
    plain = same_round_ratio(above, below, factor)
    noisy = same_round_ratio(
        [a * n for a, n in zip(above, noise, strict=True)], [b * n for b, n in zip(below, noise, strict=True)], factor
    )
    expected = np.median([factor * a / b for a, b in zip(above, below, strict=True)])
    assert plain.low <= plain.median <= plain.high
    assert plain.median == pytest.approx(expected, rel=1e-3)
    assert noisy.median == pytest.approx(plain.median, rel=1e-3)


def test_rounds_must_match_and_there_must_be_one() -> None:
    with pytest.raises(ValueError, match=r"below: got 1 rounds, must be 2 as above"):
        same_round_ratio([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match=r"values: got none"):
        Spread.of([])


def test_everybody_reads_the_same_bytes_and_takes_turns(calls: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    three = [contender(calls, "total", name, log=str(log), label=name) for name in "xyz"]
    race = run_race([*three, contender(calls, "digests")], ARRAYS, Effort(4, 0.0), core=None, keep=["x", "digests"])
    assert {name: race.missing(name) for name in race.lanes} == dict.fromkeys(race.lanes)
    # one call to load and one to calibrate each, then four rounds, each beginning with the next, then the result
    words = log.read_text().split()
    assert words[:6] == ["x", "x", "y", "y", "z", "z"]
    assert words[6:] == [*"xyz", *"yzx", *"zxy", *"xyz", "x"]
    assert race.results["x"]["total"] == 15.0
    told = race.results["digests"]["result"].tolist()
    assert (
        told
        == run_race([contender(calls, "digests")], ARRAYS, SHORT, core=None, keep=["digests"])
        .results["digests"]["result"]
        .tolist()
    )
    assert race.lanes["x"].units == 6
    assert all(len(lane.seconds) == 4 for lane in race.lanes.values())
    ratio = race.ratio("x", "y")
    assert ratio is not None
    assert ratio.rounds == 4


def test_a_contender_is_pinned_where_the_system_can(calls: Path) -> None:
    from benchmarks.harness.race import quiet_core

    core = quiet_core()
    if core is None:
        pytest.skip("this system cannot pin a process: the harness then measures unpinned")
    race = run_race([contender(calls, "total")], ARRAYS, SHORT, core=core, keep=["total"])
    assert race.results["total"]["affinity"] == 1


def test_single_calls_are_timed_one_by_one(calls: Path) -> None:
    single = Contender("single", "project", f"{calls}:single", "call", clock="p50")
    race = run_race([single], ARRAYS, Effort(3, 1e-4, most_calls=50), core=None, keep=["single"])
    lane = race.lanes["single"]
    assert race.results["single"]["result"].tolist() == [2.0, 4.0, 6.0]
    assert len(lane.seconds) == len(lane.tail) == 3
    assert all(median <= slow for median, slow in zip(lane.seconds, lane.tail, strict=True))
    assert lane.calls <= 50


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("breaks", "ValueError: no such thing in …"),
        ("breaks_later", "StopIteration"),
        ("dies", "its process has ended"),
        ("nowhere", "AttributeError: module 'contender' has no attribute 'nowhere'"),
    ],
)
def test_a_contender_that_fails_is_named_and_the_others_go_on(calls: Path, function: str, told: str) -> None:
    race = run_race([contender(calls, function), contender(calls, "total")], ARRAYS, Effort(6, 0.0), core=None)
    missing = race.missing(function, "total")
    assert missing is not None
    assert missing.startswith(f"{function}: {told}")
    assert race.ratio(function, "total") is None
    assert race.lanes[function].per_unit is None
    assert race.lanes["total"].rate is not None


def test_an_environment_that_was_not_made_is_a_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from benchmarks.harness import environments

    monkeypatch.setattr(environments, "_folder", lambda name: tmp_path / name)
    peer = Contender("QuantLib", "quantlib", "nothing:nothing", "price")
    race = run_race([peer], ARRAYS, SHORT, core=None)
    assert race.missing("QuantLib") == "QuantLib: its environment was not made"
    with pytest.raises(ValueError, match=r"environment: got 'nobody', must be 'project' or one of cvxpy, financepy, "):
        environments.interpreter("nobody")


def test_what_a_library_prints_is_no_answer(calls: Path) -> None:
    race = run_race([contender(calls, "chatters")], ARRAYS, SHORT, core=None)
    assert race.missing("chatters") is None


def test_who_takes_longer_than_its_patience_is_ended_and_the_others_go_on(calls: Path) -> None:
    slow, quick = replace(contender(calls, "sleeps"), patience=3.0), contender(calls, "chatters")
    race = run_race([slow, quick], ARRAYS, SHORT, core=None)
    assert race.missing("sleeps") == "sleeps: no answer within 3 s"
    assert race.missing("chatters") is None
    assert race.lanes["chatters"].seconds


def test_an_unknown_request_is_refused() -> None:
    import sys

    process = Process(Path(sys.executable), None)
    try:
        with pytest.raises(ContenderError, match=r"do: got 'dance', must be hello, load, turn or save"):
            process.ask(do="dance")
    finally:
        process.close()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ERROR: none of it at https://host.example:8080/simple/x", "ERROR: none of it at …"),
        ("not found: /root/some/where.so and ~/x/y", "not found: … and …"),
        (r"not found: C:\Users\somebody\x.dll", "not found: …"),
        ("\n\ntwo lines\nthe second", "two lines"),
        ("", "no reason was given"),
        ("and/or 3/4 stay", "and/or 3/4 stay"),
    ],
)
def test_reasons_carry_no_address_and_no_path(text: str, told: str) -> None:
    assert fit_to_print(text) == told


def test_inputs_follow_from_the_seed_and_the_name_alone() -> None:
    def options(name: str, seed: int) -> str:
        return digest(option_inputs(generator(name, seed), 20, 7))

    def accounts(name: str, seed: int) -> str:
        return digest(
            {k: v for k, v in account_inputs(generator(name, seed), 9, 5, 4).items() if k != "pnl"}
        )  # the values' last bits are the kernel's

    for made in (options, accounts):
        assert made("pricing", 1) == made("pricing", 1)
        assert made("pricing", 1) != made("pricing", 2)
        assert made("pricing", 1) != made("greeks", 1)


def test_the_digest_sees_names_types_and_shapes() -> None:
    base = {"a": np.zeros((2, 3))}
    others = [{"b": np.zeros((2, 3))}, {"a": np.zeros((3, 2))}, {"a": np.zeros((2, 3), dtype=np.int64)}]
    assert len({digest(one) for one in [base, *others]}) == 4
    assert digest({"a": np.zeros((4, 3))[::2]}) == digest(base)


def test_a_place_where_a_contender_fails_is_a_gap_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "call_picky.py"
    path.write_text(
        "def count(inputs, options):\n"
        "    if options['size'] > 2:\n"
        "        raise ValueError('at most 2')\n"
        "    return {'run': lambda: 1.0}\n"
    )
    bench = Bench("test", True, SHORT)
    picky = Contender("picky", "project", f"{path}:count", "thing")
    bench.curve("size", [picky], ((n, ARRAYS, {"size": n}) for n in (1, 2, 3)), pinned=False)
    (curve,) = bench.curves
    assert [point.at for point in curve.points] == [1.0, 2.0]
    assert [(gap.at, gap.why) for gap in curve.gaps] == [(3.0, "ValueError: at most 2")]
