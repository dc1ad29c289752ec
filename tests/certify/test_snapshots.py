"""The integers against the float engine and the exact ratios on the shared snapshots."""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import plimsoll as pl
from naive.exact import exact
from plimsoll.certify import UncertifiedError, certify
from plimsoll.kernels import expected_shortfall
from plimsoll.ledger.quantised import certified, shortfall_statement, statement_of
from plimsoll.margin.many.universe import Universe
from plimsoll.risk import pnl_array
from plimsoll.scenarios import Scenarios
from sweeps.books import PLANS, SNAPSHOTS, Book, books_of, refusals, snapshots

PACKS = (
    "prbm@2025-01-01",
    "dsa@2025-01-01",
    "deribit-pm@2024-06-17",
    "deribit-pm@2026-02-15",
    "derive-pmrm1@2025-04-18",
    "derive-pmrm2@2025-04-18",
    "derive-pmrm2@2026-01-21",
)
ALWAYS = ("prbm@2025-01-01", "dsa@2025-01-01")
"""Packs whose form is the rule for every book."""

OUTSIDE = ("outside of the range", "the form is a bound")
DOUBTED = "the account has more than the positions"
"""Derive charges coins of the collateral, and a stable coin below its peg; the books here hold dollars alone."""


def held_to_the_engine(model: pl.MarginModel, book: Book) -> str:
    """`certified`, or the reason why not; everything that a certificate claims is held."""
    label = model.rules.label
    if refusals(label, book):
        return "not taken"
    if label.startswith("derive"):
        account = book.account.model_copy(update={"collateral": {"USDC": 1e6}})
        book = Book(account, book.market, book.coins, book.form, book.kind)
    found = model.requirement(book.account, book.market)
    reason = None
    try:
        own = certified(model, book.account, book.market, found)
    except UncertifiedError as error:
        reason = error.reason
    if reason is not None:
        assert label not in ALWAYS, reason
        doubted = label.startswith("derive") and book.kind == "weak market" and DOUBTED in reason
        assert doubted or any(words in reason for words in OUTSIDE), reason
        return "refused"
    initial, maintenance = own.certificate.initial, own.certificate.maintenance
    assert abs(initial - found.charged.initial) <= 1
    assert maintenance is None or abs(maintenance - found.charged.maintenance) <= 1
    # never below the exact value of the array in floats, nor above the next unit
    names = own.statement.instruments
    quantity = np.array([p.quantity for p in book.account.positions])
    form = model.form_at(Universe.as_listed(model, names, book.market), quantity)
    decimals = own.statement.decimals
    want = exact(form.expression, [Fraction(repr(q)) for q in quantity.tolist()]) * 10**decimals
    assert want <= initial < want + 1 + Fraction(1, 1000)
    assert certify(type(own.statement).from_json(own.statement.to_json())) == own.certificate
    assert statement_of(model, book.account, book.market) == own.statement
    return "certified"


def run(path: Path, time: datetime, plans: Any) -> Counter[tuple[str, str]]:
    seen: Counter[tuple[str, str]] = Counter()
    for forms in books_of(path, time, plans):
        for book in forms:
            for pack in PACKS:
                seen[pack, held_to_the_engine(pl.margin_model(pack), book)] += 1
    return seen


def test_some_snapshots(shared: Path, record_property: Any) -> None:
    every = snapshots(shared)
    seen: Counter[tuple[str, str]] = Counter()
    for which, (path, time) in enumerate(random.Random(20261126).sample(every, 2)):
        seen += run(path, time, [2 * which % len(PLANS)])
    assert all(seen[pack, "certified"] > 0 for pack in PACKS), seen
    record_property(
        "count of certificates held to the engine", sum(n for (_, s), n in seen.items() if s == "certified")
    )


@pytest.mark.long
def test_every_snapshot_and_book(shared: Path, record_property: Any) -> None:
    every = snapshots(shared)
    assert len(every) == SNAPSHOTS
    seen: Counter[tuple[str, str]] = Counter()
    for path, time in every:
        seen += run(path, time, range(len(PLANS)))
    for (pack, state), count in sorted(seen.items()):
        record_property(f"count of {pack} {state}", count)
    assert seen["prbm@2025-01-01", "certified"] == SNAPSHOTS * (2 * len(PLANS))


def test_the_expected_shortfall_of_a_book_in_integers(shared: Path) -> None:
    path, time = snapshots(shared)[40]
    ((book, *_),) = books_of(path, time, [0])
    moves = np.random.default_rng(7).normal(0.0, 0.05, 250)
    scenarios = Scenarios.build(np.exp(moves))
    found = certify(shortfall_statement(book.account, book.market, scenarios, 0.975))
    names = [p.instrument for p in book.account.positions]
    gains = pnl_array([book.market.contracts[n] for n in names], book.market, scenarios, "usd")
    quantity = np.array([p.quantity for p in book.account.positions])
    want = float(expected_shortfall(-(quantity @ gains), 0.975))
    assert want > 0.0
    assert abs(found.initial - want * 1e6) <= 1 + want * 1e-6
    with pytest.raises(pl.DocumentError, match="level: got 1"):
        shortfall_statement(book.account, book.market, scenarios, 1)
