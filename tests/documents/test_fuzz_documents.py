"""Damaged documents through the Python interface: a result or a refusal, nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import PMRM2, PRBM, account_doc, market_doc
from fuzz_documents import fuzz_account, fuzz_documents, fuzz_market
from mutations import mutated, mutated_text
from plimsoll.conformance import Case, run_case
from plimsoll.documents import Document, DocumentError

KINDS: dict[str, type[Document]] = {
    "account": pl.Account,
    "market": pl.Market,
    "rules": pl.Rules,
    "rules of pmrm2": pl.Rules,
    "case": Case,
}


def explained(refusal: DocumentError) -> None:
    assert refusal.problems
    assert all(p.path and p.got and p.allowed for p in refusal.problems), refusal.problems
    assert refusal.problems[0].allowed in str(refusal)


def use(name: str, document: Any, rng: random.Random) -> None:
    """Do with a document what it is for; `DocumentError` is one of the ways in which that may end."""
    account = document if name == "account" else pl.Account.from_dict(fuzz_account())
    market = document if name == "market" else pl.Market.from_dict(fuzz_market())
    how: Any = rng.choice(["refuse", "conservative"])
    if name == "case":
        run_case(document)
        return
    for rules in [document] if name.startswith("rules") else [PRBM, PMRM2]:
        try:
            found = pl.margin_model(rules).requirement(account, market, how)
        except DocumentError as refusal:
            explained(refusal)
        else:
            assert pl.Requirement.from_json(found.to_json()) == found


def outcome(name: str, read: Any, damaged: Any, rng: random.Random) -> str:
    try:
        document = read(damaged)
        again = KINDS[name].from_json(document.to_json())
        assert again == document
        assert again.hash() == document.hash()
        use(name, document, rng)
    except DocumentError as refusal:
        explained(refusal)
        return "refused"
    return "accepted"


def sweep(seed: int, count: int) -> dict[str, int]:
    rng = random.Random(seed)
    intact, seen = fuzz_documents(), {"refused": 0, "accepted": 0}
    for i in range(count):
        name = rng.choice(list(KINDS))
        # each mutation has a seed of its own, so that a failure can be repeated alone
        own = random.Random(seed * 1_000_003 + i)
        try:
            if own.random() < 0.5:
                end = outcome(name, KINDS[name].from_json, mutated_text(intact[name], own), own)
            else:
                end = outcome(name, KINDS[name].from_dict, mutated(intact[name], own), own)
        except Exception as error:
            raise AssertionError(f"mutation {i} of seed {seed}: {name}: {error!r}") from error
        seen[end] += 1
    return seen


@pytest.mark.parametrize("name", list(KINDS))
def test_the_intact_documents_are_used_without_a_word(name: str) -> None:
    assert outcome(name, KINDS[name].from_dict, fuzz_documents()[name], random.Random(1)) == "accepted"
    for pack in (PRBM, PMRM2):
        found = pl.margin_model(pack).requirement(
            pl.Account.from_dict(fuzz_account()), pl.Market.from_dict(fuzz_market())
        )
        assert found.initial > 0


def test_damaged_documents_end_in_a_result_or_a_refusal(record_property: Any) -> None:
    seen = sweep(seed=20_260_101, count=4_000)
    assert min(seen.values()) > 200, seen
    record_property("count of damaged documents given to the Python interface", sum(seen.values()))


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_a_hundred_thousand_damaged_documents(record_property: Any) -> None:
    seed = random.SystemRandom().randrange(10**9)
    record_property("seed", seed)
    seen = sweep(seed, count=100_000)
    record_property("count of damaged documents given to the Python interface", sum(seen.values()))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=10), below, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_value_in_any_field(name: str, data: st.DataObject) -> None:
    content = fuzz_documents()[name]
    field = data.draw(st.sampled_from(sorted(content)))
    content[field] = data.draw(json_values)
    outcome(name, KINDS[name].from_dict, content, random.Random(1))


@given(json_values)
@pytest.mark.parametrize("kind", [pl.Account, pl.Market, pl.Rules, pl.Requirement, Case])
def test_any_value_as_a_document(kind: type[Document], content: Any) -> None:
    with pytest.raises(DocumentError):
        kind.from_dict(content)


@given(st.binary(max_size=200))
def test_any_bytes_as_a_file(content: bytes) -> None:
    with pytest.raises(DocumentError):
        pl.Account.from_json(content)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_as_a_price_or_a_size(number: float) -> None:
    market = market_doc()
    market["indices"]["BTC"]["price"] = number
    outcome("market", pl.Market.from_dict, market, random.Random(1))
    account = account_doc()
    account["positions"][0]["quantity"] = number
    outcome("account", pl.Account.from_dict, account, random.Random(1))
