"""Contenders on the same inputs, taking turns: round after round, each once, never two at a time."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness.environments import interpreter
from benchmarks.harness.process import ROOT, Contender, ContenderError, Process
from benchmarks.harness.statistics import Spread, same_round_ratio

Inputs = Mapping[str, npt.NDArray[Any]]


def digest(inputs: Inputs) -> str:
    """SHA-256 of names, types, shapes and bytes of the arrays: two runs with one digest had the same inputs.

    >>> digest({"a": np.zeros(2)}) == digest({"a": np.zeros(2)})
    True
    """
    whole = hashlib.sha256()
    for name in sorted(inputs):
        array = np.ascontiguousarray(inputs[name])
        whole.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()


@dataclass(frozen=True)
class Effort:
    """How long is measured: rounds, seconds of one turn on the clock of the contender, most calls of one turn."""

    rounds: int
    seconds: float
    most_calls: int = 1_000_000


@dataclass
class Lane:
    """What one contender did: seconds per unit of work, a number per round, or why there is none."""

    contender: Contender
    versions: dict[str, str]
    units: float = 0.0
    calls: int = 0
    seconds: tuple[float, ...] = ()
    tail: tuple[float, ...] = ()  # 99 per cent quantile of single calls, where those are timed
    missing: str | None = None

    @property
    def per_unit(self) -> Spread | None:
        return Spread.of(self.seconds) if self.seconds else None

    @property
    def rate(self) -> Spread | None:
        """Units per second."""
        return Spread.of([1.0 / s for s in self.seconds]) if self.seconds else None


class Race:
    """The lanes of one set of contenders on one set of inputs."""

    def __init__(self, lanes: Sequence[Lane], results: Mapping[str, Inputs], inputs_digest: str) -> None:
        self.lanes = {lane.contender.name: lane for lane in lanes}
        self.results = results
        self.inputs_digest = inputs_digest

    def missing(self, *names: str) -> str | None:
        """Why a comparison of these contenders cannot be made, if it cannot."""
        told = [f"{name}: {self.lanes[name].missing}" for name in names if self.lanes[name].missing]
        return "; ".join(told) or None

    def ratio(self, slow: str, fast: str, factor: float = 1.0) -> Spread | None:
        """``factor`` times the seconds per unit of `slow` over those of `fast`, in the same rounds."""
        if self.missing(slow, fast):
            return None
        return same_round_ratio(self.lanes[slow].seconds, self.lanes[fast].seconds, factor)


def run_race(
    contenders: Sequence[Contender],
    inputs: Inputs,
    effort: Effort,
    *,
    core: int | None,
    keep: Sequence[str] = (),
    tick: Callable[[], None] = lambda: None,
) -> Race:
    """Run the contenders in turns on one core (None: wherever the system puts them).

    Inputs go through a file, so that every environment reads the same bytes. Each contender has a warm-up, in which
    the number of calls is found that fills a turn; then come the rounds, each beginning with another contender.
    `keep` names the contenders whose results are wanted. A contender that fails is left with its reason.
    """
    with tempfile.TemporaryDirectory() as folder, _processes() as started:
        stored = Path(folder) / "inputs.npz"
        np.savez(stored, allow_pickle=False, **inputs)
        lanes = [Lane(contender, {}) for contender in contenders]
        for lane in lanes:
            with _told(lane):
                process = Process(interpreter(lane.contender.environment), core, lane.contender.patience)
                started[lane.contender.name] = process
                _prepare(lane, process, stored, effort)
        for number in range(effort.rounds):
            first = number % len(lanes)
            for lane in [*lanes[first:], *lanes[:first]]:
                if lane.missing is None:
                    with _told(lane):
                        _turn(lane, started[lane.contender.name])
                tick()
        results: dict[str, Inputs] = {}
        for lane in lanes:
            if lane.contender.name in keep and lane.missing is None:
                with _told(lane):
                    to = Path(folder) / f"result-{len(results)}.npz"
                    started[lane.contender.name].ask(do="save", to=str(to))
                    with np.load(to) as saved:
                        results[lane.contender.name] = {name: saved[name] for name in saved.files}
        for lane in lanes:
            if lane.missing is not None:
                lane.seconds = ()
        return Race(lanes, results, digest(inputs))


def quiet_core() -> int | None:
    """The core that contenders are pinned to: the last one allowed, since systems prefer the first for themselves."""
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


@contextmanager
def _processes() -> Iterator[dict[str, Process]]:
    started: dict[str, Process] = {}
    try:
        yield started
    finally:
        for process in started.values():
            process.close()


@contextmanager
def _told(lane: Lane) -> Iterator[None]:
    try:
        yield
    except ContenderError as error:
        lane.missing = str(error)


def _prepare(lane: Lane, process: Process, stored: Path, effort: Effort) -> None:
    contender = lane.contender
    lane.versions = process.ask(do="hello", distributions=list(contender.distributions))["versions"]
    file, _, call = contender.call.partition(":")
    request = {"file": str(ROOT / file), "call": call, "inputs": str(stored), "options": contender.options}
    lane.units = process.ask(do="load", **request)["units"]
    clock = "wall" if contender.clock in ("p50", "p99") else contender.clock
    lane.calls = 1
    while True:
        taken = process.ask(do="turn", calls=lane.calls)[clock]
        if taken >= 0.7 * effort.seconds or lane.calls >= effort.most_calls:
            return
        wanted = lane.calls * effort.seconds / max(taken, 1e-9)
        lane.calls = int(min(effort.most_calls, max(lane.calls + 1, min(wanted, 20 * lane.calls))))


def _turn(lane: Lane, process: Process) -> None:
    measured = process.ask(do="turn", calls=lane.calls)
    if lane.contender.clock == "p50":
        lane.seconds += (measured["p50"] / lane.units,)
        lane.tail += (measured["p99"] / lane.units,)
    else:
        lane.seconds += (measured[lane.contender.clock] / (lane.calls * lane.units),)
