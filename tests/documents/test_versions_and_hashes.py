"""Versions and upgrades, round trips, hashes and tables."""

from __future__ import annotations

import copy
import json
import pickle
import random
from typing import Any, ClassVar

import polars
import pytest

import plimsoll as pl
from builders import CALL, FUTURE, PERP, PMRM2, PRBM, account_doc, case_doc, market_doc, rules_doc, without
from plimsoll.conformance import Case
from plimsoll.documents import Document, DocumentError, Number, canonical_bytes, content_hash

DOCUMENTS: list[tuple[type[Document], dict[str, Any]]] = [
    (pl.Account, account_doc(as_of="2025-12-31T23:00:00+01:00", mode="cross", venue="here")),
    (pl.Market, market_doc(depth={PERP: {"bids": [[69_990.0, 1.0]], "asks": [[70_010.0, 2.0]]}})),
    (pl.Rules, rules_doc(PRBM)),
    (pl.Rules, rules_doc(PMRM2)),
    (Case, case_doc()),
]
IDS = ["account", "market", "prbm", "pmrm2", "case"]


class Tariff(Document):
    """A document in its third version, which still reads the second."""

    SCHEMA: ClassVar[str] = "test.tariff"
    VERSION: ClassVar[int] = 3
    UPGRADES: ClassVar[dict[int, Any]] = {2: lambda old: {"rate": old["percent"] / 100.0}}

    rate: Number


def shuffled(content: Any, rng: random.Random) -> Any:
    """The same content with the keys of every object in another order."""
    if isinstance(content, dict):
        keys = list(content)
        rng.shuffle(keys)
        return {k: shuffled(content[k], rng) for k in keys}
    return [shuffled(v, rng) for v in content] if isinstance(content, list) else content


def whole_numbers(content: Any) -> Any:
    """The same content with 1.0 written as 1 and 1 as 1.0 where the schema wants a real number anyway."""
    if isinstance(content, float) and content.is_integer():
        return int(content)
    if isinstance(content, dict):
        return {k: whole_numbers(v) for k, v in content.items()}
    return [whole_numbers(v) for v in content] if isinstance(content, list) else content


@pytest.mark.parametrize("version", [2, 0, -1, 10**30, True, None, "1", 1.0, [1]])
def test_another_version_is_refused(version: Any) -> None:
    with pytest.raises(DocumentError, match=r"^schema_version: got .*; allowed: 1$"):
        pl.Account.from_dict(account_doc(schema_version=version))


def test_no_version_is_refused() -> None:
    with pytest.raises(DocumentError, match=r"^schema_version: got None; allowed: 1$"):
        pl.Account.from_dict(without(account_doc(), "schema_version"))


def test_an_older_version_is_upgraded_and_a_lost_or_newer_one_refused() -> None:
    old = {"schema": "test.tariff", "schema_version": 2, "percent": 5.0}
    tariff = Tariff.from_dict(old)
    assert tariff.rate == 0.05
    assert tariff.to_dict() == {"schema": "test.tariff", "schema_version": 3, "rate": 0.05}
    assert Tariff.from_json(tariff.to_json()) == tariff
    assert old == {"schema": "test.tariff", "schema_version": 2, "percent": 5.0}
    for version in (1, 4):
        with pytest.raises(DocumentError, match=r"^schema_version: got \d; allowed: 2 or 3$"):
            Tariff.from_dict(old | {"schema_version": version})


@pytest.mark.parametrize(("kind", "content"), DOCUMENTS, ids=IDS)
def test_a_round_trip_changes_nothing(kind: type[Document], content: dict[str, Any], tmp_path: Any) -> None:
    document = kind.from_dict(content)
    again = kind.from_json(document.to_json())
    assert again == document
    assert again.hash() == document.hash()
    assert again.to_json() == document.to_json()
    document.save(tmp_path / "document.json")
    assert kind.load(tmp_path / "document.json") == document


def test_a_requirement_is_read_back() -> None:
    requirement = pl.margin_model(PRBM).requirement(
        pl.Account.from_dict(account_doc()), pl.Market.from_dict(market_doc())
    )
    again = pl.Requirement.from_json(requirement.to_json())
    assert again == requirement
    assert again.hash() == requirement.hash()
    assert again.inputs.account == pl.Account.from_dict(account_doc()).hash()
    assert again.inputs.market == pl.Market.from_dict(market_doc()).hash()


@pytest.mark.parametrize(("kind", "content"), DOCUMENTS, ids=IDS)
def test_the_hash_is_that_of_the_content(kind: type[Document], content: dict[str, Any]) -> None:
    plain = kind.from_dict(content).hash()
    assert plain.startswith("sha256:")
    assert len(plain) == 7 + 64
    for seed in range(5):
        assert kind.from_dict(shuffled(content, random.Random(seed))).hash() == plain
    assert kind.from_dict(whole_numbers(content)).hash() == plain
    assert kind.from_json(json.dumps(content, indent=7)).hash() == plain


