"""`plimsoll close-out`: what it prints and writes, how it ends, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from close_out_desk import account, market, one_level
from plimsoll.cli import run
from plimsoll.liquidation.mechanisms import PricePath, Scene
from plimsoll.liquidation.mechanisms.compare import house_terms, side_by_side
from plimsoll.margin.path import ACCOUNT
from plimsoll.report.close_out_view import close_out_figure

RULES = "binance-usdm@2026-01-01"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An account below its line, and its market with a book; a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    account(2_000.0, BTC=10.0).save(tmp_path / "account.json")
    market(books={"BTC-P": one_level(60_000.0, 10.0)}).save(tmp_path / "market.json")
    return ["close-out", "-a", str(tmp_path / "account.json"), "-m", str(tmp_path / "market.json"), "-r", RULES]


def test_the_table_and_the_picture(files: list[str], tmp_path: Path, capsys: Any) -> None:
    picture = tmp_path / "close.png"
    assert run([*files, "-o", str(picture)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:-1])) <= 80
    for name in (
        "as the venue does it",
        "book, at once",
        "book, in slices",
        "backstop vault",
        "take-over with a bonus",
    ):
        assert name in out
    assert "equity 2,000.00 USDT, maintenance 2,950.00 USDT" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_picture_counts_no_dollar_twice() -> None:
    """What others lose holds the part of the cost that the pool could not pay: bars beside each other, not a sum."""
    holdings, snapshot = account(-3_000.0, BTC=10.0), market(books={"BTC-P": one_level(59_900.0, 10.0)})
    found = side_by_side(Scene(pl.margin_model(RULES), holdings, snapshot, house_terms(), PricePath(), subject=ACCOUNT))
    row = next(r for r in found.rows if r.mechanism == "book, at once")
    assert row.cost > 0.0
    assert row.loss_of_others == pytest.approx(3_000.0 + row.cost, rel=1e-6)
    axes = close_out_figure(found).axes[0]
    ends = [p.get_x() + p.get_width() for p in axes.patches]
    assert max(ends) == pytest.approx(max(r.loss_of_others for r in found.rows))
    words = [t.get_text() for t in axes.texts]
    assert sum("others lose $" in w for w in words) == sum(r.loss_of_others >= 0.5 for r in found.rows)


def test_the_same_as_json(files: list[str], capsys: Any) -> None:
    assert run([*files, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["equity"], told["currency"]) == (2_000.0, "USDT")
    rows = {r["mechanism"]: r for r in told["mechanisms"]}
    assert len(rows) == 5
    for row in rows.values():
        left = row["value_before"] + row["drift"] - row["cost"]
        assert row["value_after"] == pytest.approx(left, abs=1e-4)
    assert rows["backstop vault"]["to"]["backstop vault"] == pytest.approx(2_000.0)


def test_a_price_that_runs_away_leaves_a_loss(files: list[str], tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "terms.json"
    path.write_text(json.dumps({"schema": "plimsoll.close-terms", "schema_version": 1, "rounds": 20}))
    files = [*files, "--terms", str(path)]
    assert run([*files, "--drift", "-0.05", "--seconds", "5", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)["mechanisms"][0]
    assert told["loss_of_others"] > 0.0
    # prices moved first: the account is found further down
    assert run([*files, "--move", "-0.001", "--json"]) in (0, 1)
    assert json.loads(capsys.readouterr().out)["equity"] == pytest.approx(1_400.0)


def test_terms_from_a_file(files: list[str], tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "terms.json"
    content = {"schema": "plimsoll.close-terms", "schema_version": 1, "latency": 7.0, "stress": 0.0}
    path.write_text(json.dumps(content))
    assert run([*files, "--terms", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["mechanisms"][1]["seconds"] == 7.0
    path.write_text(json.dumps({**content, "latency": -1.0}))
    assert run([*files, "--terms", str(path)]) == 2
    assert "latency" in capsys.readouterr().err
    assert run(["schema", "close-terms"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["latency"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--move", "-1"], "--move: got -1.0"),
        (["--drift", "nan"], "--drift: got nan"),
        (["--seconds", "0"], "--seconds: got 0.0"),
        (["--move", "0.2"], "an account below its line"),
        (["--pool", "ETH-P"], "subject: got 'ETH-P'"),
        (["--output", "close.pdf"], "--output"),
    ],
)
def test_refusals(files: list[str], more: list[str], told: str, capsys: Any) -> None:
    assert run([*files, *more]) == 2
    assert told in capsys.readouterr().err
