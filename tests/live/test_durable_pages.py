"""The pages of the kills and of ten million accounts say what was measured."""

from __future__ import annotations

import json

import measure_durability
import measure_scale


def test_the_pages_are_those_of_the_recorded_numbers() -> None:
    assert measure_durability.main(["page", "--check"]) == 0
    assert measure_scale.main(["--check"]) == 0


def test_a_run_that_found_something_cannot_look_like_one_that_did_not() -> None:
    measured = json.loads(measure_durability.MEASURED.read_text())
    whole = {
        "events": 10, "kills": 2, "resumes": 3, "cuts": 2, "lost": 9, "acknowledged": 10, "recorded": 10, "records": 11,
        "faults": 0, "accounts": 3, "head": "a", "expected": "a", "audit_exit": 0, "margins_same": True,
    }  # fmt: skip
    good = measure_durability.page(measured | {"A": whole})
    assert "NO" not in good.replace("NOT", "")
    for key, value in (("head", "b"), ("audit_exit", 1), ("margins_same", False)):
        assert measure_durability.page({"A": whole | {key: value}}).count("| NO |") == 1
