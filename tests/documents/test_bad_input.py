"""Every refusal names the field, what stood there and what may."""

from __future__ import annotations

from typing import Any

import pytest

import plimsoll as pl
from builders import (
    CALL,
    MONTH,
    PERP,
    PMRM2,
    PRBM,
    account_doc,
    case_doc,
    future,
    market_doc,
    option,
    perpetual,
    rules_doc,
    without,
)
from plimsoll.conformance import Case
from plimsoll.documents import DocumentError, Problem
from plimsoll.margin import with_parameter

NAN, INF = float("nan"), float("inf")


def refused(build: Any, content: Any) -> Problem:
    """The one problem that `build` finds in `content`."""
    with pytest.raises(DocumentError) as caught:
        build(content)
    assert len(caught.value.problems) == 1, caught.value.problems
    problem = caught.value.problems[0]
    assert f"{problem.path}: got {problem.got}; allowed: {problem.allowed}" in str(caught.value)
    return problem


def position(**changes: Any) -> dict[str, Any]:
    return account_doc(positions=[{"instrument": CALL, "quantity": 1.0} | changes])


def marks(**vol: Any) -> dict[str, Any]:
    return market_doc(marks={CALL: vol})


ACCOUNTS: list[tuple[str, Any, str, str, str]] = [
    ("unknown field", account_doc(colateral={}), "colateral", "unknown field", "name, venue, mode, as_of, positions"),
    ("unknown field below", position(qty=1), "positions[0].qty", "unknown field (1)", "instrument, quantity"),
    ("NaN", position(quantity=NAN), "positions[0].quantity", "nan", "finite"),
    ("infinity", position(quantity=-INF), "positions[0].quantity", "-inf", "finite"),
    ("text for a number", position(quantity="1"), "positions[0].quantity", "'1'", "number"),
    ("flag for a number", position(quantity=True), "positions[0].quantity", "True", "number"),
    ("null for a number", position(quantity=None), "positions[0].quantity", "None", "number"),
    ("object for a list", account_doc(positions={}), "positions", "{}", "tuple"),
    ("quantity of 1e12", position(quantity=1e12), "positions[0].quantity", "1000000000000.0", "100000000000"),
    ("short 1e12", position(quantity=-1e12), "positions[0].quantity", "-1000000000000.0", "-100000000000"),
    ("quantity of 10**400", position(quantity=10**400), "positions[0].quantity", "1329 bits", "number"),
    ("balance of 1e16", account_doc(collateral={"USDC": 1e16}), "collateral.USDC", "1e+16", "1000000000000000"),
    ("asset name", account_doc(collateral={"US DC": 1.0}), "collateral.US DC", "'US DC'", "pattern"),
    ("two profits", position(entry_price=1.0, unrealised_pnl=2.0), "positions[0].unrealised_pnl", "2.0", "entry_price"),
    (
        "instrument twice",
        account_doc(positions=[{"instrument": CALL, "quantity": 1.0}, {"instrument": CALL, "quantity": 2.0}]),
        "positions[1].instrument",
        CALL,
        "one position",
    ),
    ("mode", account_doc(mode="hedge"), "mode", "'hedge'", "'portfolio', 'cross' or 'isolated'"),
    ("local time", account_doc(as_of="2026-01-01T00:00:00"), "as_of", "2026-01-01T00:00:00", "offset"),
    ("no year", account_doc(as_of="0001-01-01T00:00:00+14:00"), "as_of", "0001-01-01", "years 1 and 9999"),
    ("huge text", position(instrument="x" * 10**6), "positions[0].instrument", "xxx...", "at most 120"),
    ("control character", position(instrument="a\x07b"), "positions[0].instrument", r"'a\x07b'", "pattern"),
    ("no name", position(instrument=""), "positions[0].instrument", "''", "at least 1"),
    ("half a character", account_doc(name="\ud800"), "$", r"\ud800", "Unicode"),
    ("negative entry", position(entry_price=-1.0), "positions[0].entry_price", "-1.0", "greater than 0"),
    ("nothing", [], "$", "[]", "plimsoll.account"),
    ("no schema", without(account_doc(), "schema"), "schema", "None", "plimsoll.account"),
    ("another schema", market_doc(), "schema", "plimsoll.market", "plimsoll.account"),
]

