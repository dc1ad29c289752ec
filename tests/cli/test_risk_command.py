"""`plimsoll risk` as a user runs it, and the generated history and pictures behind it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from builders import account_doc, bars, market_doc
from plimsoll.cli import run
from plimsoll.feeds.generated_history import generated_history
from plimsoll.risk.models import MODELS


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict:
    assert run(["risk", "--json", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_demonstration_under_one_model(capsys: pytest.CaptureFixture[str]) -> None:
    found = json_of(capsys, "--model", "fhs", "--level", "0.99", "--horizon", "1d")
    (result,) = found["results"]
    assert (result["model"], result["level"], result["horizon_days"]) == ("fhs", 0.99, 1.0)
    assert result["es"]["value"] >= result["var"]["value"] > 0.0
    assert sum(s["value"] for s in result["shares"]) == pytest.approx(result["charge"]["value"], rel=1e-9)
    assert result["charge"]["standard_error"] > 0.0
    assert json_of(capsys, "--model", "fhs") == found


def test_models_side_by_side_with_picture_and_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    picture, page = tmp_path / "tail.svg", tmp_path / "tail.html"
    assert run(["risk", "--model", "pot", "--model", "whs", "-o", str(picture), "--html", str(page)]) == 0
    told = capsys.readouterr().out
    assert "history: generated" in told
    for name in ("pot", "whs"):
        assert re.search(rf"^{name} .*± .*± .*±", told, re.MULTILINE)
    assert max(len(line) for line in told.splitlines() if not line.startswith(("picture", "page"))) <= 80
    assert picture.read_text().startswith("<?xml")
    text = page.read_text()
    assert text.count("<svg") == 2
    assert "http" not in re.sub(r"http://www.w3.org/\S+", "", text)


def test_every_model_is_in_the_default_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["risk", "--horizon", "2d"]) == 0
    told = capsys.readouterr().out
    for name in MODELS:
        assert re.search(rf"^{name} ", told, re.MULTILINE)
    assert "0.99 over 2 d" in told


def test_a_history_from_a_file_is_seen_only_until_the_market(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    market, account = tmp_path / "market.json", tmp_path / "account.json"
    market.write_text(json.dumps(market_doc()))
    account.write_text(json.dumps(account_doc()))
    book = ["--account", str(account), "--market", str(market), "--model", "hs"]
    early = bars(tmp_path / "early.csv", {"BTCUSDT": 60_000.0})
    found = json_of(capsys, *book, "--history", early)
    assert found["history"].startswith("history: 400 bars of BTC")
    assert found["results"][0]["iv"] == {"BTC": "proxy"}
    late = Path(early).read_text() + "2026-01-01T00:00:00Z,BTCUSDT,1,1,1,1,1\n"
    (tmp_path / "late.csv").write_text(late)
    again = json_of(capsys, *book, "--history", str(tmp_path / "late.csv"))
    assert again["history"].endswith("1 later ones were not looked at")
    assert again["results"] == found["results"]
    rows = Path(early).read_text().splitlines()
    cells = rows[40].split(",")
    rows[40] = ",".join([*cells[:2], "0", "0", "0", "0", *cells[6:]])
    (tmp_path / "zero.csv").write_text("\n".join(rows) + "\n")
    assert (
        "1 times not-a-price in BTCUSDT" in json_of(capsys, *book, "--history", str(tmp_path / "zero.csv"))["history"]
    )
    vols = bars(tmp_path / "iv.csv", {"x": 0.6})
    content = Path(vols).read_text().replace("date,symbol,", "date,").replace(",x,", ",")
    Path(vols).write_text(content)
    stale = bars(tmp_path / "stale.csv", {"BTCUSDT": 60_000.0}, end="2025-11-30")
    assert "31 bars older than the market" in json_of(capsys, *book, "--history", stale)["history"]
    with_iv = json_of(capsys, *book, "--history", early, "--history", f"BTC iv={vols}")
    assert with_iv["results"][0]["iv"] == {}


def test_coins_are_those_held_less_those_borrowed_and_with_what_is_not_settled() -> None:
    from plimsoll.cli.risk import opened
    from plimsoll.margin import Account
    from plimsoll.market import Market

    inverse = {"kind": "perpetual", "name": "INV", "underlying": "BTC", "settlement": "inverse", "currency": "BTC"}
    market = Market.from_dict(market_doc(instruments=[inverse], marks={"INV": {"price": 70_000.0}}, expiries=[]))
    positions = [{"instrument": "INV", "quantity": 1_000.0, "entry_price": 35_000.0, "unsettled_funding": -0.001}]
    order = {"instrument": "INV", "quantity": 1.0, "price": 60_000.0}
    content = account_doc(positions=positions, collateral={"BTC": 2.0, "USDC": 5.0}, borrowed={"BTC": 0.5})
    book, notes = opened(Account.from_dict(content | {"orders": [order]}), market)
    held = dict(zip(book.names, book.quantity.tolist(), strict=True))
    profit = 1_000.0 * (1.0 / 35_000.0 - 1.0 / 70_000.0)
    assert held == {"INV": 1_000.0, "collateral BTC": pytest.approx(1.5 + profit - 0.001)}
    assert notes == ["open orders are not in the book"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--level", "1.5"], "level: got 1.5"),
        (["--horizon", "1w"], "--horizon: got '1w'"),
        (["--horizon", "36h"], "horizon: got '1.5 days'"),
        (["--horizon", "-1d"], "--horizon: got '-1d'"),
        (["--model", "nope"], "model: got 'nope'"),
        (["--account", "a.json"], "--market: got 'nothing'"),
        (["--model", "hs", "-o", "x.gif"], "--output: got 'x.gif'"),
        (["--model", "hs", "--history", "none.csv"], "none.csv"),
        (["--model", "stans", "--level", "0.4"], "level"),
    ],
)
def test_bad_input_is_refused(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["risk", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_model_from_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    own = {"schema": "plimsoll.risk-model", "schema_version": 1, "name": "own", "level": 0.975}
    own["charge"] = {"kind": "plain", "measure": "es"}  # type: ignore[assignment]
    path = tmp_path / "own.json"
    path.write_text(json.dumps(own))
    result = json_of(capsys, "--model", str(path))["results"][0]
    assert result["model"] == "own"
    assert result["charge"]["value"] == result["es"]["value"]
    path.write_text(json.dumps(own | {"colour": 1}))
    assert run(["risk", "--model", str(path)]) == 2
    assert "colour" in capsys.readouterr().err


def test_the_generated_history_is_the_same_every_time() -> None:
    one, two = (generated_history("2026-03-27T08:30:00Z", days=300) for _ in range(2))
    assert one.values.tobytes() == two.values.tobytes()
    assert one.hash != generated_history("2026-03-27T08:30:00Z", days=300, seed=8).hash
    returns = one.log_returns()[1]
    assert np.isfinite(returns).all()
    assert 0.01 < returns[:, 0].std() < 0.08
    # implied volatility falls when prices rise, and stays where volatilities are
    assert np.corrcoef(returns[:, 0], returns[:, 2])[0, 1] < -0.3
    assert one.values[:, 2].min() > 0.1
    assert one.values[:, 2].max() < 3.0
