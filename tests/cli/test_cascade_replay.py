"""`plimsoll cascade replay`: what it prints and writes on a made-up crash and on the real file, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from plimsoll.cli import run
from plimsoll.laboratory.replay.made_up import world
from plimsoll.laboratory.replay.positions import Positions

FILE = "data/liquidations/hyperliquid_20251010_btc_sol_positions.parquet"


def as_table(p: Positions) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "user_address": p.account,
            "asset": p.asset,
            "side": ["LONG" if x else "SHORT" for x in p.long],
            "position_size": p.size,
            "entry_price": pl.Series(p.entry).fill_nan(None),
            "mark_price": p.mark,
            "realized_pnl": p.realised,
            "was_liquidated": p.liquidated,
            "was_adl": p.deleveraged,
        }
    )


@pytest.fixture
def crash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    as_table(world(0, 400).positions).write_parquet(tmp_path / "crash.parquet")
    return str(tmp_path / "crash.parquet")


def test_tables_fit_a_terminal_and_the_page_and_picture_are_written(crash: str, tmp_path: Path, capsys: Any) -> None:
    page, picture, fitted = (str(tmp_path / n) for n in ("r.html", "r.png", "fit.json"))
    more = ["--html", page, "-o", picture, "--write-fit", fitted]
    assert run(["cascade", "replay", "--positions", crash, "--draws", "4", *more]) == 0
    out = capsys.readouterr().out
    assert max(len(line.rstrip()) for line in out.splitlines() if "/" not in line) <= 80
    for word in ("production", "profits only", "published", "what the file cannot decide", "judged at the lowest mark"):
        assert word in out
    text = Path(page).read_text(encoding="utf-8")
    assert text.count("<svg") == 1
    assert "leverage: twice" in text
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    # the fit that was written answers for the same file without its flags
    bare = str(tmp_path / "bare.csv")
    pl.read_parquet(crash).drop("was_liquidated", "was_adl").write_csv(bare)
    assert run(["cascade", "replay", "--positions", bare, "--fit", fitted, "--draws", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["flags"] == "fit"
    assert found["calibration"] == []
    assert all(s["observed"] is None for s in found["shares"])


def test_flags_of_a_second_file_give_the_same_bits(crash: str, tmp_path: Path, capsys: Any) -> None:
    frame = pl.read_parquet(crash)
    bare, flags = str(tmp_path / "bare.csv.gz"), str(tmp_path / "flags.csv")
    with Path(bare).open("wb") as file:
        import gzip

        file.write(gzip.compress(frame.drop("was_liquidated", "was_adl").write_csv().encode()))
    frame.select("was_adl", "asset", "was_liquidated", "user_address").reverse().write_csv(flags)
    command = ["cascade", "replay", "--draws", "3", "--json", "--positions"]
    assert run([*command, crash]) == 0
    one = json.loads(capsys.readouterr().out)
    assert run([*command, bare, "--outcomes", flags]) == 0
    two = json.loads(capsys.readouterr().out)
    assert one.pop("source") != two.pop("source")
    assert one == two


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--marks", "AAA"], "--marks: got 'AAA'"),
        (["--marks", "AAA=100:x"], "--marks: got 'AAA=100:x'"),
        (["--marks", "AAA=100:90", "--marks", "AAA=100:90"], "each asset once"),
        (["--marks", "ZZZ=100:90"], "--marks: got 'ZZZ'; allowed: an asset of the file: AAA, BBB"),
        (["--outcomes", "nowhere.csv"], "nowhere.csv"),
        (["--fit", "nowhere.json"], "nowhere.json"),
    ],
)
def test_bad_input_is_refused(crash: str, arguments: list[str], message: str, capsys: Any) -> None:
    assert run(["cascade", "replay", "--positions", crash, "--draws", "2", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_crash_in_which_nobody_was_deleveraged_is_refused(crash: str, tmp_path: Path, capsys: Any) -> None:
    path = str(tmp_path / "none.parquet")
    pl.read_parquet(crash).with_columns(was_adl=pl.lit(False)).write_parquet(path)
    assert run(["cascade", "replay", "--positions", path, "--draws", "2"]) == 2
    assert "an asset with both" in " ".join(capsys.readouterr().err.split())


def test_the_real_file(shared: Path, capsys: Any) -> None:
    """13,031 positions of 12,103 accounts. Fitted on one half, both flags are told better than by plain shares on the
    other; and the venue's rule points at more of the deleveraged shorts in BTC than a random order."""
    assert run(["cascade", "replay", "--positions", str(shared / FILE), "--draws", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["positions"], found["accounts"], found["assets"]) == (13031, 12103, ["BTC", "SOL"])
    assert found["traps"]["both liquidated and deleveraged"] == 92
    assert found["traps"]["flagged without anything closed"] == 0
    assert [c["flag"] for c in found["calibration"]] == ["liquidated", "deleveraged"]
    assert all(c["gain"]["low"] > 0.0 for c in found["calibration"])
    assert all(c["likelihood"] > c["baseline_likelihood"] for c in found["calibration"])
    pointed = {p["asset"]: p for p in found["pointed"]}
    assert pointed["BTC"]["production_lift"]["low"] > 0.0
    rows = {(o["asset"], o["policy"]): o for o in found["outcomes"]}
    for asset in ("BTC", "SOL", "all"):
        queue, fair, profits = (rows[asset, p] for p in ("queue by lots", "pro-rata", "profits only"))
        assert queue["overshoot"] == pytest.approx(fair["overshoot"])
        assert profits["overshoot"]["value"] == 0.0
        assert profits["left"]["value"] == pytest.approx(fair["overshoot"]["value"])
    assert rows["SOL", "production"]["overshoot"]["value"] > rows["BTC", "production"]["overshoot"]["value"]
    for r in found["ranked"]:
        assert r["paid"] == r["owed"]


def test_the_largest_assets_are_told_first_and_what_the_outcomes_do_not_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    table = as_table(world(0, 400).positions)
    small = pl.when(pl.col("asset") == "AAA").then(pl.col("realized_pnl") / 1e4).otherwise(pl.col("realized_pnl"))
    flags = table.select("user_address", "asset", liquidated="was_liquidated", adl="was_adl")
    table.drop("was_liquidated", "was_adl").with_columns(small).tail(380).write_csv(tmp_path / "p.csv")
    flags.head(390).write_parquet(tmp_path / "o.parquet")
    files = ["--positions", str(tmp_path / "p.csv"), "--outcomes", str(tmp_path / "o.parquet")]
    assert run(["cascade", "replay", *files, "--draws", "3"]) == 0
    out = capsys.readouterr().out
    assert out.index("BBB, closed") < out.index("AAA, closed") < out.index("all, closed")
    assert "10 not among the outcomes: taken as neither flag" in out
    assert "20 outcomes of positions that are not here" in out
