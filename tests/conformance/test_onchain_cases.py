"""The case documents of Drift, Synthetix, Opyn, GMX and of dYdX's pages: written by their tool, and met."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.shipped import shipped_cases

OWN = ("drift-", "synthetix-", "opyn-", "gmx-", "dydx-v4-page-")
CASES = {c.id: c for c in shipped_cases() if c.id.startswith(OWN)}


@pytest.mark.rule("DRIFT-01", "DRIFT-02", "DRIFT-03", "DRIFT-04", "DRIFT-05", "DRIFT-06", "DRIFT-08")
@pytest.mark.rule("SNX-01", "SNX-02", "SNX-05", "OPYN-01", "OPYN-03", "OPYN-04", "OPYN-05")
@pytest.mark.rule("GMX-02", "GMX-03", "GMX-05", "DYDX-09")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_venue_s_own_numbers_are_met(case: Case) -> None:
    assert run_case(case).misses == []


def test_the_cases_are_what_the_tool_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = import_module("make_cases_onchain")
    assert tool.main(["--check"]) == 0
    assert tool.main(["--check", "--folder", str(tmp_path)]) == 1
    assert tool.main(["--folder", str(tmp_path)]) == 0
    assert {p.stem for p in tmp_path.glob("*.json")} == set(CASES)
