"""How often capital was not enough on real hours: `docs/validation/capital.md`.

    python tools/measure_capital.py [--parts windows,books,perpetuals] [--check]

Seven million dollars of a bitcoin perpetual, long on Binance and short on Hyperliquid, both at a leverage of 40. At
midnight of every day from 1 October 2021 to the end of the data, for transfers of 24 and of 4 hours, capital is worked
out from the hours before, 180 days of them, by the defaults of `plimsoll optimise capital` on 2,000 paths, and held
against the hours after. Nothing was looked at before these numbers were fixed. Buffers by the time of a transfer are
those of `capital_buffers.py`. Rows are kept in `tools/measured/capital.json`: `--parts` measures some of them anew,
`--check` compares the page with what is recorded.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl_frames
from scipy.stats import binomtest

import plimsoll as pl
from capital_buffers import books, perpetuals
from page_files import keep
from plimsoll.optimise.variation import Outlook, evaluate, running, same_time
from plimsoll.optimise.variation.drawing import transfer_paths
from plimsoll.optimise.variation.evaluation import Held
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.paths import JointPaths

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "capital.md"
MEASURED = ROOT / "tools" / "measured" / "capital.json"
PARTS = ("windows", "books", "perpetuals")
FILE = "binance_spot_1h_BTC_ETH_SOL_2021_2023.parquet"
FIRST = np.datetime64("2021-10-01T00:00")
PAST, PATHS, DOLLARS, PRICE = 180 * 24, 2_000, 7e6, 70_000.0
CHANCES = (0.01, 0.05)
LEVEL = 0.05
TRANSFERS = (24, 4)
"""Hours of a transfer that is asked for at midnight."""


INTRO = """# Capital on real hours

`python tools/measure_capital.py`. Generated, not edited.

Seven million dollars of a bitcoin perpetual, long on Binance and short on Hyperliquid, both at a leverage of 40: no
delta on balance. At midnight of every day from October 2021 to December 2023 the
[capital](../capital.md) is worked out from the 180 days before, 2,000 paths of
filtered history with the margins of the exact rules at every hour, and held against the hours that came.

`broken` are windows in which equity was below maintenance margin at the close of an hour, `chance` that of so many or
more if the true probability were `p`, one-sided, windows independent. `on the way` counts the lows (for a short, the
highs) within the hours too, at which the paths are not looked at. `margin alone` are windows in which initial margin by
itself would have been too little at a close. Amounts are parts of the position. The rules are those of the packs
named, not those of each day: what is tested are the paths."""


@dataclass
class Tally:
    """Of one venue, transfer and probability: windows, what was asked, and what broke."""

    windows: int = 0
    margin: float = 0.0
    capital: float = 0.0
    broken: int = 0
    within: int = 0
    margin_alone: int = 0


def market() -> pl.Market:
    """Two perpetuals at one price."""
    rows = [("BTCUSDT", "USDT"), ("BTC", "USDC")]
    listed = [
        {"kind": "perpetual", "name": n, "underlying": "BTC", "settlement": "linear", "currency": c} for n, c in rows
    ]
    content = {"schema": "plimsoll.market", "schema_version": 1, "time": "2026-03-02T00:00:00Z"}
    content |= {"indices": {"BTC": {"price": PRICE}}, "assets": {c: {"price": 1.0} for _, c in rows}}
    return pl.Market.from_dict(content | {"instruments": listed, "marks": {n: {"price": PRICE} for n, _ in rows}})


def book(name: str, rules: str, instrument: str, currency: str, sign: float) -> Held:
    """An account at a venue."""
    position = {"instrument": instrument, "quantity": sign * DOLLARS / PRICE, "leverage": 40, "entry_price": PRICE}
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "mode": "cross"}
    content |= {"positions": [position], "collateral": {currency: DOLLARS}}
    return name, pl.Account.from_dict(content), pl.margin_model(rules)


BOOKS = (
    ("Binance, long", "binance-usdm@2024-10-24", "BTCUSDT", "USDT", 1.0),
    ("Hyperliquid, short", "hyperliquid-perps@2026-01-01", "BTC", "USDC", -1.0),
)


def bars() -> pl_frames.DataFrame:
    """The hours of bitcoin, in order."""
    folder = Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared")) / "data" / "prices"
    found = pl_frames.read_parquet(folder / FILE).filter(pl_frames.col("ticker") == "BTCUSDT")
    return found.unique("time").sort("time")


def windows(frame: pl_frames.DataFrame, hours: int) -> Iterator[tuple[int, np.ndarray]]:
    """Places of the last hour that is known, and of those after it, where none is missing on either side."""
    opened = frame["time"].dt.replace_time_zone(None).to_numpy().astype("datetime64[h]")
    # a bar is known when its hour is over
    closed = opened + np.timedelta64(1, "h")
    for at in np.flatnonzero(closed >= FIRST).tolist():
        if closed[at].astype(object).hour != 0:
            continue
        after = np.arange(at + 1, at + 1 + hours)
        if at < PAST or after[-1] >= closed.size or closed[after[-1]] - closed[at] != np.timedelta64(hours, "h"):
            continue
        yield at, after


def measure() -> dict[tuple[int, str, float], Tally]:
    """Every window of every transfer time."""
    frame, here = bars(), market()
    close, low, high = (frame[c].to_numpy() for c in ("close", "low", "high"))
    held = [book(*row) for row in BOOKS]
    tallies: dict[tuple[int, str, float], Tally] = {}
    for hours in TRANSFERS:
        for at, after in windows(frame, hours):
            past = np.diff(np.log(close[at - PAST : at + 1]))
            factors = FactorHistory.build(("BTC",), past[:, None], step_days=1.0 / 24.0)
            paths, _ = transfer_paths(factors, float(hours), PATHS, at)
            outlook = Outlook(paths, same_time(float(hours)))
            came = [
                [
                    float(running(model, account, here, really(x[after] / close[at]), hours).worst[0])
                    for x in (close, low if name.endswith("long") else high)
                ]
                for name, account, model in held
            ]
            for p in CHANCES:
                found = evaluate(held, here, outlook, p)
                for venue, (at_closes, on_the_way) in zip(found.venues, came, strict=True):
                    t = tallies.setdefault((hours, venue.name, p), Tally())
                    t.windows += 1
                    t.margin += venue.initial / DOLLARS
                    t.capital += venue.capital / DOLLARS
                    t.broken += at_closes > venue.capital
                    t.within += on_the_way > venue.capital
                    t.margin_alone += at_closes > venue.initial
        print(f"{hours} h: {tallies[hours, BOOKS[0][0], CHANCES[0]].windows} windows", flush=True)
    return tallies


def really(multiplier: np.ndarray) -> JointPaths:
    """The one path that came."""
    days = np.arange(1, multiplier.size + 1) / 24.0
    return JointPaths(("BTC",), multiplier[:, None, None], days, np.ones(1))


HEADS = {
    "windows": "| transfer | venue | p | windows | margin | capital | broken | rate | chance | on the way "
    "| margin alone |",
    "books": "| books | transfer | books of them | with a buffer | margin, USD | buffer, USD | capital over margin |",
    "perpetuals": "| rules | transfer | quarters, both sides | with a buffer | margin | buffer | capital over margin |",
}
BUFFERS = """## How long a transfer takes

