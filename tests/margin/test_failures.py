"""Positions that cannot be valued: a named refusal, or a bound and a named failure."""

from __future__ import annotations

from typing import Any

import pytest

import plimsoll as pl
from builders import (
    CALL,
    FUTURE,
    MONTH,
    NOW,
    PERP,
    PMRM2,
    PRBM,
    PUT,
    WING,
    account_doc,
    at,
    market_doc,
    option,
    without,
)
from plimsoll.documents import DocumentError, Reason
from plimsoll.margin import MarginRefusedError

Doc = dict[str, Any]
BOTH = pytest.mark.parametrize("pack", [PRBM, PMRM2])


def require(
    book: dict[str, float], market: Doc, pack: str = PRBM, how: Any = "refuse", **account: Any
) -> pl.Requirement:
    holder = pl.Account.from_dict(account_doc(book, **account))
    return pl.margin_model(pack).requirement(holder, pl.Market.from_dict(market), how)


def refusal(
    book: dict[str, float], market: Doc, pack: str = PRBM, how: Any = "refuse", **account: Any
) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        require(book, market, pack, how, **account)
    return caught.value


def unmarked(*names: str) -> Doc:
    market = market_doc()
    return market | {"marks": {n: m for n, m in market["marks"].items() if n not in names}}


def expired(settlement: float | None = None) -> Doc:
    """The market with a call that expired an hour ago."""
    market, then = market_doc(), at(-3_600)
    row = {"underlying": "BTC", "expiry": then} | ({} if settlement is None else {"settlement": settlement})
    market["instruments"] = [*market["instruments"], option(60_000, True, expiry=then, name="OLD")]
    return market | {"expiries": [*market["expiries"], row]}


MISSING: list[tuple[str, dict[str, float], Doc, str, Reason]] = [
    ("instrument", {"BTC-X": 1.0}, market_doc(), "BTC-X", Reason.UNKNOWN_INSTRUMENT),
    ("forward", {CALL: 1.0}, market_doc(expiries=[]), CALL, Reason.MISSING_FORWARD),
    (
        "expiry row",
        {CALL: -1.0},
        market_doc(expiries=[{"underlying": "BTC", "expiry": MONTH}]),
        CALL,
        Reason.MISSING_FORWARD,
    ),
    ("index", {CALL: 1.0}, market_doc(indices={}), CALL, Reason.MISSING_INDEX),
    ("vol", {CALL: -1.0}, unmarked(CALL), CALL, Reason.MISSING_VOL),
    ("settlement currency", {CALL: 1.0}, market_doc(assets={}), CALL, Reason.MISSING_PRICE),
    ("mark", {PERP: 1.0}, unmarked(PERP), PERP, Reason.MISSING_MARK),
    ("settlement", {"OLD": 1.0}, expired(), "OLD", Reason.EXPIRED_UNSETTLED),
    ("settlement of a short", {"OLD": -1.0}, expired(), "OLD", Reason.EXPIRED_UNSETTLED),
]


@pytest.mark.parametrize(("book", "market", "subject", "reason"), [m[1:] for m in MISSING], ids=[m[0] for m in MISSING])
@BOTH
def test_what_is_missing_is_named(pack: str, book: dict[str, float], market: Doc, subject: str, reason: Reason) -> None:
    error = refusal({PUT: 0.0} | book, market, pack, collateral={})
    assert isinstance(error, MarginRefusedError)
    assert [(f.subject, f.reason, f.effect) for f in error.failures] == [(subject, reason, "refused")]
    assert error.problems[0].path == "account.positions[1].instrument"
    assert reason.value in str(error)


def test_a_future_without_mark_or_forward() -> None:
    error = refusal({FUTURE: 1.0}, unmarked(FUTURE) | {"expiries": []})
    assert isinstance(error, MarginRefusedError)
    assert error.failures[0].reason is Reason.MISSING_MARK
    assert require({FUTURE: 1.0}, unmarked(FUTURE)).initial == require({FUTURE: 1.0}, market_doc()).initial


def test_every_position_that_cannot_be_valued_is_listed() -> None:
    error = refusal({CALL: 1.0, PERP: 1.0, PUT: -1.0, WING: 1.0}, unmarked(CALL, PERP, PUT))
    assert isinstance(error, MarginRefusedError)
    assert [p.path for p in error.problems] == [f"account.positions[{i}].instrument" for i in (0, 1, 2)]


def test_an_expired_option_with_a_settlement_is_worth_it_and_does_not_move() -> None:
    found = require({"OLD": 2.0}, expired(69_000.0), collateral={})
    assert found.net_equity == 2.0 * 9_000.0
    assert found.workings["BTC.scan"] == 0.0
    assert require({"OLD": -2.0}, expired(59_000.0), collateral={}).net_equity == 0.0


@BOTH
def test_a_currency_the_rules_do_not_know(pack: str) -> None:
    error = refusal({CALL: 1.0}, market_doc(), pack, collateral={"DOGE": 1.0, "USDC": 1.0})
    assert error.problems[0].path == "account.collateral.DOGE"
    assert "1.0 of DOGE (unknown_currency)" in error.problems[0].got
    assert "USDC" in error.problems[0].allowed
    assert require({CALL: 1.0}, market_doc(), pack, collateral={"DOGE": 0.0}).initial > 0


