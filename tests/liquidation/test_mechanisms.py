"""Mechanisms of liquidation: nothing is lost or made, nothing closed twice, deeper books cost less; the naive twin."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plimsoll as pl
from close_out_desk import LIQUID, MARKS, account, market, one_level, terms, whole
from naive.close_out import closed_whole
from plimsoll.documents import DocumentError
from plimsoll.liquidation.mechanisms import (
    BackstopVault,
    BookCloseOut,
    Books,
    CloseOut,
    LoanTakeover,
    Mechanism,
    PortfolioAuction,
    PricePath,
    Scene,
    Staged,
    TakeoverWithBonus,
)
from plimsoll.margin import Account, Position, margin_model
from random_books import SOME

FEW = settings(parent=SOME, max_examples=max(8, SOME.max_examples // 2))
QUICK = terms(rounds=25, lots=200)
RULES = {"binance-usdm@2026-01-01": "USDT", "hyperliquid-perps@2026-01-01": "USDC", "dydx-v4@2026-09-27": "USDC"}
RULES |= {"deribit-sm@2026-10-01": "USDC", "bybit-uta@2026-01-01": "USDT", "prbm@2026-09-01": "USDC"}
ALL: tuple[Mechanism, ...] = (
    Staged(),
    BookCloseOut(),
    BookCloseOut(whole=True),
    BookCloseOut(sliced=True),
    BackstopVault(),
    BackstopVault(at_once=False),
    TakeoverWithBonus(),
)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Two positions of either side, with 0 to 120 % of their maintenance margin, on any path."""
    rules = draw(st.sampled_from(sorted(RULES)))
    coins = {"BTC": draw(st.floats(0.5, 60.0)), "ETH": draw(st.floats(5.0, 900.0))}
    sides = draw(st.tuples(st.sampled_from((-1.0, 1.0)), st.sampled_from((-1.0, 1.0))))
    held = {c: round(q, 3) * s for (c, q), s in zip(coins.items(), sides, strict=True)}
    here = market(RULES[rules], first=draw(st.sampled_from((0.2, 2.0, 50.0))))
    model = margin_model(rules)
    mode = "cross" if "cross" in model.MODES else "portfolio"
    needed = model.requirement(account(1e9, RULES[rules], mode=mode, **held), here).maintenance
    money = round(draw(st.floats(-0.2, 1.2)) * needed, 2)
    moves = (0.0, draw(st.floats(-0.1, 0.1)), draw(st.floats(-0.1, 0.1)))
    path = draw(st.sampled_from((PricePath(), PricePath((0.0, 5.0, 60.0), moves))))
    return Scene(model, account(money, RULES[rules], mode=mode, **held), here, QUICK, path)


@FEW
@given(scenes(), st.sampled_from(ALL))
def test_nothing_is_lost_and_nothing_turns_over(scene: Scene, mechanism: Mechanism) -> None:
    found = mechanism.run(scene)
    whole(found)
    # the same scene gives the same record: nothing is remembered, nothing is drawn
    assert mechanism.run(scene) == found
    started = {p.instrument: p.quantity for p in scene.account.positions}
    hedges = {p.instrument for p in found.account.positions} - set(started)
    for position in found.account.positions:
        if position.instrument not in hedges:
            # closed in part or not at all: never turned over, never enlarged
            assert 0.0 <= position.quantity / started[position.instrument] <= 1.0
    assert found.bad_debt == pytest.approx(max(0.0, -found.value_after))
    assert found.closed >= 0.0


@FEW
@given(scenes(), st.sampled_from((Staged(), BookCloseOut(), BookCloseOut(sliced=True), TakeoverWithBonus())))
def test_what_is_done_is_not_done_again(scene: Scene, mechanism: Mechanism) -> None:
    found = mechanism.run(scene)
    view = scene.model.requirement(found.account, found.market)
    if not found.done or view.net_equity < view.maintenance or not found.account.positions:
        return
    # the account as it was left, found again: nobody touches it
    again = mechanism.run(replace(scene, account=found.account, market=found.market, path=PricePath()))
    assert (again.fills, again.payments) == ((), ())
    assert again.account.positions == found.account.positions


