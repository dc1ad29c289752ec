"""The page of all rule books on the same five books is what the packs charge, and has every pack on it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import plimsoll as pl
from plimsoll.feeds import demo_market


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return import_module("make_rule_books_page")


def test_the_page_in_the_documentation_is_up_to_date(tool: ModuleType) -> None:
    assert tool.main(["--check"]) == 0
    page = tool.PAGE.read_text(encoding="utf-8")
    # every name that is shipped stands there, by itself
    assert {p.name for p in pl.shipped_packs()} == {n.split("@")[0] for n in re.findall(r"`([\w-]+@[\d-]+)`", page)}
    assert tool.PICTURE.is_file()


def test_a_charge_is_that_of_the_rules(tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market, book = demo_market(), tool.BOOKS[1]
    packs = [p for p in tool.newest() if p.name in ("prbm", "hyperliquid-perps", "span")]
    found = {c.pack.name: c for c in tool.charges(book, market, packs)}
    own = pl.margin_model("prbm@2026-01-01").requirement(tool.account_of(book, market), market)
    assert (found["prbm"].initial, found["prbm"].maintenance) == (own.initial, own.maintenance)
    assert not found["prbm"].translated
    assert "takes linear perpetuals" in found["hyperliquid-perps"].refusal
    assert tool.notional(book, market) == pytest.approx(2.0 * market.indices["BTC"].price)
    # one coin of the perpetual is one coin
    (long,) = tool.account_of(tool.BOOKS[0], market).positions
    price = market.marks["BTC-PERPETUAL"].price
    assert price is not None
    assert long.quantity * 10.0 / price == pytest.approx(1.0)
    page, table = tool.page_of(market, packs)
    assert page.startswith("# Two rule books on one page")
    assert len(tool.picture(table, market).axes) == len(tool.BOOKS)
    monkeypatch.setattr(tool, "newest", lambda: packs)
    for text, code in ((page, 0), (page + "more", 1)):
        (tmp_path / "page.md").write_text(text, encoding="utf-8")
        assert tool.main(["--check", "--output", str(tmp_path / "page.md")]) == code


def test_reasons_are_words(tool: ModuleType) -> None:
    refusal = "account.positions[0].instrument: got 'X', option on BTC (unknown_underlying); allowed: a | b"
    assert tool.reason(refusal) == "'X', option on BTC; takes a / b"
    assert tool.reason("account: got something").startswith("something")
    assert len(tool.reason("a: got b; allowed: " + "word " * 100)) < 130
