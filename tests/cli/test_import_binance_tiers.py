"""`plimsoll rules import binance-tiers`: both shapes, every cum, and what is no table of brackets."""

from __future__ import annotations

import copy
import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from binance_books import UM, account_doc, market_doc, perpetual
from plimsoll.cli import run as main
from plimsoll.margin import load_rules
from plimsoll.margin.many import Positions
from plimsoll.margin.parts.tiers import Tiers
from plimsoll.margin.venues.binance.brackets import parse_brackets, read_brackets

Doc = dict[str, Any]

ROWS = [(0, 50_000, 0.004, 125, 0), (50_000, 600_000, 0.005, 100, 50), (600_000, 3_000_000, 0.0065, 75, 950)]
COINS = [(0, 5, 0.004, 125, 0), (5, 10, 0.005, 100, 0.005), (10, 20, 0.01, 50, 0.055)]


def unified(rows: list[tuple[Any, ...]] = ROWS, text: bool = True) -> list[Doc]:
    """Tiers as ccxt gives them."""
    return [
        {
            "tier": float(i + 1),
            "currency": "USDT",
            "minNotional": float(floor),
            "maxNotional": float(cap),
            "maintenanceMarginRate": rate,
            "maxLeverage": float(leverage),
            "info": {"bracket": str(i + 1), "cum": str(cum) if text else cum},
        }
        for i, (floor, cap, rate, leverage, cum) in enumerate(rows)
    ]


def raw(symbol: str = "BTCUSDT", rows: list[tuple[Any, ...]] = ROWS, unit: str = "notional") -> Doc:
    """What the venue's own query answers for one symbol."""
    floor_name = "qtylFloor" if unit == "qty" else "notionalFloor"
    brackets = [
        {
            "bracket": i + 1,
            "initialLeverage": leverage,
            f"{unit}Cap": cap,
            floor_name: floor,
            "maintMarginRatio": rate,
            "cum": cum,
        }
        for i, (floor, cap, rate, leverage, cum) in enumerate(rows)
    ]
    return {"symbol": symbol, "brackets": brackets}


def imported(tmp_path: Path, content: Any, *more: str) -> int:
    file = tmp_path / "tiers.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    command = ["rules", "import", "binance-tiers", str(file), "-o", str(tmp_path / "packs")]
    return main([*command, "--effective", "2024-10-24", *more])


@pytest.mark.parametrize(
    "content",
    [
        {"BTC/USDT:USDT": unified()},
        {"BTC/USDT:USDT": unified(text=False)},
        {"BTCUSDT": unified()},
        [raw()],
        raw(),
        [raw(rows=[tuple(map(str, row)) for row in ROWS])],
    ],
)
@pytest.mark.rule("BINANCE-UM-09")
def test_both_shapes_give_one_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any) -> None:
    assert imported(tmp_path, content) == 0
    path = tmp_path / "packs" / "binance-usdm@2024-10-24.json"
    assert capsys.readouterr().out == f"1 symbols, 3 brackets, worst error 0\n{path}\n"
    rules = load_rules(str(path))
    shipped = pl.find_rules("binance-usdm@2024-10-24").parameters["symbols"]["BTCUSDT"]["tiers"]
    for mine, known in zip(rules.parameters["symbols"]["BTCUSDT"]["tiers"], shipped, strict=False):
        assert {n: mine[n] for n in ("upto", "maintenance", "initial")} == {n: known[n] for n in mine if n in known}
    assert rules.evidence_for("symbols.BTCUSDT") == "read"
    assert rules.evidence_for("default_leverage") == "assumed"


@pytest.mark.parametrize(
    "content", [{"BTC/USD:BTC": unified(COINS), "BTC/USDT:USDT": unified()}, [raw("BTCUSD_PERP", COINS, "qty"), raw()]]
)
@pytest.mark.rule("BINANCE-UM-09")
def test_coin_margined_brackets_are_a_pack_of_their_own(tmp_path: Path, content: Any) -> None:
    assert imported(tmp_path, content) == 0
    files = sorted(p.name for p in (tmp_path / "packs").iterdir())
    assert files == ["binance-coinm@2024-10-24.json", "binance-usdm@2024-10-24.json"]
    coins = pl.margin_model(str(tmp_path / "packs" / files[0]))
    (symbol,) = coins.parameters.symbols
    assert symbol in ("BTCUSD", "BTCUSD_PERP")


