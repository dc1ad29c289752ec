"""How often the oracle stops an attack, and how often it doubts a genuine price: `docs/validation/oracle.md`.

    python tools/measure_oracle.py [--paths N] [--output FILE]

Genuine paths are 30 minutes of a real price, N of them: a third drawn at random from the minutes of BTC in 2022, a
third from the half hours in which it moved most, a third from the price of USDC in dollars (BTC in USD over BTC in
USDC on one venue) from 10 to 14 March 2023. Between two minutes the price goes on a random bridge with the volatility
of its own half hour. Five sources of weights 3, 2, 2, 1, 1 report it every ten seconds, each with noise of 3 basis
points, late by up to two steps, and silent in one step of fifty: then its last word stands, with its time. An attack
is a path drawn in the same way on which one of five patterns begins at a random step. The width of the band is chosen
on half of the genuine paths so that at most one in a hundred raises an alarm; everything that is reported is from the
other half. False alarms are few and short, so what a wrong pause costs is measured as well by pausing every path of
that half, at every step at which it fits, for each of `PAUSES`: lines spread evenly from 0 to 20 % off on either side,
a margin of 2 % beyond each, and nobody liquidated from the last good price until the price that ends the pause.
Seed 21.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from plimsoll.liquidation.breaker import safety
from plimsoll.market.oracle import OracleRule, OracleState, Quote, observe
from recorded_book import recorded

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
STEP, STEPS = 10.0, 180
WEIGHTS = (3.0, 2.0, 2.0, 1.0, 1.0)
NOISE, LATE, SILENT = 3e-4, 2, 0.02
WIDTHS = (
    (4.0, 0.002),
    (5.0, 0.003),
    (6.0, 0.004),
    (7.0, 0.005),
    (8.0, 0.006),
    (9.0, 0.008),
    (10.0, 0.01),
    (12.0, 0.015),
)
"""Standard deviations and spread of the bands that are tried, the narrowest first."""

WRONG = 0.02
"""A good price this far from the true one, in log, and an attack has succeeded."""

PAUSES = (1, 6, 30, 90)
"""Steps of ten seconds for which liquidations are stopped: one, the confirmation, five minutes, fifteen."""

PATTERNS = {
    "one source": "the heaviest source alone is pushed",
    "majority, short": "sources with most of the weight are pushed for up to a minute",
    "majority, long": "the same for up to five minutes",
    "ramp": "the same, pushed little by little over ten minutes",
    "loop": "pushed for half a minute, released for one, again and again",
}
EDGES = ("all but one", "all")


BONUS = 0.01
"""Part of what is liquidated that whoever pushes a price can have of it."""


@dataclass(frozen=True)
class Path30:
    """True prices `[STEPS]`, what each source says `[sources, STEPS]` (NaN: nothing), and when an attack begins."""

    kind: str
    true: F64
    said: F64
    begins: int | None = None


@dataclass(frozen=True)
class Seen:
    """What the oracle did on a path: the first step of an alarm, of a wrong good price, and steps paused."""

    kind: str
    alarm: int | None
    wrong: int | None
    begins: int | None
    paused: int
    debt: float


def shared() -> Path:
    """The folder of outside data."""
    return Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared")) / "data" / "prices"


def series() -> dict[str, F64]:
    """Closing prices by the minute: BTC of 2022, and USDC in dollars over the weekend of its de-peg."""
    btc = pl.read_parquet(shared() / "binance_usdm_BTCUSDT_1m_2022.parquet").sort("open_time")["close"].to_numpy()
    pairs = pl.read_parquet(shared() / "binanceus_1m_BTC_in_USD_USDC_USDT_20230301_20230321.parquet")
    wide = pairs.pivot(on="pair", index="open_time", values="close").sort("open_time").drop_nulls(["BTCUSD", "BTCUSDC"])
    days = wide.filter(pl.col("open_time").dt.strftime("%m%d").is_between(pl.lit("0310"), pl.lit("0314")))
    return {"BTC": btc, "USDC": (days["BTCUSD"] / days["BTCUSDC"]).to_numpy()}


def true_path(minutes: F64, random: np.random.Generator) -> F64:
    """`[STEPS]` prices through 31 minutes: their closes, and random bridges between them."""
    per, log = int(60 / STEP), np.log(minutes)
    spread = max(float(np.diff(log).std()), 1e-5) / math.sqrt(per)
    walk = np.concatenate([np.zeros((30, 1)), random.normal(0.0, spread, (30, per)).cumsum(axis=1)], axis=1)
    part = np.arange(per + 1) / per
    bridge = walk - part * walk[:, -1:]
    line = log[:30, None] + part * np.diff(log)[:, None]
    return np.asarray(np.exp((line + bridge)[:, :per].ravel()))


def said(true: F64, random: np.random.Generator) -> F64:
    """What five sources report of a price."""
    rows = []
    for _ in WEIGHTS:
        late = int(random.integers(0, LATE + 1))
        seen = np.concatenate([np.full(late, true[0]), true])[:STEPS]
        row = seen * np.exp(random.normal(0.0, NOISE, STEPS))
        row[random.random(STEPS) < SILENT] = np.nan
        rows.append(row)
    found = np.array(rows)
    found[:, 0] = true[0] * np.exp(random.normal(0.0, NOISE, len(WEIGHTS)))
    return found


def genuine(count: int, random: np.random.Generator) -> list[Path30]:
    """Real prices: at random, in the half hours of the largest moves, and the weekend of USDC."""
    data = series()
    btc, usdc = data["BTC"], data["USDC"]
    starts = np.arange(0, btc.size - 31, 30)
    sizes = np.abs(np.log(btc[starts + 30] / btc[starts]))
    wild = starts[np.argsort(-sizes, kind="stable")[: max(1, count // 3)]]
    found = []
    for k in range(count):
        kind = ("BTC at random", "BTC, largest moves", "USDC weekend")[k % 3]
        source = usdc if kind == "USDC weekend" else btc
        start = (
            int(wild[(k // 3) % wild.size]) if kind == "BTC, largest moves" else int(random.integers(source.size - 31))
        )
        true = true_path(source[start : start + 31], random)
        found.append(Path30(kind, true, said(true, random)))
    return found


def attacks(count: int, random: np.random.Generator, patterns: Sequence[str] = tuple(PATTERNS)) -> list[Path30]:
    """Genuine paths on which a pattern begins."""
    found = []
    for k, base in enumerate(genuine(count, random)):
        kind = patterns[k % len(patterns)]
        begins = int(random.integers(30, 100))
        size = math.log1p(float(random.uniform(0.05, 0.3))) * float(random.choice((-1.0, 1.0)))
        push: F64 = np.zeros(STEPS)
        t = np.arange(STEPS) - begins
        if kind == "ramp":
            push = np.asarray(size * np.clip(t / 60.0, 0.0, 1.0) * (t < 70))
        elif kind == "loop":
            push = np.asarray(size * ((t >= 0) & (t % 9 < 3)))
        else:
            last = {"majority, short": 6, "majority, long": 30}.get(kind, 30)
            push = np.asarray(size * ((t >= 0) & (t < random.integers(2, last + 1))))
        # 3 of 9; 5 of 9; all but one source, 8 of 9
        hit = {"one source": [0], "all but one": [0, 1, 2, 3], "all": [0, 1, 2, 3, 4]}.get(kind, [0, 1])
        told = base.said.copy()
        told[hit] *= np.exp(push)
        found.append(Path30(kind, base.true, told, begins))
    return found


def watched(rule: OracleRule, path: Path30) -> Seen:
    """The oracle on a path, and the bad debt of its pauses."""
    state, alarm, wrong, paused = OracleState(), None, None, 0
    debt, last_good = 0.0, float(path.true[0])
    last: dict[str, Quote] = {}
    for s in range(STEPS):
        time = STEP * s
        for i, p in enumerate(path.said[:, s]):
            if not math.isnan(p):
                last[f"s{i}"] = Quote(f"s{i}", time, float(p), WEIGHTS[i])
        quotes = list(last.values())
        state, reading = observe(rule, state, quotes, time)
        if reading.status != "good":
            paused += 1
            alarm = s if alarm is None and (path.begins is None or s >= path.begins) else alarm
        else:
            debt = max(debt, bad_debt(last_good, float(path.true[s])))
            last_good = float(path.true[s])
        off = abs(math.log(reading.price / path.true[s]))
        if reading.status == "good" and off > WRONG and wrong is None:
            wrong = s
    # a pause that outlasts the path has cost what the last price shows
    debt = max(debt, bad_debt(last_good, float(path.true[-1])))
    return Seen(path.kind, alarm, wrong, path.begins, paused, debt if paused else 0.0)


def bad_debt(before: float, after: float) -> float:
    """Part of the open interest, evenly spread over lines from 0 to 20 % below, that is lost beyond its margin when
    the price goes from `before` to `after` unwatched: what it has gone beyond each line and margin."""
    return float(beyond(np.array(max(0.0, 1.0 - after / before))))


def beyond(moved: F64, margin: float = 0.02) -> F64:
    """Mean over lines from 0 to 20 % of what moves (parts, from zero up) go beyond each line and its margin."""
    lines = np.linspace(0.0, 0.2, 201)
    found: F64 = np.zeros_like(moved)
    for line in lines:
        found = found + np.maximum(0.0, moved - line - margin)
    return np.asarray(found / lines.size)


def pause_debts(paths: Sequence[Path30], steps: int) -> F64:
    """`[paths, starts]` part of the open interest of one side lost to a pause of so many steps that begins anywhere:
    for each start the worse of those long in a fall and those short in a rise."""
    true = np.array([p.true for p in paths])
    return beyond(np.abs(true[:, steps:] / true[:, :-steps] - 1.0))


def chosen(paths: Sequence[Path30], rate: float = 0.01) -> tuple[OracleRule, list[tuple[float, float, float]]]:
    """The narrowest band with at most `rate` of the genuine paths in alarm, and the rates of all widths tried."""
    tried: list[tuple[float, float, float]] = []
    rule = OracleRule()
    for sigmas, spread in WIDTHS:
        rule = OracleRule.from_dict({**rule.to_dict(), "sigmas": sigmas, "spread": spread})
        share = sum(1 for p in paths if watched(rule, p).alarm is not None) / len(paths)
        tried.append((sigmas, spread, share))
        if share <= rate:
            break
    return rule, tried


@dataclass(frozen=True)
class Measured:
    """Everything on the held-out half."""

    rule: OracleRule
    tried: list[tuple[float, float, float]]
    genuine: list[Seen]
    attacks: list[Seen]
    edges: list[Seen]
    paths: list[Path30]

    @property
    def false_alarms(self) -> float:
        """Part of the genuine paths with an alarm."""
        return sum(1 for s in self.genuine if s.alarm is not None) / len(self.genuine)

    @property
    def stopped(self) -> float:
        """Part of the attacks without a wrong good price."""
        return sum(1 for s in self.attacks if s.wrong is None) / len(self.attacks)


def measured(count: int, seed: int = 21) -> Measured:
    """`count` genuine paths and as many attacks; the width from one half, the rest on the other."""
    random = np.random.default_rng(seed)
    real = genuine(count, random)
    false = attacks(count, random)
    edges = attacks(max(2, count // 10), random, EDGES)
    rule, tried = chosen(real[::2])
    return Measured(
        rule,
        tried,
        [watched(rule, p) for p in real[1::2]],
        [watched(rule, p) for p in false[1::2]],
        [watched(rule, p) for p in edges],
        real[1::2],
    )


def page(found: Measured, count: int) -> str:
    """The page, Markdown."""
    rule = found.rule
    lines = [
        "# The oracle against attacks and crashes",
        "",
        f"{count:,} genuine half hours and {count:,} attacks, measured by `python tools/measure_oracle.py`, whose",
        "docstring says how they are drawn. Half of them chose the width of the band; this is the other half.",
        "",
        f"Width: {rule.sigmas:g} standard deviations and {100 * rule.spread:g} %. A price beyond it is believed after",
        f"{rule.confirm:g} seconds if {100 * rule.agree:.0f} % of the weight says so.",
        "",
        *_genuine_table(found),
        "",
        *_pause_table(found),
        "",
        *_attack_table(found),
        "",
        *_cost_table(),
        "",
        "Widths tried on the first half, and the part of its genuine paths in alarm: "
        + ", ".join(f"{s:g} and {100 * w:g} %: {a:.2%}" for s, w, a in found.tried)
        + ".",
        "",
    ]
    return "\n".join(lines)


def _genuine_table(found: Measured) -> list[str]:
    lines = [
        "| genuine | paths | alarms | steps paused, mean of those | price wrong by 2 % and called good |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for kind in sorted({s.kind for s in found.genuine}):
        own = [s for s in found.genuine if s.kind == kind]
        hit = [s for s in own if s.alarm is not None]
        mean = f"{np.mean([s.paused for s in hit]):.1f}" if hit else "–"
        lines.append(f"| {kind} | {len(own)} | {len(hit)} | {mean} | {sum(1 for s in own if s.wrong is not None)} |")
    debts = [1e4 * s.debt for s in found.genuine if s.alarm is not None]
    return [
        *lines,
        "",
        f"False alarms: {found.false_alarms:.2%}. What a wrong pause costs, for open interest spread evenly over lines",
        f"from 0 to 20 % below with 2 % of margin each: {np.mean(debts) if debts else 0.0:.2f} basis points of it in",
        f"the mean of the {len(debts)}, {max(debts, default=0.0):.2f} at most.",
    ]


def _pause_table(found: Measured) -> list[str]:
    """What pauses cost that are as long as one likes, on all genuine paths."""
    lines = [
        "False alarms are too few and too short to tell what a longer one would cost. So every path of this half",
        "is paused at every step, as long as the table says, with the same lines on the side that the price goes to.",
        "",
        "Bad debt in basis points of the open interest of that side:",
        "",
        "| pause, seconds | genuine | mean | in one of 100 | worst |",
        "| ---: | --- | ---: | ---: | ---: |",
    ]
    for steps in PAUSES:
        for kind in sorted({p.kind for p in found.paths}):
            debts = 1e4 * pause_debts([p for p in found.paths if p.kind == kind], steps)
            told = f"{debts.mean():.3f} | {np.quantile(debts, 0.99):.2f} | {debts.max():.2f}"
            lines.append(f"| {STEP * steps:.0f} | {kind} | {told} |")
    return lines


def _attack_table(found: Measured) -> list[str]:
    lines = [
        "| attack | what happens | paths | stopped | alarms | delay of the alarm | paused | bad debt |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    words = {
        **PATTERNS,
        "all but one": "eight ninths of the weight are pushed together",
        "all": "every source is pushed",
    }
    for kind in (*PATTERNS, *EDGES):
        own = [s for s in (*found.attacks, *found.edges) if s.kind == kind]
        delays = [STEP * (s.alarm - s.begins) for s in own if s.alarm is not None and s.begins is not None]
        delay = f"{np.median(delays):.0f}, {max(delays):.0f}" if delays else "–"
        good = sum(1 for s in own if s.wrong is None)
        paused = [STEP * s.paused for s in own if s.paused]
        long = f"{np.median(paused):.0f}, {max(paused):.0f}" if paused else "–"
        debt = f"{1e4 * max(s.debt for s in own):.2f}"
        lines.append(f"| {kind} | {words[kind]} | {len(own)} | {good} | {len(delays)} | {delay} | {long} | {debt} |")
    return [
        *lines,
        "",
        "Delay and pause are seconds, median and longest. A pause goes on until what was set apart is back, and counts",
        "all steps without a good price; bad debt is the most that the true price made of it meanwhile, basis points",
        "of longs as above.",
        "",
        "Stopped means: at no step was a price good that was 2 % off the true one. Of the five patterns",
        f"{found.stopped:.1%} are. A push of one source is stopped without an alarm, for the median does not move. Of",
        "the thousand the last two rows are no part: whoever moves nearly all sources for longer than the confirmation",
        "is believed, as he must be, since a crash looks the same. What makes that dear is the cost of the push",
        "(`plimsoll.liquidation.breaker.attack_cost`).",
    ]


def _cost_table() -> list[str]:
    """Cost of a push inside the band, on a recorded book, against what it brings."""
    book = recorded(shared().parent)[0]
    mid = (book.bids[0][0] + book.asks[0][0]) / 2.0
    reach = min(1.0 - book.bids[-1][0] / mid, book.asks[-1][0] / mid - 1.0)
    sizes = np.array([0.0005, 0.001, 0.0015, 0.002])
    assert sizes[-1] <= reach
    lines = [
        "## What a push costs and brings",
        "",
        "Inside the band nothing is suspect, so there it must not pay. Five sources of the same weights, each with the",
        f"book recorded on 8 August 2024 (Binance BTCUSDT, 1,000 levels, known {reach:.2%} to either side); open",
        f"interest spread evenly over lines from 0 to 20 % off, and {BONUS:.0%} of what is liquidated for whoever",
        "pushes. *Pays from* is the open interest of one side at which profit meets cost",
        "(`plimsoll.liquidation.breaker.safety`);",
        "a venue with more of it has to pay less for a liquidation, or to liquidate at an average of the price.",
        "",
        "| push | cost of a fall, USD | pays from, million USD | cost of a rise, USD | pays from, million USD |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    off = np.linspace(0.0, 0.2, 4_001)[1:]
    interest = 1e9
    sides = [
        safety(
            [(book.bids, book.asks)] * len(WEIGHTS),
            WEIGHTS,
            sign * sizes,
            sign * off,
            np.full(off.size, interest / off.size),
            bonus=BONUS,
        )
        for sign in (-1.0, 1.0)
    ]
    for k, size in enumerate(sizes.tolist()):
        told = " | ".join(f"{s.cost[k]:,.0f} | {s.ratio[k] * interest / 1e6:,.0f}" for s in sides)
        lines.append(f"| {size:.2%} | {told} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--paths", type=int, default=1_000)
    parser.add_argument("--output", default=str(ROOT / "docs" / "validation" / "oracle.md"))
    chosen_arguments = parser.parse_args(arguments)
    found = measured(chosen_arguments.paths)
    text = page(found, chosen_arguments.paths)
    Path(chosen_arguments.output).write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
