"""The line of accounts whose line is known by hand, and everything that counts on the way."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path as File
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import CALL, PERP, PRBM, PUT, WING, account_doc, market_doc, perpetual
from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.liquidation import Path, alone, liquidation, together, weighted
from plimsoll.liquidation.calendar import calendar
from plimsoll.liquidation.sigma import sigma_of
from plimsoll.margin.modes import in_mode
from plimsoll.margin.path import moved, shifted
from random_books import SOME

Doc = dict[str, Any]
BINANCE = "binance-usdm@2026-01-01"
SYMBOLS = {"BTC": 70_000.0, "ETH": 2_500.0}


def futures_market() -> pl.Market:
    rows = [perpetual(name=f"{c}USDT", underlying=c, currency="USDT") for c in SYMBOLS]
    return pl.Market.from_dict(
        market_doc(
            indices={c: {"price": p} for c, p in SYMBOLS.items()},
            assets={"USDT": {"price": 1.0}},
            instruments=rows,
            marks={f"{c}USDT": {"price": p} for c, p in SYMBOLS.items()},
        )
    )


def futures_account(cash: float, *rows: Doc, mode: str = "cross") -> pl.Account:
    content = account_doc({}, collateral={"USDT": cash}, mode=mode) | {"positions": list(rows)}
    return pl.Account.from_dict(content)


def option_market() -> pl.Market:
    return pl.Market.from_dict(market_doc())


NARROW: Any = {"low": 0.6, "high": 1.6, "points": 24}
"""For models that are assessed price by price."""


def options(book: dict[str, float], cash: float = 50_000.0, **more: Any) -> pl.Account:
    return pl.Account.from_dict(account_doc(book, collateral={"USDC": cash}, **more))


@pytest.mark.parametrize(("quantity", "cash"), [(1.0, 10_000.0), (-1.0, 10_000.0), (3.0, 40_000.0)])
def test_one_perpetual_as_the_formula_says(quantity: float, cash: float) -> None:
    """Price at which cash + q (S - entry) = |q| S rate: (cash - q entry) / (|q| rate - q), within one bracket."""
    model = pl.margin_model(BINANCE)
    table = model.parameters.symbols["BTCUSDT"]
    account = futures_account(cash, {"instrument": "BTCUSDT", "quantity": quantity, "entry_price": 68_000.0})
    found = liquidation(model, account, futures_market())
    (line,) = found.lines
    price = line.marks["BTCUSDT"]
    deduction, tier = 0.0, table.tiers[0]
    for before, after in pairwise(table.tiers):
        if abs(quantity) * price > before.upto:
            deduction, tier = deduction + before.upto * (after.maintenance - before.maintenance), after
    expected = (cash - quantity * 68_000.0 + deduction) / (abs(quantity) * tier.maintenance - quantity)
    assert price == pytest.approx(expected, rel=1e-11)
    assert line.prices["BTC"] == pytest.approx(expected, rel=1e-11)
    assert line.move == pytest.approx(expected / 70_000.0 - 1.0, rel=1e-9)
    assert line.side == ("falling" if quantity > 0 else "rising")
    assert not line.jump
    assert line.equity == pytest.approx(line.maintenance, rel=1e-9)


def test_other_positions_and_collateral_count() -> None:
    model, market = pl.margin_model(BINANCE), futures_market()
    long = {"instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 70_000.0}
    other = {"instrument": "ETHUSDT", "quantity": -10.0, "entry_price": 2_000.0}
    path = alone("BTC", market)
    single = liquidation(model, futures_account(10_000.0, long), market, path).lines[0]
    both = liquidation(model, futures_account(10_000.0, long, other), market, path).lines[0]
    # the short lost 5,000 and asks for margin of its own: the line is nearer
    assert both.multiplier > single.multiplier + 0.05
    richer = liquidation(model, futures_account(20_000.0, long, other), market, path).lines[0]
    assert richer.multiplier < both.multiplier
    owed = liquidation(model, futures_account(10_000.0, long | {"unsettled_funding": -500.0}), market, path)
    assert owed.lines[0].multiplier > single.multiplier
    assert "funding owed so far counts (1 positions)" in owed.assumptions[2]


def test_isolated_pools_have_lines_of_their_own() -> None:
    model, market = pl.margin_model(BINANCE), futures_market()
    rows = [
        {"instrument": "BTCUSDT", "quantity": 1.0, "isolated_margin": 7_000.0},
        {"instrument": "ETHUSDT", "quantity": -20.0, "isolated_margin": 5_000.0},
    ]
    found = liquidation(model, futures_account(20_000.0, *rows, mode="isolated"), market)
    by = {p.subject: p for p in found.pools}
    assert set(by) == {"shared", "BTCUSDT", "ETHUSDT"}
    assert by["shared"].lines == ()
    ((btc,), (eth,)) = by["BTCUSDT"].lines, by["ETHUSDT"].lines
    assert (btc.side, eth.side) == ("falling", "rising")
    # the margin of one does not reach the other
    single = liquidation(model, futures_account(7_000.0, rows[0], mode="isolated"), market)
    assert single.lines[0].multiplier == pytest.approx(btc.multiplier, rel=1e-12)
    # nearest first over all pools, by the log move
    assert abs(np.log(eth.multiplier)) < abs(np.log(btc.multiplier))
    assert [x.subject for x in found.lines] == ["ETHUSDT", "BTCUSDT"]
    ether = liquidation(model, futures_account(20_000.0, *rows, mode="isolated"), market, alone("ETH", market))
    assert [x.subject for x in ether.lines] == ["ETHUSDT"]
    assert {p.subject: p.lead for p in found.pools} == {"shared": None, "BTCUSDT": "BTC", "ETHUSDT": "ETH"}


def test_a_tier_that_charges_the_whole_position_is_a_line_where_it_jumps() -> None:
    rules = pl.find_rules(BINANCE)
    content = json.loads(json.dumps(rules.parameters))
    tiers = [
        {"upto": 80_000.0, "maintenance": 0.01, "initial": 0.02},
        {"upto": None, "maintenance": 0.5, "initial": 0.6},
    ]
    content["symbols"]["BTCUSDT"] = {"counting": "whole", "tiers": tiers}
    model = pl.margin_model(rules.model_copy(update={"parameters": content}))
    account = futures_account(20_000.0, {"instrument": "BTCUSDT", "quantity": 1.0})
    found = liquidation(model, account, futures_market())
    ((down,), (up, back)) = [[x for x in found.lines if (x.move < 0) is below] for below in (True, False)]
    assert (up.jump, up.side) == (True, "rising")
    assert up.multiplier == pytest.approx(80_000.0 / 70_000.0, rel=1e-12)
    assert not down.jump
    # beyond the jump the long gains half of each dollar: 20,000 + S - 70,000 = S / 2
    assert (back.jump, back.side) == (False, "falling")
    assert back.prices["BTC"] == pytest.approx(100_000.0, rel=1e-12)


@pytest.mark.parametrize("reference", [PRBM, "derive-pmrm2@2025-04-18"])
def test_a_strangle_has_two_lines_where_health_is_one(reference: str) -> None:
    model, market = pl.margin_model(reference), option_market()
    account = options({CALL: -1.0, PUT: -1.0}, 25_000.0)
    found = liquidation(model, account, market, **NARROW)
    assert [x.side for x in sorted(found.lines, key=lambda x: x.move)] == ["falling", "rising"]
    assert found.above
    for line in found.lines:
        at = model.requirement(*shifted(account, market, line.multiplier))
        assert at.health == pytest.approx(1.0, rel=1e-9)
        assert (line.equity, line.maintenance) == pytest.approx((at.net_equity, at.maintenance), rel=1e-9)


def test_bought_options_alone_have_no_line() -> None:
    found = liquidation(pl.margin_model(PRBM), options({WING: 1.0}), option_market(), **NARROW)
    assert (found.above, found.lines) == (True, ())


def test_below_the_line_both_ways_back_are_told() -> None:
    model, market = pl.margin_model(PRBM), option_market()
    account = options({PERP: 1.0}, 5_000.0)
    found = liquidation(model, account, market, **NARROW)
    (pool,) = found.pools
    assert not found.above
    assert "below its line now" in found.notes[0]
    (line,) = found.lines
    assert line.move > 0
    lifted = options({PERP: 1.0}, 5_000.0 + pool.shortfall)
    assert model.requirement(lifted, market).health == pytest.approx(1.0, rel=1e-9)
    at = model.requirement(*shifted(account, market, line.multiplier))
    assert at.health == pytest.approx(1.0, rel=1e-9)


def test_whole_units_of_a_chain_are_no_jump() -> None:
    """Drift counts prices in millionths of a dollar, so excess is a staircase beside its line."""
    content = market_doc()
    content["instruments"].append(perpetual(name="SOL-PERP", underlying="SOL"))
    content["indices"]["SOL"] = content["marks"]["SOL-PERP"] = {"price": 150.0}
    market, model = pl.Market.from_dict(content), pl.margin_model("drift@2026-05-01")
    held = account_doc({"SOL-PERP": -400.0, PERP: 0.5}, collateral={"USDC": 5_000.0, "SOL": 100.0}, mode="cross")
    (line,) = liquidation(model, pl.Account.from_dict(held), market).lines
    assert not line.jump
    assert line.equity == pytest.approx(line.maintenance, abs=1e-3)


def test_orders_are_said_to_add_nothing() -> None:
    model, market = pl.margin_model(BINANCE), futures_market()
    rows = [{"instrument": "BTCUSDT", "quantity": 1.0}]
    orders = [{"instrument": "BTCUSDT", "quantity": 5.0, "price": 60_000.0}]
    with_orders = pl.Account.from_dict(futures_account(10_000.0, *rows).to_dict() | {"orders": orders})
    plain, ordered = (liquidation(model, a, market) for a in (futures_account(10_000.0, *rows), with_orders))
    assert plain.lines[0].multiplier == ordered.lines[0].multiplier
    assert "1 open orders: neither filled nor cancelled; they add nothing" in ordered.assumptions[3]
    assert "no open orders" in plain.assumptions[3]


@pytest.mark.parametrize(
    ("rules", "told"), [(BINANCE, "100% read"), ("prbm@2025-06-01", "100% read"), ("binance-pm@2025-06-01", "assumed")]
)
def test_how_well_the_rules_are_known_is_told_with_the_line(rules: str, told: str) -> None:
    account = futures_account(10_000.0, {"instrument": "BTCUSDT", "quantity": 1.0, "leverage": 10.0})
    model, market = pl.margin_model(rules), futures_market()
    account = account.model_copy(update={"mode": model.MODES[0]})
    known = liquidation(model, account, market, points=40).assumptions[-1]
    assert known.startswith("the rules of the maintenance margin, each as its least known number: ")
    assert known.endswith(told)
    assert calendar(model, account, market, 0.1).assumptions[-1] == known
    own = model.assess(account, market, "refuse").notes
    assert liquidation(model, account, market, points=40).notes[-len(own) :] == own
    nothing = liquidation(model, account.model_copy(update={"positions": ()}), market, points=40)
    assert not any("least known number" in a for a in nothing.assumptions)


@SOME
@given(st.floats(0.3, 2.5), st.floats(-0.5, 0.5))
def test_states_of_a_path(beta: float, move: float) -> None:
    path = Path({"BTC": 1.0, "ETH": beta}, "BTC", elasticity=0.4)
    states = path.states(np.array([move]))
    assert states.spot["BTC"][0] == pytest.approx(1 + move)
    assert states.spot["ETH"][0] == pytest.approx((1 + move) ** beta)
    assert states.vol[0] == pytest.approx((1 + move) ** -0.4)
    assert states.multiplier("SOL")[0] == 1.0
    assert path.multiplier_of("ETH", states.spot["ETH"])[0] == pytest.approx(1 + move)
    assert path.multiplier_of("SOL", np.ones(1)).size == 0


def test_betas_and_volatility_move_the_line() -> None:
    model, market = pl.margin_model(BINANCE), futures_market()
    rows = [{"instrument": "BTCUSDT", "quantity": 1.0}, {"instrument": "ETHUSDT", "quantity": 10.0}]
    account = futures_account(15_000.0, *rows)
    found = liquidation(model, account, market, weighted({"BTC": 1.0, "ETH": 1.5}, account, market))
    (line,) = found.lines
    m = line.multiplier
    assert line.prices["ETH"] == pytest.approx(2_500.0 * m**1.5, rel=1e-12)
    at = model.requirement(*moved(account, market, {"BTC": m, "ETH": m**1.5}))
    assert at.excess_maintenance == pytest.approx(0.0, abs=1e-6)
    together_line = liquidation(model, account, market).lines[0]
    assert m > together_line.multiplier
    short = options({CALL: -1.0, PUT: -1.0}, 25_000.0)
    prbm, snapshot = pl.margin_model(PRBM), option_market()
    still, moving = (liquidation(prbm, short, snapshot, together(short, snapshot, e), **NARROW) for e in (0.0, 1.0))
    lower = [min(x.lines, key=lambda v: v.move) for x in (still, moving)]
    # volatility rises as the price falls: the seller's line is nearer
    assert lower[1].multiplier > lower[0].multiplier
    at = prbm.requirement(*moved(short, snapshot, {"BTC": lower[1].multiplier}, lower[1].multiplier ** -1.0))
    assert at.health == pytest.approx(1.0, rel=1e-9)


def test_daily_deviations_and_where_they_are_from() -> None:
    market, account = option_market(), options({CALL: -1.0, PUT: -1.0}, 25_000.0)
    found = liquidation(pl.margin_model(PRBM), account, market, **NARROW)
    assert found.pools[0].sigma.annual == pytest.approx(0.6)
    assert "at-the-money volatility of BTC, 31 Jan 2026 (30 days)" in found.pools[0].sigma.source
    for line in found.lines:
        assert line.deviations == pytest.approx(abs(np.log(line.multiplier)) / (0.6 / 365**0.5))
    given_one = liquidation(pl.margin_model(PRBM), account, market, sigma=0.3, **NARROW)
    assert given_one.lines[0].deviations == pytest.approx(2 * found.lines[0].deviations)
    futures = futures_account(10_000.0, {"instrument": "BTCUSDT", "quantity": 1.0})
    none = liquidation(pl.margin_model(BINANCE), futures, futures_market())
    assert none.lines[0].deviations is None
    assert "holds no volatility of BTC" in none.pools[0].sigma.source
    halved = sigma_of(Path({"BTC": 2.0}, "BTC"), market)
    assert halved.annual == pytest.approx(0.3)
    empty = liquidation(pl.margin_model(PRBM), options({}), market, **NARROW)
    assert (empty.lines, empty.pools[0].sigma.annual) == ((), None)
    assert "nothing held depends on a price" in empty.pools[0].sigma.source


def test_the_line_some_days_ahead_has_the_funding_paid() -> None:
    content = futures_market().to_dict()
    content["marks"]["BTCUSDT"]["funding_rate"] = 1e-3
    market, model = pl.Market.from_dict(content), pl.margin_model(BINANCE)
    row = {"instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 70_000.0}
    found = liquidation(model, futures_account(10_000.0, row), market, ahead=2.0)
    # six payments of 70 dollars by who is long
    poorer = liquidation(model, futures_account(10_000.0 - 6 * 70.0, row), market)
    assert found.lines[0].multiplier == pytest.approx(poorer.lines[0].multiplier, rel=1e-11)
    assert found.assumptions[1].startswith("in 2 days, funding paid")
    with pytest.raises(DocumentError, match="days ahead"):
        liquidation(model, futures_account(10_000.0, row), market, ahead=-1.0)


@pytest.mark.parametrize(
    ("held", "owed", "assets", "loan"), [("USDT", "LTC", 9_000.0, 100.0), ("LTC", "USDT", 150.0, 8_000.0)]
)
def test_a_loan_without_contracts_as_its_formula_says(held: str, owed: str, assets: float, loan: float) -> None:
    """OKX's isolated spot margin: p = assets / (L (1 + m) (1 + fee)), p the price of what is owed in what is held."""
    model = pl.margin_model("okx-margin@2026-01-01")
    content = futures_market().to_dict()
    content["indices"]["LTC"] = {"price": 80.0}
    account = pl.Account.from_dict(account_doc({}, collateral={held: assets}, borrowed={owed: loan}, mode="isolated"))
    (pool,) = liquidation(model, account, pl.Market.from_dict(content)).pools
    (line,) = pool.lines
    rate = model.parameters.pairs["LTC-USDT"].owed[owed].tiers[0].maintenance
    price = assets / (loan * (1 + rate) * (1 + model.parameters.fee))
    assert line.prices["LTC"] == pytest.approx(price if owed == "LTC" else 1.0 / price, rel=1e-11)
    assert line.side == ("rising" if owed == "LTC" else "falling")
    assert pool.lead == "LTC"