What of capital at one per cent is above initial margin: `tools/capital_buffers.py` says of which books and paths. Means
over all of them, with those that need no buffer. Portfolio margin of option books is enough for hours; after days it
is not."""


def rows_of(tallies: dict[tuple[int, str, float], Tally]) -> list[list[str]]:
    """Cells of the table of windows."""
    found = []
    for (hours, name, p), t in tallies.items():
        chance = binomtest(t.broken, t.windows, p, alternative="greater").pvalue
        cells = [
            f"{hours} h",
            name,
            f"{p:.0%}",
            f"{t.windows:,}",
            f"{t.margin / t.windows:.2%}",
            f"{t.capital / t.windows:.2%}",
            f"{t.broken}",
            f"{t.broken / t.windows:.2%}",
            f"{chance:.3f}",
            f"{t.within / t.windows:.2%}",
            f"{t.margin_alone / t.windows:.2%}",
        ]
        found.append(cells)
    return found


def page(rows: dict[str, list[list[str]]]) -> str:
    """The page from recorded cells."""
    counts = {(int(c[0].split()[0]), c[1], float(c[2][:-1]) / 100.0): (int(c[6]), int(c[3])) for c in rows["windows"]}
    lines = [*INTRO.splitlines(), "", *_table("windows", rows), "", verdict(counts), "", *BUFFERS.splitlines(), ""]
    for part in ("books", "perpetuals"):
        lines += [*_table(part, rows), ""] if rows.get(part) else []
    return "\n".join(lines)


def _table(part: str, rows: dict[str, list[list[str]]]) -> list[str]:
    head = HEADS[part]
    under = "| " + " | ".join(["---"] * (head.count("|") - 1)) + " |"
    return [head, under, *("| " + " | ".join(cells) + " |" for cells in rows.get(part, []))]


def measured(part: str) -> list[list[str]]:
    """Cells of one table, measured."""
    if part == "windows":
        return rows_of(measure())

    def told(text: str) -> None:
        print(text, flush=True)

    if part == "books":
        return list(books(told))
    frame = bars()
    opened = frame["time"].dt.replace_time_zone(None).to_numpy().astype("datetime64[h]")
    closed = opened + np.timedelta64(1, "h")
    month = closed.astype("datetime64[M]")
    first = (closed >= FIRST) & (closed == month.astype("datetime64[h]")) & (month.astype(np.int64) % 3 == 0)
    places = [int(k) for k in np.flatnonzero(first) if k >= PAST]
    return list(perpetuals(frame["close"].to_numpy(), places, told))


def verdict(counts: dict[tuple[int, str, float], tuple[int, int]]) -> str:
    """Which of the tests reject, all together (Holm), from windows broken and all of them."""
    chances = {key: float(binomtest(k, n, key[2], alternative="greater").pvalue) for key, (k, n) in counts.items()}
    rejected = []
    for place, (key, chance) in enumerate(sorted(chances.items(), key=lambda item: item[1])):
        if chance * (len(chances) - place) >= LEVEL:
            break
        rejected.append(f"{key[0]} h, {key[1]}, {key[2]:.0%}")
    told = "; ".join(rejected) or "none"
    return f"Of {len(chances)} tests at {LEVEL:.0%} together (Holm) rejected: {told}."


def main(arguments: list[str] | None = None) -> int:
    """Measure and write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS), help="tables to measure anew, with commas")
    parser.add_argument("--check", action="store_true", help="compare the page with the recorded rows, run nothing")
    given = parser.parse_args(arguments)
    rows = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.exists() else {}
    if not given.check:
        parts = given.parts.split(",")
        if set(parts) - set(PARTS):
            parser.error(f"--parts {given.parts}: of {', '.join(PARTS)}")
        for part in parts:
            rows[part] = measured(part)
            MEASURED.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return keep({PAGE: page(rows)}, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
