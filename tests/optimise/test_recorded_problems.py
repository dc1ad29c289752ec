"""The optimiser's problems on recorded quotes: a part of what docs/validation/problems.md has whole."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from plimsoll.scenarios.path_makers import filtered_joint_paths


def made(problem: str, kind: str, seed: int, saving: float = 1.0, **more: Any) -> Any:
    """A row of no measurement."""
    row = {
        "problem": problem, "kind": kind, "seed": seed, "status": "optimal", "before": 3.0, "after": 2.0, "cost": 0.5,
        "saving": saving, "gap": 0.0, "why": "", "detail": "", "held": None, "seconds": 1.0,
    }  # fmt: skip
    return import_module("recorded_problems").Row(**(row | more))


def test_the_page_is_that_of_the_recorded_rows() -> None:
    tool = import_module("measure_problems")
    assert tool.main(["--check"]) == 0
    rows = tool.recorded(None)
    assert {r.problem for r in rows.values()} == set(tool.PROBLEMS)
    for row in rows.values():
        # the start is kept where nothing is better, unless it breaks a limit
        assert row.saving >= 0.0 or row.problem == "buffer" or row.status in ("repaired", "short", "refused"), row
        assert (row.saving > 0.0) != bool(row.why), row
        assert row.gap is None or -1e-9 <= row.gap < 1e-6, row


def test_a_book_without_a_saving_is_named_with_the_reason() -> None:
    tool = import_module("measure_problems")
    rows = [
        made("place", "maker", 0),
        made("place", "maker", 1, 0.0, why="nothing | is cheaper"),
        made("joint", "maker", 0, 0.0, why="limits", before=None, after=None, gap=None, status="refused"),
    ]
    text = tool.page(rows)
    assert "| place | maker 1 | nothing / is cheaper |" in text
    assert "| joint | maker 0 | limits |" in text
    assert "| place | maker | 2 | 1 | initial margin | 6 | 4 | 1 | 1 |" in text
    assert "| maker 0 | refused | – | – |" in text
    assert text == tool.page(reversed(rows))


def test_a_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Snapshot:
        def hash(self) -> str:
            return "sha256:one"

    tool = import_module("measure_problems")
    monkeypatch.setattr(tool, "MEASURED", tmp_path / "rows.json")
    monkeypatch.setattr(tool, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(tool, "snapshot", Snapshot)
    asked: list[tuple[str, str, int]] = []

    def solve(problem: str, kind: str, seed: int, _market: object) -> Any:
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append((problem, kind, seed))
        return made(problem, kind, seed)

    monkeypatch.setattr(tool, "solve", solve)
    with pytest.raises(KeyboardInterrupt):
        tool.main(["--books", "2", "--problems", "place"])
    assert set(tool.recorded("sha256:one")) == set(asked)
    first = asked.copy()
    asked.clear()
    assert tool.main(["--books", "2", "--problems", "place"]) == 0
    assert [*first, *asked] == [("place", k, s) for s in range(2) for k in tool.KINDS]
    assert tool.main(["--check"]) == 0
    with pytest.raises(SystemExit, match="another snapshot"):
        tool.recorded("sha256:two")


@pytest.mark.slow
def test_the_problems_on_the_quotes_of_a_day(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLIMSOLL_SHARED", str(shared))
    books, problems = import_module("recorded_books"), import_module("recorded_problems")
    market = books.snapshot()
    price, kind = market.indices["BTC"].price, "directional"
    rows = {p: problems.solve(p, kind, 0, market) for p in problems.PROBLEMS}
    assert all(r.status != "refused" and r.saving > 0.0 for r in rows.values())
    assert rows["capital"].held

    # the split is of the book, and what stands before is what the exact engine says of its parts
    whole, parts = books.book(kind, 0, market), books.split(kind, 0, market, ({"BTC": 10.0},) * 2)
    for p in whole.positions:
        held = [q.quantity for a in parts for q in a.positions if q.instrument == p.instrument]
        assert sum(held) == pytest.approx(p.quantity, abs=1e-9)
    model = pl.margin_model(books.RULES)
    alone = sum(model.requirement(a, market).initial * price for a in parts)
    assert rows["place"].before == pytest.approx(alone, rel=1e-9)
    assert rows["hedge"].before == pytest.approx(model.requirement(whole, market).initial * price, rel=1e-9)

    # what USDC forgoes at 4 % a year in 30 days; trades and modes beside can only lower what collateral alone costs
    accounts, wallet = problems.treasury(kind, 0, market)
    dollars = accounts[1].collateral["USDC"]
    for name in ("collateral", "joint"):
        assert rows[name].before == pytest.approx(dollars * 0.04 * 30.0 / 365.0, rel=1e-9)
    assert rows["joint"].after <= rows["collateral"].after + 1e-6
    assert 0.5 * dollars <= wallet.balances["BTC"] * price <= 0.5 * dollars + 0.1 * price
    for account, rules in zip(accounts, (books.RULES, problems.HOUSE), strict=True):
        found = pl.margin_model(rules).requirement(account, market)
        assert found.net_equity >= problems.SLACK * found.initial - 1e-6 * abs(found.net_equity)

    # a little less than the least collateral is called too often
    factors, sizing = books.daily(market), import_module("plimsoll.optimise.sizing")
    sigma = import_module("plimsoll.risk.engine").volatility(factors.returns, 0.97)
    law = import_module("plimsoll.scenarios.moves").IvLaw()
    paths = filtered_joint_paths(
        factors.names, factors.returns, sigma, size=1_000, decay=0.97, seed=1, steps=3, iv=law
    )  # fmt: skip
    watch = sizing.Watch(market, model, paths)
    assert "binds" not in rows["buffer"].detail
    for part, enough in ((1.0, True), (0.97, False)):
        account = whole.model_copy(update={"collateral": {"BTC": part * rows["buffer"].after / price}})
        assert (watch.course(account).chance().at_most <= 0.03) == enough
