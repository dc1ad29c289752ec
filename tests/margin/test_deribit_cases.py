"""Deribit's published numbers: every shipped case, and the tool that writes them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.shipped import shipped_cases

TOOLS = Path(__file__).resolve().parents[2] / "tools"
CASES = {c.id: c for c in shipped_cases() if c.id.startswith("deribit-")}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_published_number_is_met_to_its_last_digit(case: Case) -> None:
    outcome = run_case(case)
    assert outcome.misses == []
    assert outcome.assertions == len(case.expected)


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOOLS))
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


def test_the_cases_are_what_the_tools_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("make_cases_deribit", "make_cases_deribit_pmc"):
        tool, folder = loaded(name, monkeypatch), tmp_path / name
        folder.mkdir()
        assert tool.main(["--check"]) == 0
        assert tool.main(["--check", "--folder", str(folder)]) == 1
        assert tool.main(["--folder", str(folder)]) == 0
        assert tool.main(["--check", "--folder", str(folder)]) == 0
    assert {p.stem for p in tmp_path.glob("*/*.json")} == set(CASES)
