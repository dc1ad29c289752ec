"""`sensitivity`, `explain` and `rules diff` as commands: what they print, at 80 columns, and when they refuse."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from plimsoll.cli import run
from plimsoll.feeds import demo_account, demo_market

HOUSE, VENUE = "prbm@2026-03-27", "derive-pmrm2@2026-03-27"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The demonstration's book, and the same two hours and a percent later with a trade and a deposit."""
    account, market = demo_account(), demo_market()
    later = market.to_dict()
    later["time"] = (market.time + timedelta(hours=2)).isoformat()
    later["indices"]["BTC"]["price"] *= 1.01
    for row in later["expiries"]:
        row["forward"]["variable"] *= 1.01
    after = account.to_dict()
    after["positions"][2]["quantity"] += 1.0
    after["collateral"]["USDC"] += 5_000.0
    documents = {"a0": account.to_dict(), "m0": market.to_dict(), "a1": after, "m1": later}
    paths = {}
    for name, content in documents.items():
        paths[name] = str(tmp_path / f"{name}.json")
        Path(paths[name]).write_text(json.dumps(content))
    return paths


def call(arguments: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    monkeypatch.setenv("COLUMNS", "80")
    code = run(arguments)
    out, err = capsys.readouterr()
    assert all(len(line) <= 80 for line in out.splitlines()) or "--json" in arguments, out
    return code, out, err


def explain_arguments(files: dict[str, str], *more: str, rules: str = HOUSE) -> list[str]:
    ends = ["-a", files["a0"], "-m", files["m0"], "--account-after", files["a1"], "--market-after", files["m1"]]
    return ["explain", *ends, "-r", rules, *more]


@pytest.mark.parametrize(("rules", "more"), [(HOUSE, []), (VENUE, ["--same-exposure"])])
def test_sensitivity_prints_steps_kinks_and_rule_numbers(
    files: dict[str, str], rules: str, more: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = call(
        ["sensitivity", "-a", files["a0"], "-m", files["m0"], "-r", rules, *more], capsys, monkeypatch
    )
    assert (code, err) == (0, "")
    for words in ("spot +1 %", "volatility -1 point", "one day passes*", "next kink up: at", "rule number +1 %"):
        assert words in out
    assert "BTC" in out
    assert "numbers moved by 1 %" in out


def test_sensitivity_as_json_holds_what_the_table_shows(
    files: dict[str, str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = ["sensitivity", "-a", files["a0"], "-m", files["m0"], "-r", HOUSE, "--json"]
    content = json.loads(call([*base, "--top", "3"], capsys, monkeypatch)[1])
    assert [s["name"] for s in content["steps"]] == ["spot_up", "spot_down", "vol_up", "vol_down", "day"]
    assert len(content["parameters"]) == 3
    assert content["steps"][4]["expired"] == ["BTC-28MAR26-68000-P", "BTC-28MAR26-72000-C"]
    assert content["kinks"]["up"]["move"] > 0 > content["kinks"]["down"]["move"]
    every = json.loads(call([*base, "--parameters"], capsys, monkeypatch)[1])
    assert len(every["parameters"]) == every["parameters_tried"] > 80
    assert every["parameters"][:3] == content["parameters"]


def test_explain_prints_an_exact_sum(files: dict[str, str], capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, err = call(explain_arguments(files), capsys, monkeypatch)
    assert (code, err) == (0, "")
    for words in ("before", "Trades", "Spot", "Volatility", "Time", "Collateral", "Rules", "residual", "after"):
        assert words in out
    for words in ("Spot: BTC +1.00%", "Time: 2 hours", "Collateral: USDC +5,000", "Trades: +1 BTC-3APR26-66000-P"):
        assert words in out


@pytest.mark.parametrize("order", ["symmetric", "forward", "reverse"])
def test_explain_as_json_adds_up(
    files: dict[str, str], order: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads(call(explain_arguments(files, "--json", "--order", order), capsys, monkeypatch)[1])
    assert content["order"] == order
    for measure in ("initial", "maintenance", "net_equity", "health"):
        parts = sum(e["change"][measure] for e in content["effects"])
        assert parts + content["residual"][measure] == pytest.approx(content["change"][measure], rel=1e-12)
        assert content["change"][measure] == content["after"][measure] - content["before"][measure]
        assert abs(content["residual"][measure]) <= 1e-9 * abs(content["after"][measure])
    hashes = content["inputs"]
    assert hashes["before"]["rules"] == hashes["after"]["rules"]
    assert hashes["before"]["market"] != hashes["after"]["market"]


def test_explain_takes_what_is_left_out_as_unchanged(
    files: dict[str, str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = ["explain", "-a", files["a0"], "-m", files["m0"], "-r", HOUSE, "--json"]
    content = json.loads(call([*base, "--market-after", files["m1"]], capsys, monkeypatch)[1])
    effects = {e["name"]: e["change"]["initial"] for e in content["effects"]}
    assert effects["trades"] == effects["collateral"] == effects["rules"] == 0.0
    assert effects["spot"] != 0.0
    code, out, err = call(base, capsys, monkeypatch)
    assert (code, out) == (2, "")
    assert "at least one of --account-after, --market-after and --rules-after" in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--rules-after", "derive-srm@2026-03-27"], "linear options and perpetuals"),
        (["--rules-after", "no-such@2026-03-27"], "no-such"),
    ],
)
def test_explain_refuses_in_one_message(
    files: dict[str, str], more: list[str], message: str, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = call(explain_arguments(files, *more), capsys, monkeypatch)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err


def test_time_that_runs_backwards_is_refused(
    files: dict[str, str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = {"a0": files["a0"], "m0": files["m1"], "a1": files["a1"], "m1": files["m0"]}
    code, _, err = call(explain_arguments(turned), capsys, monkeypatch)
    assert code == 2
    assert "market_after.time" in err


def test_rules_diff_in_words_leaves_and_json(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = ["rules", "diff", "deribit-pm@2024-07-01", "deribit-pm@2026-02-15"]
    code, out, err = call(packs, capsys, monkeypatch)
    assert (code, err) == (0, "")
    assert "- BTC: price range of the matrix: 16% → 14%  (looser: margins" in out
    assert "all together on the demo book: initial" in out
    code, out, _ = call([*packs, "--all"], capsys, monkeypatch)
    assert code == 0
    assert "pairs.BTC.price_range" in out
    assert "8 differences" in out
    content = json.loads(call([*packs, "--json"], capsys, monkeypatch)[1])
    assert {c["parameter"] for c in content["changes"]} == {p for d in content["differences"] for p in d["parameters"]}
    assert {d["direction"] for d in content["differences"]} == {"looser"}


def test_rules_diff_of_long_tables_is_short(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = call(["rules", "diff", "derive-pmrm2@2025-05-01", "derive-pmrm2@2026-02-01"], capsys, monkeypatch)
    assert code == 0
    assert "SOL: taken from now on, 32 scenarios" in out
    assert len(out.splitlines()) < 25


@pytest.mark.parametrize("name", ["sensitivity", "explain"])
def test_help_names_an_example(name: str, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = call([name, "--help"], capsys, monkeypatch)
    assert code == 0
    assert f"Example: plimsoll {name}" in out
