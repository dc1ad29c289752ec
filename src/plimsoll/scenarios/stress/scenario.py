"""Stress scenarios as one file: historical, hypothetical and generated ones alike."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from plimsoll.documents import Document, Instant, NonNegative, Part, fault, refuse
from plimsoll.scenarios.stress.shocks import ALL, CorrelationShock, Evidence, PriceShock, Shock, hours_of

Kind = Literal["historical", "hypothetical", "generated"]
KINDS: tuple[Kind, ...] = ("historical", "hypothetical", "generated")
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,59}$")]


class StressScenario(Part):
    """Shocks that happen together; `start` where it happened once.

    `evidence` is that of the scenario as a whole, each shock has its own. `noise` is the annual volatility of the
    bridge that a path draws between waypoints, zero for none; a revaluation at an instant draws nothing.
    """

    name: Slug
    kind: Kind
    source: str
    evidence: Evidence
    start: Instant | None = None
    noise: NonNegative = 0.0
    shocks: Annotated[tuple[Shock, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for i, shock in enumerate(self.shocks):
            key = (shock.shock, shock.subject)
            if key in seen:
                told = f"a second {shock.shock} shock" + (f" of {shock.subject}" if shock.subject else "")
                raise fault(f"shocks[{i}]", told, "one shock of each kind for each subject")
            seen.add(key)
            if isinstance(shock, CorrelationShock):
                moved = {s.underlying for s in self.shocks if isinstance(s, PriceShock)}
                if not moved & {shock.lead, ALL}:
                    raise fault(f"shocks[{i}].lead", shock.lead, "an underlying that a price shock moves")
        return self

    @property
    def hours(self) -> tuple[float, ...]:
        """Every hour at which something begins or bends, growing; the last is the end of the scenario."""
        return tuple(sorted({h for s in self.shocks for h in hours_of(s)}))


class StressScenarios(Document):
    """A list of scenarios, each name once."""

    SCHEMA: ClassVar[str] = "plimsoll.stress-scenarios"

    scenarios: Annotated[tuple[StressScenario, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        seen: set[str] = set()
        for i, scenario in enumerate(self.scenarios):
            if scenario.name in seen:
                raise fault(f"scenarios[{i}].name", scenario.name, "each name once")
            seen.add(scenario.name)
        return self

    def __len__(self) -> int:
        return len(self.scenarios)

    def named(self, name: str) -> StressScenario:
        """The scenario called `name`. Raises `DocumentError` with the names that there are."""
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        known = ", ".join(s.name for s in self.scenarios[:40])
        raise refuse("scenario", name, known)

    def of(self, *kinds: Kind) -> StressScenarios:
        """Only those of some kinds. Raises `DocumentError` where there is none."""
        chosen = tuple(s for s in self.scenarios if s.kind in kinds)
        if not chosen:
            raise refuse("scenarios", "none of kind " + ", ".join(kinds), "at least one")
        return StressScenarios(scenarios=chosen)
