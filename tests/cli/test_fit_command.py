"""`plimsoll fit`: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dynamics.chains import flat, market_of, svi_smile
from plimsoll.cli import run
from plimsoll.dynamics import SurfaceFit, fit_market
from plimsoll.feeds import generated_market
from plimsoll.market import Market


@pytest.fixture
def market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A generated market of two coins in a file, and a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "market.json"
    generated_market(seed=4).save(path)
    return str(path)


def test_the_table_has_a_line_for_each_expiry_and_fits_a_terminal(market: str, capsys: Any) -> None:
    assert run(["fit", "--market", market]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    fits = fit_market(Market.load(market))
    lines = [line for line in out.splitlines() if " svi" in line]
    assert len(lines) == sum(len(f.expiries) for f in fits)
    for line, one in zip(lines, (e for f in fits for e in f.expiries), strict=True):
        assert line.startswith(f"{one.expiry:%d %b %y}")
        assert f"{100 * one.error.weighted:.2f}" in line
        assert f"{one.error.inside}/{one.error.two_sided}" in line
    assert out.count("free of butterfly and calendar arbitrage") == 2


def test_json_is_a_list_of_surface_documents(market: str, capsys: Any) -> None:
    assert run(["fit", "--market", market, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [SurfaceFit.from_dict(c) for c in found] == list(fit_market(Market.load(market)))
    assert run(["fit", "--market", market, "-u", "ETH", "--method", "ssvi", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["underlying"] == "ETH"
    assert {e["method"] for e in one["expiries"]} == {"ssvi"}


def test_picture_and_market_are_written(market: str, tmp_path: Path, capsys: Any) -> None:
    picture, smiles = tmp_path / "smiles.png", tmp_path / "smiled.json"
    assert run(["fit", "-m", market, "-u", "BTC", "-o", str(picture), "--smiles", str(smiles)]) == 0
    out = capsys.readouterr().out.replace("\n", "")
    assert str(picture) in out
    assert str(smiles) in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    drawn = tmp_path / "smiles.svg"
    assert run(["fit", "-m", market, "-u", "BTC", "-o", str(drawn)]) == 0
    first = drawn.read_bytes()
    assert run(["fit", "-m", market, "-u", "BTC", "-o", str(drawn)]) == 0
    assert drawn.read_bytes() == first
    smiled = Market.load(smiles)
    (fit,) = fit_market(Market.load(market), ["BTC"])
    rows = {e.expiry: e.svi for e in smiled.expiries if e.underlying == "BTC"}
    assert rows == {e.expiry: e.svi for e in fit.expiries}


def test_a_fallback_ends_with_one_and_is_named(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "few.json"
    market_of({7.0: flat(0.5), 30.0: flat(0.6)}, k=(-0.1, 0.0, 0.1)).save(path)
    assert run(["fit", "--market", str(path)]) == 1
    out = capsys.readouterr().out
    assert "too_few_strikes" in out
    assert out.count(" flat") >= 2


def test_an_expiry_without_a_forward_ends_with_one_and_is_named(tmp_path: Path, capsys: Any) -> None:
    slices = {30.0: svi_smile(30.0, 0.004, 0.05, -0.3, 0.02, 0.15), 90.0: flat(0.6)}
    content = market_of(slices).to_dict()
    content["expiries"][1]["forward"] = None
    path = tmp_path / "market.json"
    path.write_text(json.dumps(content))
    assert run(["fit", "--market", str(path)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "refused: BTC 2026-05-30T00:00:00Z: missing_forward: no forward: it has no slice" in out
    assert "30 Mar" in out or "31 Mar" in out


def test_nothing_to_fit_is_told(tmp_path: Path, capsys: Any) -> None:
    content = market_of({30.0: flat(0.5)}).to_dict()
    content["marks"] = {}
    path = tmp_path / "market.json"
    path.write_text(json.dumps(content))
    assert run(["fit", "--market", str(path)]) == 1
    assert "missing_vol" in capsys.readouterr().out
    assert run(["fit", "--market", str(path), "-u", "BTC", "-o", str(tmp_path / "x.png")]) == 2
    assert "--output: got 'a picture of BTC'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-u", "SOL"], "underlyings: got 'SOL'; allowed: one with live options: BTC, ETH"),
        (["-o", "x.png"], "--output: got 'a picture of 2 underlyings'; allowed: one underlying"),
        (["-u", "BTC", "-o", "x.pdf"], "--output: got 'x.pdf'; allowed: a file that ends in .png or .svg"),
        (["-u", "BTC", "--smiles", "no/such/folder/m.json"], "--smiles: got 'no/such/folder/m.json"),
        (["--method", "sabr"], "'sabr' is not one of 'svi', 'ssvi'"),
    ],
)
def test_bad_input_ends_with_two(market: str, arguments: list[str], message: str, capsys: Any) -> None:
    assert run(["fit", "--market", market, *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_file_that_is_no_market_is_refused(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "account.json"
    path.write_text('{"schema": "plimsoll.account"}')
    assert run(["fit", "--market", str(path)]) == 2
    assert "schema: got 'plimsoll.account'; allowed: 'plimsoll.market'" in capsys.readouterr().err
