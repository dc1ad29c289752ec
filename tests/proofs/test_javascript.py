"""The verifier in JavaScript, written from the format alone, says of every proof what the one in Python says."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from plimsoll.proofs import MarginProof, ProofRefusedError, new_key, public_key, sign
from plimsoll.proofs.book import CommittedBook, RowsDocument
from plimsoll.proofs.generators import generators_file
from plimsoll.proofs.publication import verify_solvency
from plimsoll.proofs.rows import Rows
from plimsoll.proofs.solvency import Published, prove_solvency
from plimsoll.proofs.venue import Root
from proofs_forgers import KINDS, PROVED, Kind, accepted, changed, flipped
from proofs_toy import honest
from proofs_venue import LIES, three

ROOT = Path(__file__).resolve().parent.parent.parent
ASKED = {"venue": "toy", "epoch": "1"}

pytestmark = pytest.mark.slow


class Verifier:
    """A process that answers each line with `yes`, or with `no` and why."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.questions: IO[str] = process.stdin
        self.answers: IO[str] = process.stdout

    def __call__(self, kind: str, **given: Any) -> str:
        return self.line(json.dumps({"kind": kind, **given}, ensure_ascii=False))

    def line(self, text: str) -> str:
        self.questions.write(text + "\n")
        self.questions.flush()
        return self.answers.readline().strip()


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifier]:
    """One process for all questions."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js with npm is not installed")
    subprocess.run([sys.executable, str(ROOT / "tools" / "build_verifier.py")], check=True, capture_output=True)
    file = tmp_path_factory.mktemp("generators") / "generators.bin"
    file.write_bytes(generators_file(1024))
    command = [node, str(ROOT / "verifier" / "build" / "cases.mjs"), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        verifier = Verifier(process)
        yield verifier
        verifier.questions.close()
        assert process.wait(30) == 0


def margin(ask: Verifier, proof: MarginProof, rows: Rows, **expected: str) -> str:
    told = {"venue": "toy", "account": "a", "epoch": "1", **expected}
    return ask("margin", proof=proof.to_dict(), rows=RowsDocument.of(rows).to_dict(), expected=told)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_both_refuse_every_forgery(ask: Verifier, kind: Kind) -> None:
    refused_by_both(ask, kind, 3 if kind.__name__ in PROVED else 10, 1_000 + KINDS.index(kind))


def refused_by_both(ask: Verifier, kind: Kind, wanted: int, seed: int) -> int:
    rng, count = random.Random(seed), 0
    while count < wanted:
        for proof, of in kind(rng):
            terms = of.terms
            expected = {"venue": terms.venue, "account": terms.account, "epoch": terms.epoch}
            assert not accepted(proof, of, **expected)
            answer = margin(ask, proof, of.written.rows, **expected)
            assert answer.startswith("no "), f"{kind.__name__} was accepted"
            count += 1
    return count


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_both_say_the_same_of_a_thousand_forgeries_and_two_hundred_honest_proofs(ask: Verifier) -> None:
    """The counts of `test_soundness`, through the other verifier too: it takes some minutes."""
    counts = [refused_by_both(ask, kind, 24 if kind.__name__ in PROVED else 145, KINDS.index(kind)) for kind in KINDS]
    assert sum(counts) >= 1000, counts
    accepted_by_both(ask, random.Random(6), 200)


def test_both_accept_what_is_honest(ask: Verifier) -> None:
    accepted_by_both(ask, random.Random(7), 9)


def accepted_by_both(ask: Verifier, rng: random.Random, count: int) -> None:
    for i in range(count):
        made, opening, proof = honest(rng, (0, None, 7)[i % 3])
        assert accepted(proof, made), opening.values
        assert margin(ask, proof, made.written.rows) == "yes", opening.values


def test_a_book_binds(ask: Verifier) -> None:
    made, _, proof = honest(random.Random(8))
    given = {"proof": proof.to_dict(), "rows": RowsDocument.of(made.written.rows).to_dict()}
    expected = {"venue": "toy", "account": "a", "epoch": "1"}
    book = CommittedBook.of(proof).to_dict()
    assert ask("margin", **given, expected=expected, book=book) == "yes"
    other = {**book, "commitments": [*proof.book[1:], proof.book[0]]}
    assert ask("margin", **given, expected=expected, book=other) == "no its commitments are not those of the book"
    for name, value in (
        ("account", "b"),
        ("instruments", [*book["instruments"][1:], book["instruments"][0]]),
        ("quantity_decimals", 1),
        ("assets", ["USDC"]),
        ("asset_decimals", [2]),
    ):
        answer = ask("margin", **given, expected=expected, book={**book, name: value})
        assert answer == f"no the book has another {name}"


@pytest.fixture(scope="module")
def published() -> Published:
    return prove_solvency(three(), padding=1)


def test_a_publication_and_who_is_in_it(ask: Verifier, published: Published) -> None:
    made = published.solvency
    assert ask("solvency", solvency=made.to_dict(), expected=ASKED) == "yes"
    key = new_key()
    signature = sign(made, "solvency", key).to_dict()
    told = {"role": "solvency", "signature": signature, "key": public_key(key)}
    assert ask("signature", document=made.to_dict(), **told) == "yes"
    assert ask("signature", document={**made.to_dict(), "totals": "00"}, **told).startswith("no ")
    path = published.inclusion("ann").to_dict()
    expected: dict[str, Any] = {**ASKED, "account": "ann", "equity": 102}
    assert ask("inclusion", inclusion=path, root=made.root.model_dump(), expected=expected) == "yes"
    for name, value in (("account", "bob"), ("equity", 103), ("epoch", "2")):
        changed = {**expected, name: value}
        assert ask("inclusion", inclusion=path, root=made.root.model_dump(), expected=changed).startswith("no ")
    other = Root(hash="11" * 32, total=made.root.total)
    assert ask("inclusion", inclusion=path, root=other.model_dump(), expected=expected).startswith("no ")


def test_changed_publications(ask: Verifier, published: Published) -> None:
    """Whatever one verifier refuses, the other does: a leaf gone or doubled, signs, marks, reserves, the root, bits."""
    whole = published.solvency.to_dict()

    def with_terms(**terms: Any) -> dict[str, Any]:
        return {**whole, "terms": {**whole["terms"], **terms}}

    asset = whole["terms"]["assets"][0]
    leaves = whole["leaves"]
    under = [{**leaves[0], "under": not leaves[0]["under"]}, *leaves[1:]]
    bit = bytearray.fromhex(whole["totals"])
    bit[60] ^= 4
    cases = [
        {**whole, "leaves": leaves[1:]},
        {**whole, "leaves": [*leaves, leaves[0]]},
        {**whole, "leaves": under},
        {**whole, "leaves": list(reversed(leaves))},
        {**whole, "root": {**whole["root"], "hash": "11" * 32}},
        {**whole, "totals": bit.hex()},
        {**whole, "ranges": []},
        {**whole, "ranges": [*whole["ranges"], whole["totals"]]},
        with_terms(assets=[{**asset, "reserve": asset["reserve"] + 1}]),
        with_terms(instruments=[{**whole["terms"]["instruments"][0], "mark": 4}, whole["terms"]["instruments"][1]]),
        with_terms(nonce="11" * 16),
        with_terms(bits=13),
        with_terms(epoch="2"),
    ]
    for i, case in enumerate(cases):
        with pytest.raises(ProofRefusedError):
            verify_solvency(type(published.solvency).from_dict(case), venue="toy", epoch="1")
        assert ask("solvency", solvency=case, expected=ASKED).startswith("no "), i


@pytest.mark.parametrize("name", LIES)
def test_both_refuse_what_a_venue_without_checks_of_its_own_publishes(ask: Verifier, name: str) -> None:
    made = LIES[name][0]()
    with pytest.raises(ProofRefusedError):
        verify_solvency(made, venue="toy", epoch="1")
    assert ask("solvency", solvency=made.to_dict(), expected=ASKED).startswith("no ")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_no_single_bit_passes_the_other_verifier(ask: Verifier) -> None:
    """The proof of which `test_soundness` flips each bit, here too."""
    made, _, proof = honest(random.Random(77))
    assert margin(ask, proof, made.written.rows) == "yes"
    data = bytes.fromhex(proof.proof)
    for bit in range(8 * len(data)):
        assert margin(ask, changed(proof, flipped(data, bit)), made.written.rows).startswith("no "), f"bit {bit}"


TWO_WAYS = (
    '{"a":1,"a":2}', '{"a":1.5}', '{"a":1e3}', '{"a":-0}', '{"a":01}', "[" * 100 + "]" * 100, '{"a":1} x', '"\t"',
    '{"a":"\\ud800"}',
)  # fmt: skip


@pytest.mark.parametrize("text", TWO_WAYS)
def test_text_that_two_readers_might_read_in_two_ways_is_refused(ask: Verifier, text: str) -> None:
    made, _, proof = honest(random.Random(9))
    rows = RowsDocument.of(made.written.rows).to_dict()
    expected = {"venue": "toy", "account": "a", "epoch": "1"}
    line = json.dumps({"kind": "margin", "rows": rows, "proof": proof.to_dict(), "expected": expected})
    assert ask.line(line) == "yes"
    assert ask.line(line[:-1] + f', "book": {text}' + "}").startswith("no ")
