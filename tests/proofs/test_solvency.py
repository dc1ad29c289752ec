"""A venue of a few accounts: honest publications, and every way to publish less than is owed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from plimsoll.documents import DocumentError
from plimsoll.proofs import NotProvableError, ProofRefusedError
from plimsoll.proofs.commitments import commit
from plimsoll.proofs.group import default_group
from plimsoll.proofs.publication import verify_inclusion, verify_solvency
from plimsoll.proofs.solvency import Published, prove_solvency
from plimsoll.proofs.tree import Node, climb, joined, leaf, levels, path
from plimsoll.proofs.venue import Inclusion, Solvency
from proofs_venue import LIES, books, lie, three

ASKED = {"venue": "toy", "epoch": "1"}


def refused(made: Solvency) -> str:
    with pytest.raises(ProofRefusedError) as error:
        verify_solvency(made, **ASKED)
    return error.value.reason


@pytest.fixture(scope="module")
def published() -> Published:
    return prove_solvency(three(), padding=1)


def test_an_honest_venue_is_accepted_and_each_customer_finds_himself(published: Published) -> None:
    verify_solvency(published.solvency, **ASKED)
    assert len(published.solvency.leaves) == 4
    for name, equity in (("ann", 102), ("bob", 988), ("eve", 20)):
        given = published.inclusion(name)
        assert given.equity == equity
        again = Inclusion.from_json(given.to_json())
        verify_inclusion(again, published.solvency.root, **ASKED, account=name, equity=equity)
    with pytest.raises(NotProvableError, match="no account"):
        published.inclusion("mallory")


def test_a_customer_notices_every_change(published: Published) -> None:
    root, given = published.solvency.root, published.inclusion("ann")
    ask = {**ASKED, "account": "ann", "equity": 102}
    other = published.inclusion("bob")
    step = given.path[0]
    wrong = [
        given.model_copy(update={"equity": 101}),
        given.model_copy(update={"blinding": other.blinding}),
        given.model_copy(update={"salt": other.salt}),
        given.model_copy(update={"book": other.book}),
        given.model_copy(update={"path": given.path[:-1]}),
        given.model_copy(update={"path": given.path[::-1]}),
        given.model_copy(update={"path": (step.model_copy(update={"on_left": not step.on_left}), *given.path[1:])}),
        given.model_copy(update={"epoch": "2"}),
    ]
    for bad in wrong:
        with pytest.raises(ProofRefusedError):
            verify_inclusion(bad, root, **ask)
    # one leaf shown to two customers: its id is hashed from one name
    with pytest.raises(ProofRefusedError, match="path"):
        verify_inclusion(given.model_copy(update={"account": "bob"}), root, **{**ask, "account": "bob"})
    with pytest.raises(ProofRefusedError, match="another equity"):
        verify_inclusion(given, root, **{**ask, "equity": 103})
    with pytest.raises(ProofRefusedError, match="path"):
        verify_inclusion(given, root.model_copy(update={"hash": "00" * 32}), **ask)


def test_accounts_under_water_are_listed_apart_and_never_netted() -> None:
    accounts = [
        {"name": "rich", "positions": {"PERP": 10}, "balances": {"USD": 70}},
        {"name": "broke", "positions": {"PERP": -10}, "balances": {"USD": 10}},
        {"name": "debtor", "balances": {"USD": -5}},
    ]
    # 100 is owed to one; that two others owe 25 lowers nothing
    made = prove_solvency(books(accounts, reserve=100))
    verify_solvency(made.solvency, **ASKED)
    shown = {s.name: item for s, item in zip(made.secrets, made.solvency.leaves, strict=True)}
    assert [shown[n].under for n in ("rich", "broke", "debtor")] == [False, True, True]
    assert shown["debtor"].owed == ("USD",)
    with pytest.raises(NotProvableError, match="listed apart"):
        made.inclusion("broke")
    with pytest.raises(NotProvableError, match="reserves less the sum of equity"):
        prove_solvency(books(accounts, reserve=99))


def test_what_is_not_so_is_not_proved() -> None:
    odd = three().model_copy(update={"accounts": three().accounts[:2]})
    with pytest.raises(NotProvableError, match="open interest in OPT: bought and sold differ by -2"):
        prove_solvency(odd)
    with pytest.raises(NotProvableError, match="number"):
        prove_solvency(books([{"name": "a", "balances": {"USD": 4096}}, {"name": "b"}], reserve=9999))
    with pytest.raises(NotProvableError, match="at least two"):
        prove_solvency(books([{"name": "a", "balances": {"USD": 4}}]))
    with pytest.raises(DocumentError, match="an instrument of the terms"):
        books([{"name": "a", "positions": {"X": 1}}])
    with pytest.raises(DocumentError, match="each account once"):
        books([{"name": "a"}, {"name": "a"}])


@pytest.mark.parametrize("name", ["an account left out", "one unit short of the reserves", "a debt that is hidden"])
def test_lies_about_the_books_are_refused(name: str) -> None:
    told, reason = LIES[name]
    assert reason in refused(told())


@pytest.mark.slow
@pytest.mark.parametrize("name", LIES)
def test_every_lie_about_the_books_is_refused(name: str) -> None:
    told, reason = LIES[name]
    assert reason in refused(told())


@pytest.mark.slow
def test_what_is_no_lie_is_accepted() -> None:
    verify_solvency(lie(lambda kept: kept, reserve=1110), **ASKED)


def test_changed_publications_are_refused(published: Published) -> None:
    made, group = published.solvency, default_group()
    first, second = made.leaves[:2]
    stranger = group.encode(commit(5, 6)).hex()
    wrong: list[tuple[str, Solvency]] = [
        ("equity", _leaf(made, first.model_copy(update={"equity": stranger}))),
        ("equity", _leaf(made, first.model_copy(update={"commitments": (*first.commitments[:2], stranger)}))),
        ("commitments", _leaf(made, first.model_copy(update={"commitments": first.commitments[:2]}))),
        ("root", _leaf(made, first.model_copy(update={"id": "11" * 32}))),
        ("twice", _leaf(made, first.model_copy(update={"id": second.id}))),
        ("no asset", _leaf(made, first.model_copy(update={"owed": ("BTC",)}))),
        ("root", made.model_copy(update={"root": made.root.model_copy(update={"total": stranger})})),
        ("proofs of ranges", made.model_copy(update={"ranges": ()})),
        ("proofs of ranges", made.model_copy(update={"ranges": (*made.ranges, made.ranges[0])})),
        ("equations", made.model_copy(update={"leaves": made.leaves[::-1], "root": _root(made.leaves[::-1])})),
        ("bytes", made.model_copy(update={"totals": made.totals[:-2]})),
    ]
    for word, change in (
        ("another", {"epoch": "2"}),
        ("another", {"venue": "other"}),
        ("equations", {"nonce": "11" * 16}),
        ("equations", {"currency": "EUR"}),
    ):
        wrong += [(word, made.model_copy(update={"terms": made.terms.model_copy(update=change)}))]
    richer = made.terms.assets[0].model_copy(update={"reserve": 2001})
    terms = made.terms.model_copy(update={"assets": (richer,)})
    wrong.append(("equations", made.model_copy(update={"terms": terms})))
    for word, bad in wrong:
        assert word in refused(bad)


def _leaf(made: Solvency, changed: Any) -> Solvency:
    return made.model_copy(update={"leaves": (changed, *made.leaves[1:])})


def _root(leaves: Any) -> Any:
    from plimsoll.proofs.solvency import _node
    from plimsoll.proofs.venue import Root

    top = levels([_node(item) for item in leaves])[-1][0]
    return Root(hash=top.digest.hex(), total=default_group().encode(top.total).hex())


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_proofs_that_part_a_leaf_are_paired_with_its_numbers(monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Three numbers to a leaf, five to a proof, and every multiplication cut among threads."""
    group = default_group()
    monkeypatch.setattr("plimsoll.proofs.solvency.TOGETHER", 64)
    monkeypatch.setattr("plimsoll.proofs.arkworks.PARALLEL", 8)
    monkeypatch.setattr("plimsoll.proofs.blst.CHUNK", 4)
    monkeypatch.setattr(group, "threads", threads)
    assets = [{"name": n, "decimals": 0, "value": v, "reserve": 3000} for n, v in (("USD", 1), ("BTC", 2))]
    toy = three()
    terms = {**toy.terms.model_dump(mode="json"), "assets": assets, "instruments": [{"name": "PERP", "mark": 3}]}
    accounts = [
        {"name": "a", "positions": {"PERP": 4}, "balances": {"USD": 100, "BTC": 3}},
        {"name": "b", "positions": {"PERP": -4}, "balances": {"USD": 90, "BTC": -3}},
        {"name": "c", "balances": {"BTC": 50}},
        {"name": "d", "balances": {"USD": -9}},
    ]
    head = {"schema": toy.SCHEMA, "schema_version": toy.VERSION}
    made = prove_solvency(type(toy).from_dict({**head, "terms": terms, "accounts": accounts}), padding=1).solvency
    verify_solvency(made, **ASKED)
    assert len(made.ranges) == 3
    stranger = group.encode(commit(5, 6)).hex()
    for i, item in enumerate(made.leaves):
        others = (*made.leaves[:i], item.model_copy(update={"equity": stranger}), *made.leaves[i + 1 :])
        assert "equity" in refused(made.model_copy(update={"leaves": others}))
    for i, text in enumerate(made.ranges):
        changed = text[:-1] + ("1" if text[-1] == "0" else "0")
        assert "equations" in refused(
            made.model_copy(update={"ranges": (*made.ranges[:i], changed, *made.ranges[i + 1 :])})
        )
    assert "equations" in refused(made.model_copy(update={"ranges": (*made.ranges[1::-1], *made.ranges[2:])}))
    last = made.totals[:-1] + ("1" if made.totals[-1] == "0" else "0")
    assert "equations" in refused(made.model_copy(update={"totals": last}))


