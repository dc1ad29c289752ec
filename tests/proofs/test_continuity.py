"""Fills move commitments: a later proof speaks of the moved book, and sums over accounts stay."""

from __future__ import annotations

import random

import pytest

from plimsoll.documents import DocumentError
from plimsoll.proofs import CommittedBook, Opening, ProofRefusedError, prove_margin, verify_margin
from plimsoll.proofs.continuity import FillLog, PrivateFill, follow, moved_opening
from plimsoll.proofs.group import default_group
from plimsoll.proofs.wire import from_hex
from proofs_toy import array, requirement, statement, worst


def test_a_proof_after_fills_speaks_of_the_moved_book() -> None:
    of = requirement(array(random.Random(8), size=2))
    openings = {"a": Opening.of([1, -2, 0, 0, 90]), "b": Opening.of([-1, 2, 3, 0, 80])}
    before = {}
    proofs = {}
    for name, opening in openings.items():
        made = statement(of, account=name)
        proofs[name] = prove_margin(made, opening)
        before[name] = CommittedBook.of(proofs[name])
    fills = [
        PrivateFill.of(7, "a", "b", "X", 3, "USD", 2),
        PrivateFill.of(8, "b", "a", "Z", 1, "USD", 0),
    ]
    log = FillLog(venue="toy", before="1", after="2", first=7, fills=tuple(f.fill for f in fills))
    after = follow(before, log)
    for name, opening in openings.items():
        moved = moved_opening(opening, before[name], fills)
        assert moved.values == ((1, 1, 0, -1, 84) if name == "a" else (-1, -1, 3, 1, 86))
        later = statement(of, account=name, epoch="2")
        proof = prove_margin(later, moved)
        expected = {"venue": "toy", "account": name, "epoch": "2"}
        assert after[name] == CommittedBook.of(proof)
        verify_margin(proof, of, **expected, book=after[name])
        # the book of before, under the new epoch: a true proof, of the wrong book
        stale = prove_margin(later, opening)
        with pytest.raises(ProofRefusedError, match="not those of the book"):
            verify_margin(stale, of, **expected, book=after[name])
        with pytest.raises(ProofRefusedError, match="another epoch"):
            verify_margin(proofs[name], of, **expected, book=after[name])
    group = default_group()
    for j in range(5):
        sums = [
            group.add(*(group.decode(from_hex(some[name].commitments[j])) for name in ("a", "b")))
            for some in (before, after)
        ]
        assert sums[0] == sums[1]


def test_logs_and_books_that_do_not_fit_are_refused() -> None:
    of = requirement(array(random.Random(8)))
    book = CommittedBook.of(prove_margin(statement(of), Opening.of([0, 0, 0, 0, 9])))
    both = {"a": book, "b": book.model_copy(update={"account": "b"})}
    fill = PrivateFill.of(1, "a", "b", "X", 3, "USD", 2).fill
    log = FillLog(venue="toy", before="1", after="2", first=1, fills=(fill,))
    with pytest.raises(ProofRefusedError, match="b is no account"):
        follow({"a": book}, log)
    with pytest.raises(ProofRefusedError, match="another venue or epoch"):
        follow({"a": book}, log.model_copy(update={"before": "0"}))
    with pytest.raises(ProofRefusedError, match="does not list"):
        follow(both, log.model_copy(update={"fills": (fill.model_copy(update={"asset": "BTC"}),)}))
    with pytest.raises(ProofRefusedError, match="the book of b is that of a"):
        follow({"a": book, "b": book}, log)
    # one commitment would be two amounts
    for name, value in (("quantity_decimals", 1), ("asset_decimals", (2,))):
        finer = both["b"].model_copy(update={name: value})
        with pytest.raises(ProofRefusedError, match="in other units"):
            follow({"a": book, "b": finer}, log)
    whole = book.to_dict()
    for field, value in (("commitments", whole["commitments"][1:]), ("asset_decimals", []), ("instruments", ["W"] * 4)):
        with pytest.raises(DocumentError, match=field):
            CommittedBook.from_dict({**whole, field: value})
    content = log.to_dict()
    with pytest.raises(DocumentError, match="the next number"):
        FillLog.from_dict({**content, "first": 2})
    with pytest.raises(DocumentError, match="another account than the buyer"):
        FillLog.from_dict({**content, "fills": [{**content["fills"][0], "seller": "a"}]})


def test_the_commitments_of_a_book_under_other_names_are_another_book() -> None:
    """Every loss of W is one of X and back: who exchanges the names shows the true commitments of another book."""
    rows = [[3, 0, 0, 0], [-3, 1, 0, 0]]
    swapped = requirement(worst([[b, a, *rest] for a, b, *rest in rows]), ("X", "W", "Y", "Z"))
    opening = Opening.of([-4, 0, 0, 0, 12])
    book = CommittedBook.of(prove_margin(statement(requirement(worst(rows))), opening))
    proof = prove_margin(statement(swapped), opening)
    assert proof.book == book.commitments
    asked = {"venue": "toy", "account": "a", "epoch": "1"}
    verify_margin(proof, swapped, **asked, book=None)
    with pytest.raises(ProofRefusedError, match="another instruments"):
        verify_margin(proof, swapped, **asked, book=book)
    # the same in units of another size
    verify_margin(proof, swapped, **asked, book=CommittedBook.of(proof))
    for name, value in (("quantity_decimals", 1), ("asset_decimals", (2,)), ("assets", ("USDC",)), ("epoch", "2")):
        with pytest.raises(ProofRefusedError, match=name):
            verify_margin(proof, swapped, **asked, book=CommittedBook.of(proof).model_copy(update={name: value}))
