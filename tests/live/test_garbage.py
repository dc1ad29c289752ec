"""Whatever comes in: the engine answers, its margins are those of the batch, and its record plays again."""

from __future__ import annotations

import json
import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from live_books import INDEX, engine_of, furthest, small_accounts, small_market
from plimsoll.live import (
    Acknowledge,
    Carried,
    Clock,
    Engine,
    Event,
    Fill,
    GateRule,
    Listing,
    Prices,
    Settlement,
    Transfer,
    forward_key,
    from_json,
    to_json,
)
from plimsoll.live.calls import CallRule
from plimsoll.live.frozen import freeze, thaw

FEW = settings(max_examples=max(3, settings.default.max_examples // 25))
"""Each example is a day of garbage through two engines."""


def market() -> pl.Market:
    """Zeros where a venue may show them, and a coin that is collateral only."""
    content = small_market().to_dict()
    content["assets"]["USDT"] = {"price": 1.0}
    content["marks"]["BTC-1-linear-1-C"]["vol"] = 0.0
    return pl.Market.from_dict(content)


MARKET = market()
ACCOUNTS = small_accounts(MARKET, 4)
ODD = (
    0.0, -1.0, 5e-324, 1e-300, 1e-31, 1e-8, 1e8, 1e14, 1.1e15, 1e29, 1e31, 1e300, 1.7e308, -1e300, math.nan, math.inf,
    -math.inf, 0.5, 2e11,
)  # fmt: skip


class Garbage:
    """Events half of whose fields are none that anybody should send, out of a seed."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.numbers: dict[str, int] = {}
        self.instruments = [*(c.name for c in MARKET.instruments), "NONE", ""]
        self.expiries = [*(forward_key(e.underlying, e.expiry) for e in MARKET.expiries), "BTC x", "BTC", ""]

    def number(self, source: str) -> int:
        own = self.numbers[source] = self.numbers.get(source, 0) + 1
        return own if self.draw.random() < 0.9 else self.draw.choice([0, -1, own + 3, 10**30, max(1, own - 2)])

    def amount(self, around: float) -> float:
        return self.draw.choice(ODD) if self.draw.random() < 0.4 else around * math.exp(self.draw.gauss(0.0, 0.05))

    def time(self, now: datetime) -> datetime:
        leap = timedelta(seconds=self.draw.choice([1, 30, 3_600, -60, 345_600]))
        ends = [datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)]
        return self.draw.choice([*[now] * 6, now + leap, *ends])

    def event(self, now: datetime) -> Event:
        pick, amount = self.draw.choice, self.amount
        source, time = pick("abc"), self.time(now)
        account, name = pick([*(a.name for a in ACCOUNTS), "nobody"]), pick(self.instruments)
        kind = pick(("fill", "transfer", "prices", "prices", "prices", "clock", "settlement", "call", "listing"))
        head = (source, self.number(source + ("p" if kind == "prices" else "")), time)
        if kind == "fill":
            fee = pick([0.0, amount(1.0)])
            return Fill(*head, account, name, pick([amount(1.0), -amount(1.0)]), amount(INDEX["BTC"]), fee)
        if kind == "transfer":
            return Transfer(*head, account, pick(["USDC", "USDT", "BTC", "DOGE", ""]), amount(1_000.0))
        if kind == "prices":
            return Prices(*head, **self.prices())
        if kind == "clock":
            return Clock(*head)
        if kind == "settlement":
            row = pick(MARKET.expiries)
            due, worth = pick([row.expiry, time]), amount(INDEX[row.underlying])
            return Settlement(head[0], head[1], pick([row.expiry, time]), pick([row.underlying, "SOL"]), due, worth)
        if kind == "call":
            return pick((Acknowledge(*head, account, "x"), Carried(*head, account, "x")))
        fresh = f"NEW-{len(self.numbers)}-{head[1]}"
        day = "2026-02-01T00:00:00Z"
        option = {
            "kind": "option", "name": fresh, "underlying": "BTC", "expiry": pick([day, "soon"]), "call": True,
            "strike": amount(INDEX["BTC"]), "settlement": "linear", "currency": pick(["USDC", "XXX"]),
            "multiplier": 1.0,
        }  # fmt: skip
        terms = {"underlying": "BTC", "expiry": day, "forward": {"variable": amount(INDEX["BTC"])}}
        return Listing(*head, (option,), pick([(), (terms,)]), {fresh: {"vol": amount(0.6)}})

    def prices(self) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for _ in range(self.draw.randrange(1, 4)):
            name = self.draw.choice(["indices", "assets", "forwards", "vols", "marks"])
            keys = {"indices": ["BTC", "ETH", "SOL", ""], "assets": ["USDC", "USDT", ""], "forwards": self.expiries}
            around = {"assets": 1.0, "vols": 0.6}.get(name, INDEX["BTC"])
            found.setdefault(name, {})[self.draw.choice(keys.get(name, self.instruments))] = self.amount(around)
        return found


def engine(calls: bool) -> Engine:
    rule = CallRule() if calls else None
    return engine_of(MARKET, ACCOUNTS, gate=GateRule(held=20, remembered=30), calls=rule)


@FEW
@given(seed=st.integers(0, 100_000), calls=st.booleans())
def test_no_message_stops_the_engine_and_its_record_plays_again(seed: int, calls: bool) -> None:
    garbage = Garbage(seed)
    one, other = engine(calls), engine(calls)
    faults = 0
    for _ in range(150):
        event = garbage.event(one.prices.time)
        written = json.dumps(to_json(event), allow_nan=False)
        outcome: Any = one.apply(event)
        faults += len(outcome.refusals) + len(outcome.problems)
        # as a restart reads it
        assert other.apply(from_json(json.loads(written))) == outcome
    assert faults > 50
    # fills may leave amounts whose last bits are more than a unit
    held, decimals = one.holdings, one.model.rules.decimals
    largest = max(
        np.nan_to_num(np.abs(x)).max() for x in (held.collateral, held.costs(one.everyone), *one.amounts(one.everyone))
    )
    assert furthest(one) <= 1 + 16 * np.finfo(float).eps * largest * 10**decimals
    state = freeze(one)
    assert freeze(thaw(state)) == state
