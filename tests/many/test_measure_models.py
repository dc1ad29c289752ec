"""The table of accounts per second: its accounts and what it says of each model."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from plimsoll.margin import MODELS, model_class


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return import_module("measure_models")


@pytest.mark.parametrize("name", MODELS)
def test_every_model_takes_all_of_its_accounts(tool: ModuleType, name: str) -> None:
    positions, market = tool.population(name, 30)
    totals = tool.newest(name).many(positions, market).check()
    assert np.isfinite(totals.initial).all()
    assert (totals.initial >= totals.maintenance * 0.99).all()
    again, _ = tool.population(name, 30)
    assert again.quantity.tobytes() == positions.quantity.tobytes()


def test_the_table_names_every_model_and_its_cost(tool: ModuleType) -> None:
    rates = [tool.Rate(name, f"{name}@2025-01-01", 100, 1.0 + i) for i, name in enumerate(MODELS)]
    page = tool.page(rates, 1)
    assert all(f"| {name} | `{name}@2025-01-01` |" in page for name in MODELS)
    assert all(model_class(name).MANY in page for name in MODELS)
    assert "| 100 | 1.00 |" in page
    assert "| 50 | 0.50 |" in page


def test_the_command_writes_a_page(tool: ModuleType, tmp_path: Path) -> None:
    page = tmp_path / "accounts.md"
    assert tool.main(["--accounts", "20", "--repeats", "1", "--models", "prbm", "--output", str(page)]) == 0
    assert "20 accounts of Poisson(20) positions" in page.read_text(encoding="utf-8")
