"""The page of forms is what the models declare."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from plimsoll.margin import MODELS

TOOL = Path(__file__).resolve().parents[2] / "tools" / "make_forms_page.py"


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_forms_page", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_in_the_documentation_is_up_to_date(tool: ModuleType) -> None:
    assert tool.main(["--check"]) == 0


def test_a_page_that_differs_fails(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "forms.md"
    assert tool.main(["--check", "--output", str(page)]) == 1
    assert "is not what the models declare" in capsys.readouterr().err
    assert tool.main(["--output", str(page)]) == 0
    assert tool.main(["--check", "--output", str(page)]) == 0
    text = page.read_text(encoding="utf-8")
    assert all(f"## {name}\n" in text for name in MODELS)
    page.write_text(text + "more", encoding="utf-8")
    assert tool.main(["--check", "--output", str(page)]) == 1
