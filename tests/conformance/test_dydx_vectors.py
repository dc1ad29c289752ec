"""dYdX's own numbers: every case by its operation, every expected number able to fail, bad input refused by path."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plimsoll.conformance import CaseOutcome, Tolerance, dydx_vectors, run_file, run_paths
from plimsoll.documents import DocumentError
from plimsoll.margin import find_rules

Doc = dict[str, Any]
FILES = {"account_risk": 11, "liquidation_and_risk": 46, "liquidity_tier": 15, "position_margin": 10}
TIER: Doc = {"initial_margin_ppm": 20_000, "maintenance_fraction_ppm": 600_000}
CAPS: Doc = {"open_interest_lower_cap": 0, "open_interest_upper_cap": 0}
PERPETUAL: Doc = {
    "perpetual_id": 4,
    "atomic_resolution": -10,
    "price": 6_120_050_000,
    "price_exponent": -5,
    "open_interest_base_quantums": 0,
    "funding_index": 12,
    "liquidity_tier": {**TIER, **CAPS},
}
POSITION: Doc = {"perpetual_id": 4, "base_quantums": 2_000_000_000, "funding_index": -3, "quote_balance": 0}
ACCOUNT: Doc = {"usdc_quantums": -12_000_000_000, "positions": [POSITION], "perpetuals": [PERPETUAL]}
CONFIG: Doc = {
    "max_liquidation_fee_ppm": 5_000,
    "bankruptcy_adjustment_ppm": 1_000_000,
    "spread_to_maintenance_margin_ratio_ppm": 100_000,
}
# long 0.2 BTC worth 12,240.1 USDC: maintenance 146.8812, funding -30,000 quote quantums, net collateral 240.07
CASES: list[Doc] = [
    {
        "kind": "initial_margin",
        "inputs": {"initial_margin_ppm": 100_000, **CAPS, "open_interest_notional": 5, "quote_quantums": 15},
        "expected": {"initial_margin_quote_quantums": 2},
    },
    {
        "kind": "adjusted_imf",
        "inputs": {
            "initial_margin_ppm": 100_000,
            "open_interest_lower_cap": 20,
            "open_interest_upper_cap": 50,
            "open_interest_notional": 27,
        },
        "expected": {"adjusted_initial_margin_ppm": 310_000},
    },
    {
        "kind": "maintenance_ppm",
        "inputs": {"initial_margin_ppm": 333_333, "maintenance_fraction_ppm": 600_000},
        "expected": {"maintenance_margin_ppm": 199_999},
    },
    {
        "kind": "funding_clamp",
        "inputs": {**TIER, "clamp_factor_ppm": 6_000_000},
        "expected": {"max_abs_funding_ppm": 48_000},
    },
    {
        "kind": "funding_settlement",
        "inputs": {"perpetual_funding_index": 130, "position_funding_index": 100, "base_quantums": -2},
        "expected": {"net_settlement_ppm_quote_quantums": 60},
    },
    {
        "inputs": {**{k: v for k, v in PERPETUAL.items() if k not in ("perpetual_id", "funding_index")}}
        | {"base_quantums": -2_000_000_000},
        "expected": {"imr": 244_802_000, "mmr": 146_881_200},
    },
    {
        "inputs": {
            **ACCOUNT,
            "usdc_update": -1,
            "perpetual_updates": [{"perpetual_id": 4, "base_quantums_delta": -1_000_000_000}],
        },
        "expected": {"net_collateral": -5_879_980_001, "imr": 122_401_000, "mmr": 73_440_600},
    },
    {
        "inputs": {
            "match_accounts": [
                {"usdc_quantums": 245_000_000, "usdc_update": -12_240_100_000, "base_quantums_delta": 2_000_000_000},
                {"usdc_quantums": 244_801_999, "usdc_update": 12_240_100_000, "base_quantums_delta": -2_000_000_000},
            ],
            "perpetual": PERPETUAL,
            "note": "the second is one quote quantum short",
        },
        "expected": {"initial_collateralised": [True, False], "results": ["Success", "NewlyUndercollateralized"]},
    },
    {"kind": "is_liquidatable", "inputs": ACCOUNT, "expected": {"is_liquidatable": False}},
    {
        "kind": "bankruptcy_price",
        "inputs": {**ACCOUNT, "perpetual_id": 4, "delta_base_quantums": -500_000_000},
        "expected": {"delta_quote_quantums": 3_000_007_500},
    },
    {
        "kind": "fillable_price",
        "inputs": {**ACCOUNT, "perpetual_id": 4, "delta_base_quantums": -2_000_000_000, "config": CONFIG},
        "expected": {"fillable_price_quote_per_base_quantum": [122_401, 20_000]},
    },
    {
        "kind": "insurance_fund_delta",
        "inputs": {
            **ACCOUNT,
            "perpetual_id": 4,
            "is_buy": False,
            "fill_amount": 2_000_000_000,
            "subticks": 6_000_000,
            "quantum_conversion_exponent": -6,
            "config": CONFIG,
        },
        "expected": {"insurance_fund_delta_quote_quantums": -30_000},
    },
    {"kind": "risk_is_liquidatable", "inputs": {"nc": 9, "mmr": 10}, "expected": {"is_liquidatable": True}},
    {
        "kind": "risk_cmp",
        "inputs": {"first_nc": 3, "first_mmr": 6, "second_nc": 2, "second_mmr": 4},
        "expected": {"cmp": 1},
    },
    {
        "kind": "undercollateralised_transition",
        "inputs": {"old_nc": 5, "old_imr": 5, "old_mmr": 3, "new_nc": 4, "new_mmr": 3},
        "expected": {"result": "NewlyUndercollateralized"},
    },
]
"""Each operation once, multiplied out by hand."""


def file_of(path: Path, cases: list[Doc]) -> str:
    named = [{"id": f"own-{i}", **case} for i, case in enumerate(cases)]
    path.write_text(json.dumps({"schema": "dydx-v4-vectors/1", "cases": named}), encoding="utf-8")
    return str(path)


def tampered(expected: Doc, path: tuple[str | int, ...]) -> Doc:
    found = copy.deepcopy(expected)
    here: Any = found
    for step in path[:-1]:
        here = here[step]
    value = here[path[-1]]
    here[path[-1]] = (not value) if isinstance(value, bool) else value + 1 if isinstance(value, int) else value + "!"
    return found


def leaves(content: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    if isinstance(content, dict):
        return [p for k, v in content.items() for p in leaves(v, (*path, k))]
    if isinstance(content, list):
        return [p for i, v in enumerate(content) for p in leaves(v, (*path, i))]
    return [path]


@pytest.mark.rule("DYDX-02", "DYDX-03", "DYDX-05", "DYDX-06", "DYDX-07", "DYDX-08", "DYDX-09", "DYDX-10", "DYDX-11")
@pytest.mark.rule("DYDX-12")
@pytest.mark.parametrize(("name", "total"), FILES.items())
def test_every_case_of_the_venue_is_met_to_the_last_digit(shared: Path, name: str, total: int) -> None:
    (found,) = run_paths([str(shared / "vectors" / "dydx" / f"{name}.json")])
    assert [c.misses for c in found.cases if not c.passed] == []
    assert (found.model, found.passed, found.total, found.worst_error) == ("dydx-v4", total, total, 0.0)


@pytest.mark.parametrize("name", FILES)
def test_every_expected_number_of_the_venue_can_fail(shared: Path, name: str, tmp_path: Path) -> None:
    content = json.loads((shared / "vectors" / "dydx" / f"{name}.json").read_text(encoding="utf-8"))
    spoilt = [
        {**case, "expected": tampered(case["expected"], path)}
        for case in content["cases"]
        for path in leaves(case["expected"])
    ]
    place = tmp_path / "spoilt.json"
    place.write_text(json.dumps({**content, "cases": spoilt}), encoding="utf-8")
    found = run_file(str(place))
    assert found.total >= len(content["cases"])
    assert [c.case for c in found.cases if len(c.misses) != 1] == []


def test_the_pack_holds_the_tiers_of_the_genesis_file(shared: Path) -> None:
    """Which is a table of parameters to the runner: the pack is held to it here."""
    file = shared / "vectors" / "dydx" / "genesis_liquidity_tiers.json"
    assert run_file(str(file)).status == "parameters"
    outside = {
        row["name"].lower(): {
            "initial_margin_ppm": row["initial_margin_ppm"],
            "maintenance_fraction_ppm": row["maintenance_fraction_ppm"],
            "open_interest_lower_cap": row["open_interest_lower_cap_quote_quantums"],
            "open_interest_upper_cap": row["open_interest_upper_cap_quote_quantums"],
        }
        for row in json.loads(file.read_text(encoding="utf-8"))["cases"]
    }
    assert find_rules("dydx-v4@2026-03-05").parameters["tiers"] == outside


def test_own_cases_cover_every_operation_and_pass(tmp_path: Path) -> None:
    asked = {dydx_vectors.operation_of(case) for case in CASES}
    assert asked == set(dydx_vectors.OPERATIONS)
    found = run_file(file_of(tmp_path / "own.json", CASES))
    assert [(c.case, c.misses) for c in found.cases if not c.passed] == []
    assert found.ok


@pytest.mark.parametrize("index", range(len(CASES)))
def test_each_number_of_an_own_case_can_fail(index: int, tmp_path: Path) -> None:
    case = CASES[index]
    spoilt = [{**case, "expected": tampered(case["expected"], path)} for path in leaves(case["expected"])]
    found = run_file(file_of(tmp_path / "own.json", spoilt))
    assert all(len(c.misses) == 1 for c in found.cases)


def changed(change: Callable[[Doc], None]) -> Doc:
    case = copy.deepcopy(CASES[6])
    change(case)
    return case


@pytest.mark.parametrize(("change", "told"), [
    (lambda c: c.update(kind="margin"), r"cases\[0\]\.kind: got 'margin'; allowed: one of initial_margin"),
    (lambda c: c["inputs"].update(price=1), r"cases\[0\]\.inputs\.price: got an unknown field"),
    (lambda c: c["inputs"]["positions"][0].update(size=1), r"cases\[0\]\.inputs\.positions\[0\]\.size: got an unknown"),
    (lambda c: c["inputs"].update(usdc_quantums=1.0), r"cases\[0\]\.inputs\.usdc_quantums: got 1\.0; allowed: a whole"),
    (lambda c: c["inputs"].update(usdc_quantums=True), r"cases\[0\]\.inputs\.usdc_quantums: got True"),
    (
        lambda c: c["inputs"]["perpetual_updates"][0].update(base_quantums_delta="1"),
        r"cases\[0\]\.inputs\.perpetual_updates\[0\]\.base_quantums_delta: got '1'",
    ),
    (lambda c: c["inputs"].pop("perpetuals"), r"cases\[0\]: got .*nothing at .*perpetuals"),
    (lambda c: c.pop("expected"), r"cases\[0\]\.expected: got None"),
])  # fmt: skip
def test_bad_cases_are_refused_by_path(change: Callable[[Doc], None], told: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=told):
        run_file(file_of(tmp_path / "bad.json", [changed(change)]))


@pytest.mark.parametrize(("change", "told"), [
    (lambda c: c["inputs"]["perpetuals"][0].update(perpetual_id=5), "perpetual_id: got 4; allowed: one of 5"),
    (lambda c: c["inputs"]["positions"].append(POSITION), "each perpetual_id once"),
    (
        lambda c: c["inputs"]["perpetuals"][0]["liquidity_tier"].update(initial_margin_ppm=1_000_001),
        "liquidity_tier.initial_margin_ppm: got 1000001",
    ),
])  # fmt: skip
def test_what_makes_no_sense_fails_the_case_by_name(change: Callable[[Doc], None], told: str, tmp_path: Path) -> None:
    found = run_file(file_of(tmp_path / "odd.json", [changed(change)]))
    assert not found.ok
    assert told in found.cases[0].misses[0]


def test_integers_beyond_doubles_are_told_apart() -> None:
    outcome = CaseOutcome("big")
    outcome.compare("x", 2**70 + 1, 2**70, Tolerance())
    assert len(outcome.misses) == 1
    outcome.compare("x", 2**70, 2**70, Tolerance())
    assert (len(outcome.misses), outcome.worst_error) == (1, 1.0)