MARKETS: list[tuple[str, Any, str, str, str]] = [
    ("negative vol", marks(vol=-0.1), f"marks.{CALL}.vol", "-0.1", "greater than or equal to 0"),
    ("NaN vol", marks(vol=NAN), f"marks.{CALL}.vol", "nan", "finite"),
    ("unknown instrument", market_doc(marks={"XX": {"vol": 0.1}}), "marks.XX", "'XX'", "listed instruments"),
    ("depth of nothing", market_doc(depth={"XX": {}}), "depth.XX", "'XX'", "listed instruments"),
    (
        "crossed depth",
        market_doc(depth={PERP: {"bids": [[70_010.0, 1.0]], "asks": [[70_000.0, 1.0]]}}),
        f"depth.{PERP}.bids[0]",
        "70010.0",
        "below the best ask (70000.0)",
    ),
    (
        "depth upside down",
        market_doc(depth={PERP: {"asks": [[2.0, 1.0], [1.0, 1.0]]}}),
        f"depth.{PERP}.asks",
        "[2.0, 1.0]",
        "lowest up",
    ),
    ("depth of three", market_doc(depth={PERP: {"bids": [[1.0, 2.0, 3.0]]}}), f"depth.{PERP}.bids[0]", "3.0]", "2"),
    (
        "instrument twice",
        market_doc(instruments=[perpetual(), perpetual()], marks={}),
        "instruments[1].name",
        PERP,
        "once",
    ),
    ("expiry twice", market_doc(expiries=market_doc()["expiries"] * 2), "expiries[1]", "BTC 2026-01-31", "once"),
    (
        "kind",
        market_doc(instruments=[perpetual(kind="swap")], marks={}),
        "instruments[0].kind",
        "'swap'",
        "'perpetual'",
    ),
    (
        "unknown field of an option",
        market_doc(instruments=[option(70_000, True, stirke=1)], marks={}),
        "instruments[0].stirke",
        "unknown field",
        "strike, call",
    ),
    (
        "strike as text",
        market_doc(instruments=[option(70_000, True) | {"strike": "70000"}], marks={}),
        "instruments[0].strike",
        "'70000'",
        "number",
    ),
    (
        "call as number",
        market_doc(instruments=[option(70_000, True) | {"call": 1}], marks={}),
        "instruments[0].call",
        "1",
        "boolean",
    ),
    (
        "expiry before the coin",
        market_doc(instruments=[future(expiry="1999-01-01T00:00:00Z")], marks={}),
        "instruments[0].expiry",
        "1999",
        "after 2009",
    ),
    (
        "confidence",
        market_doc(indices={"BTC": {"price": 1.0, "confidence": 1.5}}),
        "indices.BTC.confidence",
        "1.5",
        "1",
    ),
    ("index of zero", market_doc(indices={"BTC": {"price": 0}}), "indices.BTC.price", "0", "greater than 0"),
    ("time", market_doc(time="now"), "time", "'now'", "ISO 8601"),
    (
        "slice",
        market_doc(expiries=[{"underlying": "BTC", "expiry": MONTH, "forward": {"variable": -1.0}}]),
        "expiries[0].forward.variable",
        "-1.0",
        "0",
    ),
]

RULES: list[tuple[str, Any, str, str, str]] = [
    ("crossed dates", rules_doc() | {"until": "2020-01-01"}, "until", "2020-01-01", "2025-01-01"),
    ("no such day", rules_doc() | {"effective": "2025-02-30"}, "effective", "2025-02-30", "calendar day"),
    ("evidence", rules_doc() | {"evidence": {"a": "guess"}}, "evidence.a", "'guess'", "reproduced|read|assumed"),
    ("name", rules_doc() | {"name": "Prbm"}, "name", "'Prbm'", "a-z"),
    ("NaN below", rules_doc() | {"parameters": {"a": NAN}}, "parameters", "nan", "finite"),
    ("no JSON", rules_doc() | {"parameters": {"a": {1, 2}}}, "parameters", "{1, 2}", "JSON"),
]

