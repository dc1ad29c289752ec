"""Exotic options as rows of the array: against their definitions, in dollars and in coin, scenario by scenario."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from builders import at
from exotic_desk import DAY, FORWARD, KINDS, MONTH, SPOT, VOL, contract, market, naive_dollars
from naive.exotics import watched_paths
from plimsoll.documents import DocumentError, Reason
from plimsoll.risk import compile_plan, plan_pnl, pnl_array, unit_values
from plimsoll.risk.exotics import barrier_moves
from plimsoll.scenarios import Scenarios, VolRule, grid

RULE = VolRule(0.3, 0.13)
COLUMNS = Scenarios.build([1.0, 0.84, 0.93, 1.06, 1.16], [0.0, 0.4, -0.22, 0.4, 0.4], vol_rule=RULE)


def snapshot(*contracts: dict[str, Any], **changes: Any) -> pl.Market:
    return pl.Market.from_dict(market(list(contracts), **changes))


def values(m: pl.Market, columns: Scenarios, currency: str = "settlement") -> np.ndarray:
    return unit_values(compile_plan(list(m.instruments), m), columns, currency)  # type: ignore[arg-type]


def shocked(kind: str, shock: float) -> float:
    tenor = MONTH if kind != "perpetual_option" else 365.0 * DAY / 12.0
    return VOL * (1.0 + shock * float(RULE.scale(np.array([tenor]))[0]))


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("name", KINDS)
def test_values_are_those_of_the_definition(name: str, settlement: str) -> None:
    terms = contract(name, settlement, multiplier=0.1)
    mine = values(snapshot(terms), COLUMNS)[0]
    at_index = terms["kind"] in ("american_option", "perpetual_option")
    for s in range(len(COLUMNS)):
        x, vol = float(COLUMNS.spot[s]), shocked(terms["kind"], float(COLUMNS.vol[s]))
        usd = 0.1 * naive_dollars(terms, SPOT * x, FORWARD * x, vol, coin=settlement == "inverse")
        per = (SPOT if at_index else FORWARD) * x if settlement == "inverse" else 1.0
        assert mine[s] * per == pytest.approx(usd, abs=4e-5 * SPOT * 0.1)


@pytest.mark.parametrize("name", KINDS)
def test_dollars_convert_at_the_moved_price_of_the_coin(name: str) -> None:
    m = snapshot(contract(name, "inverse"))
    coins, usd = (values(m, COLUMNS, c)[0] for c in ("settlement", "usd"))
    assert usd == pytest.approx(coins * SPOT * COLUMNS.spot, rel=1e-13)
    gains = pnl_array(m.instruments, m, COLUMNS, "usd")[0]
    assert gains == pytest.approx(usd - usd[0], abs=1e-9 * SPOT)


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_a_payoff_in_coin_is_the_payoff_in_dollars_over_the_last_price(settlement: str) -> None:
    """Paths under the measure in which coins are counted: drift up by the variance, payoff over the price."""
    s = VOL * np.sqrt(MONTH / (365.0 * DAY))
    shift = 0.5 * s * s if settlement == "inverse" else -0.5 * s * s
    noise = np.random.default_rng(1).standard_normal(400_000)
    last = FORWARD * np.exp(s * noise + shift)
    for name in ("cash", "asset", "power"):
        terms = contract(name, settlement)
        if name == "power":
            paid = np.minimum(70_000.0 * np.maximum((last / 70_000.0) ** 2 - 1.0, 0.0), 50_000.0)
        elif name == "cash":
            paid = 1_000.0 * (last > 74_000.0)
        else:
            paid = last * (last <= 69_000.0)
        sample = paid / last if settlement == "inverse" else paid
        mine = values(snapshot(terms), Scenarios.build([1.0]))[0, 0]
        assert abs(sample.mean() - mine) < 3.0 * sample.std(ddof=1) / np.sqrt(sample.size)


@pytest.mark.parametrize("name", [n for n in KINDS if n.startswith("barrier")] + ["asian", "asian-geometric"])
def test_a_payoff_in_coin_may_depend_on_the_path(name: str) -> None:
    """Under the measure of coins a path drifts up by its variance; the value needs nothing but the forward."""
    s = VOL * np.sqrt(MONTH / (365.0 * DAY))
    lifted = FORWARD * np.exp(s * s)
    if name.startswith("barrier"):
        terms = contract(name, "inverse")
        last, hit = watched_paths(SPOT, lifted, terms["barrier"], s, terms["up"], 12, 200_000, 9)
        side = 1.0 if terms["call"] else -1.0
        alive = hit if terms["knock_in"] else 1.0 - hit
        paid = alive * np.maximum(side * (last - terms["strike"]), 0.0) + (1.0 - alive) * terms["rebate"]
    else:
        terms = contract(name, "inverse", fixings=[at(MONTH * i / 5.0) for i in range(1, 6)])
        steps = np.random.default_rng(9).standard_normal((200_000, 5)) * s / np.sqrt(5.0)
        logs = np.cumsum(steps + (np.log(lifted / SPOT) - 0.5 * s * s) / 5.0, axis=1)
        paths = SPOT * np.exp(logs)
        last = paths[:, -1]
        average = paths.mean(axis=1) if terms["average"] == "arithmetic" else np.exp(np.log(paths).mean(axis=1))
        paid = np.maximum((average - terms["strike"]) * (1.0 if terms["call"] else -1.0), 0.0)
    sample = paid / last
    mine = values(snapshot(terms), Scenarios.build([1.0]))[0, 0]
    assert abs(sample.mean() - mine) < 3.0 * sample.std(ddof=1) / np.sqrt(sample.size)


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("forward", [68_000.0, 70_000.0, 73_000.0])
def test_an_american_option_is_worth_exercising_in_its_own_currency(settlement: str, forward: float) -> None:
    rows = []
    for i, (call, strike) in enumerate((c, k) for c in (True, False) for k in (40_000.0, 70_000.0, 120_000.0)):
        rows.append(contract("american", settlement, name=f"A{i}", call=call, strike=strike))
        rows.append({**rows[-1], "kind": "option", "name": f"E{i}"})
    columns = grid([0.5, 0.9, 1.0, 1.2, 2.0], [0.0, 0.4, -0.9])
    found = values(snapshot(*rows, forward=forward), columns)
    for i in range(0, len(rows), 2):
        k, side = rows[i]["strike"], 1.0 if rows[i]["call"] else -1.0
        now = np.maximum(side * (SPOT * columns.spot - k), 0.0)
        now = now / (SPOT * columns.spot) if settlement == "inverse" else now
        assert (found[i] >= now * (1.0 - 1e-12)).all()
        # a European price is right to 3e-15 of its forward, which far out of the money is not all of its own digits
        rounding = 1e-14 * (1.0 if settlement == "inverse" else 2.0 * SPOT)
        assert (found[i] >= found[i + 1] * (1.0 - 1e-12) - rounding).all()


def test_in_and_out_make_the_vanilla_option_in_every_scenario() -> None:
    columns = grid(np.linspace(0.5, 2.0, 31).tolist(), [-0.3, 0.0, 0.4], [0.0, 3.0, 40.0], vol_rule=RULE)
    for settlement in ("linear", "inverse"):
        legs = [contract(f"barrier-{w}", settlement, rebate=0.0) for w in ("up-in", "up-out")]
        plain = {k: legs[0][k] for k in ("underlying", "expiry", "strike", "call", "settlement", "currency")}
        m = snapshot(*legs, plain | {"kind": "option", "name": "plain"})
        into, out, whole = values(m, columns, "usd")
        assert into + out == pytest.approx(whole, abs=1e-9 * SPOT)


def test_a_move_beyond_the_barrier_has_touched_it() -> None:
    m = snapshot(contract("barrier-up-out"), contract("barrier-up-in"), contract("barrier-down-out"))
    before, beyond = 76_000.0 / SPOT - 1e-9, 76_000.0 / SPOT + 1e-12
    out, into, down = values(m, Scenarios.build([before, beyond, 62_000.0 / SPOT - 1e-9]))
    assert out[1] == 500.0
    assert out[0] == pytest.approx(500.0, abs=0.01)
    assert down[2] == 500.0
    plain = contract("barrier-up-in", touched=True)
    assert into[1] == values(snapshot(plain), Scenarios.build([beyond]))[0, 0]
    moves = barrier_moves(compile_plan(list(m.instruments), m), [0, 1, 2])
    assert list(moves) == sorted(moves)
    sides = [x for x, where in moves.items() if where.startswith("just")]
    assert sides == pytest.approx([62 / 70 - 1, 62 / 70 - 1, 76 / 70 - 1, 76 / 70 - 1])
    assert (np.diff(sides)[[0, 2]] > 0.0).all()
    assert len(moves) == 2 * (15 + 2)


def test_touched_is_for_good() -> None:
    m = snapshot(contract("barrier-up-out", touched=True), contract("barrier-up-in", touched=True))
    out, into = values(m, COLUMNS)
    assert out.tolist() == [500.0] * len(COLUMNS)
    plain = {**contract("barrier-up-in", name="plain"), "kind": "option"}
    for extra in ("barrier", "up", "knock_in", "rebate"):
        del plain[extra]
    assert into == pytest.approx(values(snapshot(plain), COLUMNS)[0], rel=1e-12)
    assert barrier_moves(compile_plan(list(m.instruments), m), [0, 1]) == {}


def test_after_expiry_the_delivery_price_decides() -> None:
    row = {"underlying": "BTC", "expiry": at(-DAY), "settlement": 75_000.0}
    legs = [
        contract(n, expiry=at(-DAY)) for n in KINDS if n not in ("everlasting", "endless", "asian", "asian-geometric")
    ]
    legs.append(contract("asian", expiry=at(-DAY), fixings=[at(-2 * DAY)], accrued=73_000.0))
    m = pl.Market.from_dict(market(legs) | {"expiries": [row]})
    found = {c.name: v for c, v in zip(m.instruments, values(m, COLUMNS), strict=True)}
    expected = {
        "american": 0.0,
        "barrier-up-out": 7_000.0,
        "barrier-up-in": 500.0,
        "barrier-down-out": 0.0,
        "barrier-down-in": 500.0,
        "cash": 1_000.0,
        "asset": 0.0,
        "asian": 2_500.0,
        "power": 70_000.0 * ((75 / 70) ** 2 - 1),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name
        assert np.ptp(found[name]) == 0.0


def test_an_average_keeps_what_is_known_and_fixes_what_passes() -> None:
    fixings = [at(-DAY), at(0.0), *(at(i * DAY) for i in range(1, 11))]
    terms = contract("asian", fixings=fixings, accrued=72_000.0, strike=60_000.0)
    m = snapshot(terms, vol=0.0, forward=SPOT)
    # no volatility and no carry: two fixings stand at 72,000, ten come at the moved index
    for move in (1.0, 0.9):
        mean = (2.0 * 72_000.0 + 10.0 * SPOT * move) / 12.0
        assert values(m, Scenarios.build([move], days=[4.0]))[0, 0] == pytest.approx(mean - 60_000.0, rel=1e-12)
    # with volatility, days that pass take it away from the fixings that fall into them
    alive = snapshot(terms | {"strike": 70_000.0}, forward=SPOT)
    by_day = values(alive, grid([1.0], [0.0], [0.0, 3.0, 9.0, 10.0, 40.0]))[0]
    assert (np.diff(by_day) <= 0.0).all()
    assert by_day[3] == pytest.approx(by_day[4]) == pytest.approx((2 * 72_000.0 + 10 * SPOT) / 12 - 70_000.0)


def test_an_option_without_expiry_does_not_age() -> None:
    for name in ("everlasting", "endless"):
        found = values(snapshot(contract(name)), grid([1.0], [0.0], [0.0, 1.0, 400.0]))[0]
        assert np.ptp(found) == 0.0


def test_failures_are_named() -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any], Reason]] = [
        (contract("american"), {"marks": {}}, Reason.MISSING_VOL),
        (contract("everlasting"), {"marks": {}}, Reason.MISSING_VOL),
        (contract("power"), {"expiries": []}, Reason.MISSING_FORWARD),
        (contract("asian", fixings=[at(-DAY), at(DAY)]), {}, Reason.MISSING_FIXING),
        (contract("cash", expiry=at(-DAY)), {}, Reason.EXPIRED_UNSETTLED),
        (contract("cash", underlying="ETH"), {}, Reason.MISSING_INDEX),
    ]
    for terms, changes, reason in cases:
        m = pl.Market.from_dict(market([terms]) | changes)
        plan = compile_plan(list(m.instruments), m)
        assert plan.failures[0].reason is reason
        assert np.isnan(plan_pnl(plan, COLUMNS)).all()
        # the least an option can be worth is nothing; what was sold has no bound
        assert (unit_values(plan, COLUMNS, side=np.array([1.0])) == 0.0).all()
        assert np.isnan(unit_values(plan, COLUMNS, side=np.array([-1.0]))).all()


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("asian", {"fixings": []}, "fixings"),
    ("asian", {"fixings": [at(2 * DAY), at(DAY)]}, r"fixings\[1\]"),
    ("asian", {"fixings": [at(MONTH + 1)]}, "instants not after the expiry"),
    ("asian", {"average": "harmonic"}, "average"),
    ("barrier-up-in", {"barrier": 0.0}, "barrier"),
    ("barrier-up-in", {"touched": 1}, "touched"),
    ("asset", {"cash": 5.0}, "left out where pays is 'asset'"),
    ("power", {"power": 11.0}, "power"),
    ("power", {"power": 0.0}, "power"),
    ("everlasting", {"style": "bermudan"}, "style"),
    ("everlasting", {"expiry": at(DAY)}, "expiry"),
    ("american", {"strike": 0.0}, "strike"),
]


@pytest.mark.parametrize(("name", "change", "where"), BAD)
def test_bad_terms_are_refused_with_their_path(name: str, change: dict[str, Any], where: str) -> None:
    with pytest.raises(DocumentError, match=where) as found:
        snapshot(contract(name, **change))
    assert "instruments[0]" in str(found.value)


def test_skewed_columns_tilt_the_volatility_by_the_strike() -> None:
    from plimsoll.scenarios import SkewRule

    rule = SkewRule(0.15, 0.15, -0.05, -0.05, 0.01, 4.0, 0.6, -0.1)
    columns = Scenarios.build([1.0, 1.0, 1.0], skew=[0, 1, 2], skew_rule=rule)
    power = contract("power", power=1.0, cap=None, strike=80_000.0)
    plain = {k: v for k, v in power.items() if k not in ("power", "cap")} | {"kind": "option", "name": "plain"}
    mine, theirs = values(snapshot(power, plain), columns)
    assert mine == pytest.approx(theirs, rel=1e-9)
    assert mine[1] > mine[0]
