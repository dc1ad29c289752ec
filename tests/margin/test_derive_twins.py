"""The standard and the first portfolio manager of Derive against their naive twins, and both on the venue's files."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from naive.pmrm1 import pmrm1
from naive.srm import srm
from plimsoll.conformance import auction_vectors, pmrm1_vectors, run_file, srm_vectors
from plimsoll.conformance.outcome import Tolerance
from random_derive import pmrm1_cases, srm_cases

FILES = {
    "srm_cases.json": 14,
    "srm_portfolio_cases.json": 11,
    "pmrm1_cases.json": 6,
    "pmrm1_portfolio_cases.json": 11,
    "pmrm1_liquidation_cases.json": 8,
}


def apart(got: Any, expected: Any, scale: float, path: str = "") -> list[str]:
    """Where `got` departs from `expected` by more than 1e-9 of it, or of what cancelled on the way."""
    if isinstance(expected, dict):
        return [line for k, v in expected.items() for line in apart(got[k], v, scale, f"{path}.{k}")]
    if isinstance(expected, list):
        pairs = zip(got, expected, strict=True)
        return [line for i, (a, b) in enumerate(pairs) for line in apart(a, b, scale, f"{path}[{i}]")]
    near = abs(got - expected) <= 1e-9 * max(1.0, abs(expected)) + 1e-14 * scale
    return [] if near else [f"{path}: {got!r} not {expected!r}"]


def gross(options: list[Any], spot: float) -> float:
    return sum(abs(o["amount"]) * max(o["strike"], spot) for o in options)


@given(srm_cases())
def test_srm_equals_its_twin_on_random_accounts(case: tuple[Any, Any]) -> None:
    inputs, params = case
    before = copy.deepcopy(case)
    scale = sum(gross(m["options"], m["spot"]) for m in inputs["markets"])
    assert apart(srm_vectors.evaluate(inputs, params), srm(params, inputs), scale) == []
    assert case == before


@given(srm_cases())
def test_srm_shares_add_up_and_each_expiry_takes_its_better_branch(case: tuple[Any, Any]) -> None:
    inputs, params = case
    model = srm_vectors.Srm(srm_vectors.rules_of(inputs, params))
    account, market = srm_vectors.account_of(inputs), srm_vectors.market_of(inputs)
    found = model.requirement(account, market)
    scale = 1.0 + sum(gross(m["options"], m["spot"]) for m in inputs["markets"])
    for c in found.components:
        assert sum(s.initial for s in c.shares) == pytest.approx(c.initial, rel=1e-9, abs=1e-13 * scale)
        assert sum(s.maintenance for s in c.shares) == pytest.approx(c.maintenance, rel=1e-9, abs=1e-13 * scale)
    for _, margin in model.workings(account, market).expiries:
        for branch in (margin.initial, margin.maintenance):
            assert branch.value == max(branch.isolated, branch.max_loss) <= 0.0
            assert branch.shares.sum() == pytest.approx(branch.value, rel=1e-9, abs=1e-13 * scale)


@given(pmrm1_cases())
def test_pmrm1_equals_its_twin_on_random_accounts(case: tuple[Any, Any, Any]) -> None:
    inputs, params, table = case
    before = copy.deepcopy(case)
    expected = pmrm1(params, table, inputs)
    assert apart(pmrm1_vectors.evaluate(inputs, params, table), expected, gross(inputs["options"], 2_000.0)) == []
    assert case == before


@pytest.mark.parametrize(("name", "cases"), FILES.items())
def test_every_case_of_the_venue_is_met(name: str, cases: int, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The auctions of the venue's branch too, to what doubles hold and not to the part in a thousand it asserts."""
    monkeypatch.setattr(auction_vectors, "LOOSE", Tolerance(absolute=1e-10))
    outcome = run_file(str(shared / "vectors" / "derive" / name))
    assert [m for c in outcome.cases for m in c.misses] == []
    assert (outcome.passed, outcome.total) == (cases, cases)
    assert outcome.worst_error is not None
    assert outcome.worst_error < 1e-11


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_number_is_a_miss(name: str, shared: Path, tmp_path: Path) -> None:
    """Every expected number of the first case is asserted: each alone, moved by one part in fifty, is missed."""
    content = json.loads((shared / "vectors" / "derive" / name).read_text(encoding="utf-8"))
    case = content["cases"][0]
    blocks = [case["expected"], case["expected"].get("components", {})]
    blocks += [step["expected"] for step in case["inputs"].get("steps", [])]
    content["cases"] = [case]
    moved = 0
    for block in blocks:
        for field, value in block.items():
            if isinstance(value, dict):
                continue
            block[field] = value * 1.02 + 1 if isinstance(value, float) else value + 1
            wrong = tmp_path / "wrong.json"
            wrong.write_text(json.dumps(content), encoding="utf-8")
            (found,) = run_file(str(wrong)).cases
            assert len(found.misses) == 1, field
            assert field in found.misses[0]
            block[field] = value
            moved += 1
    assert moved >= 2


def test_the_twins_meet_the_cases_of_the_venue(shared: Path) -> None:
    folder = shared / "vectors" / "derive"
    for name in ("srm_cases.json", "pmrm1_cases.json"):
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        for case in content["cases"]:
            if name.startswith("srm"):
                got = srm(content["params"], case["inputs"])
                # the file names both markets even where the account holds one
                got["components"] = {f"{n}_option_{k}": 0.0 for n in ("eth", "btc") for k in ("im", "mm")} | got[
                    "components"
                ]
            else:
                got = pmrm1(content["params"], content["scenarios"], case["inputs"])
            assert apart(got, case["expected"], 1e3) == [], case["id"]
