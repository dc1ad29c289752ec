"""A book under stress: the P&L array against loops, the exact engine against the array, the planted weakness."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    CALL,
    FUTURE,
    PERP,
    PRBM,
    PUT,
    WING,
    account_doc,
    future,
    market_doc,
    option,
    perpetual,
    rules_doc,
)
from naive.stress_book import profit
from plimsoll.documents import DocumentError, refuse
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.feeds.generated_history import generated_history
from plimsoll.feeds.sample_exotics import sample_exotics
from plimsoll.laboratory.book_stress import stress_book, stress_pnl, worst_rows
from plimsoll.laboratory.shocked import levels_of, shocked, stables
from plimsoll.margin import Account, MarginModel, Position, Rules, margin_model
from plimsoll.margin.joint_account import joint_account
from plimsoll.margin.translate import same_exposure
from plimsoll.market import Market
from plimsoll.report.stress_page import stress_page
from plimsoll.risk.engine import evaluate
from plimsoll.risk.models import risk_model
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.stress import StressLaw, StressScenarios, generate, instants, shipped_scenarios

HEAD = {"schema": "plimsoll.stress-scenarios", "schema_version": 1}
COIN = {"settlement": "inverse", "currency": "BTC"}
ODD = {"name": "odd", "kind": "hypothetical", "source": "all at once", "evidence": "assumed"}


def everything() -> list[dict[str, Any]]:
    """Every kind of shock at once."""
    return [
        {"shock": "price", "underlying": "BTC", "waypoints": [[1.0, -0.2], [3.0, -0.35], [6.0, 0.1]]},
        {"shock": "correlation", "lead": "BTC", "rho": 0.6, "ratio": {"ETH": 1.4}},
        {"shock": "volatility", "waypoints": [[2.0, 1.9]], "short_power": 0.3, "long_power": 0.5},
        {"shock": "skew", "tilt": 0.25, "hour": 2.0},
        {"shock": "depth", "left": 0.1},
        {"shock": "peg", "currency": "USDC", "waypoints": [[3.0, 0.85], [6.0, 0.97]]},
        {"shock": "delay", "seconds": 300.0, "gas": 100.0},
        {"shock": "funding", "rate": 0.004, "hours": 5.0},
    ]


def both_kinds() -> tuple[dict[str, Any], dict[str, Any]]:
    """A book of linear and inverse contracts of two coins with USDC, USD and BTC as collateral."""
    market = market_doc()
    eth = {"underlying": "ETH", "settlement": "linear", "currency": "USDC"}
    short = "2026-01-06T00:00:00Z"
    more = [
        option(65_000, False, name="I-PUT", **COIN),
        option(75_000, True, name="SHORT-CALL", expiry=short),
        perpetual(name="I-PERP", multiplier=10.0, **COIN),
        future(name="I-FUT", multiplier=10.0, **COIN),
        perpetual(name="ETH-PERP", **eth),
    ]
    market["instruments"] = [*market["instruments"], *more]
    market["marks"] |= {"I-PUT": {"vol": 0.7}, "I-PERP": {"price": 70_100.0}, "I-FUT": {"price": 70_000.0}}
    market["marks"] |= {"ETH-PERP": {"price": 3_500.0}, "SHORT-CALL": {"vol": 0.55}}
    market["indices"] |= {"ETH": {"price": 3_500.0}}
    market["expiries"] = [
        *market["expiries"],
        {"underlying": "BTC", "expiry": short, "forward": {"variable": 69_900.0}},
    ]
    held = {CALL: -1.0, PUT: 2.0, WING: -3.0, PERP: 0.7, FUTURE: -0.4, "I-PUT": -1.5, "I-PERP": 3_000.0,
            "I-FUT": -2_000.0, "ETH-PERP": -12.0, "SHORT-CALL": -2.0}  # fmt: skip
    return account_doc(held, collateral={"USDC": 90_000.0, "USD": 5_000.0, "BTC": 1.5}), market


def loaded(account: dict[str, Any], market: dict[str, Any]) -> tuple[Account, Market]:
    return Account.from_dict(account), Market.from_dict(market)


def test_the_array_is_the_sum_of_the_loops() -> None:
    account, market = both_kinds()
    a, m = loaded(account, market)
    odd = StressScenarios.from_dict({**HEAD, "scenarios": [{**ODD, "shocks": everything()}]}).scenarios
    scenarios = (*odd, *shipped_scenarios().scenarios)
    book, coins = joint_account(a, m)
    level = levels_of(m, ["BTC", "ETH"])
    assert level == {"BTC": 0.6, "ETH": np.inf}
    table = instants(scenarios, book.underlyings, stables(a, m), level)
    pnl = stress_pnl(book, m, table, coins)
    for r in range(len(table)):
        plain = json.loads(scenarios[int(table.scenario[r])].model_dump_json())
        assert pnl[r] == pytest.approx(profit(account, market, plain, float(table.hour[r]), 0.6), rel=1e-9, abs=1e-6)
    assert np.ptp(pnl) > 50_000.0


@given(st.integers(0, 10_000))
def test_generated_scenarios_too(seed: int) -> None:
    account, market = both_kinds()
    a, m = loaded(account, market)
    scenarios = generate(3, seed, ["BTC", "ETH"], ["USDC"]).scenarios
    book, coins = joint_account(a, m)
    table = instants(scenarios, book.underlyings, ["USDC"])
    for r, value in enumerate(stress_pnl(book, m, table, coins).tolist()):
        plain = json.loads(scenarios[r].model_dump_json())
        assert value == pytest.approx(profit(account, market, plain, 0.0, 0.6), rel=1e-9, abs=1e-6)


def no_haircuts() -> MarginModel:
    """The house model that counts every coin at its price: its equity then moves by the profit and loss alone."""
    rules = rules_doc()
    rules["parameters"]["haircuts"] = dict.fromkeys(rules["parameters"]["haircuts"], 0.0)
    return margin_model(Rules.from_dict(rules))


def test_the_engine_after_the_shock_has_lost_what_the_array_says() -> None:
    a, m = loaded(*both_kinds())
    odd = StressScenarios.from_dict({**HEAD, "scenarios": [{**ODD, "shocks": everything()}]}).scenarios
    found = stress_book(no_haircuts(), a, m, (*odd, *shipped_scenarios().scenarios), exact=99)
    assert len(found.exact) == len(found.rows) == 18
    for row in found.rows:
        assert row.exact is not None
        assert row.exact.equity - found.before.equity == pytest.approx(row.pnl, rel=1e-9, abs=1e-5), row.label
        assert row.exact.short == (row.exact.equity < row.exact.maintenance)
        k = row.row
        worth = 1.5 * 70_000.0 * found.instants.price[k, 0] + 5_000.0
        worth += 90_000.0 * found.instants.peg[k, found.instants.currencies.index("USDC")]
        assert row.exact.collateral == pytest.approx(worth, rel=1e-12)
    assert [r.pnl for r in found.rows] == sorted(r.pnl for r in found.rows)


def test_smiles_and_exotic_options_move_alike_in_the_array_and_in_the_engine() -> None:
    """Marks from a smile alone, and one option of every payoff, whose volatility shock has a tenor of its own."""
    account, market = sample_exotics(demo_market())
    odd = [s for s in everything() if s["shock"] in ("price", "volatility", "skew", "peg")]
    scenarios = StressScenarios.from_dict({**HEAD, "scenarios": [{**ODD, "shocks": odd}]}).scenarios
    found = stress_book(no_haircuts(), account, market, (*scenarios, *shipped_scenarios().scenarios), exact=99)
    for row in found.rows:
        assert row.exact is not None
        if not row.exact.failure:
            assert row.exact.equity - found.before.equity == pytest.approx(row.pnl, rel=1e-9, abs=1e-5), row.label
    assert sum(1 for r in found.rows if r.exact is not None and not r.exact.failure) >= 15
    smile = market_doc()
    del smile["marks"][WING]
    svi = {"a": 0.02, "b": 0.05, "rho": -0.2, "m": 0.0, "sigma": 0.1, "forward": 70_000.0, "tau": 30.0 / 365.0}
    smile["expiries"][0]["svi"] = svi
    a, m = loaded(account_doc({WING: -4.0, PERP: -1.0}), smile)
    for row in stress_book(no_haircuts(), a, m, scenarios, exact=9).rows:
        assert row.exact is not None
        assert row.exact.equity - 50_000.0 == pytest.approx(row.pnl + stands(m, a), rel=1e-9, abs=1e-5)


def stands(market: Market, account: Account) -> float:
    """Equity of an account now, beyond its 50,000."""
    return no_haircuts().requirement(account, market).net_equity - 50_000.0


def test_only_the_worst_are_margined_again_and_it_is_said() -> None:
    scenarios = generate(400, 7, ["BTC"], ["USDC"]).scenarios
    model = margin_model("prbm@2026-03-01")
    found = stress_book(model, demo_account(), demo_market(), scenarios, exact=5)
    assert [r.exact is not None for r in found.rows] == [True] * 5 + [False] * 395
    assert found.notes == ("margined again: the 5 scenarios of 400 in which the book loses most",)
    whole = found.to_dict()
    assert (whole["exact"], whole["instants"], len(whole["scenarios"])) == (5, 400, 400)
    json.dumps(whole, allow_nan=False)
    # what the array calls worst is worst by the engine too, for one requirement: the losses are the same numbers
    everywhere = stress_book(model, demo_account(), demo_market(), scenarios[:60], exact=60)
    equity = [r.exact.equity for r in everywhere.rows if r.exact is not None]
    assert np.argmin(equity) == 0


def test_a_market_that_the_engine_refuses_is_a_row_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither short nor holding: a row apart, and the other rows are there."""
    a, m = loaded(account_doc({CALL: -1.0}), market_doc())
    model = margin_model(PRBM)
    asked = model.requirement

    def only_near(account: Account, market: Market, on_failure: Any = "refuse") -> Any:
        if market.indices["BTC"].price < 40_000.0:
            raise refuse("market.indices.BTC", market.indices["BTC"].price, "a price that this test likes")
        return asked(account, market, on_failure)

    monkeypatch.setattr(model, "requirement", only_near)
    fall = [{"shock": "price", "move": -0.5}]
    rise = [{"shock": "price", "move": 0.5}]
    rows = [{**ODD, "name": n, "shocks": s} for n, s in (("down", fall), ("up", rise))]
    found = stress_book(model, a, m, StressScenarios.from_dict({**HEAD, "scenarios": rows}).scenarios)
    (refused,) = found.refused
    assert refused.name == "down"
    assert refused.exact is not None
    assert "a price that this test likes" in refused.exact.failure
    assert refused not in found.short
    whole = found.to_dict()
    assert (whole["refused"], whole["exact"]) == (1, 2)
    json.dumps(whole, allow_nan=False)
    assert "refused" in stress_page(found, "two")
    huge = [{**ODD, "shocks": [{"shock": "price", "move": 1e306}]}]
    with pytest.raises(DocumentError, match="sane size"):
        stress_book(margin_model(PRBM), *loaded(account_doc(), market_doc()),
                    StressScenarios.from_dict({**HEAD, "scenarios": huge}).scenarios)  # fmt: skip


