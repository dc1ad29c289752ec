"""The books of a venue of a few accounts, and what a venue that lies publishes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import plimsoll.proofs.solvency as module
from plimsoll.proofs import Opening
from plimsoll.proofs.ranges import RangeProof, _prove
from plimsoll.proofs.rows import Rows
from plimsoll.proofs.solvency import Secret, opened_books, publish
from plimsoll.proofs.venue import Solvency, VenueBooks


def books(accounts: list[dict[str, Any]], reserve: int = 2000, bits: int = 12) -> VenueBooks:
    """PERP is marked at 3 units of money, OPT at 5; one asset, USD, of one unit."""
    terms = {
        "venue": "toy",
        "epoch": "1",
        "nonce": "00" * 16,
        "currency": "USD",
        "decimals": 0,
        "quantity_decimals": 0,
        "instruments": [{"name": "PERP", "mark": 3}, {"name": "OPT", "mark": 5}],
        "assets": [{"name": "USD", "decimals": 0, "value": 1, "reserve": reserve}],
        "bits": bits,
    }
    content = {"schema": "plimsoll.venue-books", "schema_version": 1, "terms": terms, "accounts": accounts}
    return VenueBooks.from_dict(content)


def three() -> VenueBooks:
    """Equities of 100 + 12 - 10 = 102, 1,000 - 12 = 988 and 10 + 10 = 20: 1,110 of 1,110 in balances."""
    return books(
        [
            {"name": "ann", "positions": {"PERP": 4, "OPT": -2}, "balances": {"USD": 100}},
            {"name": "bob", "positions": {"PERP": -4}, "balances": {"USD": 1000}},
            {"name": "eve", "positions": {"OPT": 2}, "balances": {"USD": 10}},
        ]
    )


def unchecked(rows: Rows, opening: Opening, context: bytes, encoded: Any) -> RangeProof:
    """A prover that does not look."""
    return _prove(rows, opening, context, encoded)


def lie(change: Callable[[list[Secret]], list[Secret]], reserve: int = 2000) -> Solvency:
    """A publication of changed secrets by a prover that does not look."""
    made = books([h.model_dump() for h in three().accounts], reserve)
    return publish(made.terms, change(opened_books(made, 1)), prove=unchecked).solvency


def at(kept: list[Secret], name: str, j: int, by: int) -> list[Secret]:
    """The number `j` of an account changed by `by`."""
    found = []
    for secret in kept:
        values = list(secret.opening.values)
        if secret.name == name:
            values[j] += by
        found.append(replace(secret, opening=Opening(tuple(values), secret.opening.blindings)))
    return found


def hidden_debt() -> Solvency:
    """An account that owes 500 and is published as if it did not."""
    made = books([*(h.model_dump() for h in three().accounts), {"name": "ghost", "balances": {"USD": -500}}], 700)
    kept = opened_books(made)
    honest = publish(made.terms, kept, prove=unchecked)
    leaves = [item.model_copy(update={"under": False, "owed": ()}) for item in honest.solvency.leaves]

    true_leaf = module.Leaf
    try:
        module.Leaf = lambda **fields: true_leaf(**{**fields, "under": False, "owed": ()})  # type: ignore[assignment,misc]
        lied = publish(made.terms, kept, prove=unchecked).solvency
    finally:
        module.Leaf = true_leaf  # type: ignore[misc]
    assert [item.under for item in lied.leaves] == [item.under for item in leaves]
    return lied


LIES: dict[str, tuple[Callable[[], Solvency], str]] = {
    "an account left out": (
        lambda: lie(lambda kept: [s for s in kept if s.name != "ann"]),
        "open interest in PERP does not balance",
    ),
    "open interest out of balance": (
        lambda: lie(lambda kept: at(kept, "ann", 0, 1)),
        "open interest in PERP does not balance",
    ),
    "an account twice": (lambda: lie(lambda kept: [*kept, kept[0]]), "an account that stands there twice"),
    "a liability twice, under another id": (
        lambda: lie(lambda kept: [*kept, replace(kept[0], salt=b"another salt 16b")]),
        "an account that stands there twice",
    ),
    # more is owed than there is, in money and in the asset
    "one unit short of the reserves": (lambda: lie(lambda kept: kept, reserve=1109), "equations"),
    # a customer of less than nothing would pay for the others
    "a debt that is hidden": (hidden_debt, "equations"),
    # it would come out as something small
    "more than a number may be": (lambda: lie(lambda kept: at(kept, "bob", 2, 4096)), "equations"),
}
"""What is published, by a prover without its own checks, and why it is refused."""
