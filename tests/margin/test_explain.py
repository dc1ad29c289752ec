"""The change between two snapshots: an exact sum, nothing where nothing changed, profit where it belongs."""

from __future__ import annotations

import math
import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from builders import CALL, PERP, PRBM, account_doc, at, market_doc
from explained_pairs import PACKS, PMRM2, changed, market_of, random_pair
from explained_pairs import PRBM as HOUSE
from plimsoll.documents import DocumentError
from plimsoll.feeds import demo_account, demo_market, sample_book
from plimsoll.margin import Rules, find_rules, with_parameter
from plimsoll.margin.changes.explain import EFFECTS, Explanation, explain
from plimsoll.margin.translate import same_exposure
from venue_pairs import VENUES, venue_pair

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation" / "explain.md"
TABLE = "| rules | pairs | largest residual |\n| --- | ---: | ---: |\n"
A_THOUSAND, A_HUNDRED = 1_000, 100

MEASURES = ("initial", "maintenance", "net_equity", "health")
Doc = dict[str, Any]


def values(found: Explanation, measure: str) -> tuple[list[float], float, float]:
    parts = [getattr(e.change, measure) for e in found.effects]
    return parts, getattr(found.before, measure), getattr(found.after, measure)


def check_sum(found: Explanation, where: str) -> float:
    """The largest residual of the four measures relative to what was added up; asserts that it is nothing."""
    worst = 0.0
    for measure in MEASURES:
        parts, before, after = values(found, measure)
        if before is None or after is None or any(p is None for p in parts):
            assert measure == "health", where
            continue
        scale = abs(before) + abs(after) + sum(abs(p) for p in parts)
        left = after - before - sum(parts)
        assert getattr(found.residual, measure) == pytest.approx(left, abs=1e-12 * scale), where
        assert abs(left) <= 1e-9 * scale, f"{where}: {measure} {left}"
        worst = max(worst, abs(left) / scale if scale else 0.0)
    return worst


def sweep(numbers: range, rules: str) -> float:
    model = pl.margin_model(rules)
    worst = 0.0
    for number in numbers:
        pair = venue_pair if rules in VENUES else random_pair
        account, market, account_after, market_after = pair(number, rules)
        found = explain(model, account, market, account_after, market_after, settle="index")
        worst = max(worst, check_sum(found, f"pair {number}, {rules}"))
        for side, levels in (((account, market), found.before), ((account_after, market_after), found.after)):
            document = model.assess(*side, "refuse")
            assert levels.initial == pytest.approx(sum(c.initial for c in document.components), rel=1e-12), number
            assert levels.net_equity == pytest.approx(document.net_equity, rel=1e-12), number
    return worst


def test_every_model_has_its_pairs() -> None:
    mine = ("prbm", "dsa", "derive", "deribit")
    assert set(PACKS) == {pack.model for pack in pl.shipped_packs() if pack.model.startswith(mine)}
    assert all(find_rules(rules).model == model for model, rules in PACKS.items())


