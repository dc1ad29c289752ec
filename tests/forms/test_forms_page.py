"""The page of forms is what the models declare."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from plimsoll.margin import MODELS


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return import_module("make_forms_page")


def test_the_page_in_the_documentation_is_up_to_date(tool: ModuleType) -> None:
    assert tool.main(["--check"]) == 0


def test_a_page_that_differs_fails(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "forms.md"
    assert tool.main(["--check", "--output", str(page)]) == 1
    assert "forms.md is stale" in capsys.readouterr().err
    assert tool.main(["--output", str(page)]) == 0
    assert tool.main(["--check", "--output", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert all(f"## {name}\n" in text for name in MODELS)
    page.write_text(text + "more", encoding="utf-8")
    assert tool.main(["--check", "--output", str(page)]) == 1
