"""Binance's published numbers: every shipped case, and the tool that writes them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.shipped import shipped_cases

CASES = {c.id: c for c in shipped_cases() if c.id.startswith("binance-")}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.rule("BINANCE-UM-01", "BINANCE-UM-03", "BINANCE-UM-05", "BINANCE-CM-04", "BINANCE-PM-01", "BINANCE-PM-05")
def test_a_published_number_is_met_to_its_last_digit(case: Case) -> None:
    outcome = run_case(case)
    assert outcome.misses == []
    assert outcome.assertions == len(case.expected)


def test_the_cases_are_what_the_tool_writes(tmp_path: Path) -> None:
    tool = import_module("make_cases_binance")
    assert tool.main(["--check"]) == 0
    assert tool.main(["--check", "--folder", str(tmp_path)]) == 1
    assert tool.main(["--folder", str(tmp_path)]) == 0
    assert tool.main(["--check", "--folder", str(tmp_path)]) == 0
    assert {p.stem for p in tmp_path.glob("*.json")} == set(CASES)
