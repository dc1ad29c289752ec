"""`plimsoll liquidation --probability`: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from passage_books import PRICE, account, market
from plimsoll.cli import run
from plimsoll.liquidation.passage import first_passage


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A long of one coin; a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    account(9_000.0, {"BTC-P": 1.0}).save(tmp_path / "account.json")
    market(coins={"BTC": PRICE}).save(tmp_path / "market.json")
    paths = ["-a", str(tmp_path / "account.json"), "-m", str(tmp_path / "market.json")]
    return ["liquidation", *paths, "-r", "prbm@2025-01-01", "--probability"]


def history(tmp_path: Path, name: str = "BTC") -> str:
    """Three hundred daily bars before the market's day."""
    rng = np.random.default_rng(3)
    prices = PRICE * np.exp(np.cumsum(0.04 * rng.standard_t(5, 300)))
    days = np.arange("2025-05-05", "2026-03-01", dtype="datetime64[D]")
    rows = [f"{d}T00:00:00Z,{p},{p},{p},{p},1" for d, p in zip(days, prices, strict=True)]
    file = tmp_path / f"{name}.csv"
    file.write_text("\n".join(["time,open,high,low,close,volume", *rows]), encoding="utf-8")
    return f"{name}={file}"


def test_the_table_the_picture_and_the_json(files: list[str], tmp_path: Path, capsys: Any) -> None:
    picture = tmp_path / "p.png"
    small = [*files, "--horizon", "12h", "--every", "3h", "--paths", "500", "--sigma", "1.2", "--calls", "60"]
    assert run([*small, "-o", str(picture)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:-1])) <= 80
    for words in ("500 paths, 12 hours", "every 3 hours only", "closed form", "called", "notional closed by force"):
        assert words in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run([*small, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["days"] == [0.125, 0.25, 0.375, 0.5]
    line = (PRICE - 9_000.0) / (0.92 * PRICE)
    assert told["closed_form"][-1] == pytest.approx(float(first_passage(line, 1.2 / 365**0.5, 0.5)), rel=1e-9)
    assert told["pools"][0]["probability"]["paths"] == 500
    assert told["lives"]["paths"] == 60
    assert run([*small, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told


def test_paths_of_a_history(files: list[str], tmp_path: Path, capsys: Any) -> None:
    given = [*files, "--history", history(tmp_path), "--horizon", "3d", "--paths", "400", "--json"]
    assert run(given) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["days"] == [1.0, 2.0, 3.0]
    assert told["closed_form"] is None
    assert any("filtered history, 29" in w for w in told["law"])
    assert 0.0 < told["pools"][0]["probability"]["value"] < 0.5
    assert run([*given, "--rare"]) == 0
    rare = json.loads(capsys.readouterr().out)
    assert rare["effective_paths"] < told["effective_paths"] == 400.0
    one, other = told["pools"][0]["probability"], rare["pools"][0]["probability"]
    assert abs(one["value"] - other["value"]) < 4.0 * (one["error"] + other["error"])


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        (["--horizon", "3w"], "--horizon"),
        (["--horizon", "3h", "--every", "2h", "--sigma", "0.5"], "--every"),
        (["--every", "x"], "--every"),
        (["--paths", "1"], "--paths"),
        (["--seed", "-1"], "--seed"),
        (["--calls", "1"], "--calls"),
        ([], "--sigma"),
        (["--sigma", "-1"], "--sigma"),
        (["--sigma", "0.5", "--underlying", "BTC"], "--probability"),
    ],
)
def test_what_it_refuses(files: list[str], more: list[str], wanted: str, capsys: Any) -> None:
    assert run([*files, *more]) != 0
    assert wanted in capsys.readouterr().err


def test_its_options_need_it(files: list[str], capsys: Any) -> None:
    plain = [x for x in files if x != "--probability"]
    for more in (["--horizon", "3d"], ["--rare"], ["--seed", "0"], ["--history", "x.csv"]):
        assert run([*plain, *more]) != 0
        assert f"{more[0]}" in capsys.readouterr().err


def test_a_history_of_another_step(files: list[str], tmp_path: Path, capsys: Any) -> None:
    assert run([*files, "--history", history(tmp_path), "--horizon", "12h"]) != 0
    assert "horizon" in capsys.readouterr().err
    assert run([*files, "--history", history(tmp_path, "ETH")]) != 0
    assert "history.BTC" in capsys.readouterr().err
