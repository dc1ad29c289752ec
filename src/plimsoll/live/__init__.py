"""The real-time engine: events in order, margins that equal the batch, orders checked before they go."""

from plimsoll.live.engine import Engine
from plimsoll.live.events import (
    Acknowledge,
    Carried,
    Clock,
    Event,
    Fill,
    Listing,
    Prices,
    Settlement,
    Transfer,
    forward_key,
    from_json,
    to_json,
)
from plimsoll.live.gate_rule import GateRule, Refusal
from plimsoll.live.orders import Candidates, Leg, Limits, Order, Verdict, Verdicts
from plimsoll.live.outcome import Decision, Outcome, Status

__all__ = [
    "Acknowledge",
    "Candidates",
    "Carried",
    "Clock",
    "Decision",
    "Engine",
    "Event",
    "Fill",
    "GateRule",
    "Leg",
    "Limits",
    "Listing",
    "Order",
    "Outcome",
    "Prices",
    "Refusal",
    "Settlement",
    "Status",
    "Transfer",
    "Verdict",
    "Verdicts",
    "forward_key",
    "from_json",
    "to_json",
]
