"""The venue's own API examples as they lie in the shared file, against the cases that were made of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from plimsoll.conformance.case import Case
from plimsoll.conformance.shipped import shipped_cases
from plimsoll.margin import Account, Requirement, find_rules, margin_model
from plimsoll.market import Market

Doc = dict[str, Any]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation" / "deribit-examples.md"
CASES = {c.id: c for c in shipped_cases()}

MARGINS = {
    "private-simulate",
    "private-get_positions",
    "private-get_subaccounts_details",
    "private-get_margins",
    "private-get_order_margin_by_ids",
}
"""The examples that hold a margin at all."""


@pytest.fixture(scope="module")
def examples(shared: Path) -> dict[str, Any]:
    content = json.loads((shared / "data" / "margins" / "deribit_api_doc_examples.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def result(examples: Doc, name: str) -> Any:
    return examples[name]["responses"][0]["result"]


def computed(case: Case) -> Requirement:
    account, market = Account.from_dict(case.account), Market.from_dict(case.market)
    return margin_model(case.rule_set()).requirement(account, market)


def ours(found: Requirement, underlying: str = "BTC") -> list[float]:
    """What the book gains in each scenario before anything is offset."""
    head = f"pre_aggregated.{underlying}."
    return [v for k, v in found.workings.items() if k.startswith(head)]


def test_every_example_with_a_margin_is_on_the_page(examples: Doc) -> None:
    told = json.dumps
    found = {name for name, row in examples.items() if "margin" in told(row["responses"]) or "margin" in name}
    assert found == MARGINS
    page = PAGE.read_text(encoding="utf-8")
    assert all(
        f"`{name.replace('private-', 'private/').replace('/simulate', '/pme/simulate')}`" in page for name in found
    )


def test_the_simulation_number_by_number(examples: Doc) -> None:
    answer = result(examples, "private-simulate")
    whole = computed(CASES["deribit-pm-simulate-2024"])
    margins = answer["margins"]["btc"]
    details = margins["initial_margin_details"]
    assert round(whole.initial, 9) == margins["initial_margin"]
    assert whole.maintenance == pytest.approx(margins["maintenance_margin"], rel=1e-14)
    assert whole.workings["risk_matrix_margin"] == pytest.approx(details["risk_matrix_margin"], rel=1e-14)
    for name in ("worst_case", "roll_shock", "delta_shock", "correlation_contingency"):
        assert whole.workings[name] == pytest.approx(details["risk_matrix_margin_details"][name], rel=1e-14), name
    vector = answer["aggregated_risk_vectors"]["btc_btc"]
    told = [*vector["standard"], *vector["extended"]]
    assert [s.pnl for s in whole.scenarios] == pytest.approx(told, rel=1e-14, abs=1e-18)
    place = details["risk_matrix_margin_details"]["worst_case_bucket"]
    assert (place["source"], place["index"]) == (
        whole.binding[0].kind,
        1 + [s.label for s in whole.scenarios].index(whole.binding[0].label),
    )
    for case, instrument in (("perpetual", "BTC-PERPETUAL"), ("future", "BTC-28JUN24")):
        single = answer["initial_risk_vectors"][instrument]
        told = [*single["standard"], *single["extended"]]
        assert ours(computed(CASES[f"deribit-pm-simulate-2024-{case}"])) == pytest.approx(told, rel=1e-14, abs=1e-18)


def test_the_parameters_of_the_simulation_are_those_of_the_pack(examples: Doc) -> None:
    given = result(examples, "private-simulate")["model_params"]
    parameters = find_rules("deribit-pm@2024-06-17").parameters
    assert given["currency_pair"]["btc_usd"] == parameters["pairs"]["BTC"]
    assert given["currency"]["btc"] == parameters["currencies"]["BTC"]
    assert given["currency"]["usd"] == parameters["currencies"]["USD"]
    for name in ("mm_factor", "buckets_count", "vol_scenarios_count"):
        assert given["general"][name] == parameters[name]


def test_positions_with_their_margins(examples: Doc) -> None:
    rows = [("position", result(examples, "private-get_positions")[0])]
    sub = result(examples, "private-get_subaccounts_details")
    rows += [("subaccount-perpetual", sub[0]["positions"][0]), ("subaccount-future", sub[1]["positions"][0])]
    for name, told in rows:
        found = computed(CASES[f"deribit-sm-api-{name}"]).component("futures")
        # printed to nine decimals
        assert found.initial == pytest.approx(told["initial_margin"], abs=0.5001e-9), name
        assert found.maintenance == pytest.approx(told["maintenance_margin"], abs=0.5001e-9), name


def test_what_is_incomplete_lacks_its_inputs(examples: Doc) -> None:
    """The margin of an order that could be sold for nothing depends on a position that is not shown."""
    assert set(result(examples, "private-get_margins")) == {"buy", "sell", "min_price", "max_price"}
    assert result(examples, "private-get_margins")["sell"] == 0
    orders = result(examples, "private-get_order_margin_by_ids")
    assert {key for row in orders for key in row} == {"order_id", "initial_margin", "initial_margin_currency"}


def test_instruments_agree_with_the_packs_of_their_time(examples: Doc) -> None:
    """Leverage and liquidation fee of the BTC futures listed at the end of 2022."""
    standard, portfolio = (find_rules(f"{name}@2022-12-31").parameters for name in ("deribit-sm", "deribit-pm"))
    for row in result(examples, "public-get_instruments"):
        assert 1.0 / row["max_leverage"] == standard["futures"]["BTC"]["inverse"]["initial"]
        assert row["max_liquidation_commission"] == standard["liquidation"]["fees"]["BTC"]["future"]
        assert row["max_liquidation_commission"] == portfolio["liquidation"]["fees"]["BTC"]["future"]
