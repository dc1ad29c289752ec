"""The published JSON Schemas accept what we write and refuse what we refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import plimsoll as pl
from builders import CALL, PERP, PMRM2, PRBM, account_doc, case_doc, market_doc, rules_doc, without
from exotic_desk import KINDS, contract
from plimsoll.cli.schema import NAMES, schema
from plimsoll.conformance import Case
from plimsoll.dynamics import fit_surface
from plimsoll.feeds import generated_market
from plimsoll.margin import MODELS

SETTLED = ("linear", "inverse", "quanto")


def requirement_doc(pack: str) -> dict[str, Any]:
    account, market = pl.Account.from_dict(account_doc()), pl.Market.from_dict(market_doc())
    return pl.margin_model(pack).requirement(account, market).to_dict()


VALID: list[tuple[str, dict[str, Any]]] = [
    ("account", account_doc()),
    ("account", pl.Account.from_dict(account_doc({}, collateral={})).to_dict()),
    ("account", account_doc(orders=[{"instrument": CALL, "quantity": 1.0, "price": 3.0, "reduce_only": True}])),
    ("market", market_doc()),
    ("market", pl.Market.from_dict(market_doc()).to_dict()),
    ("market", market_doc(instruments=[contract(n, s, name=f"{n} {s}") for n in KINDS for s in SETTLED], marks={})),
    ("rules", rules_doc(PRBM)),
    ("rules", rules_doc(PMRM2)),
    ("requirement", requirement_doc(PRBM)),
    ("requirement", requirement_doc(PMRM2)),
    ("case", case_doc()),
    ("case", Case.from_dict(case_doc(rules=rules_doc())).to_dict()),
    ("surface", fit_surface(generated_market(seed=2, underlyings=["BTC"]), "BTC").to_dict()),
    ("surface", fit_surface(pl.Market.from_dict(market_doc()), "BTC").to_dict()),
]


def faults(name: str, content: Any) -> list[str]:
    validator = Draft202012Validator(schema(name))
    return [error.message for error in validator.iter_errors(json.loads(json.dumps(content)))]


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_is_a_schema(name: str) -> None:
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["properties"]["schema"]["const"] == f"plimsoll.{name}"  # type: ignore[index]
    assert found["additionalProperties"] is False


@pytest.mark.parametrize(("name", "content"), VALID, ids=[f"{n}-{i}" for i, (n, _) in enumerate(VALID)])
def test_valid_documents_validate(name: str, content: dict[str, Any]) -> None:
    assert faults(name, content) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("account", account_doc(colateral={})),
        ("account", account_doc(schema_version=2)),
        ("account", without(account_doc(), "schema")),
        ("account", account_doc(positions=[{"instrument": CALL, "quantity": "1"}])),
        ("account", account_doc(positions=[{"instrument": CALL, "quantity": 1e12}])),
        ("account", account_doc(positions=[{"quantity": 1.0}])),
        ("account", account_doc(mode="hedge")),
        ("account", market_doc()),
        ("market", market_doc(marks={PERP: {"vol": -0.1}})),
        ("market", market_doc(instruments=[{"kind": "swap", "name": "x"}])),
        ("rules", rules_doc() | {"evidence": {"a": "guess"}}),
        ("rules", without(rules_doc(), "parameters")),
        ("case", without(case_doc(), "expected")),
    ],
)
def test_what_we_refuse_does_not_validate(name: str, content: dict[str, Any]) -> None:
    assert faults(name, content) != []


def test_the_schema_of_rules_lists_the_parameters_of_every_model() -> None:
    listed: Any = schema("rules")["x-parameters"]
    assert set(listed) == set(MODELS)
    for pack in pl.shipped_packs():
        assert list(Draft202012Validator(listed[pack.model]).iter_errors(pack.parameters)) == []
