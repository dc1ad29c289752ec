"""The worked fixtures of the Greeks margin: every shipped case, and the tool that writes them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from plimsoll.conformance.case import run_case
from plimsoll.conformance.shipped import shipped_cases

CASES = {c.id: c for c in shipped_cases() if c.id.startswith("dsa-")}


@pytest.mark.rule("DSA-03")
@pytest.mark.parametrize("name", ["dsa-7-minimum-delta", "dsa-perpetual"])
def test_a_worked_number_is_met(name: str) -> None:
    outcome = run_case(CASES[name])
    assert outcome.misses == []
    assert outcome.assertions == len(CASES[name].expected)


def test_the_cases_are_what_the_tool_writes(tmp_path: Path) -> None:
    tool = import_module("make_cases_dsa")
    assert tool.main(["--check"]) == 0
    assert tool.main(["--check", "--folder", str(tmp_path)]) == 1
    assert tool.main(["--folder", str(tmp_path)]) == 0
    assert {p.stem for p in tmp_path.iterdir()} == set(CASES)
