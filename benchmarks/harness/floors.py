"""What was promised, as data, and whether a result keeps it. A missed floor is shown; it fails no test."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator

from benchmarks.harness.process import ROOT
from benchmarks.harness.statistics import Spread
from plimsoll.documents import Flag, Name, Number, Part, fault

Sense = Literal["at_least", "at_most"]
FLOORS = ROOT / "benchmarks" / "floors.toml"


class Floor(Part):
    """A promise on one figure of one subject: exactly one of `at_least` and `at_most`.

    `waits_for` names what has to be built before the figure can be measured.
    """

    subject: Name
    figure: Name
    words: str
    at_least: Number | None = None
    at_most: Number | None = None
    waits_for: str | None = None

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise fault("at_least", self.at_least, "exactly one of at_least and at_most")
        return self

    @property
    def sense(self) -> Sense:
        return "at_most" if self.at_least is None else "at_least"

    @property
    def bound(self) -> float:
        return float((self.at_most if self.at_least is None else self.at_least) or 0.0)

    def is_met(self, value: float) -> bool:
        """Whether a median keeps the promise."""
        return value >= self.bound if self.sense == "at_least" else value <= self.bound


class Verdict(Part):
    """A floor beside what was measured; `measured` and `met` are left out together, and `why` then says why."""

    figure: Name
    words: str
    sense: Sense
    floor: Number
    measured: Number | None
    met: Flag | None
    why: str | None = None


def read_floors(path: Path = FLOORS) -> tuple[Floor, ...]:
    """Every floor, in the order of the file."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["floor"]
    return tuple(Floor.model_validate(row) for row in rows)


def judge(subject: str, figures: dict[str, Spread], absent: dict[str, str], floors: tuple[Floor, ...]) -> list[Verdict]:
    """A verdict for each floor of the subject. `absent` has a reason for each figure that could not be measured."""
    verdicts = []
    for floor in floors:
        if floor.subject != subject:
            continue
        found = figures.get(floor.figure)
        reason = floor.waits_for and f"waits for {floor.waits_for}"
        verdicts.append(
            Verdict(
                figure=floor.figure,
                words=floor.words,
                sense=floor.sense,
                floor=floor.bound,
                measured=None if found is None else found.median,
                met=None if found is None else floor.is_met(found.median),
                why=None if found is not None else absent.get(floor.figure) or reason or "not measured in this run",
            )
        )
    return verdicts
