"""A Merkle tree whose nodes commit to sums: what a customer checks alone, with his own leaf and one path.

`leaf = H(0 | id | book | E)`, `node = H(1 | left hash | left E | right hash | right E)` with `E = left E + right E`;
H is SHA-256, elements are encoded. A leaf's `id` is salted, so leaves do not tell who is there; `book` is the hash of
the account's commitments. An odd level ends in a node that is moved up as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from plimsoll.proofs.errors import ProofRefusedError
from plimsoll.proofs.group import Point, default_group


@dataclass(frozen=True)
class Node:
    """A hash and the sum below it."""

    digest: bytes
    total: Point


@dataclass(frozen=True)
class Step:
    """One neighbour on the way up: its hash and sum, and whether it stands on the left."""

    node: Node
    on_left: bool


def salted(salt: bytes, name: str) -> bytes:
    """The id of a leaf: `H(2 | salt | name)`, with a salt of 16 bytes that the customer is given."""
    return hashlib.sha256(b"\x02" + salt + name.encode()).digest()


def book_digest(commitments: Sequence[bytes]) -> bytes:
    """`H(3 | V_1 | V_2 | ...)`."""
    return hashlib.sha256(b"\x03" + b"".join(commitments)).digest()


def leaf(identity: bytes, book: bytes, total: Point) -> Node:
    """A leaf."""
    return Node(hashlib.sha256(b"\x00" + identity + book + default_group().encode(total)).digest(), total)


def joined(left: Node, right: Node) -> Node:
    """The node above two."""
    group = default_group()
    inside = left.digest + group.encode(left.total) + right.digest + group.encode(right.total)
    return Node(hashlib.sha256(b"\x01" + inside).digest(), group.add(left.total, right.total))


def levels(leaves: Sequence[Node]) -> list[list[Node]]:
    """The tree from its leaves to its root. Raises `ValueError` without a leaf."""
    if not leaves:
        raise ValueError("leaves: got none, allowed: at least one")
    found = [list(leaves)]
    while len(found[-1]) > 1:
        below = found[-1]
        above = [joined(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)]
        found.append(above + below[len(above) * 2 :])
    return found


def path(tree: list[list[Node]], place: int) -> list[Step]:
    """The neighbours from leaf `place` to the root."""
    steps = []
    for level in tree[:-1]:
        other = place ^ 1
        if other < len(level):
            steps.append(Step(level[other], other < place))
        place //= 2
    return steps


def climb(start: Node, steps: Sequence[Step]) -> Node:
    """The root that a leaf and its path come to. Raises `ProofRefusedError` for a path longer than any tree."""
    if len(steps) > 64:
        raise ProofRefusedError("a path of more than 64 steps")
    node = start
    for step in steps:
        node = joined(step.node, node) if step.on_left else joined(node, step.node)
    return node
