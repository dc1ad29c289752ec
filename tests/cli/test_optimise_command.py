"""`plimsoll optimise`: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from builders import bars
from hedge_desks import account, chain
from plimsoll.cli import run
from plimsoll.optimise import TradingTerms


def files(folder: Path) -> list[str]:
    market = chain(np.random.default_rng(21))
    market.save(folder / "market.json")
    account({"60D-1-C": -5.0, "60D-0.9-P": -5.0}).save(folder / "account.json")
    TradingTerms(size=5.0, option_lot=0.5).save(folder / "terms.json")
    names = [a for n in ("60D-1.1-C", "60D-0.8-P", "PERP", "60D-1-C") for a in ("--candidate", n)]
    paths = ["-a", str(folder / "account.json"), "-m", str(folder / "market.json"), "-r", "prbm@2026-01-01"]
    return [
        "optimise",
        "hedge",
        *paths,
        "--trading-terms",
        str(folder / "terms.json"),
        "--delta",
        "0.5",
        "--no-recheck",
        *names,
    ]


def test_a_hedge_as_tables_and_as_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(files(tmp_path)) == 0
    told = capsys.readouterr().out
    assert "OPTIMAL" in told
    assert "beyond every grid" in told
    assert run([*files(tmp_path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["status"] == "optimal"
    assert content["objective"]["after"] < content["objective"]["before"]
    steps = content["ticket"]["steps"]
    assert steps
    assert all(abs(s["quantity"] / 0.5 - round(s["quantity"] / 0.5)) < 1e-9 for s in steps if s["instrument"] != "PERP")
    assert content["books"][0]["after"]["initial"] == pytest.approx(content["capital"]["after"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--budget", "0.5", "--protect", "1000"], "no trades keep these limits together"),
        (["--es", "0.99"], "--es: got '0.99'"),
        (["--delta", "wide"], "--delta: got 'wide'"),
        (["-r", "prbm@2026-01-01"], "--rules: got '2 of them'"),
        (["--candidate", "NONE"], "candidates: got"),
    ],
)
def test_refusals(more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*files(tmp_path), *more]) == 2
    assert said in capsys.readouterr().err


def test_a_cap_on_expected_shortfall_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*files(tmp_path), "--es", "0.95:20000", "--worth", "0.0001", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    (kept,) = [k for k in content["limits"] if k["name"].startswith("es 0.95")]
    assert kept["before"] > 20_000.0 >= kept["after"] - 0.1
    assert kept["price"] <= 0.0


def test_a_placement_as_tables_and_as_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain(np.random.default_rng(22)).save(tmp_path / "m.json")
    account({"60D-1-C": -5.0}).save(tmp_path / "a.json")
    account({"60D-1.1-C": 5.0}).save(tmp_path / "b.json")
    files = [w for n in "ab" for w in ("-a", str(tmp_path / f"{n}.json"), "-r", "prbm@2026-01-01,span@2026-01-01")]
    words = ["optimise", "place", "--no-recheck", "-m", str(tmp_path / "m.json"), *files]
    assert run(words) == 0
    told = capsys.readouterr().out
    assert "PLACED" in told
    assert "rules of each book" in told
    assert run([*words, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["saving"] > 0.0
    assert len(content["tried"]) == 4
    assert run([*words, "-r", "prbm@2026-01-01"]) == 2
    assert "--rules: got '3 of them'" in capsys.readouterr().err


def test_the_page_of_a_hedge_stands_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, history = tmp_path / "hedge.html", bars(tmp_path / "bars.csv", {"BTC": 1e5}, days=120)
    asked = [*files(tmp_path), "--history", history]
    assert run([*asked, "--html", str(path), "--schedule", "4h", "--slices", "3"]) == 0
    assert f"page: {path}" in capsys.readouterr().out
    page = path.read_text(encoding="utf-8")
    assert page.count("<svg") == 4
    assert "The same trades over time" in page
    assert "trades in 3 slices over 4:00:00" in page
    assert "least shortfall" in page
    assert "nothing is below" in page
    for outside in ("<script", "http-equiv", 'src="http', 'href="http'):
        assert outside not in page
    assert run([*asked, "--html", str(tmp_path / "none" / "hedge.html")]) == 2
    assert "--html" in capsys.readouterr().err