@FEW
@given(scenes())
def test_the_part_that_is_closed_is_the_smallest(scene: Scene) -> None:
    scene = replace(scene, path=PricePath())
    found = BookCloseOut().run(scene)
    if not found.done or not found.fills or not found.account.positions:
        return
    assert found.equity_after >= found.maintenance_after
    # a part less of every position, and the line is missed
    lots = scene.terms.lots
    parts = max(-(-abs(f.lots) * lots // lots) for f in found.fills) - 1
    if parts == 0:
        return
    smaller = {f.subject: f.quantity * parts / abs(f.lots) for f in found.fills}
    held = []
    money = scene.account.collateral[next(iter(scene.account.collateral))]
    books = Books(scene.terms)
    for p in scene.account.positions:
        contract, mark = scene.market.contracts[p.instrument], MARKS[p.instrument[:3]]
        traded = smaller.get(p.instrument, 0.0)
        each = abs(p.quantity) / lots
        if traded:
            n = round(abs(traded) / each)
            quote = books.quote(contract, scene.market, mark, n, each, traded > 0, 1.0)
            money -= abs(traded) * (abs(quote.price - mark) + scene.terms.fee * quote.price)
        held.append(p.model_copy(update={"quantity": p.quantity + traded}))
    fewer = scene.account.model_copy(update={"positions": tuple(held), "collateral": {found.fills[0].currency: money}})
    view = scene.model.requirement(fewer, scene.market)
    assert view.net_equity < view.maintenance + 0.01


@FEW
@given(st.floats(0.5, 60.0), st.floats(5.0, 900.0), st.floats(1.0, 20.0), st.sampled_from((-1.0, 1.0)))
def test_deeper_books_cost_less(btc: float, eth: float, deeper: float, sign: float) -> None:
    model = margin_model("prbm@2026-09-01")
    held = {"BTC": sign * round(btc, 3), "ETH": -sign * round(eth, 3)}
    failing = account(10.0, "USDC", mode="portfolio", **held)
    thin, deep = (market("USDC", first=x) for x in (1.0, deeper))
    costs = [BookCloseOut(whole=True).run(Scene(model, failing, m, QUICK)).slippage for m in (thin, deep)]
    # each fill is rounded to a unit
    assert costs[1] <= costs[0] + 4e-6


@FEW
@given(st.floats(0.5, 60.0), st.floats(5.0, 900.0), st.sampled_from((-1.0, 1.0)), st.floats(0.0, 0.9))
def test_the_twin_closes_the_same(btc: float, eth: float, sign: float, stress: float) -> None:
    held = {"BTC": sign * round(btc, 3), "ETH": -sign * round(eth, 3)}
    here = market("USDC", first=0.5)
    scene = Scene(
        margin_model("prbm@2026-09-01"), account(10.0, "USDC", mode="portfolio", **held), here, terms(stress=stress)
    )
    found = BookCloseOut(whole=True).run(scene)
    laws = {f"{c}-P": (1.0, LIQUID[c]["daily_vol"], LIQUID[c]["volume"]) for c in MARKS}
    positions = {f"{c}-P": (q, MARKS[c], MARKS[c]) for c, q in held.items()}
    books = {n: (list(d.bids), list(d.asks)) for n, d in here.depth.items()}
    expected = closed_whole(positions, books, 10.0, stress, laws, 0.0005)
    assert found.value_after == pytest.approx(expected, abs=1e-4, rel=1e-7)


def test_a_hand_worked_close_out() -> None:
    # 10 coins, 4 at 59,990 and the rest at 59,980: 40 + 120 beside the mark, fee 5 in 10,000 of 599,840
    books = {"BTC-P": {"bids": [[59_990.0, 4.0], [59_980.0, 50.0]], "asks": [[60_010.0, 1.0]]}}
    scene = Scene(
        margin_model("prbm@2026-09-01"),
        account(5_000.0, "USDC", mode="portfolio", BTC=10.0),
        market("USDC", books=books),
    )
    scene = replace(scene, terms=terms(stress=0.0))
    found = BookCloseOut(whole=True).run(scene)
    assert found.slippage == pytest.approx(160.0, abs=1e-6)
    assert found.fees == pytest.approx(0.0005 * 599_840.0, abs=1e-6)
    assert found.value_after == pytest.approx(5_000.0 - 160.0 - 299.92, abs=1e-6)
    assert found.to == pytest.approx({"book": 160.0, "venue": 299.92}, abs=1e-6)
    assert found.account.positions == ()
    assert found.seconds == 1.0
    # half of the depth gone: 2 at 59,990, 8 at 59,980
    thin = BookCloseOut(whole=True).run(replace(scene, terms=terms(stress=0.5)))
    assert thin.slippage == pytest.approx(20.0 + 160.0, abs=1e-6)


def test_an_inverse_position_pays_in_its_coin() -> None:
    # 6,000 contracts of 100 USD, long at 60,000: ten coins, sold for 59,990
    here = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-10-01T00:00:00Z",
            "indices": {"BTC": {"price": 60_000.0}},
            "instruments": [
                {
                    "kind": "perpetual",
                    "name": "BTCUSD",
                    "underlying": "BTC",
                    "settlement": "inverse",
                    "currency": "BTC",
                    "multiplier": 100.0,
                }
            ],
            "marks": {"BTCUSD": {"price": 60_000.0}},
            "depth": {"BTCUSD": {"bids": [[59_990.0, 9_000.0]], "asks": [[60_010.0, 9_000.0]]}},
        }
    )
    model = margin_model("binance-coinm@2026-01-01")
    held = (Position(instrument="BTCUSD", quantity=6_000.0, entry_price=60_000.0),)
    failing = Account(mode="cross", positions=held, collateral={"BTC": 0.01})
    found = BookCloseOut(whole=True).run(Scene(model, failing, here, terms(stress=0.0, fee=0.0)))
    whole(found)
    lost = 600_000.0 * (1.0 / 59_990.0 - 1.0 / 60_000.0)
    assert found.fills[0].price == pytest.approx(59_990.0)
    assert found.account.collateral["BTC"] == pytest.approx(0.01 - lost, abs=2e-8)
    assert found.slippage == pytest.approx(lost * 60_000.0, abs=2e-3)
    # a price that falls before the order: what it costs in coin grows faster than the price
    fallen = BookCloseOut(whole=True).run(
        Scene(model, failing, here, terms(stress=0.0, fee=0.0), PricePath((0.0, 1.0), (0.0, -0.1)))
    )
    whole(fallen)
    coins = 0.01 + 600_000.0 * (1.0 / 60_000.0 - 1.0 / (59_990.0 * 0.9))
    assert fallen.account.collateral["BTC"] == pytest.approx(coins, abs=2e-8)
    assert fallen.bad_debt == pytest.approx(-coins * 54_000.0, abs=1e-2)