@pytest.mark.parametrize("rules", PACKS.values())
def test_the_effects_add_up_on_random_pairs(rules: str) -> None:
    assert sweep(range(A_THOUSAND // 40), rules) <= 1e-9


@pytest.mark.parametrize("rules", VENUES)
def test_the_effects_add_up_under_the_rules_of_every_venue(rules: str) -> None:
    """With leverages, legs, isolated margins, loans, orders and settings that changed."""
    assert sweep(range(A_HUNDRED // 20), rules) <= 1e-9


@pytest.mark.long
@pytest.mark.parametrize("rules", VENUES)
def test_the_effects_add_up_on_a_hundred_pairs_of_every_venue(rules: str) -> None:
    hold_to_page(rules, A_HUNDRED)


@pytest.mark.long
@pytest.mark.parametrize("rules", PACKS.values())
def test_the_effects_add_up_on_a_thousand_random_pairs(rules: str) -> None:
    hold_to_page(rules, A_THOUSAND)


def hold_to_page(rules: str, pairs: int) -> None:
    """What a sweep finds is a row of docs/validation/explain.md, which must be what this run gives."""
    row = f"| {rules} | {pairs:,} | {_most(sweep(range(pairs), rules))} |"
    page = PAGE.read_text(encoding="utf-8")
    head, rows = page[: page.index(TABLE) + len(TABLE)], page[page.index(TABLE) + len(TABLE) :].splitlines()
    if os.environ.get("PLIMSOLL_WRITE_SWEEPS") == "1":
        rows = sorted([row, *(other for other in rows if not other.startswith(f"| {rules} "))])
        PAGE.write_text(head + "".join(f"{line}\n" for line in rows), encoding="utf-8")
    assert row in rows


def _most(residual: float) -> str:
    """A residual rounded up to a power of ten."""
    assert residual <= 1e-9
    return f"1e{math.ceil(math.log10(residual))}" if residual > 0.0 else "0"


@pytest.mark.parametrize("rules", ["deribit-sm@2026-03-27", "deribit-pm@2026-03-27"])
def test_the_effects_add_up_in_a_coin(rules: str) -> None:
    market, market_after = demo_market(), market_of(2, 24, "inverse")
    after = sample_book(market_after, 12, 5)
    found = explain(pl.margin_model(rules), demo_account(), market, after, market_after, settle="index")
    assert found.currency == "BTC"
    check_sum(found, rules)


@pytest.mark.parametrize("rules", [HOUSE, PMRM2])
def test_an_effect_is_zero_where_its_input_is_unchanged(rules: str) -> None:
    market = market_of(3, 0, "linear")
    kinds = ("option", "perpetual")
    account = sample_book(market, 8, 11, ("BTC",), kinds)
    model = pl.margin_model(rules)
    own = random.Random(5)
    parts = ["trades", "spot", "vol", "time", "collateral", "other"]
    account, market = changed(account, market, set(), own)
    for number in range(40):
        some = set(own.sample(parts, own.randint(0, 3)))
        after = changed(account, market, some, own)
        found = explain(model, account, market, *after, settle="index")
        check_sum(found, f"{number}: {some}")
        zero = {e.name for e in found.effects if e.change.is_zero()}
        assert {*parts, "rules"} - some <= zero, f"{number}: {some}"
        assert not zero & (some - {"other"}), f"{number}: {some}"


def test_each_part_alone_carries_the_whole_change() -> None:
    market = market_of(3, 0, "linear")
    account = sample_book(market, 8, 11, ("BTC",))
    own = random.Random(8)
    account, market = changed(account, market, set(), own)
    for part in ("trades", "spot", "vol", "time", "collateral", "other"):
        found = explain(pl.margin_model(HOUSE), account, market, *changed(account, market, {part}, own))
        for measure in MEASURES:
            assert getattr(found.effect(part), measure) == pytest.approx(getattr(found.total, measure), rel=1e-9)


def test_the_order_of_the_positions_does_not_matter() -> None:
    model = pl.margin_model(HOUSE)
    own = random.Random(2)
    for number in range(5):
        account, market, account_after, market_after = random_pair(number, HOUSE)
        straight = explain(model, account, market, account_after, market_after, settle="index")
        mixed = []
        for side in (account, account_after):
            rows = list(side.positions)
            own.shuffle(rows)
            mixed.append(side.model_copy(update={"positions": tuple(rows)}))
        turned = explain(model, mixed[0], market, mixed[1], market_after, settle="index")
        for name in EFFECTS:
            for measure in MEASURES:
                one, other = getattr(straight.effect(name), measure), getattr(turned.effect(name), measure)
                scale = abs(getattr(straight.before, measure) or 0.0) + abs(getattr(straight.after, measure) or 0.0)
                assert other == pytest.approx(one, abs=1e-9 * scale), (number, name, measure)


def test_symmetric_is_the_mean_of_both_orders() -> None:
    pair = random_pair(4, HOUSE)
    model = pl.margin_model(HOUSE)
    found = {o: explain(model, *pair, settle="index", order=o) for o in ("symmetric", "forward", "reverse")}  # type: ignore[arg-type]
    assert found["forward"].effect("spot") != found["reverse"].effect("spot")
    for name in EFFECTS:
        for measure in MEASURES:
            one, other = (getattr(found[o].effect(name), measure) for o in ("forward", "reverse"))
            assert getattr(found["symmetric"].effect(name), measure) == pytest.approx((one + other) / 2.0)


# --- profit where it belongs ------------------------------------------------------------------------------------


def perpetual_pair(before: Doc, after: Doc, cash: float = 0.0, to: float = 77_000.0) -> Explanation:
    """Two coins of the perpetual at 70,000, then at `to`, with `cash` added to the balance."""
    first = {"instrument": PERP, "quantity": 2.0, **before}
    last = {"instrument": PERP, "quantity": 2.0, **after}
    market_after = market_doc(indices={"BTC": {"price": to}})
    market_after["marks"][PERP]["price"] = to
    return explain(
        pl.margin_model(PRBM),
        pl.Account.from_dict(account_doc(positions=[first])),
        pl.Market.from_dict(market_doc()),
        pl.Account.from_dict(account_doc(positions=[last], collateral={"USDC": 50_000.0 + cash})),
        pl.Market.from_dict(market_after),
    )


@pytest.mark.parametrize(
    ("before", "after", "cash"),
    [
        ({"entry_price": 69_000.0}, {"entry_price": 69_000.0}, 0.0),
        ({"unrealised_pnl": 2_000.0}, {"unrealised_pnl": 16_000.0}, 0.0),
        ({"entry_price": 69_000.0}, {"unrealised_pnl": 16_000.0}, 0.0),
        # settled into cash every day: nothing is left open at either instant
        ({}, {}, 14_000.0),
        ({"unrealised_pnl": 2_000.0}, {"unrealised_pnl": 0.0}, 16_000.0),
    ],
)
def test_profit_of_a_move_is_an_effect_of_spot(before: Doc, after: Doc, cash: float) -> None:
    found = perpetual_pair(before, after, cash)
    assert found.effect("spot").net_equity == pytest.approx(14_000.0)
    assert found.effect("trades").net_equity == pytest.approx(0.0, abs=1e-9)
    assert found.effect("collateral").net_equity == pytest.approx(0.0, abs=1e-6)
    # two coins at 16 %, of which maintenance is half
    assert found.effect("spot").initial == pytest.approx(0.16 * 14_000.0)
    assert found.effect("spot").maintenance == pytest.approx(0.08 * 14_000.0)


def test_documents_that_say_nothing_was_earned_are_believed() -> None:
    found = perpetual_pair({}, {})
    assert found.total.net_equity == 0.0
    assert found.effect("spot").net_equity == 0.0
    assert found.effect("collateral").is_zero()


def test_a_deposit_is_an_effect_of_collateral() -> None:
    found = perpetual_pair({}, {}, cash=14_000.0 + 5_000.0)
    assert found.effect("collateral").net_equity == pytest.approx(5_000.0)
    assert found.effect("collateral").initial == 0.0


def test_a_close_at_a_better_price_is_in_the_cash() -> None:
    """Bought at 69,000, sold at 70,400 when the mark was 70,000: 1,000 was open, 1,400 came in for each coin."""
    found = perpetual_pair({"entry_price": 69_000.0}, {"quantity": 0.0}, cash=2_800.0, to=70_000.0)
    assert found.effect("trades").net_equity == pytest.approx(0.0, abs=1e-9)
    assert found.effect("collateral").net_equity == pytest.approx(800.0)


def expiry_pair(paid: float, **options: Any) -> Explanation:
    """A short call of a month, at 70,000 struck, that expires before the second snapshot at 75,000."""
    account = pl.Account.from_dict(account_doc({CALL: -1.0}))
    later = market_doc(time=at(31 * 86_400), indices={"BTC": {"price": 74_000.0}})
    later["expiries"][0]["settlement"] = 75_000.0
    if options.pop("unknown", False):
        del later["expiries"][0]["settlement"]
    after = pl.Account.from_dict(account_doc({}, collateral={"USDC": 50_000.0 - paid}))
    market = pl.Market.from_dict(market_doc())
    return explain(pl.margin_model(PRBM), account, market, after, pl.Market.from_dict(later), **options)


def test_an_expiry_is_an_effect_of_time_and_its_cash_is_no_withdrawal() -> None:
    found = expiry_pair(5_000.0)
    assert found.effect("collateral").net_equity == pytest.approx(0.0, abs=1e-9)
    assert found.effect("trades").is_zero()
    assert found.after.initial == 0.0
    assert found.effect("time").initial + found.effect("spot").initial == pytest.approx(-found.before.initial)
    value = found.before.net_equity - 50_000.0
    assert found.effect("time").net_equity + found.effect("spot").net_equity == pytest.approx(-5_000.0 - value)
    assert CALL in next(e.detail for e in found.effects if e.name == "time")


def test_an_unpaid_part_of_an_expiry_is_collateral() -> None:
    assert expiry_pair(5_300.0).effect("collateral").net_equity == pytest.approx(-300.0)


def test_an_expiry_without_a_delivery_price_is_refused_or_settled_at_the_index() -> None:
    with pytest.raises(DocumentError, match=r"settlement.*delivery price"):
        expiry_pair(4_000.0, unknown=True)
    found = expiry_pair(4_000.0, unknown=True, settle="index")
    assert found.effect("collateral").net_equity == pytest.approx(0.0, abs=1e-9)
    assert any("settled at the later index 74,000.00" in note for note in found.notes)


def test_health_has_no_split_where_nothing_is_required() -> None:
    found = expiry_pair(5_000.0)
    assert found.after.health is None
    assert any(e.change.health is None for e in found.effects)
    assert found.residual.health is None


# --- rules ------------------------------------------------------------------------------------------------------


def other_rules(found: Rules, **changes: Any) -> Rules:
    return found.model_copy(update=changes)


def test_rules_alone() -> None:
    before = find_rules(PRBM)
    after = with_parameter(before, "maintenance_factor", 0.6)
    account, market = demo_account(), demo_market()
    found = explain(pl.margin_model(before), account, market, account, market, model_after=pl.margin_model(after))
    assert found.effect("rules").maintenance == pytest.approx(0.2 * found.before.maintenance)
    assert all(e.change.is_zero() for e in found.effects if e.name != "rules")


def test_renamed_rules_have_no_effect() -> None:
    before = find_rules(PRBM)
    after = other_rules(before, name="prbm-renamed")
    account, market = demo_account(), demo_market()
    found = explain(pl.margin_model(before), account, market, account, market, model_after=pl.margin_model(after))
    assert all(e.change.is_zero() for e in found.effects)
    assert "the same numbers" in next(e.detail for e in found.effects if e.name == "rules")


def test_rules_in_another_currency_are_refused() -> None:
    account, market = same_exposure(demo_account(), demo_market())
    with pytest.raises(DocumentError, match=r"USDC.*amounts in USD"):
        explain(pl.margin_model(HOUSE), account, market, account, market, model_after=pl.margin_model(PMRM2))


def test_a_state_that_one_order_cannot_hold_leaves_the_other() -> None:
    """The later rules take a coin that the earlier ones do not know: it can only come after them."""
    before = find_rules(PRBM)
    wider = {**before.parameters, "haircuts": {**before.parameters["haircuts"], "DOGE": 0.5}}
    after = other_rules(before, parameters=wider)
    account = pl.Account.from_dict(account_doc())
    richer = pl.Account.from_dict(account_doc(collateral={"USDC": 50_000.0, "DOGE": 1_000.0}))
    doc = market_doc(assets={"USDC": {"price": 1.0}, "DOGE": {"price": 2.0}})
    market = pl.Market.from_dict(doc)
    models = pl.margin_model(before), pl.margin_model(after)
    found = explain(models[0], account, market, richer, market, model_after=models[1])
    assert found.order == "reverse"
    assert found.effect("collateral").net_equity == pytest.approx(1_000.0)
    assert any("only the reverse order" in n and "DOGE" in n for n in found.notes)
    with pytest.raises(DocumentError, match="DOGE"):
        explain(models[0], account, market, richer, market, model_after=models[1], order="forward")


# --- what one snapshot lacks ------------------------------------------------------------------------------------


def test_what_one_snapshot_lacks_is_taken_from_the_other_and_said() -> None:
    bare = market_doc(expiries=[])
    bare["instruments"] = [i for i in bare["instruments"] if i["name"] == PERP]
    bare["marks"] = {PERP: {"price": 70_000.0}}
    later = market_doc(time=at(3_600))
    model = pl.margin_model(PRBM)
    account, after = (pl.Account.from_dict(account_doc(book)) for book in ({PERP: 1.0}, {PERP: 1.0, CALL: 2.0}))
    found = explain(model, account, pl.Market.from_dict(bare), after, pl.Market.from_dict(later))
    check_sum(found, "a listing")
    assert found.effect("vol").is_zero()
    assert {n.partition(": ")[0] for n in found.notes} >= {
        "the earlier snapshot lacks the forward of BTC 31 Jan 2026",
        f"the earlier snapshot lacks the volatility of {CALL}",
    }


def test_a_name_that_stands_for_other_terms_is_refused() -> None:
    later = market_doc()
    later["instruments"][0]["strike"] = 71_000.0
    account = pl.Account.from_dict(account_doc())
    with pytest.raises(DocumentError, match="other terms than before"):
        explain(
            pl.margin_model(PRBM),
            account,
            pl.Market.from_dict(market_doc()),
            account,
            pl.Market.from_dict(later),
        )


def test_time_does_not_run_backwards() -> None:
    account, market = demo_account(), demo_market()
    earlier = market.model_copy(update={"time": market.time - timedelta(hours=1)})
    with pytest.raises(DocumentError, match=r"market_after\.time"):
        explain(pl.margin_model(HOUSE), account, market, account, earlier)


def test_a_refused_end_says_which() -> None:
    account, market = demo_account(), demo_market()
    with pytest.raises(DocumentError, match="the account before"):
        explain(pl.margin_model(PMRM2), account, market, account, market)


def test_a_coin_settled_book_is_explained_under_rules_for_linear_ones() -> None:
    market = demo_market()
    content = market.to_dict()
    content["time"] = (market.time + timedelta(hours=6)).isoformat()
    content["indices"]["BTC"]["price"] *= 1.02
    after = pl.Market.from_dict(content)
    found = explain(pl.margin_model(PMRM2), demo_account(), market, demo_account(), after, same_exposure=True)
    check_sum(found, "translated")
    # the contracts are the same coins, and only what is translated at the index moved with it
    assert {e.name for e in found.effects if e.change.is_zero()} >= {"trades", "vol", "collateral", "rules"}


def test_the_terms_of_a_position_are_part_of_other() -> None:
    """A leverage of 5 for 20, twice the money set apart and the second leg: the margins of both ends, nothing left."""
    model = pl.margin_model("binance-usdm@2026-01-01")
    terms = {"kind": "perpetual", "underlying": "BTC", "settlement": "linear", "currency": "USDT"}
    content = market_doc(
        assets={"USDT": {"price": 1.0}},
        instruments=[terms | {"name": n} for n in ("BTCUSDT", "BTCUSDT_A")],
        marks={n: {"price": 70_000.0} for n in ("BTCUSDT", "BTCUSDT_A")},
        expiries=[],
    )
    market = pl.Market.from_dict(content)
    rows = [
        {"instrument": "BTCUSDT", "quantity": 2.0, "leg": "long", "leverage": 20.0, "entry_price": 69_000.0},
        {"instrument": "BTCUSDT", "quantity": -1.0, "leg": "short", "leverage": 20.0},
        {"instrument": "BTCUSDT_A", "quantity": 1.0, "isolated_margin": 4_000.0},
    ]
    head = account_doc({}, collateral={"USDT": 50_000.0}, mode="cross")
    before = pl.Account.from_dict(head | {"positions": rows})
    changed_rows = [r | {"leverage": 5.0} for r in rows[:2]] + [rows[2] | {"isolated_margin": 8_000.0}]
    found = explain(model, before, market, pl.Account.from_dict(head | {"positions": changed_rows}), market)
    assert found.effect("other").initial == pytest.approx(3.0 * 70_000.0 * (1 / 5 - 1 / 20))
    assert found.total == found.effect("other")
    assert check_sum(found, "terms") == 0.0
    told = {e.name: e.detail for e in found.effects}
    assert told["other"] == "chosen leverages, money set apart"
    assert told["trades"] == ""
    grown = [rows[0], rows[1] | {"quantity": -3.0}, rows[2]]
    traded = explain(model, before, market, pl.Account.from_dict(head | {"positions": grown}), market)
    assert traded.effect("trades").initial == pytest.approx(2.0 * 70_000.0 / 20)
    assert {e.name: e.detail for e in traded.effects}["trades"] == "-2 BTCUSDT short"


def test_loans_books_and_entry_prices_count() -> None:
    """A loan is collateral, a book of orders is other, and rules that value at the entry price still see it."""
    content = market_doc(
        indices={"BTC": {"price": 70_000.0}},
        assets={"USDT": {"price": 1.0}, "USDC": {"price": 1.0}},
        instruments=[
            {"kind": "perpetual", "name": "BTCUSDT", "underlying": "BTC", "settlement": "linear", "currency": "USDT"}
        ],
        marks={"BTCUSDT": {"price": 70_000.0}},
        expiries=[],
    )
    market = pl.Market.from_dict(content)
    row = {"instrument": "BTCUSDT", "quantity": 40.0, "entry_price": 65_000.0}
    head = account_doc({}, collateral={"USDT": 4e6}, mode="cross") | {"positions": [row]}
    before, owing = pl.Account.from_dict(head), pl.Account.from_dict(head | {"borrowed": {"USDC": 1_000.0}})
    lent = explain(pl.margin_model("binance-pm@2026-01-01"), *_portfolio(before, owing, market))
    # a tenth of the loan, at the ratio of equity to maintenance at which liquidation begins
    assert lent.effect("collateral").maintenance == pytest.approx(1.05 * 100.0)
    assert lent.total == lent.effect("collateral")
    assert "loan USDC +1,000" in {e.name: e.detail for e in lent.effects}["collateral"]
    risen = pl.Market.from_dict(content | {"indices": {"BTC": {"price": 77e3}}, "marks": {"BTCUSDT": {"price": 77e3}}})
    entry = explain(pl.margin_model("bybit-uta@2024-01-01"), before, market, before, risen)
    assert entry.effect("spot").initial == entry.total.initial == 0.0
    assert entry.effect("spot").net_equity == pytest.approx(40.0 * 7_000.0)
    check_sum(entry, "entry")
    depth = {"BTCUSDT": {"bids": [[69_990.0, 1.0], [69_000.0, 50.0]], "asks": [[70_010.0, 50.0]]}}
    after = pl.Market.from_dict(content | {"depth": depth})
    walked = explain(pl.margin_model("prbm-whole@2026-01-01"), *_portfolio(before, before, market, after))
    assert walked.effect("other").initial > 0
    assert walked.total == walked.effect("other")
    assert "order books" in {e.name: e.detail for e in walked.effects}["other"]


def _portfolio(
    account: pl.Account, account_after: pl.Account, market: pl.Market, market_after: pl.Market | None = None
) -> tuple[pl.Account, pl.Market, pl.Account, pl.Market]:
    first, last = (a.model_copy(update={"mode": "portfolio"}) for a in (account, account_after))
    return first, market, last, market_after or market