def test_a_gzipped_file_and_the_margin_of_its_pack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tiers.json.gz"
    file.write_bytes(gzip.compress(json.dumps({"BTC/USDT:USDT": unified()}).encode()))
    assert main(["rules", "import", "binance-tiers", str(file), "-o", str(tmp_path), "--leverage", "10"]) == 0
    (pack,) = tmp_path.glob("binance-usdm@*.json")
    account, market = tmp_path / "account.json", tmp_path / "market.json"
    row = {"instrument": "BTCUSDT", "quantity": 1.0}
    account.write_text(json.dumps(account_doc([row], collateral={"USDT": 9_000.0})), encoding="utf-8")
    market.write_text(json.dumps(market_doc(UM, {"BTCUSDT": {"price": 70_000.0}})), encoding="utf-8")
    capsys.readouterr()
    assert main(["margin", "-a", str(account), "-m", str(market), "--rules", str(pack), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["maintenance"] == pytest.approx(70_000.0 * 0.005 - 50.0)
    assert found["initial"] == pytest.approx(7_000.0)


@pytest.mark.rule("BINANCE-UM-09")
def test_a_cum_that_does_not_follow_is_named_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = {"BTC/USDT:USDT": unified(), "ETH/USDT:USDT": unified()}
    content["ETH/USDT:USDT"][2]["info"]["cum"] = "951.5"
    assert imported(tmp_path, content) == 1
    assert capsys.readouterr().out.splitlines() == [
        "2 symbols, 6 brackets, worst error 1.5",
        "  ETHUSDT bracket 3: cum 951.5, but 950 follows",
    ]
    assert not (tmp_path / "packs").exists()
    assert imported(tmp_path, content, "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["worst_error"] == 1.5
    assert found["packs"] == []
    assert found["mismatches"] == [{"symbol": "ETHUSDT", "bracket": 3, "cum": 951.5, "follows": 950.0}]


@pytest.mark.parametrize(("cum", "code"), [(950.0000001, 0), (950.01, 1), ("949.99", 1), (0, 1)])
def test_a_cent_is_a_mismatch_and_what_a_double_loses_is_none(tmp_path: Path, cum: Any, code: int) -> None:
    rows = [*ROWS[:2], (*ROWS[2][:4], cum)]
    assert imported(tmp_path, [raw(rows=rows)]) == code


def changed(field: str, value: Any, bracket: int = 1, drop: bool = False) -> list[Doc]:
    content = copy.deepcopy([raw()])
    if drop:
        del content[0]["brackets"][bracket][field]
    else:
        content[0]["brackets"][bracket][field] = value
    return content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (changed("cum", "much"), "BTCUSDT.brackets[1].cum: got 'much'; allowed: a number from 0"),
        (changed("cum", None), "BTCUSDT.brackets[1].cum: got None"),
        (changed("cum", True), "BTCUSDT.brackets[1].cum: got True"),
        (changed("cum", "NaN"), "BTCUSDT.brackets[1].cum: got 'NaN'"),
        (changed("cum", 0, drop=True), "BTCUSDT.brackets[1].cum: got nothing"),
        (
            changed("maintMarginRatio", 1.5),
            "BTCUSDT.brackets[1].maintMarginRatio: got 1.5; allowed: a number from 0 to 1",
        ),
        (changed("initialLeverage", 0), "BTCUSDT.brackets[1].initialLeverage: got 0; allowed: a number from 1 to 1000"),
        (changed("notionalFloor", -1), "BTCUSDT.brackets[1].notionalFloor: got -1"),
        (changed("notionalFloor", 40_000), "BTCUSDT.brackets[1].floor: got 40000; allowed: 50000, where the bracket"),
        (changed("notionalFloor", 10, 0), "BTCUSDT.brackets[0].floor: got 10; allowed: 0"),
        (changed("notionalCap", 50_000), "BTCUSDT.brackets[1].cap: got 50000; allowed: a size above 50000"),
        ([raw(), raw()], "BTCUSDT: got the symbol twice"),
        ({"BTC/USDT:USDT": [7]}, "BTCUSDT.brackets[0]: got 7"),
        ({"BTC/USDT:USDT": [{"maintenanceMarginRate": 0.1}]}, "BTCUSDT.brackets[0].info: got None"),
        ({"BTC/USDT:USDT": []}, "BTCUSDT.brackets: got []"),
        ([{"brackets": []}], "[0].symbol: got None"),
        ([], "$: got []"),
        ({}, "$: got {}"),
        ("[", "$: got 'text that is not JSON"),
        ("17", "$: got 17"),
    ],
)
@pytest.mark.rule("BINANCE-UM-09")
def test_what_is_no_table_names_symbol_and_bracket(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: Any, words: str
) -> None:
    assert imported(tmp_path, content) == 2
    out = capsys.readouterr()
    assert words in out.err
    assert not (tmp_path / "packs").exists()


def test_options_are_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert imported(tmp_path, [raw()], "--leverage", "0.5") == 2
    assert "--leverage: got 0.5; allowed: a number from 1 to 1000" in capsys.readouterr().err
    assert imported(tmp_path, [raw()], "--effective", "soon") == 2
    assert "--effective: got 'soon'" in capsys.readouterr().err
    (tmp_path / "packs").write_text("a file", encoding="utf-8")
    assert imported(tmp_path, [raw()]) == 2
    assert "--output: got" in capsys.readouterr().err
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b"[]" * 100)[:-9])
    assert main(["rules", "import", "binance-tiers", str(broken), "-o", str(tmp_path / "x")]) == 2
    assert "gzip that cannot be read" in capsys.readouterr().err


