"""Exit codes and messages of the commands that read documents and rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import plimsoll as pl
from builders import CALL, PMRM2, PRBM, account_doc, market_doc, rules_doc
from plimsoll.cli import LISTING, run
from plimsoll.cli.schema import NAMES, schema

COMMANDS = [listing.name for listings in LISTING.values() for listing in listings]
GROUPS = {
    "audit": ["log", "verify", "replay", "export", "check", "compact"],
    "live": ["check", "monitor", "replay", "shards"],
    "prove": ["margin", "solvency", "key", "sign"],
    "verify": ["proof", "solvency", "inclusion", "rows"],
    "token": ["create", "list", "revoke"],
    "book": ["sample", "exotics"],
    "import": ["deribit-chain"],
    "rules": ["list", "show", "diff"],
}
LEAVES = [[c, s] for c in COMMANDS for s in GROUPS.get(c, [])] + [[c] for c in COMMANDS if c not in GROUPS]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """The path of an account and of a market."""
    for name, content in (("account", account_doc()), ("market", market_doc())):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return {name: str(tmp_path / f"{name}.json") for name in ("account", "market")}


def margin(files: dict[str, str], rules: str = PRBM, *more: str) -> int:
    return run(["margin", "--account", files["account"], "--market", files["market"], "--rules", rules, *more])


def changed(path: str, content: Any) -> str:
    """A file beside `path` with other content."""
    other = Path(path).with_name("other.json")
    other.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(other)


@pytest.mark.parametrize("command", LEAVES, ids=" ".join)
def test_the_help_of_every_command_ends_in_an_example(command: list[str], capsys: Any) -> None:
    assert run([*command, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Usage: plimsoll " + " ".join(command) in shown
    example = shown.partition("Example: ")[2]
    assert "plimsoll " + " ".join(command) in example


def test_the_help_lists_every_command(capsys: Any) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"plimsoll {pl.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Usage: plimsoll"),
        (["nope"], "No such command 'nope'; there are demo, margin"),
        (["--nope"], "No such option"),
        (["margin"], "Missing option '--account'"),
        (["margin", "--acount", "x"], "--account"),
        (["rules", "show"], "Missing argument"),
        (["rules", "diff", "prbm@2025-01-01"], "Missing argument"),
        (["schema", "nope"], "'nope' is not one of 'account'"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash'"),
        (["conformance"], "Missing argument 'PATH...'"),
    ],
)
def test_a_wrong_command_line(arguments: list[str], message: str, capsys: Any) -> None:
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert message in out + err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("pack", [PRBM, PMRM2])
def test_margin_json_is_exactly_the_requirement(pack: str, files: dict[str, str], capsys: Any) -> None:
    assert margin(files, pack, "--json") == 0
    out, err = capsys.readouterr()
    found = pl.margin_model(pack).requirement(pl.Account.load(files["account"]), pl.Market.load(files["market"]))
    assert out == found.to_json()
    assert err == ""
    assert pl.Requirement.from_json(out) == found


def test_margin_under_a_rules_file(files: dict[str, str], capsys: Any) -> None:
    mine = changed(files["account"], rules_doc() | {"name": "mine"})
    assert margin(files, mine, "--json") == 0
    assert json.loads(capsys.readouterr().out)["rules"] == "mine@2025-01-01"


def test_margin_of_what_cannot_be_valued(files: dict[str, str], capsys: Any) -> None:
    market = market_doc()
    del market["marks"][CALL]
    files["market"] = changed(files["market"], market)
    assert margin(files, PRBM, "--json") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: account.positions[0].instrument: got 'BTC-70000-C' (missing_vol: ")
    assert "allowed: an option with a volatility" in err
    assert margin(files, PRBM, "--json", "--on-failure", "conservative") == 0
    assert json.loads(capsys.readouterr().out)["failures"][0]["reason"] == "missing_vol"


@pytest.mark.parametrize(
    ("which", "content", "message"),
    [
        ("account", account_doc(colateral={}), "colateral: got an unknown field"),
        ("account", account_doc({CALL: 1e12}), "positions[0].quantity: got 1000000000000.0; allowed: "),
        ("account", account_doc({"BTC-X": 1.0}), "unknown_instrument: not among the 5 instruments"),
        ("account", account_doc(as_of="2026-01-02T00:00:00Z"), "account.as_of: got '2026-01-02"),
        (
            "account",
            account_doc(collateral={"DOGE": 1.0}),
            "account.collateral.DOGE: got 1.0 of DOGE (unknown_currency)",
        ),
        ("account", market_doc(), "schema: got 'plimsoll.market'; allowed: 'plimsoll.account'"),
        ("account", "{", "not JSON"),
        ("account", json.dumps(account_doc({CALL: float("nan")})), "positions[0].quantity: got nan"),
        ("market", market_doc(marks={CALL: {"vol": -0.1}}), f"marks.{CALL}.vol: got -0.1"),
        ("market", market_doc(indices={}), "missing_index"),
        ("market", market_doc(schema_version=2), "schema_version: got 2; allowed: 1"),
    ],
)
def test_margin_of_bad_files(which: str, content: Any, message: str, files: dict[str, str], capsys: Any) -> None:
    files[which] = changed(files[which], content)
    assert margin(files, PRBM, "--json") == 2
    out, err = capsys.readouterr()
    assert (out, err[:7]) == ("", "error: ")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("rules", ["nope@2026-01-01", "prbm", "prbm@2020-01-01", "prbm@x", "missing.json", ""])
def test_margin_under_no_pack(rules: str, files: dict[str, str], capsys: Any) -> None:
    assert margin(files, rules, "--json") == 2
    out, err = capsys.readouterr()
    assert (out, err[:7]) == ("", "error: ")


def test_a_key_cannot_steer_the_terminal(files: dict[str, str], capsys: Any) -> None:
    files["account"] = changed(files["account"], account_doc() | {"\x1b[31mred" + "x" * 10_000: 1})
    assert margin(files, PRBM, "--json") == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert len(err) < 1_000


def test_rules_list(capsys: Any) -> None:
    assert run(["rules", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(r["name"], r["effective"], r["hash"]) for r in rows] == [
        (p.name, p.effective.isoformat(), p.hash()) for p in pl.shipped_packs()
    ]
    assert run(["rules", "list"]) == 0
    out = capsys.readouterr().out
    assert all(f"{r['name']}@{r['effective']}" in out for r in rows)


@pytest.mark.parametrize(("columns", "whole"), [(80, False), (140, True)])
def test_a_narrow_list_of_rules_leaves_out_what_fits_nowhere(
    columns: int, whole: bool, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run(["rules", "list"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    assert ("currency" in out.splitlines()[0]) is whole
    pack = pl.find_rules("aevo-sm@2024-01-01")
    assert f"{pack.label} " in out
    assert pack.title in out
    assert (pack.hash()[7:19] in out) is whole


@pytest.mark.parametrize("pack", [p.label for p in pl.shipped_packs()])
def test_rules_show(pack: str, capsys: Any) -> None:
    assert run(["rules", "show", pack, "--json"]) == 0
    assert capsys.readouterr().out == pl.find_rules(pack).to_json()
    assert run(["rules", "show", pack]) == 0
    out = capsys.readouterr().out
    assert out.startswith(pack)
    assert pl.find_rules(pack).hash() in out.replace("\n", "")


def test_rules_show_refuses_a_pack_that_no_model_can_read(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(rules_doc() | {"parameters": {"scenarios": []}}))
    assert run(["rules", "show", str(path)]) == 2
    assert "parameters.scenarios: got []" in capsys.readouterr().err
    assert run(["rules", "show", "nope@2026-01-01"]) == 2
    assert "rules: got 'nope'; allowed: one of" in capsys.readouterr().err


def test_rules_diff(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "rules.json"
    content = rules_doc()
    content["parameters"]["min_delta"]["net"] = 0.03
    del content["parameters"]["haircuts"]["SOL"]
    path.write_text(json.dumps(content))
    assert run(["rules", "diff", PRBM, str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["changes"] == [
        {"parameter": "min_delta.net", "before": 0.02, "after": 0.03},
        {"parameter": "haircuts.SOL", "before": 0.1, "after": None},
    ]
    assert [d["direction"] for d in found["differences"]] == ["stricter", "none"]
    assert run(["rules", "diff", PRBM, str(path)]) == 0
    assert "2 changes in 2 parameters" in capsys.readouterr().out
    assert run(["rules", "diff", PRBM, PRBM]) == 0
    assert "0 changes in 0 parameters" in capsys.readouterr().out
    assert run(["rules", "diff", PRBM, "nope@2026-01-01"]) == 2
    assert capsys.readouterr().err.startswith("error: rules: got 'nope'")


@pytest.mark.parametrize("name", NAMES)
def test_schema(name: str, capsys: Any) -> None:
    assert run(["schema", name]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(json.dumps(schema(name)))
    assert printed["properties"]["schema"]["const"] == f"plimsoll.{name}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str, capsys: Any) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_PLIMSOLL_COMPLETE" in script
    assert "plimsoll" in script
    assert len(script.splitlines()) > 5


def test_the_program_itself(files: dict[str, str]) -> None:
    """Through a process of its own: exit codes and streams as a shell sees them."""
    source = str(Path(pl.__file__).parent.parent)
    environment = os.environ | {"PYTHONPATH": source}
    arguments = ["margin", "-a", files["account"], "-m", files["market"], "-r"]
    for rules, code in ((PRBM, 0), ("prbm@2020-01-01", 2)):
        command = [sys.executable, "-m", "plimsoll", *arguments, rules, "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == code
        assert bool(done.stdout) is (code == 0)
        assert done.stderr.startswith("error: " if code else "")
        assert "Traceback" not in done.stderr
