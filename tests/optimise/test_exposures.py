"""Exposures of whole accounts and costs of trades, against closed forms and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import SPOT, account, chain, holding
from plimsoll.optimise import Holding, TradingTerms, cost, make_desk, vega
from plimsoll.optimise.ladder import Ladder
from plimsoll.optimise.measure import measure, start
from plimsoll.pricing.black76 import lognormal_value
from plimsoll.pricing.greeks import greeks, inverse_greeks

PRBM = "prbm@2026-01-01"


@pytest.mark.parametrize("style", ["linear", "inverse"])
def test_deltas_and_vegas_are_the_closed_forms_and_an_inverse_delta_is_less_its_mark(style: str) -> None:
    market = chain(np.random.default_rng(2), style)
    desk = make_desk(market, [holding(PRBM, {"PERP": 1.0})])
    place = desk.places[0]
    for i, name in enumerate(place.names):
        contract = market.contracts[name]
        if contract.kind != "option":
            continue
        row = market.expiry_table["BTC", contract.expiry]
        forward, years = row.forward.price, market.seconds_to(contract.expiry) / 31_536_000.0
        terms = (forward, contract.strike, years, market.marks[name].vol, contract.call)
        if style == "linear":
            want, points = float(greeks(*terms).delta) * forward / SPOT, 0.01 * float(greeks(*terms).vega)
        else:
            want, points = (
                float(inverse_greeks(*terms).delta) * forward,
                0.01 * float(inverse_greeks(*terms).vega) * SPOT,
            )
        assert place.exposures.delta[i] == pytest.approx(want, rel=1e-6, abs=1e-8)
        assert place.exposures.vega[i] == pytest.approx(points, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("numeraire", ["USD", "BTC"])
def test_the_delta_of_an_account_is_the_slope_of_its_worth(numeraire: str) -> None:
    """Worth of everything at two prices, by the engine that margins do not use for it."""
    market = chain(np.random.default_rng(3), "inverse")
    held = {"60D-1-C": -4.0, "14D-0.9-P": 3.0, "PERP": 20_000.0}
    content = account(held, {"BTC": 1.5, "USDC": 40_000.0}).to_dict()
    content["positions"][2]["unrealised_pnl"] = -0.2
    book = Holding("book", pl.Account.from_dict(content), pl.margin_model(PRBM))
    desk = make_desk(market, [book], numeraire=numeraire)
    own = {**held}

    def worth(part: float) -> float:
        coins = 1.5 - 0.2
        for name, q in own.items():
            contract, mark = market.contracts[name], market.marks[name]
            if contract.kind == "perpetual":
                coins += q * contract.multiplier / mark.price * (1.0 - 1.0 / part)
                continue
            forward = market.expiry_table["BTC", contract.expiry].forward.price * part
            years = market.seconds_to(contract.expiry) / 31_536_000.0
            value = lognormal_value(forward, contract.strike, mark.vol * np.sqrt(years), contract.call)
            coins += q * float(value) / forward
        dollars = coins * SPOT * part + 40_000.0
        return dollars if numeraire == "USD" else dollars / (SPOT * part)

    step = 1e-4
    slope = (worth(1.0 + step) - worth(1.0 - step)) / (2.0 * step)
    # in dollars by the dollar, and in coins by the relative move
    want = slope / SPOT if numeraire == "USD" else slope
    assert desk.delta("BTC") == pytest.approx(want, rel=1e-6)


def test_a_trade_moves_the_delta_of_the_account_by_what_it_was_said_to() -> None:
    market = chain(np.random.default_rng(4), "inverse")
    book = holding(PRBM, {"60D-1-C": -4.0}, {"BTC": 3.0})
    free = TradingTerms(future_fee=0.0, option_fee=0.0, spread=0.0, option_spread=0.0)
    desk = make_desk(market, [book], terms=free)
    place = desk.places[0]
    for name, size in (("60D-1.1-C", 2.0), ("14D-0.9-P", -1.5), ("PERP", 5_000.0)):
        trade = np.zeros(len(place.names))
        i = place.names.index(name)
        trade[i] = size
        after = Holding("book", desk.after(place, trade), book.model)
        moved = make_desk(market, [after], terms=free).delta("BTC") - desk.delta("BTC")
        assert moved == pytest.approx(size * place.exposures.delta[i], rel=1e-6, abs=1e-7)


def test_depth_is_taken_level_by_level_and_no_gain_is_believed() -> None:
    market = chain(np.random.default_rng(5))
    content = market.to_dict()
    price = content["marks"]["PERP"]["price"]
    content["depth"] = {
        "PERP": {"bids": [[price + 5.0, 1.0], [price - 10.0, 2.0]], "asks": [[price + 20.0, 1.0], [price + 40.0, 3.0]]}
    }
    content["marks"]["60D-1-C"] |= {"bid": 1.0, "ask": 20_000.0}
    terms = TradingTerms(future_fee=0.0, option_fee=0.0)
    desk = make_desk(pl.Market.from_dict(content), [holding(PRBM, {"PERP": 1.0})], terms=terms)
    place = desk.places[0]
    buy, sell = place.sides[place.names.index("PERP")]
    assert (buy.source, buy.cost, buy.size) == ("depth", (pytest.approx(20.0), pytest.approx(40.0)), (1.0, 3.0))
    # the bid above the mark is worth nothing: no gain in the first level
    assert sell.cost == (0.0, pytest.approx(10.0))
    assert buy.of(2.5) == pytest.approx(20.0 + 1.5 * 40.0)
    assert buy.of(4.5) == np.inf
    option = place.sides[place.names.index("60D-1-C")][0]
    assert option.source == "quote"
    assert option.cost[0] > 5_000.0
    one = np.zeros(len(place.names))
    one[place.names.index("PERP")] = -2.0
    assert measure(desk, cost(), (one,)) == pytest.approx(10.0)
    assert start(desk, vega("BTC") + 0.0) == 0.0


def test_fees_are_capped_by_the_premium() -> None:
    market = chain(np.random.default_rng(6), strikes=(0.3, 1.0))
    terms = TradingTerms(future_fee=0.0005, option_fee=0.0003, spread=0.0, option_spread=0.0)
    place = make_desk(market, [holding(PRBM, {"PERP": 1.0})], terms=terms).places[0]
    fee = {n: s[0].cost[0] for n, s in zip(place.names, place.sides, strict=True)}
    assert fee["PERP"] == pytest.approx(0.0005 * SPOT)
    assert fee["60D-1-C"] == pytest.approx(0.0003 * SPOT)
    assert 0.0 <= fee["14D-0.3-P"] < 1e-3


def test_a_capped_ladder_keeps_its_first_steps() -> None:
    ladder = Ladder((1.0, 2.0, 3.0), (2.0, 2.0, 2.0), "depth")
    assert ladder.capped(3.0) == Ladder((1.0, 2.0), (2.0, 1.0), "depth")
    assert ladder.capped(0.0).most == 0.0
    assert ladder.capped(float("inf")) == ladder


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"candidates": ["NONE"]}, "candidates: got 'NONE'"),
        ({"candidates": ["PERP", "PERP"]}, "candidates: got 'PERP'; allowed: each instrument once"),
        ({"numeraire": "ETH"}, "numeraire: got 'ETH'"),
        ({"horizon_days": float("nan")}, "horizon_days: got nan"),
        ({"terms": TradingTerms(sizes={"NONE": 1.0})}, "terms.sizes.NONE"),
    ],
)
def test_bad_desks_are_refused(change: dict[str, object], said: str) -> None:
    market = chain(np.random.default_rng(7))
    with pytest.raises(pl.DocumentError) as caught:
        make_desk(market, [holding(PRBM, {"PERP": 1.0})], **change)  # type: ignore[arg-type]
    assert said in str(caught.value).replace('"', "'")


def test_bad_accounts_are_refused() -> None:
    market = chain(np.random.default_rng(8))
    content = account({"PERP": 1.0}).to_dict()
    order = {"instrument": "PERP", "quantity": 1.0, "price": 70_000.0}
    leg = {"instrument": "PERP", "quantity": 1.0, "leg": "long"}
    for change, said in (({"orders": [order]}, "book.orders: got '1 orders'"), ({"positions": [leg]}, "a long leg")):
        book = Holding("book", pl.Account.from_dict(content | change), pl.margin_model(PRBM))
        with pytest.raises(pl.DocumentError, match="a form speaks of") as caught:
            make_desk(market, [book])
        assert said in str(caught.value)
    with pytest.raises(pl.DocumentError, match="one account or more"):
        make_desk(market, [])
    with pytest.raises(pl.DocumentError, match="each name once"):
        make_desk(market, [holding(PRBM, {"PERP": 1.0})] * 2)
    with pytest.raises(pl.DocumentError, match="a model with a form"):
        make_desk(market, [holding("prbm-whole@2026-01-01", {"PERP": 1.0})])


def test_coin_quotes_are_dollars_at_the_price_of_the_coin() -> None:
    market = chain(np.random.default_rng(9), "inverse")
    content = market.to_dict()
    mark = content["marks"]["PERP"]["price"]
    content["marks"]["PERP"] |= {"bid": mark - 7.0, "ask": mark + 14.0}
    row = market.expiry_table["BTC", market.contracts["60D-1-C"].expiry]
    years = market.seconds_to(row.expiry) / 31_536_000.0
    vol = market.marks["60D-1-C"].vol
    value = float(lognormal_value(row.forward.price, SPOT, vol * np.sqrt(years), True)) / row.forward.price
    content["marks"]["60D-1-C"] |= {"bid": value - 0.001, "ask": value + 0.003}
    terms = TradingTerms(future_fee=0.0, option_fee=0.0, size=2.0)
    place = make_desk(pl.Market.from_dict(content), [holding(PRBM, {"PERP": 10.0})], terms=terms).places[0]
    sides = dict(zip(place.names, place.sides, strict=True))
    assert sides["60D-1-C"][0].cost == (pytest.approx(0.003 * SPOT, rel=1e-9),)
    assert sides["60D-1-C"][1].cost == (pytest.approx(0.001 * SPOT, rel=1e-9),)
    # ten dollars a contract: what a coin more expensive to buy and cheaper to sell costs, in coins, at its price
    assert sides["PERP"][0].cost == (pytest.approx(10.0 * (1.0 / mark - 1.0 / (mark + 14.0)) * SPOT, rel=1e-9),)
    assert sides["PERP"][1].cost == (pytest.approx(10.0 * (1.0 / (mark - 7.0) - 1.0 / mark) * SPOT, rel=1e-9),)
    # two coins of a contract that is about ten dollars
    assert sides["PERP"][0].most == pytest.approx(2.0 * mark / 10.0)