def test_three_modes_three_lines() -> None:
    """The same two positions in cross and isolated margin: the cross line counts both, an isolated one itself."""
    model, market = pl.margin_model(BINANCE), futures_market()
    rows = [
        {"instrument": "BTCUSDT", "quantity": 1.0, "entry_price": 70_000.0, "leverage": 10.0},
        {"instrument": "ETHUSDT", "quantity": -20.0, "entry_price": 2_500.0, "leverage": 10.0},
    ]
    account = futures_account(30_000.0, *rows)
    lines = {mode: liquidation(model, in_mode(model, account, market, mode), market) for mode in model.MODES}
    (cross,), isolated = lines["cross"].pools, {p.subject: p for p in lines["isolated"].pools}
    # 20,000 USD of net long against 30,000: nothing short of a total loss comes near
    assert cross.nearest(-1) is None or cross.nearest(-1).move < -0.9  # type: ignore[union-attr]
    assert isolated["BTCUSDT"].nearest(-1).move == pytest.approx(-0.1, abs=0.01)  # type: ignore[union-attr]
    assert isolated["ETHUSDT"].nearest(1).move == pytest.approx(0.1, abs=0.01)  # type: ignore[union-attr]


def test_nearest_first() -> None:
    found = liquidation(pl.margin_model(PRBM), options({CALL: -1.0, PUT: -1.0}, 25_000.0), option_market(), **NARROW)
    logs = [abs(np.log(x.multiplier)) for x in found.lines]
    assert logs == sorted(logs)
    (pool,) = found.pools
    nearest = [pool.nearest(-1), pool.nearest(1)]
    assert [x.move < 0 for x in nearest if x] == [True, False]
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [x["move"] for x in said["pools"][0]["lines"]] == [x.move for x in found.lines]


