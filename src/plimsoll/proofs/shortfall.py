"""A lender's own measure: the expected shortfall of an account over scenarios that he publishes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, DocumentError, Fraction, Name, Number, Positive, fault
from plimsoll.margin import MarginModel, margin_model
from plimsoll.market import Market
from plimsoll.proofs.requirement import Requirement, requirement_of, shortfall_requirement
from plimsoll.scenarios import Scenarios


class ShortfallRules(Document):
    """Collateral after haircuts has to cover the mean of the largest losses over equally likely scenarios, USD.

    `spot[S]` multiplies every index and what follows it (0.8 is a fall by a fifth), `vol[S]` is the relative move of
    implied volatilities (0.4 is up by 40 %), none if left out. Of `S` scenarios the `(1 - level) S` largest losses
    count; a part of one counts as that part. `haircuts` name the assets that are taken.
    """

    SCHEMA: ClassVar[str] = "plimsoll.shortfall-rules"

    name: Name
    level: Annotated[float, Field(strict=True, ge=0.0, lt=1.0)]
    haircuts: Annotated[dict[Asset, Fraction], Field(min_length=1)]
    spot: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=2_000)]
    vol: tuple[Annotated[Number, Field(gt=-1.0)], ...] = ()

    @model_validator(mode="after")
    def _one_each(self) -> Self:
        if self.vol and len(self.vol) != len(self.spot):
            raise fault("vol", len(self.vol), f"{len(self.spot)}, one for each scenario, or none")
        return self

    def requirement(self, instruments: Sequence[str], market: Market) -> Requirement:
        """The measure over a public list of instruments. Raises `DocumentError` for one that the market lacks."""
        scenarios = Scenarios.build(self.spot, self.vol or None)
        found = shortfall_requirement(instruments, market, scenarios, self.level, self.haircuts)
        return replace(found, rules_label=self.name, rules=self.hash())


Measure = MarginModel | ShortfallRules
"""The model of a rule pack or an expected shortfall, either of which a proof of margin may be about."""


def measure_of(text: str) -> Measure:
    """The rules of `NAME@DATE`, of a file of rules, or of a file of `plimsoll.shortfall-rules`."""
    if Path(text).is_file():
        try:
            return ShortfallRules.load(text)
        except DocumentError as error:
            if not any(problem.path == "schema" for problem in error.problems):
                raise
    return margin_model(text)


def required(measure: Measure, instruments: Sequence[str], market: Market, reach: int | None = None) -> Requirement:
    """The requirement in integers of a measure over `instruments`; `reach` as `requirement_of` has it."""
    if isinstance(measure, ShortfallRules):
        return measure.requirement(instruments, market)
    return requirement_of(measure, instruments, market, reach)
