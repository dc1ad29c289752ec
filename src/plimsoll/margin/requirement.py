"""The requirement: what is charged, why, and how far the account is from the line."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from plimsoll.documents import Document, Failure, Instant, Number, Part

Evidence = Literal["reproduced", "read", "assumed"]
Method = Literal["euler", "aumann-shapley"]


class Share(Part):
    """What one position adds to a component, in the requirement's currency; shares of a component add up to it."""

    subject: str
    initial: Number
    maintenance: Number


class Component(Part):
    """One term of the requirement; the components add up to the totals.

    `initial` and `maintenance` are positive when they are charged. `evidence`: `reproduced` (the formula meets
    numbers the venue computed), `read` (it stands in the venue's rules) or `assumed`. `method` names how the shares
    were cut (`euler` or `aumann-shapley`) and `share_error` bounds what their quadrature left over.
    """

    name: str
    title: str
    initial: Number
    maintenance: Number
    evidence: Evidence
    method: Method = "euler"
    share_error: Number = 0.0
    shares: tuple[Share, ...] = ()


class ScenarioLoss(Part):
    """The account's weighted profit (positive) or loss (negative) in one scenario."""

    label: str
    pnl: Number


class Binding(Part):
    """The scenario or floor that set the core of the requirement for one underlying."""

    underlying: str
    kind: str
    label: str
    pnl: Number


class Pool(Part):
    """Money that stands or falls by itself: what the positions in cross margin share, or one isolated position's.

    Amounts in the requirement's currency. `margin` is what was set apart for an isolated position (`null` for the
    shared pool), `equity` that or the shared balance with profit and funding, `health = equity / maintenance`. An
    isolated pool below zero counts as nothing in the account's net equity: no more than its margin can be lost.
    """

    subject: str
    isolated: bool
    margin: Number | None
    equity: Number
    initial: Number
    maintenance: Number
    health: Number | None


class Inputs(Part):
    """Hashes of everything the numbers follow from."""

    account: str
    market: str
    rules: str


class Charged(Part):
    """The amounts as integers of the currency's smallest unit, `10**-decimals`, rounded against the account."""

    decimals: int
    initial: int
    maintenance: int
    equity: int


class Requirement(Document):
    """Initial and maintenance margin of one account under one rule set.

    Amounts in `currency`. `net_equity` is what stands against them: cash, collateral after haircuts where the rules
    take them there, option value and unrealised profit. `health = net_equity / maintenance`; `null` when nothing is
    required. `excess_initial = net_equity - initial` and `excess_maintenance` likewise: below zero means no new
    risk, respectively liquidation. `pools` are the parts that are liquidated by themselves, where the account has
    isolated positions; the account's amounts are their sums. `workings` are named intermediate results, some of which
    did not bind.
    """

    SCHEMA: ClassVar[str] = "plimsoll.requirement"

    account: str
    rules: str
    model: str
    time: Instant
    currency: str
    initial: Number
    maintenance: Number
    net_equity: Number
    health: Number | None
    excess_initial: Number
    excess_maintenance: Number
    charged: Charged
    components: tuple[Component, ...]
    binding: tuple[Binding, ...]
    scenarios: tuple[ScenarioLoss, ...]
    shares: tuple[Share, ...]
    pools: tuple[Pool, ...] = ()
    workings: dict[str, Number] = {}
    inputs: Inputs
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    def component(self, name: str) -> Component:
        """The component called `name`. Raises `KeyError` if the model has none."""
        for component in self.components:
            if component.name == name:
                return component
        raise KeyError(name)

    def frame(self) -> Any:
        """Per-position shares as a polars data frame: subject, initial, maintenance."""
        import polars as pl

        types = {"subject": pl.String, "initial": pl.Float64, "maintenance": pl.Float64}
        return pl.DataFrame([s.model_dump() for s in self.shares], schema=types)
