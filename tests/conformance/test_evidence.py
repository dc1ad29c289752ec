"""What a pack calls reproduced is held in place by an outside case of that very pack."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.conformance.mutation import Probe, gate, numbers
from plimsoll.conformance.mutation_cases import CaseProbe
from plimsoll.conformance.mutation_vectors import LOCATORS, VectorProbe
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.margin import Rules, find_rules, shipped_packs

REPRODUCED = {r.label: [p for p in numbers(r) if r.evidence_for(p) == "reproduced"] for r in shipped_packs()}
CLAIMING = [r for r in shipped_packs() if REPRODUCED[r.label]]


@pytest.fixture(scope="module")
def documents() -> CaseProbe:
    return CaseProbe(shipped_cases())


def probe_of(rules: Rules, documents: CaseProbe, request: pytest.FixtureRequest) -> Probe:
    if rules.model not in LOCATORS:
        return documents
    shared: Path = request.getfixturevalue("shared")
    return VectorProbe.load(rules.model, shared / "vectors")


@pytest.mark.parametrize("rules", CLAIMING, ids=lambda r: r.label)
def test_a_number_called_reproduced_is_pinned_by_a_case_of_its_own_pack(
    rules: Rules, documents: CaseProbe, request: pytest.FixtureRequest
) -> None:
    pins = gate(rules, probe_of(rules, documents, request), REPRODUCED[rules.label])
    assert {p.path: p.why for p in pins if not p.pinned} == {}


def test_some_packs_claim_it_and_a_false_claim_is_found(documents: CaseProbe) -> None:
    labels = {r.label for r in CLAIMING}
    assert {"deribit-pm@2019-01-01", "deribit-pm@2024-06-17", "deribit-sm@2022-01-11"} <= labels
    rules = find_rules("deribit-pm@2024-06-17")
    (pin,) = gate(rules, documents, ["currencies.BTC.pnl_offset"])
    assert (pin.pinned, pin.evidence) == (False, "read")


def test_a_number_that_names_a_scenario_is_judged_by_the_other_numbers(documents: CaseProbe) -> None:
    """Moving either takes scenarios the case names away; only one of them moves a number that was printed."""
    later = find_rules("deribit-pm@2026-02-15")
    paths = ["pairs.ETH.price_range", "buckets_count", "extended_moves.0"]
    pins = {p.path: p.pinned for p in gate(later, documents, paths)}
    assert pins == {"pairs.ETH.price_range": True, "buckets_count": True, "extended_moves.0": False}
