"""The mutation gate: how a number is moved, what counts as pinned, and that the page tells what the gate finds."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plimsoll.conformance.mutation import CaseProbe, Pin, Pmrm2Probe, gate, moves, numbers
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.documents import DocumentError
from plimsoll.margin import find_rules, flatten, shipped_packs, with_parameter

ROOT = Path(__file__).resolve().parents[2]
HOUSE = find_rules("prbm@2025-01-01")
DERIVE = find_rules("derive-pmrm2@2025-04-18")


@pytest.fixture(scope="module")
def house() -> CaseProbe:
    return CaseProbe(shipped_cases())


@pytest.fixture(scope="module")
def vectors(shared: Path) -> dict[str, Any]:
    content = json.loads((shared / "vectors" / "derive" / "pmrm2_cases.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.fixture(scope="module")
def derive(vectors: dict[str, Any]) -> Pmrm2Probe:
    return Pmrm2Probe(vectors)


def one(probe: CaseProbe | Pmrm2Probe, rules: Any, path: str) -> Pin:
    (pin,) = gate(rules, probe, [path])
    return pin


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
def test_numbers_of_the_house_model_that_the_fixtures_hold(house: CaseProbe, path: str, case: str) -> None:
    pin = one(house, HOUSE, path)
    assert (pin.pinned, pin.formula, pin.carried, pin.by, pin.why) == (True, True, True, case, "")


@pytest.mark.parametrize("path", ["short_option_rate", "basis.up", "haircuts.BTC", "min_delta.cap_long_only"])
def test_house_choices_are_in_no_outside_number(house: CaseProbe, path: str) -> None:
    pin = one(house, HOUSE, path)
    assert (pin.pinned, pin.formula, pin.by, pin.evidence) == (False, False, "", "assumed")
    assert pin.why == "no outside case depends on it"


def test_cases_of_another_pack_say_nothing(house: CaseProbe) -> None:
    other = HOUSE.model_copy(update={"name": "another"})
    assert not one(house, other, "scenarios.15.move").carried


def test_a_number_is_moved_the_other_way_where_the_schema_ends(house: CaseProbe) -> None:
    """A maintenance factor of one cannot go up: down it must go, and the case that asks for 5,600 then fails anyway."""
    whole = with_parameter(HOUSE, "maintenance_factor", 1.0)
    trial = next(t for t in house.trials(whole, "maintenance_factor") if t.case == "prbm-published-table")
    assert trial.noticed


def test_a_value_is_pinned_only_by_a_case_that_holds_it(derive: Pmrm2Probe) -> None:
    held = one(derive, DERIVE, "basis.add_factor")
    assert (held.pinned, held.why) == (True, "")
    foreign = one(derive, DERIVE, "margin.long_rate_add")
    assert (foreign.pinned, foreign.formula) == (False, True)
    assert "holds this value" in foreign.why
    moved = one(derive, with_parameter(DERIVE, "basis.add_factor", 0.505), "basis.add_factor")
    assert (moved.pinned, moved.formula) == (False, True)


def test_rows_and_haircuts_are_matched_with_the_cases(derive: Pmrm2Probe) -> None:
    assert one(derive, DERIVE, "scenario_tables.majors.4.spot_shock").pinned
    tail = one(derive, DERIVE, "scenario_tables.majors.23.dampening")  # 0.21 here, 0.0545 and others in the cases
    assert (tail.pinned, tail.formula) == (False, True)
    assert not one(derive, DERIVE, "scenario_tables.majors.29.spot_shock").carried  # no case moves spot to 5
    role = one(derive, DERIVE, "underlyings.BTC.collaterals.BTC.mm_haircut")
    assert role.pinned
    wrong = with_parameter(DERIVE, "underlyings.BTC.collaterals.BTC.risk_cancelling", False)
    assert not one(derive, wrong, "underlyings.BTC.collaterals.BTC.mm_haircut").pinned
    assert not one(derive, DERIVE, "max_positions").carried


def test_the_gate_starts_from_cases_that_pass(vectors: dict[str, Any]) -> None:
    broken = {**vectors, "cases": [{**vectors["cases"][0], "expected": {"im": 1.0}}]}
    with pytest.raises(DocumentError, match="before anything is moved"):
        Pmrm2Probe(broken)
    case = shipped_cases()[0].model_copy(update={"expected": {"initial": "1"}})
    with pytest.raises(DocumentError, match="before anything is moved"):
        CaseProbe([case])


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_unpinned_page", ROOT / "tools" / "make_unpinned_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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


@pytest.mark.slow
def test_the_generated_page_tells_what_the_gate_finds(shared: Path, tool: ModuleType) -> None:
    """Every unpinned number of every shipped pack is listed, and none that is listed is pinned."""
    found = tool.survey(shared / "vectors")
    assert set(found) == {rules.label for rules in shipped_packs()}
    sections = re.split(r"^## ", (ROOT / "docs" / "validation" / "unpinned.md").read_text(encoding="utf-8"), flags=re.M)
    listed = {s.splitlines()[0]: set(re.findall(r"^\| `([^`]+)`", s, flags=re.M)) for s in sections[1:]}
    assert listed == {label: {p.path for p in pins if not p.pinned} for label, pins in found.items()}
    assert {label: len(pins) for label, pins in found.items()} == {r.label: len(numbers(r)) for r in shipped_packs()}
    assert all(any(p.pinned for p in pins) for pins in found.values())
