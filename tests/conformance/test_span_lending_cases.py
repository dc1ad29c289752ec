"""The hand-worked cases of SPAN and of the lending pool: met, and what their tool writes."""

from __future__ import annotations

from importlib import import_module

import pytest

from plimsoll.conformance.case import run_case
from plimsoll.conformance.shipped import shipped_cases

CASES = [c for c in shipped_cases() if c.id.startswith(("span-", "lending-"))]


@pytest.mark.rule("SPAN-01", "SPAN-06", "SPAN-07", "SPAN-08", "SPAN-10", "SPAN-11", "SPAN-17")
@pytest.mark.rule("LENDING-01", "LENDING-02", "LENDING-05", "LENDING-06")
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_a_case_worked_by_hand_is_met(case: object) -> None:
    outcome = run_case(case)  # type: ignore[arg-type]
    assert outcome.passed, outcome


def test_the_files_are_what_the_tool_writes() -> None:
    module = import_module("make_cases_span_lending")
    assert module.main(["--check"]) == 0
    assert {c["id"] for c in module.cases()} == {c.id for c in CASES}
