"""The rules of Derive's standard manager, each alone, against hand calculations with the naive Black-76."""

from __future__ import annotations

from typing import Any

import pytest

import plimsoll as pl
from naive.black import black
from plimsoll.documents import DocumentError
from plimsoll.margin import margin_model
from rule_books import DAY, Desk
from srm_toy import model, net, require

CALL_VALUE = black(True, 100.0, 100.0, 0.2, 0.5)


def options(*legs: tuple[float, float, bool], forward: float = 100.0, vol: float = 0.5, **desk: Any) -> Desk:
    """One expiry of 73 days with `(quantity, strike, call)` legs."""
    result = Desk(**desk)
    seconds = result.add_expiry(73.0 * DAY, forward)
    for quantity, strike, call in legs:
        result.add_option(quantity, strike, call, seconds, vol)
    return result


@pytest.mark.rule("DERIVE-SRM-01")
@pytest.mark.parametrize("quantity", [3.0, -3.0])
def test_a_perpetual_keeps_a_rate_of_its_notional_at_its_own_price(quantity: float) -> None:
    desk = Desk()
    desk.add_perpetual(quantity, 110.0, unrealised=-7.0, funding=2.0)
    assert net(desk) == pytest.approx((-33.0 - 5.0, -16.5 - 5.0), rel=1e-12)
    assert require(desk).net_equity == -5.0


@pytest.mark.rule("DERIVE-SRM-01", "DERIVE-SRM-13")
def test_a_market_of_its_own_terms_uses_these() -> None:
    desk = Desk()
    desk.indices["SOL"] = {"price": 20.0}
    desk.add_perpetual(-10.0, 20.0, underlying="SOL")
    desk.add_perpetual(1.0, 100.0)
    charged = require(desk).component("perpetual")
    assert (charged.initial, charged.maintenance) == (pytest.approx(60.0 + 10.0), pytest.approx(40.0 + 5.0))


@pytest.mark.rule("DERIVE-SRM-02")
@pytest.mark.parametrize(
    ("perp", "spot", "charge"), [(0.6, 0.9, 0.0), (0.5, 0.9, 0.5), (0.9, 0.5, 0.5), (0.2, 0.5, 0.8), (1.0, 1.0, 0.0)]
)
def test_doubt_about_a_perpetual_is_charged_on_spot_for_initial_margin(perp: float, spot: float, charge: float) -> None:
    desk = Desk(confidence=spot)
    desk.add_perpetual(-3.0, 110.0, confidence=perp)
    found = require(desk).component("oracle")
    assert (found.initial, found.maintenance) == (pytest.approx(charge * 2.0 * 100.0 * 3.0, rel=1e-12), 0.0)


@pytest.mark.rule("DERIVE-SRM-02")
def test_a_threshold_of_zero_charges_no_doubt() -> None:
    desk = Desk(confidence=0.0)
    desk.add_perpetual(1.0, confidence=0.0)
    assert require(desk, defaults__oracle__perp_threshold=0.0).component("oracle").initial == 0.0


