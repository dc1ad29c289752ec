"""Every shipped pack on real snapshots: equal to an independent naive calculation to 1e-9, or a refusal with reason."""

from __future__ import annotations

import copy
import os
import random
from pathlib import Path

import pytest

from plimsoll.feeds import import_chain, sample_book
from plimsoll.margin import margin_model, shipped_packs
from plimsoll.margin.translate import same_exposure
from sweeps.books import PLANS, SNAPSHOTS, books_of, held, refusals, snapshots
from sweeps.compared import Compared
from sweeps.tally import AGAINST, APART, RULES, Tally, swept_packs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "validation" / "sweeps.md"
TENTH = SNAPSHOTS // 10 + 1
"""Every run takes one book of each of these, so that every kind of book comes up."""


def test_every_shipped_pack_has_a_twin() -> None:
    assert {pack.model for pack in shipped_packs()} == {*AGAINST, *APART}


@pytest.mark.parametrize("which", range(TENTH))
def test_a_seeded_tenth_of_the_snapshots(which: int, shared: Path) -> None:
    every = snapshots(shared)
    assert len(every) == SNAPSHOTS
    path, time = random.Random(20261120).sample(every, TENTH)[which]
    (book,) = books_of(path, time, [which % len(PLANS)])
    tally = Tally()
    tally.add(book)
    assert all(row.compared + row.refused.total() == len(book) for row in tally.rows.values())
    assert tally.rows["prbm@2025-01-01"].compared >= 2


def test_a_twin_of_another_book_is_told_apart(shared: Path) -> None:
    """One position larger by a millionth: the sweep can fail, for every pack."""
    path, time = snapshots(shared)[0]
    (forms,) = books_of(path, time, [len(PLANS) - 1])
    for model in map(margin_model, swept_packs()):
        book = copy.copy(next(form for form in forms if not refusals(model.rules.label, form)))
        compare = AGAINST[model.MODEL]
        compare(model, book, Compared())
        first, *others = book.account_doc["positions"]
        larger = first | {"quantity": first["quantity"] * (1 + 1e-6)}
        book.__dict__["account_doc"] = {**book.account_doc, "positions": [larger, *others]}
        with pytest.raises(AssertionError, match="the twin says"):
            compare(model, book, Compared())


def test_what_else_is_listed_does_not_matter(shared: Path) -> None:
    """The sweep leaves out of each market what its book does not hold."""
    path, time = snapshots(shared)[-1]
    market = import_chain(path, time)
    account = sample_book(market, 12, 7, underlyings=["ETH"])
    forms = {"coin": (account, market), "linear": same_exposure(account, market)}
    for model in map(margin_model, swept_packs()):
        own, whole = forms["linear" if model.MODEL.startswith("derive") else "coin"]
        few = held(own, whole)
        assert len(few.instruments) == len(own.positions) < len(whole.instruments)
        found, expected = model.requirement(own, few), model.requirement(own, whole)
        assert found.model_copy(update={"inputs": expected.inputs}) == expected


def test_the_read_me_adds_the_page_up() -> None:
    page, read_me = PAGE.read_text(encoding="utf-8"), (PAGE.parents[2] / "README.md").read_text(encoding="utf-8")
    table = page[page.index(RULES) + len(RULES) :].split("\n\n")[0]
    rows = [[cell.strip().replace(",", "") for cell in line.split("|")] for line in table.splitlines()]
    assert [row[1] for row in rows] == [pack.label for pack in swept_packs()]
    requirements, amounts = (sum(int(row[i]) for row in rows) for i in (3, 4))
    assert f"{amounts:,} amounts of {requirements:,} requirements" in read_me


@pytest.mark.long
def test_every_snapshot_and_book(shared: Path) -> None:
    """What it finds is committed in docs/validation/sweeps.md, which must be what this run gives."""
    every = snapshots(shared)
    assert len(every) == SNAPSHOTS
    tally = Tally()
    for path, time in every:
        for book in books_of(path, time):
            tally.add(book)
    page = PAGE.read_text(encoding="utf-8")
    head = page[: page.index(RULES)]
    if os.environ.get("PLIMSOLL_WRITE_SWEEPS") == "1":
        PAGE.write_text(head + tally.page(), encoding="utf-8")
    else:
        assert page == head + tally.page()
