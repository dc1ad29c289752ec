"""The mutation gate: how a number is moved, what counts as pinned, and that the page tells what the gate finds."""

from __future__ import annotations

import json
import re
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plimsoll.conformance.mutation import Pin, Probe, gate, moves, numbers
from plimsoll.conformance.mutation_cases import CaseProbe
from plimsoll.conformance.mutation_vectors import LOCATORS, VectorProbe
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.documents import DocumentError
from plimsoll.margin import Rules, find_rules, flatten, shipped_packs, with_parameter

ROOT = Path(__file__).resolve().parents[2]
HOUSE = find_rules("prbm@2025-01-01")
DERIVE = find_rules("derive-pmrm2@2025-04-18")
FIRST = find_rules("derive-pmrm1@2025-04-18")
STANDARD = find_rules("derive-srm@2025-04-18")
LATER = find_rules("derive-srm@2026-01-21")
DERIBIT = find_rules("deribit-sm@2022-01-11")


@pytest.fixture(scope="module")
def documents() -> CaseProbe:
    return CaseProbe(shipped_cases())


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    content = json.loads((shared / "vectors" / "derive" / "pmrm2_cases.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def derive(vectors: dict[str, Any]) -> VectorProbe:
    return VectorProbe("derive-pmrm2", [vectors])


@pytest.fixture(scope="module")
def pmrm1(shared: Path) -> VectorProbe:
    return VectorProbe.load("derive-pmrm1", shared / "vectors")


@pytest.fixture(scope="module")
def srm(shared: Path) -> VectorProbe:
    return VectorProbe.load("derive-srm", shared / "vectors")


def one(probe: Probe, rules: Rules, path: str) -> Pin:
    (pin,) = gate(rules, probe, [path])
    return pin


def state(pin: Pin) -> tuple[bool, bool, bool]:
    return pin.pinned, pin.formula, pin.carried


def test_every_kind_of_number_is_moved() -> None:
    assert moves(2.0) == (2.02, 1.98)
    assert moves(-0.5) == (-0.505, -0.495)
    assert moves(0.0) == (0.01, -0.01)
    assert moves(11) == (12, 10)
    assert moves(False) == (True,)
    table = numbers(HOUSE)
    assert len(table) == 24 * 3 + 4 + 3 + 1 + 4 + 1 + 6
    assert len(numbers(DERIVE)) == len([v for v in flatten(DERIVE.parameters).values() if not isinstance(v, str)])


@pytest.mark.parametrize(
    ("path", "case"),
    [
        ("scenarios.15.move", "prbm-1a-perpetual"),
        ("scenarios.14.vol", "prbm-1b-two-long-calls"),
        ("scenarios.23.weight", "prbm-2a-hedged-short-call"),
        ("scenarios.17.move", "prbm-published-table"),
        ("min_delta.net", "prbm-7-minimum-delta"),
        ("min_delta.hedged", "prbm-7-minimum-delta"),
        ("maintenance_factor", "prbm-published-table"),
    ],
)
def test_numbers_of_the_house_model_that_the_fixtures_hold(documents: CaseProbe, path: str, case: str) -> None:
    pin = one(documents, HOUSE, path)
    assert (pin.pinned, pin.formula, pin.carried, pin.by, pin.why) == (True, True, True, case, "")


@pytest.mark.parametrize("path", ["short_option_rate", "basis.up", "haircuts.BTC", "min_delta.cap_long_options"])
def test_house_choices_are_in_no_outside_number(documents: CaseProbe, path: str) -> None:
    pin = one(documents, HOUSE, path)
    assert (pin.pinned, pin.formula, pin.by, pin.evidence) == (False, False, "", "assumed")
    assert pin.why == "no outside case depends on it"


def test_cases_of_another_model_say_nothing(documents: CaseProbe) -> None:
    other = HOUSE.model_copy(update={"name": "another", "model": "another"})
    assert not one(documents, other, "scenarios.15.move").carried


def test_a_case_under_another_pack_pins_the_formula_and_names_where_the_number_stands(documents: CaseProbe) -> None:
    path = "futures.BTC.inverse.initial"
    assert state(one(documents, DERIBIT, path)) == (True, True, True)
    later = DERIBIT.model_copy(update={"effective": date(2030, 1, 1)})
    same = one(documents, later, path)
    assert (*state(same), same.elsewhere) == (False, True, True, DERIBIT.label)
    assert same.why == f"formula pinned, this value only under {DERIBIT.label}"
    other = one(documents, with_parameter(later, path, 0.04), path)
    assert (*state(other), other.elsewhere) == (False, True, True, "")
    assert "no case that depends on it holds this value" in other.why
    # 2 % in the pack, 2.95 % and so on in a case that brings rates of its own: those are moved, not the pack's
    own = [t for t in documents.trials(later, path) if t.case.startswith("deribit-sm-api")]
    assert own
    assert not any(t.own or t.elsewhere for t in own)
    assert any(t.noticed for t in own)


def test_rates_of_a_cases_own_never_pin_a_pack_of_the_same_label(documents: CaseProbe) -> None:
    case = next(c for c in shipped_cases() if c.id == "deribit-sm-inverse-btc-25")
    whole = case.model_copy(update={"rules": case.rule_set().to_dict()})
    pin = one(CaseProbe([whole]), DERIBIT, "futures.BTC.inverse.initial")
    assert (*state(pin), pin.elsewhere) == (False, True, True, DERIBIT.label)


def test_trials_come_in_the_order_of_what_they_can_pin(documents: CaseProbe) -> None:
    trials = list(documents.trials(DERIBIT, "futures.BTC.inverse.slope"))
    ranks = [0 if t.own else 1 if t.elsewhere else 2 for t in trials]
    assert ranks == sorted(ranks)
    assert {0, 1} <= set(ranks)


def test_a_number_is_moved_the_other_way_where_the_schema_ends(documents: CaseProbe) -> None:
    """A maintenance factor of one cannot go up: down it must go, and the case that asks for 5,600 then fails anyway."""
    whole = with_parameter(HOUSE, "maintenance_factor", 1.0)
    trial = next(t for t in documents.trials(whole, "maintenance_factor") if t.case == "prbm-published-table")
    assert trial.noticed


def test_a_value_is_pinned_only_by_a_case_that_holds_it(derive: VectorProbe) -> None:
    held = one(derive, DERIVE, "basis.add_factor")
    assert (held.pinned, held.why) == (True, "")
    foreign = one(derive, DERIVE, "margin.long_rate_add")
    assert (foreign.pinned, foreign.formula) == (False, True)
    assert "holds this value" in foreign.why
    moved = one(derive, with_parameter(DERIVE, "basis.add_factor", 0.505), "basis.add_factor")
    assert (moved.pinned, moved.formula) == (False, True)


def test_rows_and_haircuts_are_matched_with_the_cases(derive: VectorProbe) -> None:
    assert one(derive, DERIVE, "scenario_tables.majors.4.spot_shock").pinned
    tail = one(derive, DERIVE, "scenario_tables.majors.23.dampening")  # 0.21 here, 0.0545 and others in the cases
    assert (tail.pinned, tail.formula) == (False, True)
    assert not one(derive, DERIVE, "scenario_tables.majors.29.spot_shock").carried  # no case moves spot to 5
    role = one(derive, DERIVE, "underlyings.BTC.collaterals.BTC.mm_haircut")
    assert role.pinned
    wrong = with_parameter(DERIVE, "underlyings.BTC.collaterals.BTC.risk_cancelling", False)
    assert not one(derive, wrong, "underlyings.BTC.collaterals.BTC.mm_haircut").pinned
    assert not one(derive, DERIVE, "max_positions").carried


def test_the_first_portfolio_manager_is_moved_in_all_its_files(pmrm1: VectorProbe) -> None:
    held = one(pmrm1, FIRST, "basis.spot_up")
    assert (state(held), held.by) == ((True, True, True), "pmrm1-test13")
    assert state(one(pmrm1, FIRST, "margin.im_factor")) == (False, True, True)
    # one file has 0.12 too, but only in whole dollars that do not move: the others, with 0.05, pin the formula
    assert state(one(pmrm1, FIRST, "margin.rate_add")) == (False, True, True)
    assert FIRST.parameters["margin"]["rate_add"] == 0.12
    assert state(one(pmrm1, FIRST, "max_positions")) == (False, False, False)


def test_scenarios_of_the_first_portfolio_manager_are_matched_by_their_shocks(pmrm1: VectorProbe) -> None:
    rows = {(row["spot_shock"], row["vol_shock"]): i for i, row in enumerate(FIRST.parameters["scenarios"])}
    path = f"scenarios.{rows[1.15, 'up']}.spot_shock"
    assert state(one(pmrm1, FIRST, path)) == (True, True, True)
    assert state(one(pmrm1, FIRST, f"scenarios.{rows[1.2, 'up']}.spot_shock")) == (False, False, False)
    # another volatility shock makes it another scenario
    still = with_parameter(FIRST, path.replace("spot_shock", "vol_shock"), "none")
    assert one(pmrm1, still, path).by != one(pmrm1, FIRST, path).by


def test_the_auction_is_moved_in_the_auctions_alone(pmrm1: VectorProbe, srm: VectorProbe) -> None:
    path = "auction.fee_rate"
    trials = list(pmrm1.trials(FIRST, path))
    assert all(t.case.startswith("liq-") for t in trials)
    assert len(trials) == 8
    assert state(one(pmrm1, FIRST, path)) == (False, True, True)
    assert state(one(pmrm1, with_parameter(FIRST, path, 0.02), path)) == (True, True, True)
    assert state(one(pmrm1, FIRST, "auction.whole_below")) == (False, False, False)
    assert not one(srm, STANDARD, path).carried


def test_terms_of_one_market_are_moved_in_that_market_alone(srm: VectorProbe) -> None:
    """One case holds BTC as collateral beside an ETH option: it knows the factor of BTC and says nothing of ETH's."""
    case = "srm-port-short_eth_call_with_USDC_and_BTC"
    noticed = {
        market: {t.case: t.noticed for t in srm.trials(STANDARD, f"markets.{market}.base.margin_factor")}
        for market in ("BTC", "ETH")
    }
    assert (noticed["BTC"][case], noticed["ETH"][case]) == (True, False)
    assert "srm-test27" in noticed["BTC"]  # a case of BTC alone
    assert "srm-test27" not in noticed["ETH"]
    assert state(
        one(srm, with_parameter(STANDARD, "markets.BTC.base.margin_factor", 0.8), "markets.BTC.base.margin_factor")
    )[0]
    assert state(one(srm, STANDARD, "markets.SOL.perp.mm_req")) == (False, False, False)
    assert state(one(srm, LATER, "markets.ETH.perp.mm_req")) == (True, True, True)
    assert state(one(srm, LATER, "markets.ETH.perp.im_req")) == (False, True, True)


def test_defaults_are_pinned_only_where_the_pack_uses_them(srm: VectorProbe) -> None:
    """Five per cent are in the cases: they hold the default of a pack without other terms for their markets."""
    path = "defaults.perp.mm_req"
    assert state(one(srm, STANDARD, path)) == (False, True, True)
    assert state(one(srm, with_parameter(STANDARD, path, 0.05), path)) == (True, True, True)
    assert state(one(srm, with_parameter(LATER, path, 0.05), path)) == (False, True, True)
    assert state(one(srm, LATER, "defaults.option.max_spot_req")) == (True, True, True)
    # a threshold only matters where a confidence lies just beside it
    assert state(one(srm, STANDARD, "defaults.oracle.perp_threshold")) == (False, False, True)


def test_a_move_leaves_the_vectors_as_they_are(vectors: dict[str, Any]) -> None:
    case = next(c for c in vectors["cases"] if c["inputs"]["options"])
    content = {**vectors, "cases": [case]}
    before = json.dumps(content)
    probe = VectorProbe("derive-pmrm2", [content])
    assert any(t.noticed for path in ("margin.im_factor", "basis.add_factor") for t in probe.trials(DERIVE, path))
    list(probe.trials(DERIVE, "scenario_tables.majors.4.spot_shock"))
    assert json.dumps(content) == before


def test_the_gate_starts_from_cases_that_pass(vectors: dict[str, Any]) -> None:
    broken = {**vectors, "cases": [{**vectors["cases"][0], "expected": {"im": 1.0}}]}
    with pytest.raises(DocumentError, match="before anything is moved"):
        VectorProbe("derive-pmrm2", [broken])
    case = shipped_cases()[0].model_copy(update={"expected": {"initial": "1"}})
    with pytest.raises(DocumentError, match="before anything is moved"):
        CaseProbe([case])


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return import_module("make_unpinned_page")


def test_the_page_lists_what_is_not_pinned(tool: ModuleType) -> None:
    pins = [
        Pin(DERIVE.label, "margin.im_factor", 1.0, "read", True, True, True, "c"),
        Pin(DERIVE.label, "margin.mm_factor", 0.8, "read", False, True, True, "c"),
        Pin(DERIVE.label, "max_positions", 128, "assumed", False, False, False),
    ]
    text = tool.page({DERIVE.label: pins})
    assert f"| {DERIVE.label} | 3 | 1 | 1 | 1 |" in text
    assert "margin.im_factor" not in text
    assert "| `margin.mm_factor` | 0.8 | read | formula pinned" in text
    assert "| `max_positions` | 128 | assumed | no outside case carries it |" in text


def test_a_pack_of_which_nothing_is_pinned_is_called_so_with_the_reason(tool: ModuleType) -> None:
    def text(label: str, carried: bool) -> str:
        return str(tool.page({label: [Pin(label, "mm_factor", 0.8, "read", False, carried, carried)]}))

    assert "no outside case speaks of this model" in text("deribit-pm@2026-09-23", False)
    assert "no outside case is run under this pack" in text("deribit-pm@2026-09-23", True)
    assert "run under this pack notice none" in text("deribit-pm@2024-06-17", True)
    assert "Wholly" not in tool.page({HOUSE.label: [Pin(HOUSE.label, "maintenance_factor", 0.5, "read", *[True] * 3)]})


def test_scenarios_are_described_beside_their_path(tool: ModuleType) -> None:
    pins = [Pin(r.label, path, 1.0, "read", False, False, False) for r in shipped_packs() for path in numbers(r)]
    by_pack = {r.label: [p for p in pins if p.pack == r.label] for r in shipped_packs()}
    text = tool.page(by_pack)
    assert "| `scenarios.0.spot_shock` (spot 1.2, vol up) |" in text
    assert "| `scenarios.7.weight` (move 0, vol 0.4) |" in text
    assert "| `extended_moves.0` (move -0.66) |" in text


@pytest.mark.slow
def test_the_generated_page_tells_what_the_gate_finds(shared: Path, tool: ModuleType) -> None:
    """Every unpinned number of every shipped pack is listed, and none that is listed is pinned."""
    found = tool.survey(shared / "vectors")
    assert set(found) == {rules.label for rules in shipped_packs()}
    sections = re.split(r"^## ", (ROOT / "docs" / "validation" / "unpinned.md").read_text(encoding="utf-8"), flags=re.M)
    listed = {s.splitlines()[0]: set(re.findall(r"^\| `([^`]+)`", s, flags=re.M)) for s in sections[1:]}
    assert listed == {label: {p.path for p in pins if not p.pinned} for label, pins in found.items()}
    assert {label: len(pins) for label, pins in found.items()} == {r.label: len(numbers(r)) for r in shipped_packs()}
    called = {s.splitlines()[0] for s in sections[1:] if "Wholly unpinned" in s}
    assert called == {label for label, pins in found.items() if not any(p.pinned for p in pins)}
    assert {r.label for r in shipped_packs() if r.model in LOCATORS} & called == set()
