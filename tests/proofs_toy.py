"""Small statements for the proofs: four instruments, eight scenarios, ranges of eight bits, units of one."""

from __future__ import annotations

import random
from fractions import Fraction

from plimsoll.certify import Node, Worst
from plimsoll.proofs import MarginProof, MarginStatement, Opening, Pledged, Requirement, prove_margin

HASH = "sha256:" + "0" * 64
NAMES = ("W", "X", "Y", "Z")


def requirement(node: Node, names: tuple[str, ...] = NAMES, **changes: object) -> Requirement:
    """A requirement of a node over instruments that are worth nothing themselves; USD counts in full."""
    fields = {
        "instruments": names,
        "currency": "USD",
        "array_decimals": 0,
        "node": node,
        "standing": "exact",
        "why": "a toy",
        "worth": (Fraction(0),) * len(names),
        "prices": {"USD": (Fraction(1), Fraction(1))},
        "rules_label": "toy@2026-01-01",
        "rules": HASH,
        "market": HASH,
    }
    return Requirement(**{**fields, **changes})  # type: ignore[arg-type]


def worst(rows: list[list[int]], constant: list[int] | None = None) -> Worst:
    """Rows that are linear in the net positions."""
    return Worst(
        kind="worst",
        items=tuple(range(len(rows[0]))),
        long=tuple(map(tuple, rows)),
        short=tuple(tuple(-x for x in row) for row in rows),
        constant=tuple(constant or [0] * len(rows)),
    )


def array(rng: random.Random, scenarios: int = 8, size: int = 3) -> Worst:
    """Eight scenarios of four instruments, losses of a contract from -3 to 3."""
    return worst([[rng.randint(-size, size) for _ in NAMES] for _ in range(scenarios)])


def statement(of: Requirement, bits: int = 8, **changes: object) -> MarginStatement:
    """A statement of it with ranges of `bits` bits."""
    fields = {
        "venue": "toy",
        "account": "a",
        "epoch": "1",
        "collateral": (Pledged(asset="USD", decimals=0, bits=bits),),
        "quantity_decimals": 0,
        "quantity_bits": bits,
        "money_bits": bits,
        "nonce": "00" * 16,
    }
    return MarginStatement.of(of, **{**fields, **changes})  # type: ignore[arg-type]


def needed(of: MarginStatement, quantities: list[int]) -> int:
    """The requirement of positions, by hand: the largest row."""
    node = of.requirement.node
    assert isinstance(node, Worst)
    return max(
        sum(a * q for a, q in zip(row, quantities, strict=True)) + c
        for row, c in zip(node.long, node.constant, strict=True)
    )


def honest(rng: random.Random, extra: int | None = None) -> tuple[MarginStatement, Opening, MarginProof]:
    """A random statement, a book whose collateral is `extra` above the requirement, and its proof."""
    made = statement(requirement(array(rng)))
    quantities = [rng.randint(-5, 5) for _ in NAMES]
    least = needed(made, quantities)
    collateral = max(0, least) + (rng.randint(0, 60) if extra is None else extra)
    opening = Opening.of([*quantities, collateral])
    return made, opening, prove_margin(made, opening)
