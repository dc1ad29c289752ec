"""The result of one subject: enough to judge the numbers and to get them again."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.harness.floors import Verdict
from benchmarks.harness.machine import Load, Machine
from benchmarks.harness.statistics import Spread
from plimsoll.documents import Count, Day, Document, Flag, JsonObject, Name, Number, Part


class Entrant(Part):
    """What one contender did. `missing` says why there is nothing instead."""

    name: Name
    environment: Name
    versions: dict[str, str]
    clock: Name
    unit: Name
    units_per_call: Number | None = None
    calls_per_turn: Count | None = None
    seconds_per_unit: Spread | None = None
    units_per_second: Spread | None = None
    slowest_percent: Spread | None = None  # seconds of a single call, 99 per cent quantile
    missing: str | None = None


class Figure(Part):
    """A number that the subject is about: a ratio, a fraction, an error."""

    key: Name
    words: str
    unit: str
    value: Spread


class Absent(Part):
    """A figure that could not be measured, and why."""

    key: Name
    words: str
    why: str


class Point(Part):
    """A place on a curve."""

    at: Number
    units_per_second: Spread


class Gap(Part):
    """A place on a curve where the contender could not run, and why."""

    at: Number
    why: str


class Curve(Part):
    """The rate of one contender over a size."""

    contender: Name
    over: Name
    unit: Name
    points: tuple[Point, ...]
    gaps: tuple[Gap, ...]


class Result(Document):
    """One subject, measured once.

    Ratios are of times of the same round; `clock` says which time (`cpu` of the process, of its `children`, `wall`,
    or the median `p50` of single calls). `inputs` is the digest of every input array of the run.
    """

    SCHEMA: ClassVar[str] = "plimsoll.benchmark"

    name: Name
    title: str
    about: str
    day: Day
    command: str
    quick: Flag
    seed: Count
    sizes: JsonObject
    inputs: str
    machine: Machine
    busy: Load
    versions: dict[str, str]
    entrants: tuple[Entrant, ...]
    figures: tuple[Figure, ...]
    absent: tuple[Absent, ...]
    curves: tuple[Curve, ...]
    floors: tuple[Verdict, ...]
