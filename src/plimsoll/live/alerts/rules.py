"""When an alert is raised and when it is over, as a document."""

from __future__ import annotations

from importlib.resources import files
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from plimsoll.documents import Document, Name, NonNegative, Number, Part, Positive, fault
from plimsoll.live.monitors.readings import SUBJECTS

Reading = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^.\x00-\x1f]+(\.[^.\x00-\x1f]+)+$")
]


class AlertRule(Part):
    """One level.

    `reading` is a path into `Readings.to_dict()`, names joined by points; a star stands for every key there, each an
    alert of its own (`oracle.indices.*.furthest`), of which `only` names those that count. `when` it is beyond
    `raise_at` for `hold_seconds` the alert is raised, and it is over once it has been at or inside `clear_at` for
    `clear_seconds`, by the clock of the events. Between the two levels nothing changes. `repeat_hours`: one that stands
    is said again. True counts as one.
    """

    name: Name
    reading: Reading
    when: Literal["above", "below"] = "above"
    raise_at: Number
    clear_at: Number
    hold_seconds: NonNegative = 0.0
    clear_seconds: NonNegative = 0.0
    repeat_hours: Positive | None = None
    severity: Literal["info", "warning", "critical"] = "warning"
    only: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if (self.clear_at > self.raise_at) if self.when == "above" else (self.clear_at < self.raise_at):
            side = "at most" if self.when == "above" else "at least"
            raise fault("clear_at", self.clear_at, f"{side} raise_at ({self.raise_at:g})")
        subject = self.reading.partition(".")[0]
        if subject not in SUBJECTS:
            raise fault("reading", self.reading, "a path that begins with " + ", ".join(SUBJECTS))
        return self

    def beyond(self, value: float) -> bool:
        """Whether a value is beyond the level that raises."""
        return value > self.raise_at if self.when == "above" else value < self.raise_at

    def inside(self, value: float) -> bool:
        """Whether a value is where the alert is over."""
        return value <= self.clear_at if self.when == "above" else value >= self.clear_at


class AlertRules(Document):
    """The alerts of a desk or venue; each name once."""

    SCHEMA: ClassVar[str] = "plimsoll.alert-rules"

    rules: Annotated[tuple[AlertRule, ...], Field(max_length=1_000)] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        names = [r.name for r in self.rules]
        twice = next((n for i, n in enumerate(names) if n in names[:i]), None)
        if twice is not None:
            raise fault("rules", twice, "each name once")
        return self


def default_rules() -> AlertRules:
    """The rules that are shipped: a beginning, chosen and not calibrated."""
    return AlertRules.from_json(
        files("plimsoll.live.alerts").joinpath("alert-rules.json").read_bytes(), "alert-rules.json"
    )
