"""Outside numbers through the conformance runner: counts, tampering, and what the evaluator gets to see."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from plimsoll.conformance import Case, pmrm2_vectors, pricing_vectors, run_case, run_file, run_paths
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.documents import DocumentError


@pytest.fixture(scope="module")
def pmrm2(shared: Path) -> dict[str, Any]:
    """The portfolio margin cases."""
    content = json.loads((shared / "vectors" / "derive" / "pmrm2_cases.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize(
    ("name", "model", "total"),
    [
        ("pmrm2_cases.json", "derive-pmrm2", 70),
        ("black76_svi_unit.json", "derive-pricing", 23),
    ],
)
def test_every_case_of_a_modelled_file_passes(shared: Path, name: str, model: str, total: int) -> None:
    (found,) = run_paths([str(shared / "vectors" / "derive" / name)])
    assert [c.misses for c in found.cases if not c.passed] == []
    assert (found.model, found.passed, found.total, found.ok) == (model, total, total, True)
    assert all(c.assertions > 0 for c in found.cases)
    assert found.worst_error is not None
    assert found.worst_error < 1e-6


def test_every_number_of_a_portfolio_case_is_asserted(pmrm2: dict[str, Any], shared: Path) -> None:
    """As many assertions as there are numbers and names in the file; only a null asserts nothing."""

    def leaves(value: Any) -> int:
        if isinstance(value, dict):
            return sum(leaves(v) for v in value.values())
        if isinstance(value, list):
            return sum(leaves(v) for v in value)
        return value is not None

    found = run_file(str(shared / "vectors" / "derive" / "pmrm2_cases.json"))
    assert [c.assertions for c in found.cases] == [leaves(c["expected"]) for c in pmrm2["cases"]]


def test_a_folder_is_walked_and_what_has_no_model_is_counted_but_never_passed(shared: Path) -> None:
    found = {Path(o.path).name: o for o in run_paths([str(shared / "vectors")])}
    on_disk = {p.name for p in (shared / "vectors").rglob("*.json")}
    assert set(found) == on_disk
    assert (found["pmrm2_cases.json"].passed, found["black76_svi_unit.json"].passed) == (70, 23)
    for name, total in (("pmrm1_cases.json", 6), ("srm_cases.json", 14), ("position_margin.json", 10)):
        other = found[name]
        if other.status == "no model":
            assert (other.passed, other.total, other.ok, other.worst_error) == (0, total, False, None)
    parameters = found["parameters.json"]
    assert (parameters.status, parameters.total, parameters.ok) == ("parameters", 0, True)


def test_the_shipped_cases_pass_and_are_those_the_tool_writes(tmp_path: Path) -> None:
    cases = shipped_cases()
    outcomes = [run_case(case) for case in cases]
    assert [(o.case, o.misses) for o in outcomes if not o.passed] == []
    house = [c for c in cases if c.id.startswith("prbm-")]
    assert {c.id.split("-")[1] for c in house} == {"1a", "1b", "2a", "2b", "3", "4", "5", "6", "7", "published"}
    assert sum(o.assertions for o in outcomes) == sum(len(c.expected) for c in cases)
    tool = import_module("make_cases")
    assert tool.main(["--check"]) == 0
    assert tool.main(["--folder", str(tmp_path)]) == 0
    assert {p.stem for p in tmp_path.iterdir()} == {c.id for c in house}


@pytest.mark.parametrize("case", shipped_cases(), ids=lambda c: c.id)
def test_each_expected_value_of_a_shipped_case_can_fail(case: Case) -> None:
    for path, value in case.expected.items():
        if isinstance(value, str) and value.lstrip("-").isdigit():
            wrong: float | str | bool = str(int(value) + 1)
        elif isinstance(value, str):
            wrong = value + "!"
        else:
            wrong = float(value) * (1.0 + 1e-8) + 1e-8
        tampered = case.model_copy(update={"expected": {**case.expected, path: wrong}})
        outcome = run_case(tampered)
        assert [m.split(":")[0] for m in outcome.misses] == [path]


def changes() -> dict[str, Callable[[dict[str, Any]], None]]:
    """Ways to spoil the expected part of one portfolio case."""

    def amount(e: dict[str, Any]) -> None:
        e["im"] *= 1.0 + 1e-7

    def scenario(e: dict[str, Any]) -> None:
        e["scenario_pnl"][4] += 1e-5 * max(1.0, abs(e["scenario_pnl"][4]))

    def expiry(e: dict[str, Any]) -> None:
        e["per_expiry"][0]["static_discount_neg"] += 1e-6

    def option(e: dict[str, Any]) -> None:
        e["per_option"][-1]["k_star"] += 1e-6

    def block(e: dict[str, Any]) -> None:
        e["worst_block"] = "skew" if e["worst_block"] != "skew" else "tail"

    def shorter(e: dict[str, Any]) -> None:
        e["scenario_pnl"].pop()

    def unknown(e: dict[str, Any]) -> None:
        e["moon_phase"] = 0.0

    return {f.__name__: f for f in (amount, scenario, expiry, option, block, shorter, unknown)}


@pytest.mark.parametrize("how", changes())
def test_a_changed_expected_value_is_found(pmrm2: dict[str, Any], tmp_path: Path, how: str) -> None:
    case = copy.deepcopy(next(c for c in pmrm2["cases"] if len(c["inputs"]["options"]) > 3))
    changes()[how](case["expected"])
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**pmrm2, "cases": [case]}), encoding="utf-8")
    outcome = run_file(str(path))
    assert (outcome.passed, outcome.total, outcome.ok) == (0, 1, False)
    assert len(outcome.cases[0].misses) == 1


def test_the_evaluators_never_see_expected_values_or_names(
    shared: Path, monkeypatch: pytest.MonkeyPatch, pmrm2: dict[str, Any]
) -> None:
    """They take inputs, parameters and a table, and give the same whatever the rest of the case says."""
    assert list(inspect.signature(pmrm2_vectors.evaluate).parameters) == ["inputs", "params", "scenarios"]
    assert list(inspect.signature(pricing_vectors.evaluate).parameters) == ["inputs"]
    keys: set[str] = set()

    def gather(value: Any) -> None:
        if isinstance(value, dict):
            keys.update(value)
            for inner in value.values():
                gather(inner)
        elif isinstance(value, list):
            for inner in value:
                gather(inner)

    for module in (pmrm2_vectors, pricing_vectors):
        honest = module.evaluate

        def spy(*arguments: Any, honest: Callable[..., Any] = honest) -> Any:
            gather(list(arguments))
            return honest(*arguments)

        monkeypatch.setattr(module, "evaluate", spy)
    derive = shared / "vectors" / "derive"
    found = run_paths([str(derive / "pmrm2_cases.json"), str(derive / "black76_svi_unit.json")])
    assert [o.passed for o in found] == [70, 23]
    assert {"spot", "options", "im_factor", "spot_shock", "svi"} <= keys
    # a collateral's own name is an input; nothing else that identifies a case is
    assert not keys & {"expected", "id", "notes", "source_path", "im", "mm", "scenario_pnl", "upstream_asserted"}


def test_a_case_without_an_assertion_does_not_pass(pmrm2: dict[str, Any], tmp_path: Path) -> None:
    silent = {**pmrm2["cases"][0], "expected": {"im": None}}
    path = tmp_path / "silent.json"
    path.write_text(json.dumps({**pmrm2, "cases": [silent]}), encoding="utf-8")
    outcome = run_file(str(path))
    assert (outcome.passed, outcome.total, outcome.ok) == (0, 1, False)


def test_case_documents_run_like_any_other_file(tmp_path: Path) -> None:
    case = next(c for c in shipped_cases() if c.id == "prbm-3-naked-short-call")
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    case.save(good)
    case.model_copy(update={"expected": {"workings.BTC.scan": "11047"}}).save(bad)
    outcomes = run_paths([str(tmp_path)])
    assert [(Path(o.path).name, o.model, o.passed, o.total) for o in outcomes] == [
        ("bad.json", "prbm", 0, 1),
        ("good.json", "prbm", 1, 1),
    ]


@pytest.mark.parametrize(
    "content", ['{"schema": "something/1"}', "{}", "[]", "not json", '{"schema": "plimsoll.case"}']
)
def test_unknown_and_broken_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DocumentError):
        run_file(str(path))
