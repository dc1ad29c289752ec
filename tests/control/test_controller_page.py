"""The page of results says what its numbers say: sentences follow from them, and old numbers make no page."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from controller_page import HISTORIES, NAMES, RUNS, Found, apart, page
from plimsoll.control.policies import shipped
from plimsoll.control.terms import TERMS, ControlTerms


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at here is words."""
    monkeypatch.setattr("plimsoll.control.intervals.RESAMPLES", 400)


def results(saved: float = 0.0, near: float = 0.9) -> Found:
    """Twelve drawn and twelve recorded episodes of each policy; the search costs `saved` less than the others."""
    noise = np.random.default_rng(3).standard_normal(12)
    found: Found = {}
    for name in NAMES:
        cost = 800.0 + 30.0 * noise - (saved + noise[::-1] if name == "search" else 0.0)
        rows: dict[str, Any] = {"hash": shipped(name).hash(), "terms": ControlTerms().hash()}
        plain = {"cost": float(cost.mean()), "terms": dict.fromkeys(TERMS, 1.0) | {"bad_debt": 40.0}, "steps": 1440}
        plain |= {"violations": 0, "rate": 0.1, "costs": cost.tolist(), "start": None}
        episodes = plain | {"early": 30.0, "stability": 3.0, "steepest": 0.1}
        rows["drawn"] = episodes
        dated = {"start": 0}
        rows |= dict.fromkeys(HISTORIES, episodes | dated)
        run = {"near": near, "low": 0.09, "high": 0.31, "over_needed": 0.5, "peak_to_trough": 2.0, "exceptions": 3}
        run |= {"rises": {"1": 0.1, "5": 0.2, "30": 0.3}, "coverage": 0.99, "largest_shortfall": 0.02}
        run |= {"worst_day": {"called": 9.0, "forced": 8.0, "uncovered": 7.0}}
        rows |= dict.fromkeys(RUNS.values(), plain | dated | run)
        found[name] = rows
    return found


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_verdicts_are_those_of_the_differences() -> None:
    same, less = results(), results(saved=50.0)
    assert "**search** is not told apart from the tuned rule on every kind of held-out course" in words(page(same))
    text = words(page(less))
    assert "**search** costs less than the tuned rule on every kind of held-out course" in text
    assert "**network** is not told apart from the tuned rule on every kind" in text
    less["search"]["drawn"] = same["search"]["drawn"]
    text = words(page(less))
    told = (
        "is not told apart from the tuned rule on drawn episodes, costs less than the tuned rule on recorded episodes"
    )
    assert f"**search** {told} and on histories in one run" in text
    assert apart(less, "search", list(HISTORIES)).blocks == 6
    steps = 6 * 7 * 1440
    assert f"0 bounds were broken in the {steps:,} steps" in text


def test_what_is_said_of_the_rule_follows_from_its_rates_and_debts() -> None:
    near = "within 5 % of its median in 90 % of BTC's steps, 90 % of ETH's steps, 90 % of SOL's steps"
    assert f"nearly a constant rate, {near}" in words(page(results()))
    assert "The tuned rule moves with the market: it was within 5 % of its median in 50 %" in words(
        page(results(near=0.5))
    )
    found = results()
    found["rule"][RUNS["SOL"]] = found["rule"][RUNS["SOL"]] | {"near": 0.2}
    assert "nearly a constant rate on BTC and ETH" in words(page(found))
    assert "75 % of the rule's bad debt in recorded episodes fell in their first five days" in words(page(results()))


def test_what_is_said_of_the_training_follows_from_the_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    import controller_page

    def trained(efforts: dict[str, tuple[int, int]]) -> str:
        def other(name: str) -> Any:
            found = shipped(name)
            if name not in efforts:
                return found
            more = dict(zip(("candidates", "batch"), efforts[name], strict=True))
            return found.model_copy(update={"trained": dict(found.trained) | more})

        monkeypatch.setattr(controller_page, "shipped", other)
        found = results()
        for name in efforts:
            found[name]["hash"] = other(name).hash()
        return words(page(found))

    searched = ("static", "rule", "pid", "search")
    assert "equal effort, 7,200 episodes each" in trained(dict.fromkeys(searched, (300, 24)))
    about = dict.fromkeys(searched, (300, 24)) | {"static": (304, 24)}
    assert "about equal effort, 7,200 to 7,296 episodes each" in trained(about)
    text = trained(dict.fromkeys(searched, (300, 24)) | {"search": (30, 2)})
    assert "unequal effort (static 7,200 episodes, rule 7,200 episodes, pid 7,200 episodes, search 60 episodes)" in text


def test_a_verdict_that_turns_with_the_elasticity_is_said_to() -> None:
    found, cheap = results(), results(saved=50.0)
    found["elasticity"] = {"terms": ControlTerms().hash()}
    for value, rows in (("0", found), ("1.2", cheap)):
        found["elasticity"][value] = {n: rows[n]["drawn"] | {"hash": shipped(n).hash()} for n in NAMES}
    text = words(page(found))
    assert "it is not told apart from the tuned rule at 0, costs less than the tuned rule at 1.2." in text
    assert f"| 0.6 | {np.mean(found['coverage']['drawn']['costs']):,.0f} |" in text
    found["elasticity"]["0"] = found["elasticity"]["1.2"]
    assert "the search costs less than the tuned rule at 0 and 1.2." in words(page(found))


def test_results_of_another_policy_make_no_page() -> None:
    found = results()
    found["pid"]["hash"] = "sha256:0"
    with pytest.raises(SystemExit, match="pid"):
        page(found)
    found = results()
    del found["static"][RUNS["SOL"]]
    with pytest.raises(SystemExit, match="static"):
        page(found)
    found = results()
    found["elasticity"] = {"terms": ControlTerms().hash(), "0": {"rule": {"hash": "sha256:0"}}}
    with pytest.raises(SystemExit, match="elasticity of rule"):
        page(found)
    with pytest.raises(SystemExit, match="rule"):
        page({})
