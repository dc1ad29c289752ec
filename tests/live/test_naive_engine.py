"""The engine against its naive twin, which keeps dictionaries and computes every margin from the beginning."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from live_books import engine_of, small_accounts, small_market
from naive.live import NaiveEngine
from plimsoll.live import to_json
from plimsoll.live.generated import DayRule, disturbed, generated_day

MARKET = small_market()


@settings(max_examples=max(5, settings.default.max_examples // 10))
@given(seed=st.integers(0, 10_000), fills=st.sampled_from([0.1, 0.6]), cash=st.sampled_from([5_000.0, 60_000.0]))
def test_engine_and_twin_agree_on_a_day_with_noise(seed: int, fills: float, cash: float) -> None:
    accounts = small_accounts(MARKET, 3, seed, cash)
    names = [a.name for a in accounts]
    engine = engine_of(MARKET, accounts)
    twin = NaiveEngine(engine.model.rules.parameters, MARKET.to_dict(), [a.to_dict() for a in accounts])
    day = DayRule(fills=fills, daily_vol=0.03, usd=5_000.0)
    for event in disturbed(generated_day(MARKET, names, 60, seed, day), seed, 0.3):
        engine.apply(event)
        twin.take(to_json(event))
    found = engine.amounts([0, 1, 2])
    for a, name in enumerate(names):
        own = twin.margin(name)
        room = 1e-9 * (1.0 + float(engine.sleep.gross[a].sum()))
        for x, y in zip((float(f[a]) for f in found), own, strict=True):
            assert abs(x - y) <= room
        near = min(abs(own[2] - own[0]), abs(own[2] - own[1])) <= room
        assert near or engine.status(a) == twin.status(name)


def test_the_twin_is_not_blind() -> None:
    # a fill that only one of them hears of shows
    accounts = small_accounts(MARKET, 1, 1)
    engine = engine_of(MARKET, accounts)
    twin = NaiveEngine(engine.model.rules.parameters, MARKET.to_dict(), [a.to_dict() for a in accounts])
    events = list(generated_day(MARKET, [accounts[0].name], 20, 1, DayRule(fills=0.9)))
    for event in events[:-1]:
        engine.apply(event)
    for event in events:
        twin.take(to_json(event))
    assert abs(float(engine.amounts([0])[0][0]) - twin.margin(accounts[0].name)[0]) > 1.0
