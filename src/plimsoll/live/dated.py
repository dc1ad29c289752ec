"""What engines over one market must agree on before they take a clock, a settlement or a listing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from plimsoll.documents import DocumentError, Problem
from plimsoll.live.events import Clock, Listing, Settlement, forward_key, to_json
from plimsoll.live.gate_rule import GateRule
from plimsoll.live.listing import listed
from plimsoll.live.prices import HotPrices
from plimsoll.market import Market


def clock_problem(prices: HotPrices, event: Clock) -> Problem | None:
    """Why a clock is refused: an expiry has to settle first, or it has been later."""
    due = prices.due(event.time)
    if due:
        return Problem("clock.time", event.time.isoformat(), f"the settlement of {due[0]} first")
    if event.time < prices.time:
        return Problem("clock.time", event.time.isoformat(), f"from {prices.time.isoformat()} on")
    return None


def settlement_problem(prices: HotPrices, event: Settlement, rule: GateRule) -> Problem | None:
    """Why a settlement is refused: what is settled is money and cannot be taken back.

    The source says a price that is refused again under its next number.
    """
    key = forward_key(event.underlying, event.expiry)
    if key not in prices.groups:
        return Problem("settlement.expiry", key, f"one of {len(prices.groups)} expiries")
    if not (np.isfinite(event.price) and event.price > 0.0):
        return Problem("settlement.price", repr(event.price), "a price above zero")
    index = prices.index(event.underlying)
    if index is not None and abs(math.log(event.price) - math.log(index)) > rule.basis:
        allowed = f"at most {rule.basis:g} (log) off the index {index:g}"
        return Problem("settlement.price", repr(event.price), allowed)
    if prices.known("forwards", key) is None:
        return Problem("settlement.expiry", key, "an expiry that is not settled")
    if event.time < event.expiry:
        return Problem("settlement.time", event.time.isoformat(), "an instant from the expiry on")
    return None


def market_with(prices: HotPrices, event: Listing, rule: GateRule) -> Market | Problem:
    """The market with the contracts of a listing, or why it is refused."""
    # in the words of its record, so that what is refused now is refused alike when the record is played
    written: dict[str, Any] = to_json(event)
    documents = {name: written[name] for name in ("contracts", "terms", "quotes", "underlyings") if name in written}
    try:
        return listed(prices.snapshot(), replace(event, **documents), rule)
    except DocumentError as error:
        return error.problems[0]
