"""Differences of rule packs in words: what they say, which way they go, and that nothing is left out."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from plimsoll.documents import DocumentError
from plimsoll.feeds import demo_account, demo_market
from plimsoll.margin import Rules, find_rules, flatten, margin_model, model_class, shipped_packs, with_parameter
from plimsoll.margin.changes.differences import Difference, Differences, Trial, differences, told
from plimsoll.margin.changes.tables import changed, summary
from plimsoll.margin.changes.wording import described, entry, shown, subject, words_for

PRBM, PMRM2, SRM, DERIBIT_SM, DERIBIT_PM = (
    find_rules(name)
    for name in (
        "prbm@2026-01-01",
        "derive-pmrm2@2026-02-01",
        "derive-srm@2026-02-01",
        "deribit-sm@2026-10-01",
        "deribit-pm@2026-10-01",
    )
)


def book() -> tuple[Trial, ...]:
    return (Trial("the demo book", demo_account(), demo_market()),)


def edited(rules: Rules, change: Any) -> Rules:
    """A copy of the pack after `change` worked on its parameters."""
    parameters = json.loads(json.dumps(rules.parameters))
    change(parameters)
    return rules.model_copy(update={"parameters": parameters})


def only(before: Rules, after: Rules, trials: tuple[Trial, ...] = ()) -> Difference:
    found = differences(before, after, trials).found
    assert len(found) == 1, [d.text for d in found]
    return found[0]


def leaf(rules: Rules, path: str, value: Any, trials: tuple[Trial, ...] = ()) -> Difference:
    return only(rules, with_parameter(rules, path, value), trials)


@pytest.mark.parametrize(
    ("rules", "path", "value", "text"),
    [
        (PMRM2, "vol_shock.range_up", 0.6, "Volatility shock up at 30 days: 50 % → 60 %"),
        (PMRM2, "other.mm_option_pct", 0.004, "Naked short options, maintenance: 0.3 % → 0.4 %"),
        (PRBM, "maintenance_factor", 0.6, "Maintenance as a part of initial margin: 50 % → 60 %"),
        (PRBM, "haircuts.ETH", 0.1, "ETH: collateral haircut: 7 % → 10 %"),
        (PRBM, "vol_reference_days", 45.0, "Tenor at which volatility shocks are quoted: 30 days → 45 days"),
        (SRM, "defaults.option.max_spot_req", 0.2, "Defaults options: short option at the money, initial: 15 % → 20 %"),
        (SRM, "markets.BTC.base.margin_factor", 0.7, "BTC as collateral: part of its value that counts: 75 % → 70 %"),
        (DERIBIT_SM, "futures.BTC.inverse.initial", 0.04, "BTC inverse futures: initial rate: 2 % → 4 %"),
        (DERIBIT_PM, "pairs.ETH.price_range", 0.2, "ETH: price range of the matrix: 18 % → 20 %"),
        (DERIBIT_PM, "liquidation.user_locked", False, "Liquidation: the holder is locked out: yes → no"),
    ],
)
def test_a_number_in_words(rules: Rules, path: str, value: Any, text: str) -> None:
    assert leaf(rules, path, value).text == text


@pytest.mark.parametrize("pack", shipped_packs(), ids=lambda p: p.label)
def test_every_number_of_every_pack_has_words(pack: Rules) -> None:
    numbers = {p for p, v in flatten(pack.parameters).items() if isinstance(v, float) and "scenario" not in p}
    lists = {p for p in numbers if p.rsplit(".", 1)[-1].isdigit()}
    assert {p for p in numbers - lists if entry(p) is None} == set()
    assert all(entry(p.rsplit(".", 1)[0]) is not None for p in lists)


def test_a_number_without_words_is_called_by_its_name_and_schema() -> None:
    schema = model_class("deribit-pm").PARAMETERS
    assert words_for("pairs.BTC.some_new_rate", schema).startswith("some new rate (One underlying")
    assert described(schema, "mm_factor").startswith("A whole portfolio-margin pack")
    assert words_for("nothing.of.the_kind") == "the kind"


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("futures.BTC.linear.initial", "BTC linear futures"),
        ("markets.ETH.perp.im_req", "ETH perpetual"),
        ("underlyings.BTC.collaterals.LBTC.mm_haircut", "BTC collateral LBTC"),
        ("haircuts.ETH", "ETH"),
        ("mm_factor", ""),
    ],
)
def test_whose_number_it_is(path: str, who: str) -> None:
    assert subject(path) == who


def test_values_keep_their_digits() -> None:
    assert shown(0.00525, "%") == "0.525 %"
    assert shown(20_000_000.0, "$") == "20,000,000 USD"
    assert shown([-0.66, 0.5], "x1") == "-66 %, +50 %"


# --- direction --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "direction"), [(0.6, "stricter"), (0.4, "looser")])
def test_a_direction_is_found_by_trying(value: float, direction: str) -> None:
    found = leaf(PRBM, "maintenance_factor", value, book())
    assert (found.direction, found.basis) == (direction, "tried")
    (tried,) = found.tried
    assert tried.initial == 0.0
    assert tried.maintenance == pytest.approx(value / 0.5 - 1.0)
    assert found.verdict == f"{direction}: initial unchanged, maintenance {told(value / 0.5 - 1.0)} on the demo book"


def test_a_direction_against_expectation_is_the_one_of_the_book() -> None:
    """A larger shock of volatility helps this book with its far options; the rule alone says stricter."""
    found = leaf(PMRM2, "vol_shock.range_up", 0.6, book())
    assert found.direction == "looser"
    assert leaf(PMRM2, "vol_shock.range_up", 0.6).direction == "stricter"
    assert leaf(PMRM2, "vol_shock.range_up", 0.6).basis == "rule"


def test_what_no_book_feels_is_decided_by_the_rule_or_not_at_all() -> None:
    by_rule = leaf(PRBM, "haircuts.SOL", 0.2, book())
    assert (by_rule.direction, by_rule.basis, by_rule.verdict) == ("stricter", "rule", "stricter by the rule")
    unknown = leaf(DERIBIT_PM, "liquidation.fees.BTC.option", 0.01, book())
    assert (unknown.direction, unknown.basis, unknown.verdict) == ("none", "unknown", "")


def test_margins_that_part_ways_depend() -> None:
    rules = edited(PRBM, lambda p: p["scenarios"].append({"move": -0.9, "vol": 0.4, "weight": 1.0}))
    assert only(PRBM, rules, book()).direction == "stricter"
    rules = edited(PMRM2, lambda p: p["margin"].update(im_factor=0.9, mm_factor=0.95))
    assert {d.direction for d in differences(PMRM2, rules, book()).found} == {"looser", "stricter"}


def test_all_changes_together_are_those_of_the_two_packs() -> None:
    before, after = find_rules("deribit-pm@2024-07-01"), DERIBIT_PM
    found = differences(before, after, book())
    (together,) = found.together
    amounts = [margin_model(p).requirement(demo_account(), demo_market()).initial for p in (before, after)]
    assert together.initial == pytest.approx(amounts[1] / amounts[0] - 1.0)


# --- parts that come and go -------------------------------------------------------------------------------------


def test_a_new_underlying_is_one_sentence_with_its_table() -> None:
    found = differences(find_rules("derive-pmrm2@2025-05-01"), PMRM2)
    assert len(found.leaves) > 200
    texts = {d.subject or d.text.partition(":")[0]: d.text for d in found.found}
    sentence = next(t for t in texts.values() if t.startswith("SOL: "))
    assert sentence.startswith("SOL: taken from now on, 32 scenarios, spot grid ±27 %, 7 far moves")
    assert "scenario_tables.sol" in next(d.paths for d in found.found if d.text == sentence)
    gone = differences(PMRM2, find_rules("derive-pmrm2@2025-05-01"))
    assert any(d.text.startswith("SOL: no longer taken") for d in gone.found)


def test_own_terms_of_a_market_are_shown_beside_the_defaults() -> None:
    found = differences(find_rules("derive-srm@2025-05-01"), SRM, book())
    sentence = next(d for d in found.found if d.paths == ("markets.BTC.perp",))
    assert sentence.text == (
        "BTC perpetual: its own terms maintenance rate 5 %, initial rate 6.6 % (defaults: 6.5 %, 10 %)"
    )
    assert sentence.direction == "looser"


def test_new_rates_of_a_kind_of_future() -> None:
    found = differences(find_rules("deribit-sm@2020-01-01"), find_rules("deribit-sm@2022-02-01"))
    texts = [d.text for d in found.found]
    assert "BTC linear futures: taken from now on, initial rate 2 %, maintenance rate 1 %, " in "".join(texts)


def test_a_list_of_names_tells_what_came_and_went() -> None:
    rules = edited(DERIBIT_PM, lambda p: p.update(extended_moves=[-0.5, *p["extended_moves"][1:]]))
    assert only(DERIBIT_PM, rules).text == "Far moves, new: -50 %; gone: -66 %"


# --- scenario tables --------------------------------------------------------------------------------------------


def test_a_scenario_table_in_one_sentence() -> None:
    assert summary(PRBM.parameters["scenarios"]) == (
        "24 scenarios, spot grid ±16 %, 8 far moves -66 % to +500 % at weights 0.032 to 0.48"
    )
    majors = summary(PMRM2.parameters["scenario_tables"]["majors"])
    assert majors.startswith("33 scenarios, spot grid ±18 %, 8 far moves -66 % to +500 %")
    assert majors.endswith("2 tilts of the smile")


def test_a_wider_grid_and_a_heavier_tail() -> None:
    def change(p: dict[str, Any]) -> None:
        p["scenarios"][0]["move"] = 0.2
        p["scenarios"][15]["move"] = -0.2
        p["scenarios"][16]["weight"] = 0.3
        del p["scenarios"][-1]

    found = only(PRBM, edited(PRBM, change), book())
    assert found.text == (
        "Scenarios: 24 → 23 scenarios; spot grid ±16 % → ±20 %; far move -66 % counts 0.24 → 0.3; "
        "far move +500 % at vol +40 % gone"
    )
    assert found.direction == "stricter"


def test_tables_name_who_uses_them() -> None:
    rules = edited(PMRM2, lambda p: p["scenario_tables"]["majors"][0].update(spot_shock=1.3))
    assert only(PMRM2, rules).text == "Scenarios of BTC, ETH: spot grid ±18 % → -18 % to +30 %"


def test_rows_in_another_order_and_rows_inside() -> None:
    table = PRBM.parameters["scenarios"]
    assert "another order" in changed(table, [*table[1:], table[0]])
    inner = [dict(r) for r in table]
    inner[3]["move"] = 0.07
    assert changed(table, inner) == "1 rows inside the grid replaced by 1"


# --- nothing left out -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [(a, b) for a, b in itertools.permutations(shipped_packs(), 2) if (a.name, a.model) == (b.name, b.model)],
    ids=lambda p: p.label,
)
def test_every_leaf_that_differs_is_told_by_one_sentence(before: Rules, after: Rules) -> None:
    found = differences(before, after)
    paths = [p for d in found.found for p in d.paths]
    assert len(paths) == len(set(paths))
    for path, _, _ in found.leaves:
        tellers = [p for p in paths if path == p or path.startswith(p + ".")]
        assert len(tellers) == 1, path
    assert all(d.text and d.text[0].isupper() for d in found.found)
    assert bool(found.found) == (before.parameters != after.parameters)
    json.dumps(found.to_dict(), allow_nan=False)


def test_the_same_pack_has_no_differences() -> None:
    found = differences(PRBM, PRBM, book())
    assert found.found == found.leaves == ()
    assert "the same numbers in both" in found.notes


def test_two_models_are_compared_on_books_only() -> None:
    other = find_rules("dsa@2026-01-01")
    found: Differences = differences(PRBM, other, book())
    assert found.found == ()
    assert found.notes[0].startswith("two models, prbm and dsa")
    assert len(found.together) == 1


def test_one_name_may_go_over_to_another_model() -> None:
    found = differences(find_rules("deribit-pm@2023-11-01"), find_rules("deribit-pm@2024-07-01"), book())
    assert found.found == ()
    assert found.notes[0].startswith("two models, deribit-pm-contingency and deribit-pm")
    (tried,) = found.together
    assert tried.initial < 0.0
    assert tried.maintenance < 0.0


def test_unknown_packs_are_refused() -> None:
    with pytest.raises(DocumentError, match="rules"):
        find_rules("no-such-pack@2026-01-01")