def test_bad_input_is_told() -> None:
    model, market = pl.margin_model(BINANCE), futures_market()
    account = futures_account(
        1e4, {"instrument": "BTCUSDT", "quantity": 1.0}, {"instrument": "ETHUSDT", "quantity": 1.0}
    )
    with pytest.raises(DocumentError, match=r"betas\.ETH.*nothing"):
        weighted({"BTC": 1.0}, account, market)
    with pytest.raises(DocumentError, match=r"betas\.DOGE"):
        weighted({"BTC": 1.0, "ETH": 1.0, "DOGE": 1.0}, account, market)
    with pytest.raises(DocumentError, match=r"betas\.ETH.*between"):
        weighted({"BTC": 1.0, "ETH": float("nan")}, account, market)
    with pytest.raises(DocumentError, match=r"underlying.*DOGE"):
        alone("DOGE", market)
    with pytest.raises(DocumentError, match="vol_elasticity"):
        alone("BTC", market, 9.0)
    for low, high in ((0.0, 2.0), (1.0, 2.0), (0.5, 1.0), (0.5, float("inf"))):
        with pytest.raises(DocumentError, match="range"):
            liquidation(model, account, market, low=low, high=high)
    with pytest.raises(DocumentError, match="points"):
        liquidation(model, account, market, points=2)
    with pytest.raises(DocumentError, match="sigma"):
        liquidation(model, account, market, sigma=0.0)
    with pytest.raises(DocumentError, match="moves"):
        together(account, market).states(np.array([-1.0]))
    with pytest.raises(DocumentError, match="mode"):
        liquidation(model, account.model_copy(update={"mode": "portfolio"}), market)