def test_latency_is_paid_by_the_path() -> None:
    scene = Scene(
        margin_model("prbm@2026-09-01"),
        account(5_000.0, "USDC", mode="portfolio", BTC=10.0),
        market("USDC", books={"BTC-P": one_level(60_000.0, 10.0)}),
        terms(latency=2.0, stress=0.0),
        PricePath((0.0, 4.0), (0.0, -0.01)),
    )
    found = BookCloseOut(whole=True).run(scene)
    # two of four seconds: half of one per cent of 600,000
    assert found.drift == pytest.approx(-3_000.0)
    assert found.slippage == pytest.approx(10.0 * 10.0 * 0.995)
    assert found.fills[0].price == pytest.approx(59_990.0 * 0.995)


def test_orders_that_follow_each_other_meet_what_is_left() -> None:
    books = Books(terms(stress=0.0, refill=10.0))
    books.take("BTC-P", False, 0.0, 8.0)
    assert books.gone("BTC-P", False, 10.0) == pytest.approx(4.0)
    assert books.gone("BTC-P", False, 20.0) == pytest.approx(2.0)
    assert books.gone("BTC-P", True, 20.0) == 0.0
    here = market("USDC", books={"BTC-P": {"bids": [[59_990.0, 5.0], [59_980.0, 5.0]], "asks": [[60_010.0, 1.0]]}})
    contract = here.contracts["BTC-P"]
    fresh = Books(terms(stress=0.0)).quote(contract, here, 60_000.0, 4, 1.0, False, 0.0)
    later = books.quote(contract, here, 60_000.0, 4, 1.0, False, 10.0)
    assert fresh.price == 59_990.0
    # four are still gone: one at the first level, three at the second
    assert later.price == pytest.approx((59_990.0 + 3 * 59_980.0) / 4)
    # and no further than a limit lets them
    assert books.quote(contract, here, 60_000.0, 4, 1.0, False, 10.0, limit=59_985.0).lots == 1


def test_a_vault_has_the_money_and_the_risk() -> None:
    books = {"BTC-P": one_level(60_000.0, 10.0)}
    scene = Scene(
        margin_model("prbm@2026-09-01"),
        account(5_000.0, "USDC", mode="portfolio", BTC=10.0),
        market("USDC", books=books),
        terms(stress=0.0),
    )
    found = BackstopVault().run(scene)
    assert found.value_after == 0.0
    assert found.account.positions == ()
    # it took 5,000 with ten coins, and paid 10 for each of them to get rid of them
    assert found.results["backstop vault"] == pytest.approx(4_900.0, abs=1e-4)
    assert found.to == {"backstop vault": pytest.approx(5_000.0)}
    fallen = BackstopVault().run(replace(scene, path=PricePath((0.0, 60.0), (0.0, -0.02))))
    assert fallen.results["backstop vault"] < 0.0
    assert fallen.loss_of_others == pytest.approx(-fallen.results["backstop vault"])


