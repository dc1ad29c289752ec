"""A day of a million events with noise: after it, and on the way, the engine is the batch within one smallest unit."""

from __future__ import annotations

import time

import numpy as np
import pytest

from live_books import engine_of, furthest, small_accounts, small_market
from plimsoll.live.generated import DayRule, disturbed, generated_day

MILLION = 1_000_000
DAY = DayRule(fills=0.9, transfers=0.02, quotes=0.9, seconds=0.0864, clock_seconds=60.0)
"""Ten a second and more through a whole day, with a full pass every minute."""


def run(events: int, accounts: int, part: float = 0.02) -> tuple[int, dict[str, int], float]:
    """The largest distance from the batch in smallest units, what was counted, and events a second."""
    market = small_market()
    engine = engine_of(market, small_accounts(market, accounts, cash=1e6))
    apart = 0
    spent = 0.0
    for n, event in enumerate(disturbed(generated_day(market, engine.holdings.names, events, 1, DAY), 1, part), 1):
        began = time.perf_counter()
        engine.apply(event)
        spent += time.perf_counter() - began
        if n % max(1, events // 10) == 0:
            apart = max(apart, furthest(engine))
    apart = max(apart, furthest(engine))
    counted = {**engine.totals, **engine.gate.counts, "events": engine.events}
    assert engine.gate.gaps() == {}
    assert np.isfinite(engine.equity).all()
    return apart, counted, engine.events / spent


def test_a_thousand_events_are_the_batch() -> None:
    apart, counted, _ = run(1_000, 10)
    assert apart <= 1
    assert counted["applied"] > 950
    assert counted["skipped"] > 0


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_a_million_events_are_the_batch() -> None:
    apart, counted, speed = run(MILLION, 200)
    print(f"{counted['events']:,} events, {speed:,.0f} a second, furthest {apart} units; {counted}")
    assert apart <= 1
    assert counted["applied"] > 0.95 * MILLION