PARAMETERS: list[tuple[str, str, Any, str, str, str]] = [
    (PRBM, "scenarios", [], "scenarios", "[]", "at least 1"),
    (PRBM, "scenarios", {"a": 1}, "scenarios", "{'a': 1}", "tuple"),
    (PRBM, "scenarios", [[0.1, 0.2, 1.0]], "scenarios[0]", "[0.1, 0.2, 1.0]", "dictionary"),
    (PRBM, "scenarios", [{"move": 0.1}], "scenarios[0].vol", "nothing", "required"),
    (PRBM, "scenarios.0", {"move": 0.1, "vol": 0.1, "iv": 1}, "scenarios[0].iv", "unknown field", "move, vol, weight"),
    (PRBM, "scenarios.3.move", -1.0, "scenarios[3].move", "-1.0", "greater than -1"),
    (PRBM, "scenarios.3.weight", -0.1, "scenarios[3].weight", "-0.1", "0"),
    (PRBM, "maintenance_factor", 1.5, "maintenance_factor", "1.5", "less than or equal to 1"),
    (PMRM2, "scenario_tables.majors", [], "scenario_tables.majors", "[]", "at least 1"),
    (
        PMRM2,
        "scenario_tables.majors.0.vol_shock",
        "sideways",
        "scenario_tables.majors[0].vol_shock",
        "sideways",
        "'up'",
    ),
    (PMRM2, "underlyings.BTC.scenarios", "nope", "underlyings.BTC.scenarios", "'nope'", "majors"),
]


DOCUMENTS = [
    (kind, *case) for kind, cases in ((pl.Account, ACCOUNTS), (pl.Market, MARKETS), (pl.Rules, RULES)) for case in cases
]


@pytest.mark.parametrize(
    ("kind", "content", "path", "got", "allowed"),
    [(d[0], *d[2:]) for d in DOCUMENTS],
    ids=[f"{d[0].__name__}-{d[1]}" for d in DOCUMENTS],
)
def test_documents(kind: Any, content: Any, path: str, got: str, allowed: str) -> None:
    problem = refused(kind.from_dict, content)
    assert problem.path == path
    assert got in problem.got
    assert allowed in problem.allowed


@pytest.mark.parametrize(("pack", "place", "value", "path", "got", "allowed"), PARAMETERS)
def test_parameters_of_a_model(pack: str, place: str, value: Any, path: str, got: str, allowed: str) -> None:
    problem = refused(pl.margin_model, with_parameter(pl.find_rules(pack), place, value))
    assert problem.path == f"parameters.{path}"
    assert got in problem.got
    assert allowed in problem.allowed


@pytest.mark.parametrize("place", ["nope", "scenarios.99.move", "scenarios.0.iv", "maintenance_factor.x"])
def test_a_parameter_that_is_not_there_cannot_be_replaced(place: str) -> None:
    with pytest.raises(DocumentError, match=r"no such parameter"):
        with_parameter(pl.find_rules(PRBM), place, 1.0)


@pytest.mark.parametrize(
    ("reference", "got", "allowed"),
    [
        ("nope@2026-01-01", "'nope'", "prbm"),
        ("prbm", "'prbm'", "NAME@DATE; prbm has packs in force from 2025-01-01"),
        ("prbm@", "'prbm@'", "calendar day"),
        ("prbm@tomorrow", "'prbm@tomorrow'", "calendar day"),
        ("prbm@2024-12-31", "'prbm@2024-12-31'", "prbm has packs from 2025-01-01"),
        ("derive-pmrm2@2025-04-17", "2025-04-17", "packs from 2025-04-18; from 2026-01-21"),
        ("deribit-pm@2024-03-01", "2024-03-01", "2023-10-30 to 2023-12-31; from 2024-06-17"),
        ("", "''", "one of"),
    ],
)
def test_references_to_packs(reference: str, got: str, allowed: str) -> None:
    problem = refused(pl.margin_model, reference)
    assert problem.path == "rules"
    assert got in problem.got
    assert allowed in problem.allowed


def test_a_rules_document_of_another_model() -> None:
    assert (
        refused(lambda c: pl.margin_model(pl.Rules.from_dict(c)), rules_doc() | {"model": "zz"}).path == "rules.model"
    )


def test_a_case_names_the_field_of_its_own() -> None:
    assert refused(Case.from_dict, without(case_doc(), "market")).path == "market"
    assert refused(Case.from_dict, case_doc(market={"a": NAN})).path == "market"


def test_every_fault_of_a_document_is_found_at_once() -> None:
    content = position(quantity="1", entry_price=-1.0) | {"mode": "x"}
    with pytest.raises(DocumentError) as caught:
        pl.Account.from_dict(content)
    paths = [p.path for p in caught.value.problems]
    assert sorted(paths) == ["mode", "positions[0].entry_price", "positions[0].quantity"]