@pytest.fixture
def files(tmp_path: File) -> list[str]:
    rows = [
        {"instrument": "BTCUSDT", "quantity": 1.0, "isolated_margin": 7_000.0},
        {"instrument": "ETHUSDT", "quantity": -20.0},
    ]
    (tmp_path / "a.json").write_text(futures_account(20_000.0, *rows).to_json())
    (tmp_path / "m.json").write_text(futures_market().to_json())
    (tmp_path / "betas.json").write_text('{"BTC": 1.0, "ETH": 1.3}')
    return ["-a", str(tmp_path / "a.json"), "-m", str(tmp_path / "m.json"), "-r", BINANCE]


def test_the_command(files: list[str], tmp_path: File, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "line.svg"
    assert run(["liquidation", *files, "-o", str(picture), "--sigma", "0.5"]) == 0
    text = capsys.readouterr().out
    assert max(len(line) for line in text.splitlines() if "picture" not in line) <= 80
    assert "shared" in text
    assert "BTCUSDT" in text
    svg = picture.read_text()
    assert "BTCUSDT" in svg
    assert run(["liquidation", *files, "--betas", str(tmp_path / "betas.json"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["path"]["betas"] == {"BTC": 1.0, "ETH": 1.3}
    assert [p["subject"] for p in said["pools"]] == ["shared", "BTCUSDT"]
    assert said["pools"][0]["lines"][0]["side"] == "rising"
    assert run(["liquidation", *files, "--mode", "cross", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [p["subject"] for p in said["pools"]] == ["account"]
    assert run(["liquidation", *files, "--mode", "isolated", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [p["subject"] for p in said["pools"]] == ["shared", "BTCUSDT", "ETHUSDT"]
    assert run(["liquidation", *files, "--underlying", "ETH", "--vol-elasticity", "0.5", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pools"][1]["lines"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--underlying", "DOGE"], "underlying"),
        (["--betas", "none.json"], "--betas"),
        (["--underlying", "BTC", "--betas", "x"], "either --underlying or --betas"),
        (["--low", "-2"], "--low, --high"),
        (["--sigma", "-1"], "sigma"),
        (["-o", "line.pdf"], "--output"),
        (["--points", "1"], "points"),
    ],
)
def test_the_command_refuses(
    files: list[str], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["liquidation", *files, *arguments]) == 2
    assert message in capsys.readouterr().err
