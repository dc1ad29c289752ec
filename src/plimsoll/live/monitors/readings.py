"""Everything that the monitors say of an engine at one moment, as one value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from plimsoll.documents import format_instant
from plimsoll.live.calls.desk import CallsReading
from plimsoll.live.engine import Engine
from plimsoll.live.gate import Gate
from plimsoll.live.monitors.block import Block
from plimsoll.live.monitors.concentration import Concentration, concentration
from plimsoll.live.monitors.coverage import Coverage, CoverageWatch
from plimsoll.live.monitors.density import Answers, Density, Told, answers, mapped
from plimsoll.live.monitors.feeds import Feeds, feeds
from plimsoll.live.monitors.ladder import Ladder, ladder
from plimsoll.live.monitors.leverage import Leverage, leverage
from plimsoll.live.monitors.linked import Linked, linked
from plimsoll.live.monitors.manipulation import Manipulation, SourceBooks, manipulation
from plimsoll.live.monitors.oracle import Oracle, oracle
from plimsoll.live.monitors.rule import MonitorRule
from plimsoll.live.monitors.utilisation import Utilisation, utilisation
from plimsoll.live.prices import HotPrices

SCHEMA = "plimsoll.monitor-readings"
INSTRUMENTS = 20
"""Instruments of the concentration that a reading names."""


@dataclass(frozen=True)
class Readings:
    """The monitors of an engine after its event number `events`; amounts in USD.

    `density` is `None` where it was not asked for, `manipulation` without books of the sources, `coverage` without a
    `CoverageWatch`, `calls` for an engine without a call desk.
    """

    time: datetime
    events: int
    rules: str
    utilisation: Utilisation
    health: Ladder
    concentration: Concentration
    leverage: Leverage
    linked: Linked
    oracle: Oracle
    feeds: Feeds
    density: Density | None = None
    manipulation: Manipulation | None = None
    coverage: Coverage | None = None
    calls: CallsReading | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: a name of a subject leads to its document, markets and accounts are keys."""
        found: dict[str, Any] = {
            "schema": SCHEMA,
            "schema_version": 1,
            "time": format_instant(self.time),
            "events": self.events,
            "rules": self.rules,
        }
        for name in SUBJECTS:
            value = getattr(self, name)
            found[name] = None if value is None else value.to_dict()
        return found


SUBJECTS = (
    "utilisation", "health", "concentration", "leverage", "linked", "oracle", "feeds", "density", "manipulation",
    "coverage", "calls",
)  # fmt: skip


def read(
    engine: Engine,
    rule: MonitorRule | None = None,
    *,
    coverage: CoverageWatch | None = None,
    with_density: bool = True,
    told: Told | None = None,
    block: Block | None = None,
    books: SourceBooks | None = None,
) -> Readings:
    """Read every monitor. Nothing in the engine changes; on another thread, ask by `Live.ask`.

    Everybody is margined at this moment, sleepers too. The density map margins everybody at each of its edges: leave it
    out (`with_density`) where one looks more often than every few seconds. `block` if it was made before. With the
    `books` of the sources, the cost of pushing an index is read too, and everybody margined at each of its pushes.

    >>> import plimsoll as pl
    >>> from plimsoll.feeds.demo import demo_account, demo_market
    >>> from plimsoll.live import Engine
    >>> engine = Engine(pl.margin_model("prbm@2026-01-30"), demo_market(), [demo_account()])
    >>> found = read(engine, with_density=False).to_dict()
    >>> found["health"]["steps"]["healthy"]["accounts"], found["feeds"]["stale"]
    (1, 0)
    """
    rule = rule or MonitorRule()
    block = block or Block.of(engine)
    return read_block(
        block,
        rule,
        engine.gate,
        engine.prices,
        lambda asked: answers(engine, asked, told),
        events=engine.events,
        rules=engine.model.rules.label,
        with_density=with_density,
        books=books,
        coverage=None if coverage is None else coverage.read(),
        calls=None if engine.desk is None else engine.desk.read(engine.currency.tolist()),
    )


def read_block(
    block: Block,
    rule: MonitorRule,
    gate: Gate,
    prices: HotPrices,
    answered: Answers,
    *,
    events: int,
    rules: str,
    with_density: bool,
    books: SourceBooks | None,
    coverage: Coverage | None = None,
    calls: CallsReading | None = None,
) -> Readings:
    """What can be read from a block, from the prices that a gate let through and from what whoever has the accounts
    answers (`density.mapped`), beside what was read already."""
    density = mapped(block, prices.snapshot(), rule.moves, answered) if with_density else None
    pushed = None
    if books is not None:
        lines = mapped(block, prices.snapshot(), rule.pushes, answered, books.books, margined=True)
        pushed = manipulation(block, lines, gate, prices, books, rule)
    limits = {"index": rule.stale_index, "mark": rule.stale_mark, "vol": rule.stale_vol}
    return Readings(
        time=prices.time,
        events=events,
        rules=rules,
        utilisation=utilisation(block, rule.worst),
        health=ladder(block, rule.steps, rule.worst),
        concentration=concentration(block, INSTRUMENTS),
        leverage=leverage(block, rule.leverage, rule.worst),
        linked=linked(block, rule.link_positions, rule.link_collateral, rule.steps.call, rule.worst),
        oracle=oracle(gate, prices),
        feeds=feeds(gate, prices, limits),
        density=density,
        manipulation=pushed,
        coverage=coverage,
        calls=calls,
    )
