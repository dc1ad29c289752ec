"""Proof of a venue: no equity that counts is negative, their sum is within the reserves, open interest balances.

The equities are a public linear map of the commitments to positions and balances, the same that margin proofs speak
of. Accounts under water are listed apart and never netted against others.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plimsoll.documents import canonical_bytes
from plimsoll.proofs.commitments import Opening, fresh_blinding
from plimsoll.proofs.errors import NotProvableError
from plimsoll.proofs.group import default_group
from plimsoll.proofs.ranges import RangeProof, prove_ranges
from plimsoll.proofs.rows import Row, Rows
from plimsoll.proofs.tree import Node, book_digest, leaf, levels, path, salted
from plimsoll.proofs.venue import Inclusion, Leaf, Neighbour, Root, Solvency, VenueBooks, VenueTerms
from plimsoll.proofs.wire import from_hex, proof_bytes

TOGETHER = 2**13
"""Bits that one proof covers at most: half as many are half the generators for a verifier, and twice the proofs."""

TOTAL_BITS = 64
"""Range of a sum and of what the reserves exceed it by."""

Told = Callable[[str, int, int], None]
Prover = Callable[[Rows, Opening, bytes, Sequence[bytes]], RangeProof]


@dataclass(frozen=True)
class Secret:
    """What the venue keeps of one account: salt, book and blindings; `None` as name is padding."""

    name: str | None
    salt: bytes
    opening: Opening


@dataclass(frozen=True)
class Published:
    """A publication and what the venue keeps of it, leaf by leaf."""

    solvency: Solvency
    secrets: tuple[Secret, ...]

    def inclusion(self, name: str) -> Inclusion:
        """What a customer is given. Raises `NotProvableError` for a stranger and for an account under water."""
        return self.inclusions([name])[0]

    def inclusions(self, names: Sequence[str]) -> list[Inclusion]:
        """What each of these customers is given, over one tree. Raises as `inclusion` does."""
        group, terms, leaves = default_group(), self.solvency.terms, self.solvency.leaves
        places = {s.name: i for i, s in enumerate(self.secrets) if s.name is not None}
        counted = {i: k for k, i in enumerate(i for i, item in enumerate(leaves) if not item.under)}
        tree = levels([_node(leaves[i]) for i in counted])
        found = []
        for name in names:
            if name not in places:
                raise NotProvableError(f"{name} is no account of the publication")
            place = places[name]
            if place not in counted:
                raise NotProvableError(f"{name} is listed apart: its equity is below zero, it is no liability")
            equity = _equity(terms, self.secrets[place].opening)
            found.append(
                Inclusion(
                    venue=terms.venue,
                    epoch=terms.epoch,
                    account=name,
                    salt=self.secrets[place].salt.hex(),
                    book=book_digest([from_hex(v) for v in leaves[place].commitments]).hex(),
                    equity=equity.values[0],
                    blinding=group.scalar_bytes(equity.blindings[0]).hex(),
                    path=tuple(
                        Neighbour(hash=s.node.digest.hex(), total=group.encode(s.node.total).hex(), on_left=s.on_left)
                        for s in path(tree, counted[place])
                    ),
                    root=self.solvency.root,
                )
            )
        return found


def _equity(terms: VenueTerms, opening: Opening) -> Opening:
    """Equity and its blinding: the map on both."""
    order = default_group().order
    value = sum(m * x for m, x in zip(terms.map, opening.values, strict=True))
    blinding = sum(m * g for m, g in zip(terms.map, opening.blindings, strict=True)) % order
    return Opening((value,), (blinding,))


def _node(item: Leaf) -> Node:
    book = book_digest([from_hex(v) for v in item.commitments])
    return leaf(bytes.fromhex(item.id), book, default_group().decode(from_hex(item.equity)))


def opened_books(books: VenueBooks, padding: int = 0) -> list[Secret]:
    """Fresh blindings and salts for every account and for `padding` accounts of nothing, in a random order.

    The blindings of each instrument add up to nothing, so that its commitments do where open interest balances.
    """
    terms, order = books.terms, default_group().order
    names = [i.name for i in terms.instruments]
    found: list[tuple[str | None, list[int]]] = []
    for holder in books.accounts:
        values = [holder.positions.get(n, 0) for n in names]
        values += [holder.balances.get(a.name, 0) for a in terms.assets]
        found.append((holder.name, values))
    found += [(None, [0] * (len(names) + len(terms.assets)))] * padding
    secrets.SystemRandom().shuffle(found)
    blindings = [[fresh_blinding() for _ in values] for _, values in found]
    for j in range(len(names)):
        blindings[-1][j] = -sum(row[j] for row in blindings[:-1]) % order
    return [
        Secret(name, secrets.token_bytes(16), Opening(tuple(values), tuple(row)))
        for (name, values), row in zip(found, blindings, strict=True)
    ]


def prove_solvency(books: VenueBooks, padding: int = 0, told: Told | None = None) -> Published:
    """The publication of a venue's books.

    Raises `NotProvableError` where open interest does not balance, where the sum of equities or of an asset is more
    than the reserves, or a number leaves its range.
    """
    for instrument in books.terms.instruments:
        net = sum(holder.positions.get(instrument.name, 0) for holder in books.accounts)
        if net:
            raise NotProvableError(f"open interest in {instrument.name}: bought and sold differ by {net}")
    if len(books.accounts) + padding < 2:
        raise NotProvableError("accounts: got one, allowed: at least two, or padding")
    return publish(books.terms, opened_books(books, padding), told)


def publish(
    terms: VenueTerms, kept: Sequence[Secret], told: Told | None = None, prove: Prover = prove_ranges
) -> Published:
    """The publication of opened accounts; tests hand in a prover that does not look at whether the rows are met."""
    group = default_group()
    say = told or (lambda _text, _done, _total: None)
    say("commitments", 0, 1)
    leaves, openings = [], []
    n = len(terms.instruments)
    for secret in kept:
        encoded = [group.encode(v) for v in secret.opening.commitments()]
        equity = _equity(terms, secret.opening)
        balances = secret.opening.values[n:]
        identity = salted(secret.salt, secret.name) if secret.name is not None else secrets.token_bytes(32)
        leaves.append(
            Leaf(
                id=identity.hex(),
                equity=group.encode(equity.commitments()[0]).hex(),
                commitments=tuple(v.hex() for v in encoded),
                under=equity.values[0] < 0,
                owed=tuple(a.name for a, b in zip(terms.assets, balances, strict=True) if b < 0),
            )
        )
        openings.append((equity, secret.opening))
    numbers = [Opening((e.values[0], *o.values[n:]), (e.blindings[0], *o.blindings[n:])) for e, o in openings]
    flat = Opening(tuple(v for o in numbers for v in o.values), tuple(b for o in numbers for b in o.blindings))
    chunks = chunks_of(terms, leaves)
    context = context_of(terms, leaves)
    proofs, place = [], 0
    for i, (rows, encoded) in enumerate(chunks):
        say("ranges", i, len(chunks) + 1)
        part = slice(place, place + len(encoded))
        proof = prove(rows, Opening(flat.values[part], flat.blindings[part]), context, encoded)
        proofs.append(proof_bytes(proof).hex())
        place += len(encoded)
    say("totals", len(chunks), len(chunks) + 1)
    total = _totals(terms, leaves, numbers)
    points = total.commitments()
    totals = prove(total_rows(terms), total, context, [group.encode(p) for p in points])
    counted = [_node(item) for item in leaves if not item.under]
    if not counted:
        raise NotProvableError("no account has an equity of at least zero")
    top = levels(counted)[-1][0]
    root = Root(hash=top.digest.hex(), total=group.encode(top.total).hex())
    made = Solvency(
        terms=terms, leaves=tuple(leaves), root=root, ranges=tuple(proofs), totals=proof_bytes(totals).hex()
    )
    return Published(made, tuple(kept))


def context_of(terms: VenueTerms, leaves: Sequence[Leaf]) -> bytes:
    """What every proof of a publication is bound to: the terms and all leaves, canonical JSON."""
    return canonical_bytes(
        {
            "schema": Solvency.SCHEMA,
            "schema_version": Solvency.VERSION,
            "terms": terms.model_dump(mode="json"),
            "leaves": [item.model_dump(mode="json") for item in leaves],
        }
    )


def chunks_of(terms: VenueTerms, leaves: Sequence[Leaf]) -> list[tuple[Rows, list[bytes]]]:
    """Rows and encoded commitments of each proof: the numbers of the leaves in order, with the sign of each."""
    order, n = default_group().order, len(terms.instruments)
    numbers: list[tuple[int, bytes]] = []
    for item in leaves:
        numbers.append((-1 if item.under else 1, from_hex(item.equity)))
        for asset, text in zip(terms.assets, item.commitments[n:], strict=True):
            numbers.append((-1 if asset.name in item.owed else 1, from_hex(text)))
    count = TOGETHER // terms.bits
    found = []
    for start in range(0, len(numbers), count):
        part = numbers[start : start + count]
        rows = tuple(
            Row({j: sign}, 0, terms.bits, f"number {start + j} (an equity or a balance)")
            for j, (sign, _) in enumerate(part)
        )
        found.append((Rows(tuple(f"number {start + j}" for j in range(len(part))), rows, order), [e for _, e in part]))
    return found


def total_rows(terms: VenueTerms) -> Rows:
    """`0 <= sum < 2^64` and `0 <= reserve - sum < 2^64`, for the equities and for each asset."""
    names = ("equity", *(a.name for a in terms.assets))
    reserves = (terms.worth, *(a.reserve for a in terms.assets))
    rows = []
    for j, (name, reserve) in enumerate(zip(names, reserves, strict=True)):
        width = TOTAL_BITS if j else max(TOTAL_BITS, reserve.bit_length())
        rows.append(Row({j: 1}, 0, width, f"sum of {name}"))
        rows.append(Row({j: -1}, reserve, width, f"reserves less the sum of {name}"))
    return Rows(tuple(f"sum of {name}" for name in names), tuple(rows), default_group().order)


def _totals(terms: VenueTerms, leaves: Sequence[Leaf], numbers: Sequence[Opening]) -> Opening:
    """The sums of what counts: equities at least zero, and of each asset the balances that are not owed."""
    order = default_group().order
    values, blindings = [], []
    for j in range(1 + len(terms.assets)):
        counted = [o for o, item in zip(numbers, leaves, strict=True) if counts(terms, item, j)]
        values.append(sum(o.values[j] for o in counted))
        blindings.append(sum(o.blindings[j] for o in counted) % order)
    return Opening(tuple(values), tuple(blindings))


def counts(terms: VenueTerms, item: Leaf, j: int) -> bool:
    """Whether a leaf counts in sum `j`: 0 is that of the equities, then each asset's."""
    return not item.under if j == 0 else terms.assets[j - 1].name not in item.owed
