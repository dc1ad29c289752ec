"""OKX's portfolio margin and options against their twins on real chains: a tenth of the snapshots, or all of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from naive.adapters_okx import okx_rows, prices_of
from naive.okx import options, portfolio
from sweeps.books import PLANS, SNAPSHOTS, Book, books_of, snapshots
from sweeps.compared import Compared, adds_up

PMS = ("okx-pm@2022-01-01", "okx-pm@2025-01-15")
OPTIONS = "okx-options@2026-05-01"


def against_pm(pack: str, book: Book, seen: Compared) -> None:
    model = pl.margin_model(pack)
    found = model.requirement(book.account, book.market)
    parameters: dict[str, Any] = model.rules.parameters
    rows = okx_rows(book.account_doc, book.market_doc)
    prices = prices_of(book.market_doc)
    twin = portfolio(parameters, rows, book.account_doc, prices, parameters["spot_in_use"])
    for name, unit in twin["units"].items():
        for key, amount in unit.items():
            seen.near(f"{name}.{key}", found.workings[f"{name}.{key}"], amount)
    seen.near("initial", found.initial, twin["initial"])
    seen.near("maintenance", found.maintenance, twin["maintenance"])
    seen.near("equity", found.net_equity, twin["equity"])
    adds_up(found)
    assert found.maintenance > 0.0


def against_options(book: Book, seen: Compared) -> None:
    """The options of a book of one coin, in the currency they settle in."""
    kinds = {c.name: c.kind for c in book.market.instruments}
    held = tuple(p for p in book.account.positions if kinds[p.instrument] == "option")
    account = book.account.model_copy(update={"positions": held, "mode": "cross"})
    model = pl.margin_model(OPTIONS)
    found = model.requirement(account, book.market)
    rows = okx_rows(account.to_dict(), book.market_doc)
    balance = account.collateral.get(rows[0]["currency"], 0.0)
    twin = options(model.rules.parameters, rows, balance)
    seen.all_near("options", (found.initial, found.maintenance, found.net_equity), twin)
    adds_up(found)


def check(path: Path, time: Any, plans: list[int], seen: Compared) -> None:
    for forms in books_of(path, time, plans):
        for book in forms:
            if book.form == "cross":
                continue
            for pack in PMS:
                against_pm(pack, book, seen)
            if len(book.coins) == 1:
                against_options(book, seen)


@pytest.mark.rule("OKX-PM-13", "OKX-OPT-02")
def test_a_seeded_twentieth_of_the_snapshots(shared: Path) -> None:
    seen = Compared()
    for n, (path, time) in enumerate(random.Random(20261125).sample(snapshots(shared), SNAPSHOTS // 20)):
        check(path, time, [n % len(PLANS)], seen)
    assert seen.amounts > 200
    assert seen.largest < 1e-9


@pytest.mark.long
def test_every_snapshot(shared: Path) -> None:
    seen = Compared()
    for path, time in snapshots(shared):
        check(path, time, list(range(len(PLANS))), seen)
    assert seen.amounts > 20_000