def test_the_hash_moves_with_every_number() -> None:
    seen = {pl.Account.from_dict(account_doc({CALL: q})).hash() for q in (1.0, -1.0, 1.0 + 2**-52, 2.0)}
    assert len(seen) == 4
    assert content_hash({"a": 2.0**53 + 2}) != content_hash({"a": 2.0**53})
    assert canonical_bytes({"b": [1.0, -0.0, 1e300, 0.1], "a": "é"}) == '{"a":"é","b":[1,0,1e+300,0.1]}'.encode()


def test_the_hash_is_kept_while_the_content_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy has its own, by whatever way it came to be; and one that was altered behind our back has another."""
    taken: list[str] = []

    def counted(content: Any) -> str:
        taken.append(content_hash(content))
        return taken[-1]

    monkeypatch.setattr("plimsoll.documents.base.content_hash", counted)
    market = pl.Market.from_dict(market_doc())
    first = market.hash()
    assert market.hash() == first == content_hash(market.to_dict())
    assert len(taken) == 1
    later = market.model_copy(update={"source": "elsewhere"})
    built = pl.Market.model_construct(**{**market.__dict__, "source": "elsewhere"})
    assert later.hash() == built.hash() == content_hash({**market.to_dict(), "source": "elsewhere"}) != first
    for same in (market.model_copy(), market.model_copy(deep=True), copy.copy(market), copy.deepcopy(market)):
        assert same.hash() == first
        assert same == market
    assert pickle.loads(pickle.dumps(market)).hash() == first
    assert market.to_dict() == pl.Market.from_dict(market_doc()).to_dict()
    twin = copy.copy(market)
    market.marks[CALL] = market.marks[CALL].model_copy(update={"vol": 0.123})
    assert market.hash() == content_hash(market.to_dict()) != first
    del market.indices["BTC"]
    assert market.hash() == content_hash(market.to_dict())
    assert twin.hash() == content_hash(twin.to_dict())


def test_the_hash_of_rules_sees_a_number_changed_in_place() -> None:
    rules = pl.find_rules(PRBM)
    before = rules.hash()
    rules.parameters["scenarios"][0]["move"] += 0.01
    assert rules.hash() == content_hash(rules.to_dict()) != before


def test_defaults_do_not_change_the_hash() -> None:
    explicit = account_doc(mode="portfolio", orders=[], name="", venue="", as_of=None)
    assert pl.Account.from_dict(explicit).hash() == pl.Account.from_dict(account_doc()).hash()


@pytest.mark.parametrize("library", ["polars", "lazy", "pandas", "arrow"])
def test_tables_of_three_libraries(library: str) -> None:
    market = pl.Market.from_dict(market_doc())
    account = pl.Account.from_dict(
        account_doc(
            positions=[
                {"instrument": CALL, "quantity": 1.5},
                {"instrument": FUTURE, "quantity": -2.0, "entry_price": 69_000.0, "unsettled_funding": 3.0},
            ]
        )
    )

    def convert(frame: polars.DataFrame) -> Any:
        if library == "pandas":
            pytest.importorskip("pandas")
            return frame.to_pandas()
        if library == "arrow":
            pytest.importorskip("pyarrow")
            return frame.to_arrow()
        return frame.lazy() if library == "lazy" else frame

    fields = {"time": market.time, "indices": market_doc()["indices"], "assets": market_doc()["assets"]}
    again = pl.Market.from_frame(convert(market.frame()), **fields, expiries=market_doc()["expiries"])
    assert again == market
    assert again.hash() == market.hash()
    assert pl.Account.from_frame(convert(account.frame()), collateral={"USDC": 50_000.0}) == account


@pytest.mark.parametrize("kind", [pl.Account, pl.Market])
def test_a_table_with_a_column_too_many_or_none_is_refused(kind: Any) -> None:
    with pytest.raises(DocumentError, match=r"frame\.colour: got 'an unknown column'; allowed: columns "):
        kind.from_frame(polars.DataFrame({"colour": ["red"]}))
    with pytest.raises(DocumentError, match=r"a polars, pandas or Arrow table"):
        kind.from_frame([[1, 2]])
    with pytest.raises(DocumentError, match=r"polars, pandas or Arrow"):
        kind.from_frame(polars.Series("quantity", [1.0]))


def test_a_table_of_the_wrong_types_is_refused_by_cell() -> None:
    frame = polars.DataFrame({"instrument": [CALL, PERP], "quantity": ["1", "2"]})
    with pytest.raises(DocumentError, match=r"positions\[1\]\.quantity: got '2'"):
        pl.Account.from_frame(frame)
