"""The page venue, mode, rule is what the packs hold."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import plimsoll as pl

TOOL = Path(__file__).resolve().parents[2] / "tools" / "make_venues_page.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_venues_page", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_in_the_documentation_is_up_to_date(tool: ModuleType) -> None:
    assert tool.main(["--check"]) == 0


def test_every_pack_stands_there_and_a_page_that_differs_fails(tool: ModuleType, tmp_path: Path) -> None:
    page = tool.page_of(pl.shipped_packs())
    assert all(f"`{p.label}`" in page for p in pl.shipped_packs())
    assert {tool.venue_of(p) for p in pl.shipped_packs()} >= {"house", "deribit", "derive", "binance"}
    (tmp_path / "page.md").write_text("another\n")
    assert tool.main(["--check", "--output", str(tmp_path / "page.md")]) == 1