@pytest.mark.parametrize("exact", [-1, True, 2.0])
def test_a_number_of_exact_runs_is_whole(exact: Any) -> None:
    with pytest.raises(DocumentError, match="exact"):
        stress_book(margin_model(PRBM), demo_account(), demo_market(), shipped_scenarios().scenarios, exact=exact)


def test_the_worst_row_of_each_scenario_is_the_earliest_of_the_worst() -> None:
    table = instants(shipped_scenarios().scenarios[:3], ["BTC"])
    pnl = np.zeros(len(table))
    assert worst_rows(table, pnl).tolist() == [int(np.flatnonzero(table.scenario == k)[0]) for k in range(3)]
    pnl[5] = -1.0
    assert worst_rows(table, pnl)[0] == 5


def test_every_model_takes_a_shocked_market() -> None:
    """Each rule set that takes the demonstration's book gives numbers after a crash with everything in it."""
    market, account = demo_market(), demo_account()
    scenarios = [shipped_scenarios().named(n) for n in ("usdc-2023", "vol-points-40", "squeeze")]
    seen = 0
    for name in ("prbm@2026-03-01", "derive-pmrm2@2026-03-01", "dsa@2026-03-01", "derive-srm@2026-03-01"):
        model = margin_model(name)
        linear, listed = same_exposure(account, market, currency=model.LINEAR[0], restate=model.LINEAR[0] != "USDC")
        for row in stress_book(model, linear, listed, scenarios).rows:
            assert row.exact is not None
            assert row.exact.failure == "", (name, row.exact.failure)
            assert row.exact.initial >= row.exact.maintenance > 0.0
            seen += 1
    assert seen == 12


