"""The page venue, mode, rule is what the packs hold."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import plimsoll as pl


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return import_module("make_venues_page")


def test_the_page_in_the_documentation_is_up_to_date(tool: ModuleType) -> None:
    assert tool.main(["--check"]) == 0


def test_every_pack_stands_there_and_a_page_that_differs_fails(tool: ModuleType, tmp_path: Path) -> None:
    page = tool.page_of(pl.shipped_packs())
    assert all(f"`{p.label}`" in page for p in pl.shipped_packs())
    assert {tool.venue_of(p) for p in pl.shipped_packs()} >= {"house", "deribit", "derive", "binance"}
    (tmp_path / "page.md").write_text("another\n")
    assert tool.main(["--check", "--output", str(tmp_path / "page.md")]) == 1