def test_a_bonus_is_not_paid_out_of_nothing() -> None:
    books = {"BTC-P": one_level(60_000.0, 10.0)}
    scene = Scene(
        margin_model("prbm@2026-09-01"), account(300.0, "USDC", mode="portfolio", BTC=10.0), market("USDC", books=books)
    )
    scene = replace(scene, terms=terms(stress=0.0, gas=1.0, capital=0.0, profit=0.0, whole_below=1.0))
    found = TakeoverWithBonus().run(scene)
    # a bonus of five per cent would be 30,000; there are 300, and selling costs 100
    assert found.to == {"keeper": pytest.approx(300.0, abs=1e-4)}
    assert found.results["keeper"] == pytest.approx(200.0, abs=1e-3)
    assert found.bad_debt < 1e-5
    dear = TakeoverWithBonus().run(replace(scene, terms=scene.terms.model_copy(update={"gas": 201.0})))
    assert (dear.fills, dear.done, dear.why) == ((), False, "no keeper acts")


def test_a_loan_is_repaid_for_collateral_and_a_bonus() -> None:
    model = margin_model("lending@2026-01-01")
    here = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-10-01T00:00:00Z",
            "indices": {"ETH": {"price": 2_000.0}},
            "assets": {"USDC": {"price": 1.0}},
        }
    )
    threshold = model.parameters.assets["ETH"].threshold  # type: ignore[attr-defined]
    debt = 10.0 * 2_000.0 * threshold / 0.97
    failing = Account(mode="cross", collateral={"ETH": 10.0}, borrowed={"USDC": round(debt, 2)})
    found = LoanTakeover().run(Scene(model, failing, here, terms()))
    whole(found)
    # half of the loan first, for a twentieth more in collateral
    first = found.payments[0]
    assert (first.payer, first.payee, first.currency) == ("keeper", "account", "USDC")
    assert first.units == pytest.approx(0.5 * debt * 1e8, rel=1e-6)
    assert found.payments[1].units == pytest.approx(0.5 * debt * 1.05 / 2_000.0 * 1e8, rel=1e-6)
    assert found.done
    assert found.equity_after >= found.maintenance_after
    assert found.cost == pytest.approx(0.05 * found.closed, rel=1e-6)


def test_an_isolated_position_loses_its_margin_and_no_more() -> None:
    model = margin_model("binance-usdm@2026-01-01")
    failing = account(100.0, mode="isolated", BTC=1.0, ETH=1.0)
    books = {"BTC-P": one_level(60_000.0, 10.0)}
    scene = Scene(model, failing, market(books=books), terms(stress=0.0), PricePath((0.0, 1.0), (0.0, -0.01)))
    found = BookCloseOut(whole=True).run(replace(scene, subject="BTC-P"))
    whole(found)
    assert found.value_before == pytest.approx(100.0)
    # the price fell by 600 before the order came
    assert found.bad_debt == pytest.approx(600.0 * 1.0 + 9.9 - 100.0, abs=1e-3)
    assert [(p.payer, p.payee) for p in found.payments] == [("waterfall", "account")]
    # the other position has what it had
    rest = found.account
    assert [p.instrument for p in rest.positions] == ["ETH-P"]
    assert rest.collateral["USDT"] == pytest.approx(100.0)


def test_bad_scenes_are_refused() -> None:
    model, here = margin_model("binance-usdm@2026-01-01"), market()
    failing = account(10.0, BTC=1.0)
    with pytest.raises(DocumentError, match=r"subject: got 'ETH-P'"):
        BookCloseOut().run(Scene(model, failing, here, terms(), subject="ETH-P"))
    with pytest.raises(DocumentError, match="whole number"):
        BookCloseOut().run(Scene(model, failing, here, terms(), lots={"BTC-P": 0.3}))
    with pytest.raises(DocumentError, match="an auction of whole accounts"):
        PortfolioAuction().run(Scene(model, failing, here, terms()))
    for times, moves in (((), ()), ((0.0, 0.0), (0.0, 0.0)), ((0.0,), (-1.0,)), ((-1.0,), (0.0,))):
        with pytest.raises(DocumentError, match="path"):
            PricePath(times, moves)
    with pytest.raises(DocumentError, match="latency"):
        terms(latency=-1.0)


def test_above_the_line_nobody_moves() -> None:
    scene = Scene(margin_model("binance-usdm@2026-01-01"), account(1e6, BTC=1.0), market(), terms())
    for mechanism in ALL:
        found = mechanism.run(scene)
        assert (found.fills, found.payments, found.done, found.why) == ((), (), True, "above its line")
        assert found.account.positions == scene.account.positions


def test_the_record_as_plain_values() -> None:
    scene = Scene(margin_model("binance-usdm@2026-01-01"), account(10.0, BTC=1.0), market(), terms())
    told = BookCloseOut(whole=True).run(scene).to_dict()
    assert told["fills"][0]["instrument"] == "BTC-P"
    assert isinstance(CloseOut.__doc__, str)