def test_terms_that_are_no_statement_are_refused(published: Published) -> None:
    """More assets than rows of sums can cover: a refusal, whatever the map says."""
    made = published.solvency
    asset = made.terms.assets[0]
    many = tuple(asset.model_copy(update={"name": f"A{i}"}) for i in range(600))
    width = len(made.terms.instruments) + len(many)
    leaves = tuple(
        item.model_copy(update={"commitments": tuple(f"{i:02x}{j:094x}" for j in range(width)), "owed": ()})
        for i, item in enumerate(made.leaves)
    )
    terms = made.terms.model_copy(update={"assets": many})
    assert "no statement" in refused(made.model_copy(update={"terms": terms, "leaves": leaves}))


def test_bits_of_a_publication_cannot_be_flipped(published: Published) -> None:
    rng = random.Random(4)
    made = published.solvency
    for _ in range(40):
        text = rng.choice([made.ranges[0], made.totals])
        data = bytearray(bytes.fromhex(text))
        bit = rng.randrange(8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        field = {"ranges": (data.hex(),)} if text == made.ranges[0] else {"totals": data.hex()}
        refused(made.model_copy(update=field))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_every_leaf_climbs_to_the_root(count: int) -> None:
    points = [commit(i, i + 1) for i in range(count)]
    nodes = [leaf(bytes([i]) * 32, bytes(32), p) for i, p in enumerate(points)]
    tree = levels(nodes)
    top = tree[-1][0]
    assert len(tree[-1]) == 1
    assert top.total == default_group().combine(points, [default_group().scalar(1)] * count)
    for i, node in enumerate(nodes):
        assert climb(node, path(tree, i)) == top
    if count == 3:
        assert top == joined(joined(nodes[0], nodes[1]), nodes[2])
        with pytest.raises(ProofRefusedError, match="64"):
            climb(Node(b"", points[0]), path(tree, 0) * 40)
