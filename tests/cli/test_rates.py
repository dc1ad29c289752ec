"""`plimsoll rates`: what it prints and writes, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from plimsoll.cli import run
from plimsoll.feeds.sample_history import sample_history
from plimsoll.margin.avsl import ThresholdRule
from plimsoll.rates.governor import GovernorRule
from plimsoll.rates.publish import RatePolicy
from plimsoll.rates.raw import TailRule
from plimsoll.rates.schedule import RateSchedule
from plimsoll.rates.size import SizeRule


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A small policy and a CSV of bars; a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    RatePolicy(tail=TailRule(window=300, least=250), size=SizeRule(sizes=(1e5, 1e7))).save(tmp_path / "policy.json")
    closes, volume = sample_history(days=330)
    rows = [
        pl.DataFrame(
            {
                # milliseconds of the start of each bar
                "open_time": (closes.times - closes.step_ns) // 1_000_000,
                "symbol": f"{name}USDT",
                "close": closes.series(name),
                "quote_volume": volume.series(name),
            }
        )
        for name in closes.names
    ]
    pl.concat(rows).write_csv(tmp_path / "bars.csv")
    return str(tmp_path / "policy.json"), str(tmp_path / "bars.csv")


def test_impact_tells_new_calls_from_older_ones(tmp_path: Path, capsys: Any) -> None:
    """Rates from 10 to 12 %: one of three is called for the first time, one was short before and now lacks more."""

    def schedule(rate: float) -> str:
        head = {
            "schema": "plimsoll.rate-schedule",
            "schema_version": 1,
            "name": "x",
            "effective": "2022-01-01T00:00:00Z",
        }
        tier = {"upto": None, "maintenance": rate / 2, "initial": rate}
        path = tmp_path / f"{rate}.json"
        path.write_text(json.dumps(head | {"assets": {"BTC": {"tiers": [tier]}}}))
        return str(path)

    accounts = [
        {"name": n, "equity": e, "positions": {"BTC": q}}
        for n, e, q in (("new", 1100.0, 1.0), ("older", 90.0, -0.1), ("fine", 9000.0, 1.0))
    ]
    fleet = tmp_path / "fleet.json"
    head = {"schema": "plimsoll.fleet", "schema_version": 1, "prices": {"BTC": 1e4}, "volume": {"BTC": 1e9}}
    fleet.write_text(json.dumps(head | {"accounts": accounts}))
    words = ["rates", "impact", "--fleet", str(fleet), "--old", schedule(0.1), "--new", schedule(0.12)]
    assert run(words) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "1 of 3 accounts are called for $100, 1 that were called before for $20 more; 0 fall below" in out


def test_rates_from_a_file_to_a_schedule_and_its_impact(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    policy, bars = files
    now, before, fleet, picture = (str(tmp_path / n) for n in ("now.json", "before.json", "fleet.json", "rates.png"))
    command = ["rates", "--policy", policy, "--history", bars, "--asset", "BTCUSDT=BTC", "--asset", "SOLUSDT=SOL"]
    assert run([*command, "--schedule", now, "-o", picture]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[:-4])) <= 80
    assert "initial margin rates in force on 2018-11-27" in out
    assert "ETH" not in out
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    schedule = RateSchedule.load(now)
    assert set(schedule.assets) == {"BTC", "SOL"}
    assert run([*command, "--schedule", before, "--at", "2018-09-15T00:00:00Z", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schedule"] == RateSchedule.load(before).to_dict()
    assert run([*command, "--at", "2018-09-15T00:00:00Z"]) == 0
    out = capsys.readouterr().out
    assert "initial margin rates in force on 2018-09-15" in out
    for asset, table in RateSchedule.load(before).assets.items():
        (row,) = (line.split() for line in out.splitlines() if line.startswith(f"{asset} ") and "$100k" in line)
        assert float(row[2].rstrip("%")) / 100 == pytest.approx(table.tiers[0].initial, abs=5.1e-5)
    assert {c["tier"] for c in found["changes"]["BTC"]} == {0, 1}
    assert run(["book", "fleet", "--schedule", before, "--accounts", "50", "-o", fleet]) == 0
    capsys.readouterr()
    assert run(["rates", "impact", "--fleet", fleet, "--old", before, "--new", now]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert "of 50 accounts are called" in out
    assert run(["rates", "impact", "--fleet", fleet, "--old", before, "--new", now, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["accounts"]) == 50
    assert set(told["forced"]) == {"BTC", "SOL"}
    assert "depth" not in told
    books = str(tmp_path / "books.json")
    # the last book counts, and of it the thinner side within 1 % of 100
    orders = [{"time": f"2018-11-2{n}T00:00:00Z", "bids": [[99.5, 4.0 + n]], "asks": [[100.5, 5.0]]} for n in (1, 2)]
    head = {"schema": "plimsoll.rate-books", "schema_version": 1}
    Path(books).write_text(json.dumps(head | {"books": {"SOL": orders}}))
    command = ["rates", "impact", "--fleet", fleet, "--old", before, "--new", now, "--books", books]
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["depth"] == {"SOL": 500.0}
    assert run(command) == 0
    out = capsys.readouterr().out
    assert "$500" in out
    assert "times it" in out
    assert max(map(len, out.splitlines())) <= 100


def test_tuning_ends_with_1_where_the_rest_is_not_covered(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    policy, bars = files
    governor, picture = str(tmp_path / "governor.json"), str(tmp_path / "tried.svg")
    command = ["rates", "tune", "--policy", policy, "--history", bars, "--split", "2018-10-15T00:00:00Z"]
    code = run([*command, "--coverage", "0.9", "-o", picture, "--governor", governor])
    out = capsys.readouterr().out
    assert code == 0
    assert "144 rules tried" in out
    assert max(map(len, out.splitlines()[:-4])) <= 80
    rule = GovernorRule.load(governor)
    assert run([*command, "--coverage", "0.9", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["frozen"] == rule.hash()
    assert found["before"]["coverage"] >= 0.9
    # a calm beginning promises what a fall of half after it does not keep
    table = pl.read_csv(bars).sort("open_time", maintain_order=True)
    late = table["open_time"].to_numpy() >= 1_539_561_600_000
    count = np.cumsum(late) // 3
    table = table.with_columns(close=table["close"].to_numpy() * np.where(late, 1.0 + 0.5 * (count % 2), 1.0))
    table.write_csv(tmp_path / "storm.csv")
    assert run([*command[:5], str(tmp_path / "storm.csv"), *command[6:], "--coverage", "0.98"]) == 1


def test_the_shipped_forecast_raises_rates_and_thresholds(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    policy, _ = files
    days, random = 420, np.random.default_rng(7)
    ends = 1_640_995_200_000 + 86_400_000 * np.arange(-300, days - 300)  # 300 days before 2022 and 120 after
    # calm months and wild ones, from which the baseline learns that they last; at last ranges wider than ever around
    # closes that move as before, which only a forecast of ranges sees
    day = np.arange(days)
    wide = np.where(day < 360, np.where(day // 30 % 2, 0.03, 0.005), 0.15)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, days)))
    before = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(before, close) * np.exp(wide), np.minimum(before, close) * np.exp(-wide)
    bars = str(tmp_path / "daily.csv")
    table = {"open_time": ends - 86_400_000, "symbol": "BNBUSDT", "open": before, "high": high, "low": low}
    pl.DataFrame(table | {"close": close, "quote_volume": random.uniform(1e9, 2e9, days)}).write_csv(bars)
    rule = str(tmp_path / "thresholds.json")
    ThresholdRule(reference=0.25).save(rule)
    found: dict[bool, Any] = {}
    scalars: dict[bool, Any] = {}
    for learned in (False, True):
        more = ["--history", bars, "--asset", "BNBUSDT=BNB", "--json", *(["--learned"] if learned else [])]
        assert run(["rates", "--policy", policy, *more]) == 0
        found[learned] = json.loads(capsys.readouterr().out)["changes"]["BNB"]
        assert run(["rates", "thresholds", "--rule", rule, *more]) == 0
        scalars[learned] = np.array(json.loads(capsys.readouterr().out)[0]["scalar"])
    assert not any("forecast" in c["causes"] for c in found[False])
    jumps = [c for c in found[True] if c["causes"] == ["forecast"]]
    assert jumps
    assert min(c["at"] for c in jumps) > 1_640_995_200_000 * 1_000_000
    assert all(c["after"] > c["before"] and c["effective"] == c["at"] for c in jumps)
    assert (scalars[True] >= scalars[False]).all()
    assert (scalars[True] == scalars[False])[:301].all()
    assert (scalars[True] > scalars[False] + 0.02).any()


def test_funding_and_dvol_reach_the_forecast_and_a_replay_is_the_same(
    shared: Path, tmp_path: Path, capsys: Any
) -> None:
    data = shared / "data"
    bars = ["--history", str(data / "prices" / "binance_spot_daily_7coins.parquet")]
    funding = ["--funding", str(data / "funding" / "binance_BTCUSDT_funding_8h_2019_2026.csv.gz")]
    dvol = ["--dvol", str(data / "vol" / "deribit_dvol_btc_daily_2022_2025.csv.gz")]
    policy = str(tmp_path / "policy.json")
    RatePolicy(size=SizeRule(sizes=(1e5,))).save(policy)
    command = ["rates", "--policy", policy, *bars, "--asset", "BTCUSDT=BTC", "--asset", "BNBUSDT=BNB", "--json"]
    said = []
    for more in (
        [],
        ["--learned"],
        ["--learned", *funding],
        ["--learned", *funding, *dvol],
        ["--learned", *funding, *dvol],
    ):
        assert run([*command, *more]) == 0
        said.append(capsys.readouterr().out)
    assert said[3] == said[4]
    assert len(set(said)) == 4
    for text in said[1:]:
        jumps = [c for c in json.loads(text)["changes"]["BNB"] if c["causes"] == ["forecast"]]
        assert jumps
        assert min(c["at"] for c in jumps) >= 1_640_995_200_000_000_000
    assert run([*command, *funding]) == 2
    assert "--learned" in capsys.readouterr().err


def test_minutes_and_told_events_make_rates_between_bars(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    policy, bars = files
    hours, events, figure = str(tmp_path / "hours.csv"), str(tmp_path / "events.json"), str(tmp_path / "rates.svg")
    table = pl.read_csv(bars).filter(pl.col("symbol") == "BTCUSDT").sort("open_time")
    start, close = table["open_time"].to_numpy(), table["close"].to_numpy()
    # within each day the price goes to the next close in a straight line, but for one hour
    ends = np.concatenate([start[:, None] + 3_600_000 * np.arange(24)])
    before = np.append(close[0], close[:-1])
    path = before[:, None] + (close - before)[:, None] * (np.arange(24) + 1) / 24
    path[-3, 10] = 0.6 * before[-3]
    short = pl.DataFrame({"open_time": ends.ravel(), "symbol": "BTCUSDT", "close": path.ravel()})
    short.write_csv(hours)
    command = ["rates", "--policy", policy, "--history", bars, "--asset", "BTCUSDT=BTC"]
    assert run([*command, "--json"]) == 0
    alone = json.loads(capsys.readouterr().out)
    assert alone["events"] == {"BTC": []}
    assert run([*command, "--minutes", hours, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    at = (int(start[-3]) + 11 * 3_600_000) * 1_000_000
    assert at in [e["time"] for e in found["events"]["BTC"]]
    jump = next(c for c in found["changes"]["BTC"] if c["at"] == at and c["causes"] == ["event"])
    assert jump["effective"] == at
    assert "sigmas of a bar" in jump["reason"]
    two = [*command, "--asset", "SOLUSDT=SOL", "--json", "--minutes"]
    assert run([*two, f"BTC={hours}"]) == 0
    again = json.loads(capsys.readouterr().out)["events"]
    assert [e["time"] for e in again["BTC"]] == [e["time"] for e in found["events"]["BTC"]]
    assert again["SOL"] == []
    head = {"schema": "plimsoll.rate-events", "schema_version": 1}
    told = {"time": "2018-11-20T05:00:00Z", "reason": "half of the makers have left", "depth": 0.001}
    early = told | {"time": "2017-01-01T00:00:00Z"}
    Path(events).write_text(json.dumps(head | {"events": {"BTC": [early, told]}}))
    assert run([*command, "--minutes", hours, "--events", events, "-o", figure]) == 0
    out = capsys.readouterr().out
    assert "raised the first tier at once" in out
    assert "1 events of BTC before its first rate" in out
    assert max(map(len, out.splitlines()[:-2])) <= 100
    # what was repaired is counted
    dirty = str(tmp_path / "dirty.csv")
    table.with_columns(close=pl.when(pl.int_range(pl.len()) == 40).then(0.0).otherwise(pl.col("close"))).write_csv(
        dirty
    )
    assert run([*command[:4], dirty, *command[5:]]) == 0
    assert "1 times not-a-price in BTC" in capsys.readouterr().out
    # hours that are stamped three late, of another coin, as long as the days themselves, and events of another coin
    late = str(tmp_path / "late.csv")
    short.with_columns(open_time=pl.col("open_time") + 3 * 3_600_000).write_csv(late)
    other = str(tmp_path / "other.csv")
    short.with_columns(symbol=pl.lit("XRPUSDT")).write_csv(other)
    Path(events).write_text(json.dumps(head | {"events": {"XRP": [told]}}))
    for more, words in (
        (["--minutes", late], "BTC stamped +3 h off"),
        (["--minutes", other], "XRPUSDT"),
        (["--minutes", bars], "shorter ones"),
        (["--minutes", str(tmp_path / "none.csv")], "none.csv"),
        (["--events", events], "events.XRP"),
        (["--events", policy], "plimsoll.rate-events"),
    ):
        assert run([*command, *more]) == 2, more
        captured = capsys.readouterr()
        assert words in captured.err, captured.err


def test_books_make_closing_dearer_than_the_law(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    policy, bars = files
    books = str(tmp_path / "books.json")
    thin = {"bids": [[9_000.0, 0.1]], "asks": [[11_000.0, 0.1]], "time": "2018-11-20T00:00:00Z"}
    document = {"schema": "plimsoll.rate-books", "schema_version": 1, "books": {"BTC": [thin]}}
    Path(books).write_text(json.dumps(document))
    command = ["rates", "--policy", policy, "--history", bars, "--asset", "BTCUSDT=BTC", "--json"]
    rates = []
    for more in ([], ["--books", books]):
        assert run([*command, *more]) == 0
        table = json.loads(capsys.readouterr().out)["schedule"]["assets"]["BTC"]["tiers"]
        rates.append([t["initial"] for t in table])
    # every dollar costs a tenth
    assert all(two > one + 0.05 for one, two in zip(*rates, strict=True))
    document["books"] = {"XRP": [thin]}
    Path(books).write_text(json.dumps(document))
    assert run([*command, "--books", books]) == 2
    assert "books.XRP" in capsys.readouterr().err


def test_bad_input_is_named(files: tuple[str, str], tmp_path: Path, capsys: Any) -> None:
    policy, bars = files
    for arguments, words in (
        (["rates", "--asset", "XRP"], "--asset"),
        (["rates", "--history", str(tmp_path / "none.csv")], "none.csv"),
        (["rates", "--history", bars, "--asset", "XRPUSDT"], "XRPUSDT"),
        (["rates", "--policy", bars], "JSON"),
        (["rates", "--policy", policy, "--at", "yesterday"], "--at"),
        (["rates", "--policy", policy, "--at", "2017-01-01T00:00:00Z"], "time"),
        (["rates", "tune", "--policy", policy, "--split", "soon"], "--split"),
        (["rates", "tune", "--policy", policy, "--split", "2050-01-01T00:00:00Z"], "split: got '2050"),
        (["rates", "--learned"], "--learned"),
        (["rates", "--learned", "--policy", policy, "--history", bars], "bars.open"),
        (["rates", "tune", "--split", "2022-01-01T00:00:00Z", "--coverage", "2"], "--coverage"),
        (["rates", "impact", "--fleet", policy, "--old", policy, "--new", policy], "plimsoll.fleet"),
        (["rates", "nothing"], "No such command"),
    ):
        assert run(arguments) == 2, arguments
        captured = capsys.readouterr()
        assert words in captured.err, captured.err
        assert not captured.out


def test_schemas_of_rates(capsys: Any) -> None:
    for name in ("rate-events", "rate-policy", "rate-schedule", "fleet"):
        assert run(["schema", name]) == 0
        assert json.loads(capsys.readouterr().out)["properties"]["schema"]["const"] == f"plimsoll.{name}"
