"""The probability of liquidation as a limit of an order."""

from __future__ import annotations

import math

import pytest

import plimsoll as pl
from builders import at
from plimsoll.liquidation.passage import passage
from plimsoll.liquidation.passage.laws import of_market
from plimsoll.live import Engine, Limits, Order
from plimsoll.live.chance import FIRST, Chance

MARKET = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": at(0),
        "indices": {"BTC": {"price": 70_000.0}, "ETH": {"price": 2_500.0}},
        "assets": {"USDC": {"price": 1.0}},
        "expiries": [{"underlying": "BTC", "expiry": at(30 * 86_400.0), "forward": {"variable": 70_200.0}}],
        "instruments": [
            {"kind": "perpetual", "name": f"{c}-PERP", "underlying": c, "settlement": "linear", "currency": "USDC"}
            for c in ("BTC", "ETH")
        ]
        + [
            {
                "kind": "option",
                "name": name,
                "underlying": "BTC",
                "expiry": at(30 * 86_400.0),
                "strike": strike,
                "call": False,
                "settlement": "linear",
                "currency": "USDC",
            }
            for name, strike in (("BTC-P", 70_000.0), ("BTC-P-HIGH", 72_000.0))
        ],
        "marks": {
            "BTC-PERP": {"price": 70_000.0},
            "ETH-PERP": {"price": 2_500.0}, "BTC-P": {"vol": 0.55}, "BTC-P-HIGH": {"vol": 0.55}},
    }
)  # fmt: skip
MODEL = pl.margin_model("prbm@2026-01-01")


def book(cash: float, **held: float) -> pl.Account:
    rows = tuple(pl.Position(instrument=n.replace("_", "-"), quantity=q) for n, q in held.items())
    return pl.Account(name="one", positions=rows, collateral={"USDC": cash})


def test_it_is_the_bound_of_the_passage_itself() -> None:
    account = book(8_500.0, BTC_PERP=1.0)
    chance = Chance(MODEL, 1.0, 1e-9, paths=1_000)
    law = of_market(account, MARKET, 1.0, size=FIRST, seed=1, step_days=1.0 / 24.0)
    first = passage(MODEL, account, MARKET, law.paths, seed=1).probability()
    # the value less its errors is far above the limit: the first look decides
    assert first.value - 1.645 * first.error > 1e-9
    assert chance(account, MARKET) == first.at_most
    assert f"{FIRST:,} paths" in chance.words


def test_what_the_first_look_leaves_open_is_asked_of_all_paths() -> None:
    account = book(8_500.0, BTC_PERP=1.0)
    near = Chance(MODEL, 1.0, 1e-9, paths=1_000)(account, MARKET)
    chance = Chance(MODEL, 1.0, near - 1e-6, paths=1_000)
    found = chance(account, MARKET)
    assert "1,000 paths" in chance.words
    law = of_market(account, MARKET, 1.0, size=1_000, seed=1, step_days=1.0 / 24.0)
    assert found == passage(MODEL, account, MARKET, law.paths, seed=1).probability().at_most


def test_an_order_that_makes_a_liquidation_likely_is_refused_and_says_how_likely() -> None:
    account = book(60_000.0, BTC_PERP=1.0)
    chance = Chance(MODEL, 3.0, 0.02, paths=1_000)
    engine = Engine(MODEL, MARKET, [account], limits=Limits(probability=0.02), probability=chance)
    assert engine.check(Order.of("one", "BTC-P", 0.1)).allowed
    verdict = engine.check(Order.of("one", "BTC-PERP", 4.0))
    assert not verdict.allowed
    assert verdict.reasons[0].startswith("probability: at most 0.")
    assert len(verdict.reasons) == 1


def test_more_cash_is_never_more_likely_to_be_liquidated() -> None:
    found = [Chance(MODEL, 1.0, 1e-9, paths=FIRST)(book(c, BTC_PERP=1.0), MARKET) for c in (6e3, 8e3, 3e4, 9e4)]
    assert found == sorted(found, reverse=True)
    # of no hit among n paths the bound solves (1 - p)^n = 5 %
    assert found[0] > 0.05 > found[-1] == pytest.approx(1.0 - 0.05 ** (1.0 / FIRST), rel=1e-9)


def test_nothing_to_lose_and_nothing_to_say() -> None:
    chance = Chance(MODEL, 1.0, 0.01, paths=FIRST)
    assert chance(book(10.0), MARKET) == 0.0
    # several underlyings need a history: the limit is not kept by what cannot be said
    both = book(1e6, BTC_PERP=1.0, ETH_PERP=5.0)
    assert math.isnan(chance(both, MARKET))
    assert chance.words.startswith("not computed")
    engine = Engine(MODEL, MARKET, [both], limits=Limits(probability=0.01), probability=chance)
    verdict = engine.check(Order.of("one", "BTC-PERP", 0.1))
    assert not verdict.allowed
    assert verdict.reasons[0].startswith("probability: not computed")


def test_paths_are_drawn_once_for_one_volatility() -> None:
    chance = Chance(MODEL, 1.0, 0.5, paths=FIRST)
    for cash in (2e4, 3e4):
        chance(book(cash, BTC_PERP=1.0), MARKET)
    assert len(chance._laws) == 1


@pytest.mark.parametrize(
    ("days", "paths", "named"), [(0.0, 4_000, "horizon"), (math.nan, 4_000, "horizon"), (1.0, 10, "paths")]
)
def test_what_no_chance_can_be_made_of(days: float, paths: int, named: str) -> None:
    with pytest.raises(pl.DocumentError, match=named):
        Chance(MODEL, days, 0.01, paths=paths)
