"""Writes the stress scenarios of the package: crashes cut from the recorded prices, and hypothetical ones.

    python tools/make_stress_scenarios.py [--check] [--shared FOLDER]

Waypoints are closes, with the lowest low between them at the bar in which it was; they are kept as moves since the
start, rounded to 1e-5. What no record gives (volatility before 2022, depth, the hours of a daily bar) is `assumed`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from page_files import keep
from plimsoll.documents import format_instant
from plimsoll.scenarios.stress.scenario import StressScenarios

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "src/plimsoll/scenarios/stress/data/stress-scenarios.json"
SHARED = ROOT.parent / "shared"
VOL = "data/vol/deribit_dvol_btc_daily_2022_2025.csv.gz"
HOUR = timedelta(hours=1)
Point = list[float]


@dataclass(frozen=True)
class Bars:
    """Bars of one coin: when each ends, and its low and close."""

    frame: pl.DataFrame
    length: timedelta

    def cut(self, start: datetime, hours: int, every: int) -> list[Point]:
        """Moves since the last close at `start`: closes each `every` hours, and the lowest low where it was."""
        before = self.frame.filter(pl.col("end") <= start).tail(1)
        assert start - before["end"][0] <= 2 * self.length, f"no bar ends at {start}"
        first = float(before["close"][0])
        found = self.frame.filter((pl.col("end") > start) & (pl.col("end") <= start + hours * HOUR))
        points = {}
        for end, close in found.select("end", "close").iter_rows():
            passed = (end - start) / HOUR
            if abs(passed / every - round(passed / every)) < 1e-9:
                points[passed] = close / first - 1.0
        worst = found.sort("low").head(1)
        # within its bar the instant of the low is unknown: its end, a little before the close that stands there
        at = (worst["end"][0] - start) / HOUR - 0.5 * (self.length / HOUR)
        points[at] = float(worst["low"][0]) / first - 1.0
        return [[round(h, 4), round(points[h], 5)] for h in sorted(points)]


def read(shared: Path) -> dict[str, Any]:
    """The records by what they hold."""
    folder = shared / "data/prices"

    def bars(file: str, time: str, length: timedelta, pick: pl.Expr | None = None) -> Bars:
        frame = pl.read_parquet(folder / file)
        frame = frame if pick is None else frame.filter(pick)
        end = (pl.col(time).dt.replace_time_zone("UTC") + length).alias("end")
        return Bars(frame.select(end, "low", "close").sort("end"), length)

    minute = timedelta(minutes=1)
    old, new = "binance_spot_1h_BTC_ETH_2017_2021.parquet", "binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet"
    us = "binanceus_1m_BTC_in_USD_USDC_USDT_20230301_20230321.parquet"
    return {
        "old": {c: bars(old, "time", HOUR, pl.col("symbol") == f"{c}/USDT") for c in ("BTC", "ETH")},
        "new": {c: bars(new, "time", HOUR, pl.col("ticker") == f"{c}USDT") for c in ("BTC", "ETH", "SOL")},
        "minutes": bars("binance_usdm_BTCUSDT_1m_2022.parquet", "open_time", minute),
        "usd": bars(us, "open_time", minute, pl.col("pair") == "BTCUSD"),
        "usdc": bars(us, "open_time", minute, pl.col("pair") == "BTCUSDC"),
        "daily": pl.read_parquet(folder / "binance_spot_daily_7coins.parquet"),
        "dvol": pl.read_csv((shared / VOL).read_bytes(), try_parse_dates=True),
    }


def price(underlying: str, points: list[Point], source: str, evidence: str = "measured") -> dict[str, Any]:
    """A price shock by waypoints."""
    body = {"shock": "price", "underlying": underlying, "waypoints": points}
    return body | {"source": source, "evidence": evidence}


def dvol(frame: pl.DataFrame, start: datetime, days: int) -> dict[str, Any]:
    """Daily closes of Deribit's volatility index as multiples of the close before the start."""
    day = [(d, v) for d, v in frame.select(pl.col(frame.columns[0]), "dvol_close").iter_rows()]
    table = {d.strftime("%Y-%m-%d"): v for d, v in day}
    begin = start.replace(hour=0)
    first = table[(begin - timedelta(days=1)).strftime("%Y-%m-%d")]
    points = []
    for k in range(days):
        value = table[(begin + timedelta(days=k)).strftime("%Y-%m-%d")]
        points.append([(begin + timedelta(days=k + 1) - start) / HOUR, round(value / first, 4)])
    told = "Deribit DVOL of BTC, daily closes over the close before; other tenors by the square root, assumed"
    return {"shock": "volatility", "waypoints": points, "long_power": 0.5, "source": told, "evidence": "measured"}


