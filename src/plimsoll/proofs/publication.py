"""What everybody verifies of a publication: all of it, or a customer his own leaf and its path."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from plimsoll.proofs.commitments import commit
from plimsoll.proofs.equations import Equations
from plimsoll.proofs.errors import NotProvableError, ProofRefusedError
from plimsoll.proofs.group import Point, Scalar, default_group
from plimsoll.proofs.rows import Rows
from plimsoll.proofs.solvency import chunks_of, context_of, counts, total_rows
from plimsoll.proofs.tree import Node, Step, book_digest, climb, leaf, levels, salted
from plimsoll.proofs.venue import Inclusion, Root, Solvency, VenueTerms
from plimsoll.proofs.wire import from_hex, read_proof


def verify_solvency(made: Solvency, *, venue: str, epoch: str) -> None:
    """Verify a publication; raises `ProofRefusedError` with the check that failed.

    Equities follow from the books by the public map; each is in its range under the sign it is listed with, as is each
    balance; the sums of what counts are within the reserves; open interest balances in every instrument; the root is
    that of the leaves; no id and no commitment stands there twice.
    """
    terms, group = made.terms, default_group()
    for name, got, expected in (("venue", terms.venue, venue), ("epoch", terms.epoch, epoch)):
        if got != expected:
            raise ProofRefusedError(f"it speaks of another {name}")
    ids = [item.id for item in made.leaves]
    spoken = [text for item in made.leaves for text in item.commitments]
    if len(set(ids)) != len(ids) or len(set(spoken)) != len(spoken):
        raise ProofRefusedError("an account that stands there twice")
    n, width = len(terms.instruments), len(terms.map)
    assets = {a.name for a in terms.assets}
    for item in made.leaves:
        if len(item.commitments) != width:
            raise ProofRefusedError(f"{len(item.commitments)} commitments in a leaf, not {width}")
        if not set(item.owed) <= assets or len(set(item.owed)) != len(item.owed):
            raise ProofRefusedError("a leaf that owes what is no asset")
    try:
        rows = total_rows(terms)
    except NotProvableError as error:
        raise ProofRefusedError(f"its terms are no statement: {error}") from None
    # the form of the proofs of ranges comes before the elements of the leaves: their decoding is what takes long
    equations = Equations()
    context = context_of(terms, made.leaves)
    shares = _add_ranges(made, context, equations)
    equations.begin()
    read = iter(group.decode_each([from_hex(v) for item in made.leaves for v in (*item.commitments, item.equity)]))
    books, equities = [], []
    for _ in made.leaves:
        books.append([next(read) for _ in range(width)])
        equities.append(next(read))
    try:
        for j in range(n):
            if group.total([book[j] for book in books]) != group.identity:
                raise ProofRefusedError(f"open interest in {terms.instruments[j].name} does not balance")
        _check_root(made, equities)
        _add_totals(made, rows, context, books, equities, equations)
        _add_books(terms, books, equities, shares, equations)
        equations.must_hold()
    except ProofRefusedError:
        # everything is added up: a map that does not hold is named before what follows from it
        alone = Equations()
        _add_books(terms, books, equities, [group.scalar(0)] * len(shares), alone)
        if not alone.hold():
            raise ProofRefusedError("an equity that does not follow from its book") from None
        raise


def _check_root(made: Solvency, equities: Sequence[Point]) -> None:
    group = default_group()
    counted = [
        leaf(bytes.fromhex(item.id), book_digest([from_hex(v) for v in item.commitments]), equity)
        for item, equity in zip(made.leaves, equities, strict=True)
        if not item.under
    ]
    if not counted:
        raise ProofRefusedError("no account that counts")
    top = levels(counted)[-1][0]
    if (top.digest.hex(), group.encode(top.total).hex()) != (made.root.hash, made.root.total):
        raise ProofRefusedError("the root is not that of the leaves")


def _add_ranges(made: Solvency, context: bytes, equations: Equations) -> list[Scalar]:
    """Add the proofs of ranges; what multiplies each number of the leaves in order."""
    chunks = chunks_of(made.terms, made.leaves)
    if len(chunks) != len(made.ranges):
        raise ProofRefusedError(f"{len(made.ranges)} proofs of ranges, not {len(chunks)}")
    shares: list[Scalar] = []
    for (rows, encoded), text in zip(chunks, made.ranges, strict=True):
        shares += equations.add(rows, encoded, context, read_proof(from_hex(text), rows))
    return shares


def _add_totals(
    made: Solvency,
    rows: Rows,
    context: bytes,
    books: Sequence[Sequence[Point]],
    equities: Sequence[Point],
    equations: Equations,
) -> None:
    """Add the proof that the sums of what counts are within the reserves."""
    terms, group, n = made.terms, default_group(), len(made.terms.instruments)
    sums = []
    for j in range(1 + len(terms.assets)):
        every = zip(made.leaves, books, equities, strict=True)
        counted = [equity if j == 0 else book[n + j - 1] for item, book, equity in every if counts(terms, item, j)]
        sums.append(group.total(counted))
    proof = read_proof(from_hex(made.totals), rows)
    equations.also(sums, equations.add(rows, [group.encode(p) for p in sums], context, proof))


def _add_books(
    terms: VenueTerms,
    books: Sequence[Sequence[Point]],
    equities: Sequence[Point],
    shares: Sequence[Scalar],
    equations: Equations,
) -> None:
    """Add `shares` of the numbers, and `E_i = sum_j map_j V_ij` of each account with a weight of 128 random bits."""
    group, n, place = default_group(), len(terms.instruments), 0
    for book, equity in zip(books, equities, strict=True):
        weight = 1 + secrets.randbelow(2**128 - 1)
        numbers = 1 + len(book) - n
        own = shares[place : place + numbers]
        place += numbers
        mapped = [group.scalar(weight * m) for m in terms.map]
        equations.also([equity], [own[0] - group.scalar(weight)])
        equations.also(book, [*mapped[:n], *(m + s for m, s in zip(mapped[n:], own[1:], strict=True))])


def verify_inclusion(given: Inclusion, root: Root, *, venue: str, epoch: str, account: str, equity: int) -> None:
    """What a customer checks alone, against the root that is published for all.

    `account` and `equity` are his own name and what he knows to be his equity, units of the currency. Raises
    `ProofRefusedError` with the check that failed.
    """
    group = default_group()
    for name, got, expected in (
        ("venue", given.venue, venue),
        ("epoch", given.epoch, epoch),
        ("account", given.account, account),
        ("equity", given.equity, equity),
    ):
        if got != expected:
            raise ProofRefusedError(f"it speaks of another {name}")
    total = commit(given.equity, group.read_scalar(from_hex(given.blinding)))
    start = leaf(salted(bytes.fromhex(given.salt), account), bytes.fromhex(given.book), total)
    steps = [Step(Node(bytes.fromhex(s.hash), group.decode(from_hex(s.total))), s.on_left) for s in given.path]
    top = climb(start, steps)
    if (top.digest.hex(), group.encode(top.total).hex()) != (root.hash, root.total):
        raise ProofRefusedError("its path does not lead to the published root")