@pytest.mark.rule("BINANCE-UM-09")
def test_every_cum_of_the_shared_file_follows(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = shared / "data" / "tiers" / "binance_usdm_leverage_tiers_2024-10.json.gz"
    found = read_brackets(str(file))
    worst, wrong = found.checked()
    assert (found.symbols, found.count, worst, wrong) == (349, 2_805, Decimal(0), [])
    command = ["rules", "import", "binance-tiers", str(file), "-o", str(tmp_path), "--effective", "2024-10-24"]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("349 symbols, 2805 brackets, worst error 0\n")
    model = pl.margin_model(str(tmp_path / "binance-usdm@2024-10-24.json"))
    shipped = pl.margin_model("binance-usdm@2024-10-24")
    published = json.loads(gzip.decompress(file.read_bytes()))
    assert len(model.parameters.symbols) == 349
    for name, rows in published.items():
        symbol = name.replace("/", "").replace(":USDT-", "_").partition(":")[0]
        tiers = Tiers.of(model.parameters.symbols[symbol])
        # the venue's own cum in every bracket, by our recursion in floats
        assert tiers.deduction == pytest.approx([float(r["info"]["cum"]) for r in rows], rel=1e-9, abs=1e-6)
        assert tiers.maintenance_rate.tolist() == [float(r["info"]["maintMarginRatio"]) for r in rows]
    for symbol, table in shipped.parameters.symbols.items():
        mine, known = Tiers.of(model.parameters.symbols[symbol]), Tiers.of(table)
        for field in ("ends", "maintenance_rate", "initial_rate", "deduction"):
            assert getattr(mine, field) == pytest.approx(getattr(known, field), rel=1e-12)


@pytest.mark.rule("BINANCE-UM-01", "BINANCE-UM-02")
def test_margins_of_every_symbol_in_every_bracket(shared: Path, tmp_path: Path) -> None:
    """One account for each bracket of the shared file, against the venue's own rate, cum and leverage."""
    file = shared / "data" / "tiers" / "binance_usdm_leverage_tiers_2024-10.json.gz"
    command = ["rules", "import", "binance-tiers", str(file), "-o", str(tmp_path), "--effective", "2024-10-24"]
    assert main(command) == 0
    model = pl.margin_model(str(tmp_path / "binance-usdm@2024-10-24.json"))
    instruments, marks, coins, held, wanted = [], {}, {}, [], []
    for name, rows in json.loads(gzip.decompress(file.read_bytes())).items():
        pair, _, settle = name.partition(":")
        currency, _, expiry = settle.partition("-")
        symbol = pair.replace("/", "") + (f"_{expiry}" if expiry else "")
        coin = pair.partition("/")[0]
        instruments.append(perpetual(symbol, coin, currency=currency))
        marks[symbol], coins[coin] = {"price": 2.0}, {"price": 2.0}
        for i, row in enumerate(rows):
            info = row["info"]
            # some last brackets end beyond what an account may hold
            end = min(row["maxNotional"], 1e11)
            size = (row["minNotional"] + end) / 2.0 if i % 2 else end
            assert size > row["minNotional"]
            held.append(
                pl.Account.from_dict(account_doc([{"instrument": symbol, "quantity": (-1.0) ** i * size / 2.0}]))
            )
            need = size * float(info["maintMarginRatio"]) - float(info["cum"])
            wanted.append((size / min(20.0, float(info["initialLeverage"])), need))
    content = market_doc(instruments, marks, indices=coins, expiries=[])
    content["assets"] = {a: {"price": 1.0} for a in ("USDT", "USDC")}
    market = pl.Market.from_dict(content)
    found = model.many(Positions.of(held), market).check()
    assert len(found) == 2_805
    assert found.initial == pytest.approx([i for i, _ in wanted], rel=1e-12)
    assert found.maintenance == pytest.approx([m for _, m in wanted], rel=1e-9)
    for a in range(0, len(held), 100):
        own = model.requirement(held[a], market)
        assert (own.initial, own.maintenance) == pytest.approx(wanted[a], rel=1e-9)


def test_names_become_the_symbols_of_the_venue() -> None:
    names = ("1000BONK/USDC:USDC", "BTC/USDT:USDT-241227", "ADA/BUSD", "ETH/USD:ETH", "ETH/USD:ETH-241227")
    found = parse_brackets({n: unified() for n in names})
    assert list(found.tables["binance-usdm"]) == ["1000BONKUSDC", "BTCUSDT_241227", "ADABUSD"]
    assert list(found.tables["binance-coinm"]) == ["ETHUSD", "ETHUSD_241227"]
