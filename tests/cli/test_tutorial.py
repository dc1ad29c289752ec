"""The tutorial: its commands on small sizes, and in the long run as printed, against the printed output."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from plimsoll.cli import run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial-venue-margin.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SMALL = {
    "--accounts 10000": "--accounts 40",
    "--seeds 20": "--seeds 2",
    "--rays 8": "--rays 3 --reach 2 --minutes 5",
    "--step 300": "--step 1200",
    " --thresholds": "",
}
COINS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


def steps() -> list[tuple[str, str, list[str]]]:
    """(kind, text, printed lines) of every JSON and Python block and every command, in order."""
    text, found = PAGE.read_text(), []
    for match in BLOCK.finditer(text):
        kind, body = match.groups()
        if kind != "console":
            found.append((kind, body, []))
            continue
        for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
            command, *printed = part.splitlines()
            found.append((kind, command, printed))
    return found


def play(small: bool, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, list[str], int, str]]:
    """Every step in the present folder; (command, printed lines, exit code, output) of each command."""
    told = []
    for kind, text, printed in steps():
        if kind == "json":
            Path(json.loads(text)["name"] + ".json").write_text(text)
        elif kind == "python":
            exec(compile(text, str(PAGE), "exec"), {})
        else:
            command = text
            for old, new in SMALL.items() if small else ():
                command = command.replace(old, new)
            words = shlex.split(command)
            assert words[0] == "plimsoll"
            code = run(words[1:])
            out, err = capsys.readouterr()
            assert code in (0, 1), f"{command}\n{err}"
            told.append((text, printed, code, out))
    return told


def squeezed(line: str) -> str:
    return " ".join(line.split())


def test_the_page_is_what_this_test_reads() -> None:
    kinds = [kind for kind, _, _ in steps()]
    assert kinds[0] == "json"
    assert kinds.count("python") == 1
    commands = [text.split()[1:3] for kind, text, _ in steps() if kind == "console"]
    for wanted in (
        ["book", "fleet"],
        ["cascade", "run"],
        ["rates", "impact"],
        ["rates", "--history"],
        ["stress", "venue"],
    ):
        assert wanted in commands
    # every command says something of what it printed, and what is left out is marked
    assert all(any(line != "..." for line in printed) for kind, _, printed in steps() if kind == "console")


def test_the_commands_run_on_small_sizes(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bars = pl.read_parquet(shared / "data/prices/binance_spot_daily_7coins.parquet")
    late = pl.col("Date").is_between(pl.datetime(2024, 4, 1), pl.datetime(2025, 10, 5))
    bars.filter(pl.col("Symbol").is_in(COINS) & late).write_parquet("daily.parquet")
    told = play(True, capsys)
    assert len(told) == len([k for k, _, _ in steps() if k == "console"])
    for command, _, code, out in told:
        assert code == 0 or command.startswith("plimsoll cascade run"), command
        assert out.strip(), command
    made = {p.name for p in tmp_path.iterdir()}
    assert made == {
        "daily.parquet", "static.json", "fleet.json", "governed.json", "governed-fleet.json", "half.json", "rates.png",
        "static.html", "avsl.html",
    }  # fmt: skip
    assert json.loads(Path("governed.json").read_text())["effective"] == "2025-10-01T00:00:00Z"


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_page_prints_what_the_commands_say(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    bars = pl.read_parquet(shared / "data/prices/binance_spot_daily_7coins.parquet")
    bars.write_parquet("daily.parquet")
    for command, printed, _, out in play(False, capsys):
        lines = [squeezed(line) for line in out.splitlines()]
        at = 0
        for line in (squeezed(x) for x in printed if x.strip() and x != "..."):
            assert line in lines[at:], f"{command}\n{line}\n{out}"
            at = lines.index(line, at) + 1