@pytest.mark.rule("DERIVE-SRM-03")
def test_long_options_need_nothing_and_give_nothing() -> None:
    desk = options((2.0, 100.0, True), (3.0, 90.0, False))
    assert net(desk) == pytest.approx((0.0, 0.0), abs=1e-12)
    value = 2.0 * CALL_VALUE + 3.0 * black(False, 100.0, 90.0, 0.2, 0.5)
    assert require(desk).initial == pytest.approx(value, rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-04")
@pytest.mark.parametrize(("strike", "rate"), [(95.0, 0.15), (100.0, 0.15), (103.0, 0.12), (120.0, 0.1)])
def test_a_short_call_keeps_its_value_and_a_rate_of_spot(strike: float, rate: float) -> None:
    """Out of the money by spot, marked on the forward: at 130 all these strikes are in the money."""
    mtm = -2.0 * black(True, 130.0, strike, 0.2, 0.5)
    desk = options((-2.0, strike, True), forward=130.0)
    assert net(desk) == pytest.approx((mtm - rate * 200.0, mtm - 0.07 * 200.0), rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-05")
@pytest.mark.parametrize(("strike", "rate"), [(105.0, 0.15), (97.0, 0.12), (80.0, 0.1)])
def test_a_short_put_near_the_money_keeps_a_rate_of_spot(strike: float, rate: float) -> None:
    mtm = -2.0 * black(False, 100.0, strike, 0.2, 0.3)
    desk = options((-2.0, strike, False), vol=0.3)
    maintenance = mtm - 0.08 * 200.0
    assert net(desk) == pytest.approx((mtm - rate * 200.0, maintenance), rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-05")
def test_a_deep_short_put_keeps_a_part_of_its_value_and_never_less_initial_than_maintenance() -> None:
    mtm = -black(False, 100.0, 300.0, 0.2, 0.3)
    maintenance = mtm + 0.2 * mtm  # more than 8 % of spot
    assert maintenance * 1.05 < mtm - 15.0
    assert net(options((-1.0, 300.0, False), vol=0.3)) == pytest.approx((maintenance * 1.05, maintenance), rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-06")
def test_the_greatest_loss_at_settlement_counts_without_premium() -> None:
    desk = options((-1.0, 100.0, True), (1.0, 104.0, True))
    assert net(desk) == pytest.approx((-4.0, -4.0), rel=1e-12)
    bound = require(desk).binding[0]
    assert (bound.kind, bound.label, bound.pnl) == ("max_loss", "2025-03-15 settlement at 104", -4.0)


@pytest.mark.rule("DERIVE-SRM-06")
def test_the_greatest_loss_of_puts_is_at_zero() -> None:
    desk = options((-1.0, 6.0, False), (1.0, 4.0, False), vol=3.0)
    assert net(desk) == pytest.approx((-2.0, -2.0), rel=1e-12)
    found = require(desk)
    assert found.binding[0].label.endswith("settlement at 0")
    shares = {s.subject: s.initial for s in found.component("option").shares}
    values = {f"OPTION-{i}": q * black(False, 100.0, k, 0.2, 3.0) for i, (q, k) in enumerate([(-1.0, 6.0), (1.0, 4.0)])}
    assert shares == pytest.approx({"OPTION-0": values["OPTION-0"] + 6.0, "OPTION-1": values["OPTION-1"] - 4.0})


@pytest.mark.rule("DERIVE-SRM-06")
def test_on_equal_losses_the_lowest_settlement_price_gives_the_shares() -> None:
    """Two spreads of ten: both lose at zero and at forty, the other at seventy."""
    legs = [(-1.0, 50.0, False), (1.0, 40.0, False), (-1.0, 60.0, True), (1.0, 70.0, True)]
    desk = options(*legs)
    assert net(desk) == pytest.approx((-10.0, -10.0), rel=1e-12)
    found = require(desk)
    assert found.binding[0].label.endswith("settlement at 0")
    at_zero = [-50.0, 40.0, 0.0, 0.0]
    expected = [q * black(c, 100.0, k, 0.2, 0.5) - x for (q, k, c), x in zip(legs, at_zero, strict=True)]
    assert [s.initial for s in found.component("option").shares] == pytest.approx(expected, rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-06")
def test_a_box_that_never_loses_needs_nothing() -> None:
    desk = options((1.0, 90.0, True), (-1.0, 90.0, False), (-1.0, 110.0, True), (1.0, 110.0, False))
    assert net(desk) == pytest.approx((0.0, 0.0), abs=1e-12)


@pytest.mark.rule("DERIVE-SRM-07")
def test_net_short_calls_add_the_forward() -> None:
    """Charged on the forward of 130 where spot is 100."""
    desk = options((-1.1, 20.0, True), (1.0, 24.0, True), forward=130.0)
    assert net(desk) == pytest.approx((-4.4 - 1.2 * 130.0 * 0.1, -4.4 - 1.1 * 130.0 * 0.1), rel=1e-12)
    assert require(desk).binding[0].kind == "max_loss"


@pytest.mark.rule("DERIVE-SRM-07")
def test_calls_pair_across_strikes_but_puts_pair_nothing() -> None:
    def loss(*legs: tuple[float, float, bool]) -> float:
        desk = options(*legs)
        return model().workings(desk.account, desk.market).expiries[0][1].initial.max_loss

    assert loss((-1.0, 101.0, True), (1.0, 180.0, True)) == pytest.approx(-79.0, rel=1e-12)
    assert loss((-1.0, 101.0, True), (1.0, 180.0, False)) == pytest.approx(-79.0 - 120.0, rel=1e-12)
    assert loss((-2.0, 101.0, True), (1.0, 101.0, True)) == pytest.approx(-120.0, rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-08")
def test_each_expiry_takes_the_better_branch_and_neither_helps_the_other() -> None:
    desk = options((-1.0, 100.0, True))
    far = desk.add_expiry(146.0 * DAY)
    desk.add_option(1.0, 100.0, True, far)
    alone = options((-1.0, 100.0, True))
    assert net(desk) == pytest.approx(net(alone), rel=1e-12)
    assert [b.kind for b in require(desk).binding] == ["isolated", "isolated"]


@pytest.mark.rule("DERIVE-SRM-08")
def test_the_two_margins_choose_their_branch_apart() -> None:
    """A spread of 17 loses more than the short call keeps for maintenance, and less than it keeps at first."""
    mtm = -black(True, 100.0, 100.0, 0.2, 0.2)
    desk = options((-1.0, 100.0, True), (1.0, 117.0, True), vol=0.2)
    assert mtm - 15.0 < -17.0 < mtm - 7.0
    assert net(desk) == pytest.approx((-17.0, mtm - 7.0), rel=1e-12)
    bound = require(desk).binding[0]
    assert bound.label == "2025-03-15 settlement at 117 (maintenance: isolated)"


@pytest.mark.rule("DERIVE-SRM-08")
def test_equal_branches_are_named_isolated() -> None:
    desk = options((1.0, 100.0, True))
    assert require(desk).binding[0].kind == "isolated"


@pytest.mark.rule("DERIVE-SRM-09")
@pytest.mark.parametrize("doubtful", ["spot", "forward", "vol"])
def test_doubt_about_an_expiry_is_charged_on_its_short_options_only(doubtful: str) -> None:
    trust = {"spot": 0.9, "forward": 0.9, "vol": 0.9, doubtful: 0.2}
    desk = Desk(confidence=trust["spot"])
    near = desk.add_expiry(73.0 * DAY, confidence=(trust["forward"], 0.0, trust["vol"]))
    far = desk.add_expiry(146.0 * DAY, confidence=(0.5, 0.0, 0.9))
    for quantity, call, expiry in ((-3.0, True, near), (5.0, True, near), (-1.0, False, near), (-7.0, True, far)):
        desk.add_option(quantity, 100.0, call, expiry)
    found = require(desk).component("oracle")
    coins = 4.0 + (7.0 if doubtful == "spot" else 0.0)
    assert (found.initial, found.maintenance) == (pytest.approx(0.8 * 2.0 * 100.0 * coins, rel=1e-12), 0.0)


@pytest.mark.rule("DERIVE-SRM-10")
@pytest.mark.parametrize(("stable", "below"), [(0.98, 0.0), (0.9, 0.08), (1.02, 0.0)])
def test_a_broken_peg_is_charged_on_perpetuals_and_short_options(stable: float, below: float) -> None:
    desk = options((-3.0, 100.0, True), (8.0, 100.0, True), (-2.0, 90.0, False), cash_price=stable)
    desk.add_perpetual(-4.0, 110.0)
    found = require(desk).component("depeg")
    assert (found.initial, found.maintenance) == (pytest.approx(9.0 * below * 1.5 * 100.0, rel=1e-12), 0.0)


@pytest.mark.rule("DERIVE-SRM-11")
def test_a_coin_counts_in_part_and_the_stable_price_only_in_equity() -> None:
    desk = Desk(cash_price=0.98)
    desk.add_collateral("BTC", 3.0)
    found = require(desk)
    assert found.net_equity == pytest.approx(300.0 / 0.98, rel=1e-12)
    assert net(desk) == pytest.approx((300.0 * 0.75 * 0.9, 300.0 * 0.75), rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-12")
@pytest.mark.parametrize(("confidence", "charge"), [(0.4, 0.0), (0.3, 0.7 * 2.0 * 300.0)])
def test_doubt_about_a_coin_is_charged_on_all_of_it(confidence: float, charge: float) -> None:
    desk = Desk(confidence=confidence)
    desk.add_collateral("BTC", 3.0)
    found = require(desk).component("oracle")
    assert (found.initial, found.maintenance) == (pytest.approx(charge, rel=1e-12), 0.0)


@pytest.mark.rule("DERIVE-SRM-12")
def test_a_coin_that_counts_for_nothing_is_not_doubted() -> None:
    desk = Desk()
    desk.add_collateral("GOLD", 3.0, 50.0, confidence=0.1)
    assert require(desk).component("oracle").initial == 0.0
    assert net(desk) == (0.0, 0.0)


@pytest.mark.rule("DERIVE-SRM-13")
def test_markets_add_up_and_cash_counts_in_full() -> None:
    both, parts = Desk(), []
    for coin, spot in (("BTC", 100.0), ("ETH", 10.0)):
        single = Desk()
        for desk in (single, both):
            desk.indices[coin] = {"price": spot}
            seconds = desk.add_expiry(73.0 * DAY, spot, underlying=coin)
            desk.add_option(-1.0, spot, True, seconds, underlying=coin)
            desk.add_option(1.0, 1.5 * spot, True, seconds, underlying=coin)
            desk.add_perpetual(2.0, spot, underlying=coin)
        parts.append(net(single))
    both.add_collateral("USDC", -40.0)
    assert net(both) == pytest.approx(tuple(-40.0 + a + b for a, b in zip(*parts, strict=True)), rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-14")
def test_an_expired_option_is_worth_its_settlement_and_still_counts() -> None:
    desk = Desk()
    desk.add_expiry(-60.0, 0.0, settlement=112.0)
    desk.add_option(-1.0, 100.0, True, -60.0, vol=None)
    assert net(desk) == pytest.approx((-12.0 - 15.0, -12.0 - 7.0), rel=1e-12)


@pytest.mark.rule("DERIVE-SRM-15")
def test_shares_add_up_to_their_component() -> None:
    desk = options((-1.5, 100.0, True), (1.0, 104.0, True), (-2.0, 90.0, False), (3.0, 80.0, False), confidence=0.3)
    desk.add_perpetual(-2.0, 101.0, unrealised=5.0)
    desk.add_collateral("BTC", 1.0)
    found = require(desk)
    for c in found.components:
        assert sum(s.initial for s in c.shares) == pytest.approx(c.initial, rel=1e-9, abs=1e-12)
        assert sum(s.maintenance for s in c.shares) == pytest.approx(c.maintenance, rel=1e-9, abs=1e-12)


def refusal(desk: Desk, **account: Any) -> str | None:
    content = {**desk.account.to_dict(), **account}
    return model().applies_to(pl.Account.from_dict(content), desk.market)


@pytest.mark.rule("DERIVE-SRM-16")
def test_what_the_manager_cannot_hold_is_named() -> None:
    inverse, other, sol = Desk(), Desk(), Desk()
    inverse.add_perpetual(1.0, settlement="inverse", currency="BTC")
    other.assets["USDT"] = {"price": 1.0}
    other.add_perpetual(1.0, currency="USDT")
    sol.indices["SOL"] = {"price": 20.0}
    sol.add_expiry(73.0 * DAY, 20.0, underlying="SOL")
    sol.add_option(1.0, 20.0, True, 73.0 * DAY, underlying="SOL")
    strange, many, owed, unknown = Desk(), Desk(), Desk(), Desk()
    strange.indices["XYZ"] = {"price": 1.0}
    strange.add_perpetual(1.0, 1.0, underlying="XYZ")
    for _ in range(7):
        many.add_perpetual(1.0)
    owed.add_collateral("BTC", -1.0)
    unknown.add_collateral("SOL", 1.0, 20.0)
    for desk, word in (
        (inverse, "inverse perpetual"),
        (other, "settled in USDT"),
        (sol, "option of SOL"),
        (strange, "unknown_underlying"),
        (many, "7 positions"),
        (owed, "only USDC can be owed"),
        (unknown, "unknown_currency"),
    ):
        said = refusal(desk)
        assert said is not None
        assert word in said
        with pytest.raises(DocumentError, match=word):
            require(desk)
    assert "unsupported_mode" in str(refusal(Desk(), mode="isolated"))
    assert refusal(Desk(), mode="cross") is None


@pytest.mark.rule("DERIVE-SRM-16")
def test_money_without_a_position_is_settled_whatever_the_market() -> None:
    desk = Desk()
    desk.indices["XYZ"] = {"price": 1.0}
    desk.add_perpetual(0.0, 1.0, underlying="XYZ", unrealised=3.0, funding=-1.0)
    assert net(desk) == (2.0, 2.0)


def test_evidence_is_that_of_the_least_known_parameter_in_use() -> None:
    desk = options((-1.0, 100.0, True))
    desk.add_collateral("BTC", 1.0)
    rules = model().rules.model_copy(
        update={"evidence": {"defaults": "read", "markets": "assumed", "depeg": "reproduced"}}
    )
    found = margin_model(rules).requirement(desk.account, desk.market)
    assert {c.name: c.evidence for c in found.components} == {
        "perpetual": "read",
        "option": "read",
        "collateral_haircut": "assumed",
        "oracle": "read",
        "depeg": "reproduced",
    }