def guess(multiple: float, hour: float) -> dict[str, Any]:
    """A volatility of a crash that no record at hand gives."""
    told = "no record of implied volatility at hand"
    body = {"shock": "volatility", "waypoints": [[hour, multiple]], "long_power": 0.5}
    return body | {"source": told, "evidence": "assumed"}


def thin(left: float, hour: float, recovery: float, source: str = "", evidence: str = "assumed") -> dict[str, Any]:
    """Depth that goes at an hour and comes back."""
    body = {"shock": "depth", "left": left, "hour": hour, "recovery_hours": recovery}
    return body | {"source": source or "no record of books of that day at hand", "evidence": evidence}


def hourly(data: dict[str, Any], coins: tuple[str, ...], start: datetime, hours: int, every: int) -> list[Any]:
    """Price shocks of one crash from hourly bars; the coins without a record follow BTC."""
    source = f"Binance spot, hourly closes every {every} h and the lowest hourly low"
    follow = "; coins without a record of their own follow BTC, assumed"
    return [
        price("all" if c == "BTC" else c, data[c].cut(start, hours, every), source + (follow if c == "BTC" else ""))
        for c in coins
    ]


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lowest(shocks: list[Any]) -> float:
    """The hour of the lowest waypoint of the first price shock."""
    return float(min(shocks[0]["waypoints"], key=lambda p: p[1])[0])


def scenario(name: str, start: datetime, source: str, shocks: list[Any], evidence: str) -> dict[str, Any]:
    """A historical scenario."""
    head = {"name": name, "kind": "historical", "source": source, "evidence": evidence}
    return head | {"start": format_instant(start), "shocks": shocks}


def daily(frame: pl.DataFrame, coin: str, days: list[str]) -> list[tuple[float, float, float, float]]:
    """Open, high, low and close of some days."""
    rows = frame.filter((pl.col("Symbol") == f"{coin}USDT") & pl.col("Date").dt.strftime("%Y-%m-%d").is_in(days))
    found = rows.sort("Date").select("Open", "High", "Low", "Close").rows()
    assert len(found) == len(days), f"{coin}: {len(found)} of {len(days)} days"
    return found


def october(frame: pl.DataFrame, coin: str) -> list[Point]:
    """10 October 2025 from two daily bars: their four prices are facts, their hours and what lies between are not.

    The low is put at 21:21 UTC, the middle of the minutes in which a venue's forced closes are recorded; half of the
    fall from the day's high, in logs, is put before 20:50.
    """
    (first, high, low, close), (_, _, next_low, next_close) = daily(frame, coin, ["2025-10-10", "2025-10-11"])
    half = (high * low) ** 0.5
    points = [(12.0, high), (20.8333, half), (21.35, low), (24.0, close), (36.0, next_low), (48.0, next_close)]
    return [[h, round(x / first - 1.0, 5)] for h, x in points]


def february(frame: pl.DataFrame, coin: str) -> list[Point]:
    """31 January to 6 February 2026 from daily bars: the first extreme at 06:00 and the second at 18:00, assumed."""
    days = ["2026-01-31", *(f"2026-02-0{k}" for k in range(1, 7))]
    rows = daily(frame, coin, days)
    first, points = rows[0][0], []
    for k, (opened, high, low, close) in enumerate(rows):
        early, late = (high, low) if close < opened else (low, high)
        points += [(24.0 * k + 6.0, early), (24.0 * k + 18.0, late), (24.0 * k + 24.0, close)]
    return [[h, round(x / first - 1.0, 5)] for h, x in points]