def test_depth_reaches_the_order_books() -> None:
    market = market_doc(depth={PERP: {"bids": [[69_990.0, 5.0]], "asks": [[70_010.0, 4.0]]}})
    a, m = loaded(account_doc(), market)
    table = instants([shipped_scenarios().named("depth-90")], ["BTC"], ["USDC"])
    _, after = shocked(a, m, table, 0)
    (bid,), (ask,) = after.depth[PERP].bids, after.depth[PERP].asks
    assert bid == pytest.approx((69_990.0 * 0.9, 0.5))
    assert ask == pytest.approx((70_010.0 * 0.9, 0.4))


def test_the_generator_repeats_itself_and_has_the_tails_that_it_says() -> None:
    one = generate(2_000, 7, ["BTC", "ETH"], ["USDC"])
    assert one == generate(2_000, 7, ["BTC", "ETH"], ["USDC"])
    assert one != generate(2_000, 8, ["BTC", "ETH"], ["USDC"])
    assert len(generate(1_000, 7, ["BTC"], draws="sobol")) == 1_000
    table = instants(one.scenarios, ["BTC", "ETH"], ["USDC"])
    btc, eth = np.log(table.price.T)
    assert np.quantile(btc, 0.01) < -0.25
    assert btc.max() > 0.2
    assert np.corrcoef(btc, eth)[0, 1] > 0.7
    fall = btc < np.quantile(btc, 0.05)
    assert table.vol[fall, 0].mean() > 1.3 > table.vol[~fall, 0].mean()
    assert table.depth[fall, 0].mean() < 0.5
    assert 0.0 < (table.peg[:, 0] < 1.0).mean() < 0.2
    assert (table.peg[fall, 0] < 1.0).mean() > 2.0 * (table.peg[~fall, 0] < 1.0).mean()
    assert (table.delay[fall] > 0.0).mean() > (table.delay[~fall] > 0.0).mean()


