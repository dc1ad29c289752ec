"""What a subject gets to work with, and the document that comes out."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks.harness.document import Absent, Curve, Entrant, Figure, Gap, Point, Result
from benchmarks.harness.floors import Floor, judge
from benchmarks.harness.machine import Load, Machine, load_now, own_versions
from benchmarks.harness.process import Contender
from benchmarks.harness.race import Effort, Inputs, Lane, Race, quiet_core, run_race
from benchmarks.harness.statistics import Spread

SEED = 20260921


def generator(name: str, seed: int) -> np.random.Generator:
    """The stream of random numbers of a subject: its own, whatever else is run."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))


@dataclass
class Bench:
    """One run of one subject: it races contenders, notes figures and curves, and writes the document."""

    name: str
    quick: bool
    effort: Effort
    seed: int = SEED
    tick: Callable[[], None] = lambda: None
    only: tuple[str, ...] = ()  # sizes, where a subject has several and not all are wanted
    minutes: float | None = None  # of load, where a subject is a load
    lanes: list[Lane] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)
    busy_before: float = field(default_factory=load_now)

    def race(
        self,
        contenders: Sequence[Contender],
        inputs: Inputs,
        *,
        pinned: bool = True,
        keep: Sequence[str] = (),
        effort: Effort | None = None,
    ) -> Race:
        """Race the contenders and list them in the document."""
        race = self._run(contenders, inputs, pinned, keep, effort or self.effort)
        self.lanes += race.lanes.values()
        return race

    def note(self, key: str, words: str, unit: str, value: Spread | None, why: str | None = None) -> None:
        """Note a figure; without a value its reason is noted instead, by name."""
        if value is None:
            self.absent.append(Absent(key=key, words=words, why=why or "not measured in this run"))
        else:
            self.figures.append(Figure(key=key, words=words, unit=unit, value=value))

    def ratio(self, key: str, words: str, race: Race, slow: str, fast: str, factor: float = 1.0) -> None:
        """Note how many times the seconds per unit of `fast` those of `slow` are."""
        self.note(key, words, "×", race.ratio(slow, fast, factor), race.missing(slow, fast))

    def curve(
        self,
        over: str,
        contenders: Sequence[Contender],
        points: Iterable[tuple[float, Inputs, dict[str, Any]]],
        *,
        pinned: bool = True,
    ) -> None:
        """Race the contenders once per size; each point has its place, inputs and further options."""
        found: dict[str, list[Point]] = {contender.name: [] for contender in contenders}
        gaps: dict[str, list[Gap]] = {contender.name: [] for contender in contenders}
        effort = Effort(max(3, self.effort.rounds // 3), self.effort.seconds / 2)
        for at, inputs, options in points:
            entered = [
                Contender(**{**vars(contender), "options": contender.options | options}) for contender in contenders
            ]
            race = self._run(entered, inputs, pinned, (), effort)
            for name, lane in race.lanes.items():
                if lane.rate is not None:
                    found[name].append(Point(at=float(at), units_per_second=lane.rate))
                else:
                    gaps[name].append(Gap(at=float(at), why=lane.missing or "no round was measured"))
        self.curves += [
            Curve(contender=c.name, over=over, unit=c.unit, points=tuple(found[c.name]), gaps=tuple(gaps[c.name]))
            for c in contenders
            if found[c.name] or gaps[c.name]
        ]

    def document(
        self, title: str, about: str, sizes: dict[str, Any], command: str, machine: Machine, floors: tuple[Floor, ...]
    ) -> Result:
        """The result; nothing of it is rounded further or left out."""
        figures = {figure.key: figure.value for figure in self.figures}
        absent = {figure.key: figure.why for figure in self.absent}
        content = {
            "name": self.name,
            "title": title,
            "about": about,
            "day": datetime.now(UTC).date(),
            "command": command,
            "quick": self.quick,
            "seed": self.seed,
            "sizes": sizes,
            "inputs": hashlib.sha256("".join(self.digests).encode()).hexdigest(),
            "machine": machine,
            "busy": Load(before=self.busy_before, after=load_now()),
            "versions": own_versions(),
            "entrants": tuple(_entrant(lane) for lane in self.lanes),
            "figures": tuple(self.figures),
            "absent": tuple(self.absent),
            "curves": tuple(self.curves),
            "floors": tuple(judge(self.name, figures, absent, floors)),
        }
        return Result.model_validate(content)

    def _run(
        self, contenders: Sequence[Contender], inputs: Inputs, pinned: bool, keep: Sequence[str], effort: Effort
    ) -> Race:
        core = quiet_core() if pinned else None
        race = run_race(contenders, inputs, effort, core=core, keep=keep, tick=self.tick)
        self.digests.append(race.inputs_digest)
        return race


def _entrant(lane: Lane) -> Entrant:
    contender = lane.contender
    there = lane.missing is None
    return Entrant(
        name=contender.name,
        environment=contender.environment,
        versions=lane.versions,
        clock=contender.clock,
        unit=contender.unit,
        units_per_call=lane.units if there else None,
        calls_per_turn=lane.calls if there else None,
        seconds_per_unit=lane.per_unit,
        units_per_second=lane.rate,
        slowest_percent=Spread.of(lane.tail) if lane.tail and there else None,
        missing=lane.missing,
    )