@BOTH
def test_a_known_currency_without_a_price(pack: str) -> None:
    error = refusal({CALL: 1.0}, market_doc(), pack, collateral={"ETH": 1.0})
    assert error.problems[0].path == "market.assets.ETH"


@BOTH
def test_an_account_from_the_future(pack: str) -> None:
    error = refusal({CALL: 1.0}, market_doc(), pack, as_of=at(1))
    assert error.problems[0].path == "account.as_of"
    assert "2026-01-01T00:00:01" in error.problems[0].got
    assert require({CALL: 1.0}, market_doc(), pack, as_of=NOW).initial > 0


@BOTH
def test_an_empty_account_needs_nothing(pack: str) -> None:
    found = require({}, market_doc(), pack, collateral={})
    assert (found.initial, found.maintenance, found.net_equity, found.health) == (0.0, 0.0, 0.0, None)
    assert (found.charged.initial, found.charged.equity, found.shares, found.failures) == (0, 0, (), ())
    held = require({}, market_doc(), pack)
    assert (held.initial, held.health, held.net_equity) == (0.0, None, 50_000.0)
    assert require({}, without(market_doc(), "expiries", "instruments", "marks"), pack).initial == 0.0


@BOTH
def test_modes_other_than_portfolio(pack: str) -> None:
    error = refusal({CALL: 1.0}, market_doc(), pack, mode="cross")
    assert (error.problems[0].path, error.problems[0].got) == ("account.mode", "'cross' (unsupported_mode)")


def test_an_unknown_way_to_fail() -> None:
    assert refusal({CALL: 1.0}, market_doc(), how="guess").problems[0].path == "on_failure"


def large(count: int) -> tuple[Doc, dict[str, float]]:
    strikes = [20_000.0 + 10.0 * i for i in range(count)]
    options = [option(k, bool(i % 2)) for i, k in enumerate(strikes)]
    market = market_doc(instruments=options, marks={o["name"]: {"vol": 0.6} for o in options})
    return market, {o["name"]: float(i % 7 - 3) for i, o in enumerate(options)}


def test_ten_thousand_positions() -> None:
    market, book = large(10_000)
    found = require(book, market)
    assert found.initial > found.maintenance > 0
    assert len(found.shares) == sum(q != 0.0 for q in book.values())
    assert abs(sum(s.initial for s in found.shares) - found.initial) <= 1e-9 * found.initial
    error = refusal(book, market, PMRM2)
    assert "too_many_positions" in error.problems[0].got
    assert error.problems[0].allowed == "at most 128"


def test_amounts_beyond_double_precision_are_refused() -> None:
    market = market_doc(indices={"BTC": {"price": 1e308}})
    market["expiries"][0]["forward"]["variable"] = 1e308
    for pack in (PRBM, PMRM2):
        assert "double precision" in str(refusal({CALL: -3.0}, market, pack))


@pytest.mark.parametrize(("name", "quantity"), [(CALL, -2.0), (PUT, -2.0)])
def test_a_short_option_without_vol_is_charged_at_its_bound(name: str, quantity: float) -> None:
    """Its worth is the forward (call) or the strike (put), which no volatility can exceed."""
    bound = require({name: quantity}, unmarked(name), how="conservative")
    assert [(f.subject, f.reason, f.effect) for f in bound.failures] == [(name, Reason.MISSING_VOL, "conservative")]
    assert bound.net_equity == 50_000.0 - 2.0 * 70_000.0
    for vol in (0.0, 0.05, 0.3, 0.6, 1.0, 2.0, 5.0, 20.0):
        market = market_doc()
        market["marks"][name] = {"vol": vol}
        known = require({name: quantity}, market)
        assert bound.net_equity <= known.net_equity
        assert bound.excess_initial <= known.excess_initial
        assert bound.excess_maintenance <= known.excess_maintenance


@pytest.mark.parametrize("market", [unmarked(CALL), market_doc(expiries=[])], ids=["vol", "forward"])
@BOTH
def test_a_long_option_that_cannot_be_valued_is_worth_nothing(pack: str, market: Doc) -> None:
    bound = require({CALL: 2.0}, market, pack, how="conservative")
    assert bound.net_equity == 50_000.0
    assert bound.failures[0].effect == "conservative"
    assert bound.workings.get("BTC.scan", 0.0) == 0.0
    assert bound.excess_initial <= require({CALL: 2.0}, market_doc(), pack).excess_initial


@pytest.mark.parametrize(("book", "market"), [({PERP: 1.0}, unmarked(PERP)), ({CALL: -1.0}, market_doc(expiries=[]))])
@BOTH
def test_what_has_no_bound_is_refused_even_so(pack: str, book: dict[str, float], market: Doc) -> None:
    assert isinstance(refusal(book, market, pack, how="conservative"), MarginRefusedError)


def test_open_orders_are_named_as_not_charged() -> None:
    found = require({CALL: 1.0}, market_doc(), orders=[{"instrument": CALL, "quantity": 1.0, "price": 3.0}])
    assert [(f.reason, f.effect) for f in found.failures] == [(Reason.ORDERS_NOT_CHARGED, "notice")]
    assert found.initial == require({CALL: 1.0}, market_doc()).initial
