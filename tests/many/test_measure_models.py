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
    if name in tool.DOCUMENTS:
        held, market = tool.DOCUMENTS[name](30, np.random.default_rng(11))
        found = [tool.newest(name).requirement(account, market) for account in held]
        assert sum(r.initial > 0.0 for r in found) > 25
        assert len(tool.run_of(name, 30)()) == 30
        return
    positions, market = tool.population(name, 30)
    assert positions.quantity.size >= 30
    totals = tool.newest(name).many(positions, market).check()
    assert np.isfinite(totals.initial).all()
    assert (totals.initial >= totals.maintenance * 0.99).all()
    assert (totals.initial > 0.0).sum() > 15
    again, _ = tool.population(name, 30)
    assert again.quantity.tobytes() == positions.quantity.tobytes()


def test_the_table_names_every_venue_and_model_and_its_cost(tool: ModuleType) -> None:
    rates = [tool.Rate(tool.venue_of(name), name, f"{name}@2025-01-01", 100, 1.0 + i) for i, name in enumerate(MODELS)]
    page = tool.page(rates, 100, 1, 60.0)
    assert all(f"| {name} | `{name}@2025-01-01` | 100 |" in page for name in MODELS)
    assert all(model_class(name).MANY in page for name in MODELS)
    assert "| house | prbm | `prbm@2025-01-01` | 100 | 100 | 1 |" in page
    assert "| house | prbm-whole | `prbm-whole@2025-01-01` | 100 | 50 | 0.5 |" in page
    assert "and as many as take" not in page
    venues = {line.split(" | ")[0].strip("| ") for line in page.splitlines() if line.startswith("| ")}
    folders = {p.parent.name for p in Path("src/plimsoll/margin/venues").glob("*/packs")}
    assert venues == {"house", "venue", "---", *folders}


def test_a_slow_model_is_measured_on_fewer_accounts_and_its_row_says_so(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr(tool.time, "process_time", lambda: next(clock))
    slow = tool.measure("opyn-spread", 1_000, 2, 60.0)
    assert (slow.accounts, slow.seconds) == (200, 30)
    assert tool.measure("opyn-spread", 1_000, 2, 1e6).accounts == 1_000
    page = tool.page([tool.Rate("house", "prbm", "prbm@2025-01-01", 1_000, 0.1), slow], 1_000, 2, 60.0)
    assert "1,000 accounts under each of 2 models of 2 houses, and as many as take 60 s under opyn-spread" in page
    assert f"| opyn | opyn-spread | `{slow.pack}` | 200 |" in page


def test_the_command_writes_a_page(tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "accounts.md"
    assert tool.main(["--accounts", "20", "--repeats", "1", "--models", "prbm", "--output", str(page)]) == 0
    assert "20 accounts under each of 1 models" in page.read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        tool.main(["--accounts", "0"])
    assert "--accounts: 0, allowed: above zero" in capsys.readouterr().err
