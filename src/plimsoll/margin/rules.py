"""Rule packs: a model's parameters, dated, with their source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from importlib import resources
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Day, Document, DocumentError, JsonObject, Name, Part, fault, parse_day, refuse


class Source(Part):
    """Where parameters were read: what, where, when captured, and how the reading was chosen."""

    title: str
    reference: str = ""
    captured: Day
    note: str = ""


class Rules(Document):
    """A rule set: `name@effective` of a model with all its numbers.

    `evidence` maps a parameter path (or a prefix of one) to `reproduced`, `read` or `assumed`; the longest prefix
    that matches a parameter speaks for it. `until`, if present, is the last day in force. `notes` are repeated by every
    requirement that charges anything under these rules: what a reader must know of the pack itself, such as a date that
    no source gives.
    """

    SCHEMA: ClassVar[str] = "plimsoll.rules"

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    model: Name
    title: str = ""
    effective: Day
    until: Day | None = None
    currency: str = "USD"
    decimals: Annotated[int, Field(strict=True, ge=0, le=18)] = 6
    sources: tuple[Source, ...] = ()
    notes: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    evidence: dict[str, Annotated[str, Field(pattern="^(reproduced|read|assumed)$")]] = {}
    parameters: JsonObject

    @model_validator(mode="after")
    def _dates(self) -> Self:
        if self.until is not None and self.until < self.effective:
            raise fault("until", self.until.isoformat(), f"a day on or after effective ({self.effective})")
        return self

    @property
    def label(self) -> str:
        """`name@effective`."""
        return f"{self.name}@{self.effective.isoformat()}"

    @property
    def span(self) -> str:
        """The days in force in words: `2019-01-01 to 2019-12-31`, or `from 2024-06-17` where no end is known."""
        if self.until is None:
            return f"from {self.effective.isoformat()}"
        first, last = self.effective.isoformat(), self.until.isoformat()
        return first if first == last else f"{first} to {last}"

    def evidence_for(self, path: str) -> str:
        """How well the parameter at `path` is known; `assumed` when the pack does not say."""
        best = max(
            (p for p in self.evidence if path == p or path.startswith(p + ".") or p == "*"),
            key=len,
            default=None,
        )
        return "assumed" if best is None else self.evidence[best]


def _pack_files() -> Iterator[Any]:
    """The packs of the house and of every venue that has a folder."""
    room = resources.files("plimsoll").joinpath("margin")
    venues = sorted(room.joinpath("venues").iterdir(), key=lambda f: f.name)
    for folder in (room.joinpath("house"), *venues):
        place = folder.joinpath("packs")
        if place.is_dir():
            yield from sorted((f for f in place.iterdir() if f.name.endswith(".json")), key=lambda f: f.name)


def shipped_packs() -> tuple[Rules, ...]:
    """Every pack that comes with the package, by name and date."""
    packs = [Rules.from_json(f.read_bytes(), f.name) for f in _pack_files()]
    return tuple(sorted(packs, key=lambda r: (r.name, r.effective)))


def find_rules(reference: str) -> Rules:
    """The pack in force for `NAME@DATE`: the latest of that name effective on or before the date.

    Raises `DocumentError` when the name is unknown, the date is missing or crossed, or nothing was in force then.
    """
    name, at, day_text = reference.partition("@")
    packs = shipped_packs()
    mine = [p for p in packs if p.name == name]
    if not mine:
        raise refuse("rules", name, "one of " + ", ".join(sorted({p.name for p in packs})))
    spans = "; ".join(p.span for p in mine)
    if not at:
        raise refuse("rules", reference, f"NAME@DATE; {name} has packs in force {spans}")
    try:
        day = parse_day(day_text)
    except ValueError as error:
        raise refuse("rules", reference, f"NAME@DATE with DATE {error}") from None
    found = in_force(mine, day)
    if found is None:
        raise refuse("rules", reference, f"a day on which a pack is in force; {name} has packs {spans}")
    return found


def in_force(packs: list[Rules], day: date) -> Rules | None:
    """The latest of `packs` effective on or before `day` and not ended before it."""
    running = [p for p in packs if p.effective <= day and (p.until is None or day <= p.until)]
    return max(running, key=lambda p: p.effective, default=None)


def load_rules(reference: str) -> Rules:
    """Rules from `NAME@DATE` or from the path of a JSON file."""
    if reference.endswith(".json"):
        return Rules.load(reference)
    return find_rules(reference)


def flatten(parameters: Any, prefix: str = "") -> dict[str, Any]:
    """The leaves of nested parameters by dotted path; list items by index."""
    if isinstance(parameters, dict):
        items: Iterator[tuple[str, Any]] = iter((str(k), v) for k, v in parameters.items())
    elif isinstance(parameters, list):
        items = iter((str(i), v) for i, v in enumerate(parameters))
    else:
        return {prefix: parameters}
    flat: dict[str, Any] = {}
    for key, value in items:
        flat.update(flatten(value, f"{prefix}.{key}" if prefix else key))
    return flat


def with_parameter(rules: Rules, path: str, value: Any) -> Rules:
    """A copy of `rules` with one leaf of its parameters replaced."""
    parameters = json.loads(json.dumps(rules.parameters))
    here: Any = parameters
    steps = path.split(".")
    try:
        for step in steps[:-1]:
            here = here[int(step)] if isinstance(here, list) else here[step]
        last: Any = int(steps[-1]) if isinstance(here, list) else steps[-1]
        if isinstance(here, dict) and last not in here:
            raise KeyError(last)
        here[last] = value
    except (KeyError, IndexError, ValueError, TypeError):
        raise refuse(f"parameters.{path}", "no such parameter", "a path shown by `plimsoll rules show`") from None
    return rules.model_copy(update={"parameters": parameters})


__all__ = [
    "DocumentError",
    "Rules",
    "Source",
    "find_rules",
    "flatten",
    "in_force",
    "load_rules",
    "shipped_packs",
    "with_parameter",
]