def historical(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The seven crashes."""
    result = []
    for name, coins, table, begin, hours, every, multiple, left, told in (
        ("march-2020", ("BTC", "ETH"), "old", "2020-03-12T00:00", 48, 1, 2.5, 0.1, "12 and 13 March 2020"),
        ("may-2021", ("BTC", "ETH", "SOL"), "new", "2021-05-19T00:00", 36, 1, 1.8, 0.2, "19 May 2021"),
    ):
        start = at(begin)
        shocks = hourly(data[table], coins, start, hours, every)
        worst = lowest(shocks)
        shocks += [guess(multiple, worst), thin(left, max(worst - 1.0, 0.0), 6.0)]
        result.append(scenario(name, start, told, shocks, "measured"))
    for name, begin, hours, every, told in (
        ("luna-2022", "2022-05-07T00:00", 144, 3, "Luna and UST, 7 to 12 May 2022; LUNA and UST themselves: no record"),
        ("ftx-2022", "2022-11-07T00:00", 72, 2, "FTX, 7 to 9 November 2022"),
    ):
        start = at(begin)
        perp = f"Binance BTCUSDT perpetual, one-minute bars: closes every {every} h and the lowest low at its minute"
        follow = "; coins without a record of their own follow BTC, assumed"
        shocks = [price("all", data["minutes"].cut(start, hours, every), perp + follow)]
        shocks += hourly(data["new"], ("ETH", "SOL"), start, hours, every)
        worst = lowest(shocks)
        shocks.append(dvol(data["dvol"], start, hours // 24) if name == "ftx-2022" else guess(1.6, worst))
        shocks.append(thin(0.25, max(worst - 1.0, 0.0), 6.0))
        result.append(scenario(name, start, told, shocks, "measured"))
    start = at("2023-03-10T18:00")
    told = (
        "Binance.US BTCUSD, one-minute bars: closes every 2 h and the lowest low at its minute; others follow, assumed"
    )
    shocks = [price("all", data["usd"].cut(start, 66, 2), told), *hourly(data["new"], ("ETH", "SOL"), start, 66, 2)]
    shocks += [peg(data, start, 66), dvol(data["dvol"], start, 3), thin(0.3, 8.0, 12.0)]
    told = "USDC de-peg, 10 to 13 March 2023"
    result.append(scenario("usdc-2023", start, told, shocks, "measured"))
    start = at("2025-10-10T00:00")
    told = "Binance spot, daily bars; prices are facts, the hours of high and low and half of the fall by 20:50 assumed"
    shocks = [
        price("all" if c == "BTC" else c, october(data["daily"], c), told, "assumed") for c in ("BTC", "ETH", "SOL")
    ]
    depth = "a summary of the day: about 98 % of book depth gone in the worst minutes (secondary source)"
    shocks += [dvol(data["dvol"], start, 2), thin(0.02, 20.8333, 1.0, depth, "read")]
    late = {"shock": "delay", "seconds": 60.0, "gas": 10.0, "hour": 20.8333, "hours": 1.0, "evidence": "assumed"}
    shocks.append(late | {"source": "marks and chains were late that evening; how late is assumed"})
    told = "10 October 2025: over 14 % below the day's high within the day; only daily prices at hand"
    result.append(scenario("october-2025", start, told, shocks, "assumed"))
    start = at("2026-01-31T00:00")
    told = "Binance spot, daily bars; prices are facts, the hours of highs and lows within a day assumed"
    coins = ("BTC", "ETH", "SOL")
    shocks = [price("all" if c == "BTC" else c, february(data["daily"], c), told, "assumed") for c in coins]
    shocks += [guess(1.8, lowest(shocks)), thin(0.25, 137.0, 6.0)]
    told = "31 January to 6 February 2026; only daily prices at hand"
    result.append(scenario("february-2026", start, told, shocks, "assumed"))
    return result


def peg(data: dict[str, Any], start: datetime, hours: int) -> dict[str, Any]:
    """USD for one USDC as BTCUSD over BTCUSDC, every two hours and at its lowest minute."""
    both = data["usd"].frame.join(data["usdc"].frame, on="end", suffix="_c").sort("end")
    both = both.filter((pl.col("end") > start) & (pl.col("end") <= start + hours * HOUR))
    both = both.select("end", (pl.col("close") / pl.col("close_c")).alias("peg"))
    worst = both.sort("peg").head(1)["end"][0]
    points = []
    for end, value in both.iter_rows():
        passed = (end - start) / HOUR
        if abs(passed / 2 - round(passed / 2)) < 1e-9 or end == worst:
            points.append([round(passed, 4), round(value, 5)])
    told = "Binance.US minute closes, BTCUSD over BTCUSDC, every 2 h and at the lowest minute"
    return {"shock": "peg", "currency": "USDC", "waypoints": points, "source": told, "evidence": "measured"}


def hypothetical() -> list[dict[str, Any]]:
    """What has not happened, or not alone."""

    def made(name: str, told: str, *shocks: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "kind": "hypothetical", "source": told, "evidence": "assumed", "shocks": list(shocks)}

    def move(by: float, underlying: str = "all", **more: Any) -> dict[str, Any]:
        return {"shock": "price", "underlying": underlying, "move": by, **more}

    vol, lead = {"shock": "volatility", "multiple": 2.0}, {"shock": "correlation", "lead": "BTC"}
    page = {"shock": "delay", "seconds": 300.0, "gas": 100.0, "evidence": "read"}
    told = "the example of a venue's stress page: 30 % move, 100 times gas, oracle five minutes late"
    wider = {"ETH": 1.3, "SOL": 1.7}
    return [
        made("correlation-one", "BTC falls 30 % and everything follows, wider coins by more",
             move(-0.3, "BTC"), lead | {"rho": 1.0, "ratio": wider}, vol | {"multiple": 1.5}),
        made("decorrelation", "BTC falls 25 % and nothing follows: hedges with another coin fail",
             move(-0.25, "BTC"), lead | {"rho": 0.0}),
        made("decorrelation-up", "BTC rises 25 % and nothing follows", move(0.25, "BTC"), lead | {"rho": 0.0}),
        made("depth-90", "a tenth of the depth is left for six hours and prices fall 10 %",
             move(-0.1), {"shock": "depth", "left": 0.1, "hours": 6.0, "recovery_hours": 6.0}),
        made("depeg-usdc", "one USDC is worth 0.80 USD, prices in USD stay",
             {"shock": "peg", "currency": "USDC", "price": 0.8}),
        made("depeg-usdt", "one USDT is worth 0.80 USD, prices in USD stay",
             {"shock": "peg", "currency": "USDT", "price": 0.8}),
        made("vol-doubling", "implied volatilities double (IV +100 %), more at short tenors, prices stay",
             vol | {"short_power": 0.3, "long_power": 0.5}),
        made("vol-points-40", "implied volatilities rise by 40 points and puts by more, prices fall 20 %",
             move(-0.2), {"shock": "volatility", "points": 0.4}, {"shock": "skew", "tilt": 0.15}),
        made("oracle-delay", told, move(-0.3, evidence="read"), page,
             {"shock": "depth", "left": 0.3, "recovery_hours": 2.0}),
        made("squeeze", "prices rise 40 % at once, volatility by half, longs pay 0.5 % each 8 hours for a day",
             move(0.4), vol | {"multiple": 1.5}, {"shock": "funding", "rate": 0.005, "hours": 24.0}),
    ]  # fmt: skip


def main(arguments: list[str]) -> int:
    """Writes or checks the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--shared", type=Path, default=SHARED, metavar="FOLDER")
    given = parser.parse_args(arguments)
    content = {
        "schema": StressScenarios.SCHEMA,
        "schema_version": StressScenarios.VERSION,
        "scenarios": historical(read(given.shared)) + hypothetical(),
    }
    StressScenarios.from_dict(content)
    return keep({TARGET: compact(content)}, check=given.check)


def compact(content: dict[str, Any]) -> str:
    """JSON with one shock a line."""
    import json

    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    rows = []
    for entry in content["scenarios"]:
        head = ", ".join(f"{line(k)}: {line(v)}" for k, v in entry.items() if k != "shocks")
        shocks = ",\n   ".join(line(s) for s in entry["shocks"])
        rows.append(f'  {{{head},\n   "shocks": [\n   {shocks}]}}')
    head = ", ".join(f"{line(k)}: {line(v)}" for k, v in content.items() if k != "scenarios")
    return f'{{{head},\n "scenarios": [\n' + ",\n".join(rows) + "\n ]}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
