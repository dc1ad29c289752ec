"""How messages are judged, and what is said of those that are not taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from plimsoll.documents import Document, Name, NonNegative, Positive
from plimsoll.live.events import Event
from plimsoll.market.oracle import OracleRule

Fault = Literal[
    "duplicate", "contradictory", "out of order", "held", "gap", "late", "from the future",
    "not a price", "unknown", "suspect", "far off",
]  # fmt: skip


class GateRule(Document):
    """How messages are judged. Times in seconds, distances of prices and volatilities in logarithms.

    ```
    sources     who may tell prices; anybody where none is named
    late        prices older than this against the newest of their source are not taken; fills are facts and are
    ahead       a message this far beyond the last clock is from the future: more than the clocks are apart
    held        messages of a source with a gap before them that wait for it; beyond, the source has to send again
    remembered  numbers of a source whose content is remembered, to tell a repetition from a contradiction
    oracle      the rule by which an index of one or several sources is believed
    basis       how far a forward, a mark or a settlement may be off its index; basis_move how far it may go at once
    vol_most    the highest volatility, and vol_move how far one may go at once; asset_move the same of a stable coin
    confirm     what went too far is taken if the same source still says it so much later, within a quarter of the limit
    ```

    A source that marks down an index takes its forwards, marks and volatilities of that underlying along: a message
    that is wrong in one is not believed in the others.
    """

    SCHEMA: ClassVar[str] = "plimsoll.gate-rule"

    sources: tuple[Name, ...] = ()
    late: Positive = 30.0
    ahead: NonNegative = 120.0
    held: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1_000
    remembered: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 4_096
    oracle: OracleRule = OracleRule(least=1)
    basis: Positive = 0.25
    basis_move: Positive = 0.05
    vol_most: Positive = 10.0
    vol_move: Positive = 0.7
    asset_move: Positive = 0.05
    confirm: NonNegative = 10.0


@dataclass(frozen=True)
class Refusal:
    """A message, or one `key` of it, that was not taken, and why; `got` and `allowed` in words."""

    fault: Fault
    source: str
    number: int
    key: str
    got: str
    allowed: str

    @classmethod
    def of(cls, event: Event, fault: Fault, key: str, got: str, allowed: str) -> Refusal:
        """Of a message."""
        return cls(fault, event.source, event.number, key, got, allowed)
