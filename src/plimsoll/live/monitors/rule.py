"""What the monitors measure by: bands, moves, thresholds; one document, so that two readings can be compared."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Document, Fraction, Positive, fault
from plimsoll.liquidation.calls import CallPolicy

Level = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, lt=1)]


class MonitorRule(Document):
    """How the monitors of an engine are read.

    ```
    steps             the healths of the ladder, those of a call policy
    leverage          edges of the histogram: gross notional over equity
    moves             edges of the density map, parts of the index, on both sides
    pushes            moves of an index that somebody might make, parts of it, on both sides
    push_bonus        part of what is liquidated that whoever pushes an index may get
    worst             how many accounts, instruments and groups are named
    link_positions    least part of an account's gross notional on one side of an underlying that links it to others
    link_collateral   the same of its positive balances, by asset
    stale_index       seconds after which an index or the price of an asset is stale
    stale_mark        the same of forwards and marks;  stale_vol: of volatilities
    level             part of the intervals that may exceed the initial margin (the promise that coverage is held to)
    horizon_hours     length of such an interval, by the event clock
    window            intervals of the rolling test
    alpha             error of the coverage tests
    ```
    """

    SCHEMA: ClassVar[str] = "plimsoll.monitor-rule"

    steps: CallPolicy = CallPolicy()
    leverage: tuple[Positive, ...] = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
    moves: tuple[Level, ...] = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
    pushes: tuple[Level, ...] = (0.001, 0.0025, 0.005, 0.01)
    push_bonus: Fraction = 0.01
    worst: Annotated[int, Field(strict=True, ge=0, le=1_000)] = 5
    link_positions: Fraction = 0.4
    link_collateral: Fraction = 0.4
    stale_index: Positive = 60.0
    stale_mark: Positive = 300.0
    stale_vol: Positive = 900.0
    level: Level = 0.01
    horizon_hours: Positive = 24.0
    window: Annotated[int, Field(strict=True, ge=2, le=10_000)] = 250
    alpha: Level = 0.01

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        for name in ("leverage", "moves", "pushes"):
            edges = getattr(self, name)
            if not edges or any(b <= a for a, b in pairwise(edges)):
                raise fault(name, list(edges), "increasing edges, at least one")
        return self