def test_a_law_from_a_history_has_its_volatility_and_ranks() -> None:
    history = FactorHistory.of_levels(generated_history(demo_market().time))
    law = StressLaw.of_history(history, ["BTC", "ETH"], stretch=2.0)
    assert law.daily["BTC"] == pytest.approx(2.0 * history.returns[:, 0].std(), rel=1e-12)
    assert law.correlation is not None
    assert 0.3 < law.correlation[0][1] < 1.0
    assert len(generate(50, 1, ["BTC", "ETH"], law=law)) == 50
    with pytest.raises(DocumentError, match="correlation"):
        generate(50, 1, ["BTC"], law=law)


@pytest.mark.parametrize(
    ("count", "seed", "names", "told"),
    [(0, 1, ["BTC"], "count"), (10**6, 1, ["BTC"], "200,000"), (1, -1, ["BTC"], "seed"), (1, 1, [], "underlyings")],
)
def test_bad_requests_for_scenarios_are_refused(count: int, seed: int, names: list[str], told: str) -> None:
    with pytest.raises(DocumentError, match=told):
        generate(count, seed, names)


def thin_book() -> tuple[Account, Market]:
    """Twenty strangles of a month sold 34 % below and 51 % above the price, with more than the initial margin."""
    legs = tuple(Position(instrument=f"BTC-24APR26-{leg}", quantity=-20.0) for leg in ("46000-P", "106000-C"))
    return Account(name="thin", positions=legs, collateral={"USDC": 220_000.0}), demo_market()


def test_the_planted_weakness_is_found_by_the_generator_and_not_by_value_at_risk() -> None:
    """Far strangles sold for little: no day of the history reaches them, so 99 % VaR is a fraction of the equity."""
    account, market = thin_book()
    book, _ = joint_account(account, market)
    history = FactorHistory.of_levels(generated_history(market.time), book.underlyings)
    model = margin_model("prbm@2026-03-01")
    before = model.requirement(account, market)
    equity = before.net_equity
    assert equity > before.initial
    var = {n: evaluate(risk_model(n), book, history).var.value for n in ("hs", "fhs")}
    assert max(var.values()) < 0.2 * equity
    found = stress_book(model, account, market, generate(2_000, 7, ["BTC"], ["USDC"]).scenarios, exact=20)
    assert found.rows[0].pnl < -2.0 * equity
    assert len(found.short) == 20
    losses = np.array([r.pnl for r in found.rows])
    assert (losses < -equity).mean() > 0.005  # bankrupt in more than one of two hundred scenarios
