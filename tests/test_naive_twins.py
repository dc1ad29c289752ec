"""The naive twins themselves, against the venue's numbers and the worked fixtures of the house model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.naive.black import black, black_call_put, call_delta, svi_vol
from tests.naive.pmrm2 import naked_shorts, pmrm2
from tests.naive.prbm import delta_charge, prbm

FAR_MOVES = {
    -0.66: 0.24,
    -0.33: 0.48,
    0.50: 0.32,
    1.00: 0.16,
    2.00: 0.08,
    3.00: 0.0533,
    4.00: 0.04,
    5.00: 0.032,
}


def differences(got: Any, expected: Any, where: str = "") -> list[str]:
    """Paths at which got departs from expected; null in expected is not compared."""
    if expected is None:
        return []
    if isinstance(expected, dict):
        if set(got) != set(expected):
            return [f"{where}: keys {sorted(set(got) ^ set(expected))}"]
        return [line for key in expected for line in differences(got[key], expected[key], f"{where}/{key}")]
    if isinstance(expected, list):
        if len(got) != len(expected):
            return [f"{where}: length {len(got)}, not {len(expected)}"]
        pairs = enumerate(zip(got, expected, strict=True))
        return [line for i, (a, b) in pairs for line in differences(a, b, f"{where}/{i}")]
    if isinstance(expected, str):
        return [] if got == expected else [f"{where}: {got} not {expected}"]
    if got is not None and abs(got - expected) <= 1e-8 * max(1.0, abs(expected)):
        return []
    return [f"{where}: {got} not {expected}"]


def test_pmrm2_twin_meets_every_published_case(shared: Path) -> None:
    document = json.loads((shared / "vectors" / "derive" / "pmrm2_cases.json").read_text(encoding="utf-8"))
    assert len(document["cases"]) == 70
    wrong = []
    for case in document["cases"]:
        got = pmrm2(case["params"], document["scenario_sets"][case["scenario_set"]], case["inputs"])
        wrong += differences(got, case["expected"], case["id"])
    assert wrong == []


def test_svi_reproduces_the_vols_of_the_cases(shared: Path) -> None:
    document = json.loads((shared / "vectors" / "derive" / "pmrm2_cases.json").read_text(encoding="utf-8"))
    compared = 0
    for case in document["cases"]:
        slices = {e["seconds_to_expiry"]: e["svi"] for e in case["inputs"]["expiries"]}
        for option, detail in zip(case["inputs"]["options"], case["expected"]["per_option"], strict=True):
            if detail["vol"] is not None:
                got = svi_vol(slices[option["seconds_to_expiry"]], option["strike"])
                assert got == pytest.approx(detail["vol"], rel=1e-8)
                compared += 1
    assert compared > 1000


def test_naked_shorts_pair_only_within_a_strike() -> None:
    legs = [
        {"strike": 100.0, "type": "call", "amount": 3.0},
        {"strike": 100.0, "type": "put", "amount": -5.0},
        {"strike": 110.0, "type": "call", "amount": -1.0},
        {"strike": 110.0, "type": "put", "amount": -2.0},
        {"strike": 120.0, "type": "call", "amount": 50.0},
    ]
    assert naked_shorts(legs) == 5.0 - 3.0 + 1.0 + 2.0


def test_black_limits() -> None:
    call, put = black_call_put(100.0, 90.0, 0.5, 0.6, 0.9)
    assert call - put == pytest.approx(0.9 * (100.0 - 90.0), rel=1e-12)
    assert black_call_put(100.0, 90.0, 1.0, 30.0, 0.9) == pytest.approx((90.0, 81.0))
    assert black_call_put(100.0, 90.0, 0.0, 0.6) == pytest.approx((10.0, 0.0))
    assert black_call_put(100.0, 0.0, 1.0, 0.6) == (100.0, 0.0)
    assert black_call_put(0.0, 90.0, 1.0, 0.6) == (0.0, 90.0)


def house_params() -> dict[str, Any]:
    scenarios = []
    for step in range(-4, 5):
        vols = (0.40,) if abs(step) == 4 else (0.40, -0.22)
        scenarios += [{"move": 0.04 * step, "vol": vol, "weight": 1.0} for vol in vols]
    scenarios += [{"move": move, "vol": 0.40, "weight": weight} for move, weight in FAR_MOVES.items()]
    return {
        "scenarios": scenarios,
        "vol_power_short": 0.30,
        "vol_power_long": 0.13,
        "vol_reference_days": 30,
        "vol_days_floor": 1,
        "min_delta": {"net": 0.02, "hedged": 0.01, "cap_long_options": True},
        "short_option_rate": 0.01,
        "basis": {"up": 1.01, "down": 0.99, "add": 0.5, "mult": 1.0},
        "maintenance_factor": 0.5,
    }


MARKET = {"index": {"BTC": 70_000.0, "ETH": 2_500.0}, "settle_price": {"USDC": 1.0, "BTC": 70_000.0}}


def option(quantity: float, call: bool, strike: float = 70_000.0, **changes: Any) -> dict[str, Any]:
    row = {
        "underlying": "BTC",
        "kind": "option",
        "style": "linear",
        "multiplier": 1.0,
        "quantity": quantity,
        "settle": "USDC",
        "call": call,
        "strike": strike,
        "t": 30.0 / 365.0,
        "forward_variable": 70_000.0,
        "forward_fixed": 0.0,
        "vol": 0.6,
    }
    return row | changes


def perpetual(quantity: float, **changes: Any) -> dict[str, Any]:
    row = {
        "underlying": "BTC",
        "kind": "perpetual",
        "style": "linear",
        "multiplier": 1.0,
        "quantity": quantity,
        "settle": "USDC",
        "mark": 70_000.0,
    }
    return row | changes


# The hedge of row 2a is the call's whole delta; the printed 0.534 is that number rounded.
HEDGE = call_delta(70_000.0, 70_000.0, 30.0 / 365.0, 0.6)

FIXTURES: list[tuple[str, list[dict[str, Any]], float, float, float]] = [
    ("1a", [option(1.0, True), option(-1.0, False)], 11_200.0, -0.16, 0.40),
    ("1b", [option(2.0, True)], 7_993.0, -0.12, -0.22),
    ("2a", [option(-1.0, True), perpetual(HEDGE)], 5_063.0, 5.00, 0.40),
    ("2b", [option(1.0, True)], 3_996.0, -0.12, -0.22),
    ("3", [option(-1.0, True)], 11_046.0, 5.00, 0.40),
    ("4", [option(-1.0, False)], 9_937.0, -0.66, 0.40),
    ("5", [option(1.0, True), option(-1.0, True, 80_000.0)], 2_478.0, -0.12, -0.22),
    ("5 short leg", [option(-1.0, True, 80_000.0)], 10_828.0, 5.00, 0.40),
    ("6", [option(1.0, True), option(1.0, False)], 2_107.0, 0.00, -0.22),
]


FIXTURE_NAMES = [fixture[0] for fixture in FIXTURES]


@pytest.mark.parametrize(("book", "scan", "move", "vol"), [f[1:] for f in FIXTURES], ids=FIXTURE_NAMES)
def test_prbm_twin_meets_the_worked_fixtures(book: list[dict[str, Any]], scan: float, move: float, vol: float) -> None:
    params = house_params()
    assert len(params["scenarios"]) == 24
    parts = prbm(params, book, MARKET)["per_underlying"]["BTC"]
    assert abs(parts["scan"] - scan) <= 0.5
    worst = params["scenarios"][parts["worst_scenario"]]
    assert worst["move"] == pytest.approx(move, abs=1e-12)
    assert worst["vol"] == vol


def test_long_call_and_short_put_are_one_perpetual() -> None:
    pair = prbm(house_params(), FIXTURES[0][1], MARKET)["scenario_pnl"]
    assert pair == pytest.approx(prbm(house_params(), [perpetual(1.0)], MARKET)["scenario_pnl"], abs=1e-6)


def test_premiums_named_by_the_fixtures() -> None:
    assert abs(2.0 * black(True, 70_000.0, 70_000.0, 30.0 / 365.0, 0.6) - 9_596.0) <= 0.5
    assert abs(HEDGE - 0.534) <= 0.0005


def test_min_delta_fixture() -> None:
    rule = house_params()["min_delta"]
    assert delta_charge(rule, [1.0, -1.5], 70_000.0) == pytest.approx(1_400.0, rel=1e-12)
    book = [perpetual(1.0), perpetual(-1.5)]
    assert prbm(house_params(), book, MARKET)["min_delta"] == pytest.approx(1_400.0, rel=1e-12)


def test_min_delta_of_bought_options_is_capped_by_their_value() -> None:
    t = 0.25 / 365.0
    book = [option(1.0, True, 72_000.0, t=t), option(2.0, True, 73_000.0, t=t)]
    loose = house_params()
    loose["min_delta"]["cap_long_options"] = False
    free = prbm(loose, book, MARKET)["min_delta"]
    value = black(True, 70_000.0, 72_000.0, t, 0.6) + 2.0 * black(True, 70_000.0, 73_000.0, t, 0.6)
    assert value < free
    assert prbm(house_params(), book, MARKET)["min_delta"] == pytest.approx(value, rel=1e-12)
    joined = [*book, perpetual(0.0001)]
    assert prbm(house_params(), joined, MARKET)["min_delta"] == pytest.approx(
        value + 0.02 * 0.0001 * 70_000.0, rel=1e-9
    )


def test_inverse_rows_convert_through_the_shocked_spot() -> None:
    book = [
        perpetual(100.0, style="inverse", multiplier=10.0, settle="BTC"),
        option(2.0, False, style="inverse", multiplier=0.1, settle="BTC"),
    ]
    params = house_params()
    up = next(i for i, s in enumerate(params["scenarios"]) if s["move"] == 1.0)
    got = prbm(params, book, MARKET)["scenario_pnl"][up]
    t = 30.0 / 365.0
    coins = 1_000.0 * (1.0 / 70_000.0 - 1.0 / 140_000.0)
    before = 0.2 * black(False, 70_000.0, 70_000.0, t, 0.6) / 70_000.0
    after = 0.2 * black(False, 140_000.0, 70_000.0, t, 0.6 * 1.4) / 140_000.0
    assert got == pytest.approx(coins * 140_000.0 + after * 140_000.0 - before * 70_000.0, rel=1e-9)


def test_parts_add_up_over_underlyings() -> None:
    ether = option(-3.0, True, 2_600.0, underlying="ETH", forward_variable=2_000.0, forward_fixed=500.0)
    future = perpetual(-2.0, kind="future", t=0.25, mark=71_000.0)
    books = [[option(-1.0, False), future], [ether]]
    total = prbm(house_params(), books[0] + books[1], MARKET)
    alone = [prbm(house_params(), book, MARKET) for book in books]
    for part in ("scan", "min_delta", "short_option", "core", "basis", "initial", "maintenance"):
        assert total[part] == pytest.approx(alone[0][part] + alone[1][part], rel=1e-12)
    assert total["maintenance"] == pytest.approx(0.5 * (total["core"] + total["basis"]), rel=1e-12)
    assert alone[1]["short_option"] == pytest.approx(0.01 * 2_500.0 * 3.0)
    t = 30.0 / 365.0
    calls = [black(True, forward, 2_600.0, t, 0.6) for forward in (2_500.0, 2_520.0)]
    assert alone[1]["basis"] == pytest.approx(3.0 * (calls[1] - calls[0]) * (0.5 + t), rel=1e-9)
    puts = [black(False, forward, 70_000.0, t, 0.6) for forward in (70_000.0, 69_300.0)]
    expected = (puts[1] - puts[0]) * (0.5 + t) + 2.0 * 710.0 * (0.5 + 0.25)
    assert alone[0]["basis"] == pytest.approx(expected, rel=1e-9)
    assert total["initial"] == pytest.approx(total["core"] + total["basis"], rel=1e-12)
