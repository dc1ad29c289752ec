"""What liquidation costs, measured: `docs/validation/liquidation.md` and its picture.

    python tools/measure_liquidation.py [--output FILE]

Four tables: one account under each venue's own procedure; the fee that keeps keepers at work under stress, drawn with
seed 1 and judged on fresh draws with seed 2; the overhead of liquidating many at once, of the sizes of the BTC longs
that the crash of 10 October 2025 touched, into the recorded book; and a sale by the schedule of Almgren and Chriss
against one at once, fitted on the first half of five recorded minutes and judged on the second.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

import plimsoll
from plimsoll.liquidation.mechanisms import (
    Impact,
    Overhead,
    PortfolioAuction,
    PricePath,
    Scene,
    Staged,
    overhead,
    trades,
)
from plimsoll.liquidation.mechanisms.compare import house_terms
from plimsoll.liquidation.mechanisms.keepers import Stress, calibrated, cheapest, participation
from plimsoll.liquidation.mechanisms.overhead import separate
from plimsoll.margin import Account, Position, margin_model
from plimsoll.margin.account import Mode
from plimsoll.margin.addons.liquidity import Closing, LiquidityRule
from plimsoll.report.amounts import short_money
from recorded_book import BookAt, recorded

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
TAU, SLICES, REFILL = 2.0, 10, 10.0
AVERSIONS = (0.0, 1e-5, 1e-4, 1e-3)
SIZES = (25.0, 50.0, 100.0, 200.0)
POSITIONS = "liquidations/hyperliquid_20251010_btc_sol_positions.parquet"
VENUES = {
    "binance-usdm@2026-01-01": "USDT",
    "bybit-uta@2026-01-01": "USDT",
    "bybit-pm@2026-09-01": "USDT",
    "okx-pm@2026-09-01": "USDT",
    "deribit-sm@2026-10-01": "USDC",
    "hyperliquid-perps@2026-01-01": "USDC",
    "dydx-v4@2026-09-27": "USDC",
    "derive-srm@2026-04-01": "USDC",
    "synthetix-v3@2026-01-01": "USD",
    "paradex-pm@2026-09-01": "USDC",
}


# -- the schedule -----------------------------------------------------------------------------------------------------


def fitted(books: list[BookAt]) -> tuple[Impact, float]:
    """Impact of a market from its books, one a second, and the slope of its price on what is taken.

    Half of the mean spread, the slope of what 1 to 60 coins cost beside it, and the volatility of the middle. The slope
    is that of the middle on what others took within two seconds, USD a coin: an upper bound of lasting impact, since
    prices draw orders as orders move prices.
    """
    half = float(np.mean([0.5 * (b.asks[0][0] - b.bids[0][0]) for b in books]))
    sizes = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0])
    both = [[0.5 * (b.beside(n, buy=True) + b.beside(n, buy=False)) / n for n in sizes] for b in books]
    each = np.mean(both, axis=0) - half
    temporary = TAU * float((sizes * each).sum() / (sizes * sizes).sum())
    mid, flow = np.array([b.mid for b in books]), np.array([b.flow for b in books])
    step = int(TAU)
    moved = mid[step::step] - mid[:-step:step]
    taken = np.add.reduceat(flow[1:], np.arange(0, step * len(moved), step))[: len(moved)]
    slope = float((taken * moved).sum() / (taken * taken).sum())
    return Impact(half, temporary, 0.0, float(np.diff(mid).std())), slope


def sold(books: list[BookAt], start: int, parts: F64, *, buy: bool) -> float:
    """USD beside the middle at the start that trading `parts` costs, one each two seconds, on the books as they were.

    Each part pays for the depth that the parts before took and that has not come back: it halves in ten seconds.
    """
    first, side = books[start].mid, 1.0 if buy else -1.0
    cost, gone = 0.0, 0.0
    for k, n in enumerate(parts.tolist()):
        book = books[start + k * int(TAU)]
        cost += n * side * (book.mid - first) + book.beside(gone + n, buy=buy) - book.beside(gone, buy=buy)
        gone = (gone + n) * 0.5 ** (TAU / REFILL)
    return cost


@dataclass(frozen=True)
class Judged:
    """Mean cost in USD a coin over all starts and both sides, saving against one order, its standard error over blocks
    of the horizon, the spread of the cost over the starts, and the lasting impact (USD a coin) that would undo it."""

    size: float
    aversion: float
    kappa: float
    once: float
    schedule: float
    saving: float
    error: float
    spread: float
    even_at: float


def out_of_sample(books: list[BookAt]) -> tuple[Impact, float, list[Judged]]:
    """The fit on the first half of the books, and each size and aversion to risk judged on the second."""
    half = len(books) // 2
    (impact, slope), rest = fitted(books[:half]), books[half:]
    span = int(TAU) * SLICES
    starts = range(len(rest) - span)
    rows = []
    for size in SIZES:
        once = np.array([[rest[s].beside(size, buy=b) for b in (True, False)] for s in starts]) / size
        for aversion in AVERSIONS:
            kappa = impact.urgency(aversion, TAU)
            parts = trades(size, TAU * SLICES, SLICES, kappa)
            cost = np.array([[sold(rest, s, parts, buy=b) for b in (True, False)] for s in starts]) / size
            saved = (once - cost).mean(axis=1)
            blocks = [saved[k : k + span].mean() for k in range(0, len(saved) - span + 1, span)]
            error = float(np.std(blocks, ddof=1) / math.sqrt(len(blocks)))
            # a lasting impact costs each part for what was sold before it
            even = float(saved.mean()) * size / float((parts[1:] * np.cumsum(parts)[:-1]).sum())
            row = (once.mean(), cost.mean(), saved.mean(), error, cost.std(), even)
            rows.append(Judged(size, aversion, kappa, *(float(x) for x in row)))
    return impact, slope, rows


# -- many at once -----------------------------------------------------------------------------------------------------


def crowd(data: Path, book: BookAt, seed: int = 3) -> tuple[F64, F64, Closing, float]:
    """Equity and size of accounts to be liquidated, the cost of selling into the book, and the coins posted.

    Sizes are those of the BTC longs that the crash touched, at most 50 coins each. Equity is uniform from nothing to
    the maintenance margin of the venue's first tier, 1.25 % of the value.
    """
    table = pl.read_parquet(data / POSITIONS)
    wanted = (pl.col("asset") == "BTC") & (pl.col("side") == "LONG")
    coins = np.abs(table.filter(wanted)["position_size"].to_numpy().astype(np.float64))
    coins = np.minimum(coins[coins > 1e-4], 50.0)
    equity = coins * book.mid * np.random.default_rng(seed).uniform(0.0, 0.0125, coins.size)
    terms = house_terms()
    rule = LiquidityRule(impact=terms.impact, stress=terms.stress, free=0.0, participation=1.0, days=1.0, markets={})
    closing = Closing.of(rule, terms.markets["BTC"], book.mid, book.bids)
    return equity, coins, closing, float(sum(q for _, q in book.bids)) * (1.0 - terms.stress)


FRACTIONS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


PERPETUAL = {"kind": "perpetual", "settlement": "linear", "name": "BTC-P", "underlying": "BTC"}


# -- one account under each venue -------------------------------------------------------------------------------------


def venue_rows(book: BookAt) -> list[tuple[str, ...]]:
    """100 BTC at nine tenths of their maintenance margin under each venue's own way, in a flat and a falling market."""
    rows: list[tuple[str, ...]] = []
    for rules, currency in VENUES.items():
        model = margin_model(rules)
        content = {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-10-01T00:00:00Z",
            "indices": {"BTC": {"price": book.mid}},
            "assets": {currency: {"price": 1.0}},
            "instruments": [{**PERPETUAL, "currency": currency}],
            "marks": {"BTC-P": {"price": book.mid, "open_interest": 9_000.0}},
            "depth": {"BTC-P": {"bids": [list(x) for x in book.bids], "asks": [list(x) for x in book.asks]}},
        }
        market = plimsoll.Market.from_dict(content)
        mode: Mode = "cross" if "cross" in model.MODES else "portfolio"
        held = (Position(instrument="BTC-P", quantity=100.0, entry_price=book.mid),)
        needed = model.requirement(Account(mode=mode, positions=held, collateral={currency: 1e9}), market).maintenance
        account = Account(mode=mode, positions=held, collateral={currency: round(0.9 * needed, 2)})
        own = PortfolioAuction() if model.procedure() is None and "derive" in rules else Staged()
        found = [
            own.run(Scene(model, account, market, house_terms(), path))
            for path in (PricePath(), PricePath((0.0, 60.0), (0.0, -0.02)))
        ]
        flat, fall = found
        paid = sorted(flat.to.items(), key=lambda x: -x[1])
        to = ", ".join(f"{p} {short_money(x, 'USD')}" for p, x in paid if x > 0.5) or "–"
        rows.append(
            (
                rules,
                flat.evidence,
                short_money(needed, "USD"),
                f"{min(1.0, flat.closed / (100.0 * book.mid)):.0%}",
                short_money(flat.cost, "USD"),
                to,
                f"{flat.seconds:,.0f}",
                short_money(fall.value_after, "USD"),
                short_money(fall.loss_of_others, "USD") if fall.loss_of_others > 0.005 else "–",
            )
        )
    return rows


# -- the page ---------------------------------------------------------------------------------------------------------


def page(data: Path, picture: Path) -> str:
    """The page as text; draws its picture."""
    books = recorded(data)
    impact, slope, judged = out_of_sample(books)
    equity, coins, closing, posted = crowd(data, books[0])
    curve = overhead(equity, coins, closing.cost, FRACTIONS, posted=posted, seed=3)
    draw(curve, judged, picture)
    lines = [
        "# What liquidation costs",
        "",
        "Measured by `python tools/measure_liquidation.py`. Mechanisms, their contract and what they suppose are in",
        "[the reference](../reference/liquidation.md) and [decision 031](../decisions/031-liquidation-mechanisms.md).",
        "",
        "## Each venue's own way",
        "",
        f"100 BTC long at {books[0].mid:,.2f} with nine tenths of the maintenance margin, into the book recorded on",
        "8 August 2024 (Binance, 1,000 levels) less half of its depth, one second after the detection. The last two",
        "columns are the same in a market that falls by 2 % in a minute.",
        "",
        "| rules | evidence | maintenance | closed | cost | to whom | seconds | left, falling | others lose, falling |",
        "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: | ---: |",
        *("| " + " | ".join(row) + " |" for row in venue_rows(books[0])),
        "",
        "Evidence is that of the pack's rule. How much of a position goes in a round, where no public rule says, is a",
        "fifth; seconds between rounds, where none says, are one.",
        "",
        *keepers_part(),
        "",
        *crowd_part(curve, equity, coins, closing, posted),
        "",
        *schedule_part(impact, slope, judged, books),
    ]
    return "\n".join(lines) + "\n"


BASES = tuple(5.0 * k for k in range(101))
"""Base fees, USD, among which the cheapest is looked for."""


def keepers_part() -> list[str]:
    """The fee calibrated on one set of draws and judged on another."""
    lines = [
        "## The fee that keeps keepers at work",
        "",
        "A keeper acts when the fee, base + gas refund + premium on the value, covers gas, MEV, slippage, capital and",
        "its profit. Premium: the least for which 99 % act, an order statistic of 100,000 draws chosen so that fresh",
        "draws are done at least as often with a certainty of 99 %; judged on 1,000,000 fresh ones. Stress: median gas",
        "of $40 an attempt with three of ten failing, MEV $10, slippage of 1 % in the median, utilisation from 80 to",
        "100 %, value $20,000 in the median; calm: a tenth of gas, MEV and slippage.",
        "",
        f"The last fee of each market is the cheapest in the mean: its base, $0 to ${BASES[-1]:,.0f} in steps of",
        f"${BASES[1]:g}, is chosen on half of the draws and its premium calibrated on the other half. One calibration",
        "in a hundred may fall short of 99 %, and these share their draws: three do, by two standard errors at most.",
        "",
        "| market | base | refund | premium | mean fee | participation, fresh | standard error | at 90 % of it |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    stress = Stress()
    calm = Stress.model_validate(
        {
            **stress.model_dump(),
            "gas": {"median": 4.0, "spread": 1.0},
            "mev": {"median": 1.0, "spread": 1.2},
            "slippage": {"median": 0.001, "spread": 0.6},
        }
    )
    for name, market in (("calm", calm), ("stress", stress)):
        draws, fresh = market.draw(100_000, seed=1), market.draw(1_000_000, seed=2)
        plain = ((0.0, 0.0), (0.0, 1.0), (25.0, 1.0))
        fees = [calibrated(draws, base=base, refund=refund).fee for base, refund in plain]
        for fee in (*fees, cheapest(draws, BASES).fee):
            less = type(fee)(fee.base, fee.refund, 0.9 * fee.premium)
            (share, error), (below, _) = participation([fee, less], fresh)
            cells = (
                name,
                f"${fee.base:g}",
                f"{fee.refund:.0%}",
                f"{fee.premium:.3%}",
                f"${fee.paid(fresh).mean():,.0f}",
                f"{share:.3%}",
                f"{error:.3%}",
                f"{below:.3%}",
            )
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def crowd_part(curve: Overhead, equity: F64, coins: F64, closing: Closing, posted: float) -> list[str]:
    """The overhead against how many are liquidated at once."""
    alone = separate(equity, coins, closing.cost)
    lines = [
        "## Many at once",
        "",
        f"{coins.size:,} accounts with the sizes of the BTC longs that the crash of 10 October 2025 touched",
        f"(Hyperliquid; at most 50 coins each, {coins.sum():,.0f} in all) and equity from nothing to 1.25 % of their",
        f"value, sold together into the same book ({posted:,.0f} coins posted after stress, a square-root law beyond).",
        "Overhead is what is lost beyond what they owed at the marks, which is nothing. One after the other, each into",
        f"a whole book, they would lose {short_money(alone, 'USD')}.",
        "",
        "| accounts | coins | times the depth | below zero | overhead | of the value sold |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for k, part in enumerate(curve.fractions.tolist()):
        value = curve.coins[k] * closing.mid
        share = f"{curve.overhead[k] / value:.3%}" if value else "–"
        cells = [f"{part:.0%}", f"{curve.coins[k]:,.0f}", f"{curve.depth[k]:.2f}", f"{curve.failed[k]:,}"]
        cells += [short_money(float(curve.overhead[k]), "USD"), share]
        lines.append("| " + " | ".join(cells) + " |")
    return [*lines, "", "![Overhead against size, and the schedule against one order](../images/liquidation-cost.png)"]


def schedule_part(impact: Impact, slope: float, judged: list[Judged], books: list[BookAt]) -> list[str]:
    """The schedule against one order, out of sample."""
    lines = [
        "## In slices or at once",
        "",
        f"`x_k = X sinh(kappa (T - t_k)) / sinh(kappa T)`, T = {TAU * SLICES:.0f} seconds in {SLICES} slices.",
        f"Fitted on the first {len(books) // 2} seconds: half spread ${impact.half_spread:.3f}, temporary impact",
        f"${impact.temporary:.3f} for a coin a second, volatility ${impact.sigma:.2f} for the root of a second. Judged",
        "on the rest: from every second, buying and selling, on the books as they were, and what earlier slices took",
        "is back by half after ten seconds. USD a coin; the error is over blocks of the horizon.",
        "",
        "| coins | aversion, 1/USD | kappa, 1/s | at once | in slices | saved | standard error | spread | undone by |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for r in judged:
        cells = [f"{r.size:g}", f"{r.aversion:g}", f"{r.kappa:.4f}", f"{r.once:.2f}", f"{r.schedule:.2f}"]
        cells += [f"{r.saving:+.2f}", f"{r.error:.2f}", f"{r.spread:.2f}", f"{r.even_at:.3f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return [
        *lines,
        "",
        "Slower is cheaper on average and less certain: what is saved in impact is paid in what the price may do",
        "meanwhile. *Undone by* is the lasting impact, USD for each coin sold before, at which nothing is saved: the",
        "recording cannot tell what our own orders would have moved for good. Others' orders and the price moved",
        f"together by ${slope:.2f} a coin within two seconds, which bounds it from above, since prices draw orders as",
        "well as orders move prices. If all of that were lasting impact, one order at once would be the cheaper one.",
    ]


def draw(curve: Overhead, judged: list[Judged], path: Path) -> None:
    """Left the overhead against the times of the depth, right the two costs by size."""
    from plimsoll.report.canvas import GAIN, LOSS, MARK, money_axis, new_figure, save, styled

    with styled():
        figure = new_figure(8.6, 3.6)
        left, right = figure.subplots(1, 2)
        left.plot(curve.depth, curve.overhead, color=LOSS, marker="o", markersize=3.5)
        left.set(xlabel="sold at once, times the depth posted", ylabel="overhead, USD", title="Many at once")
        money_axis(left, "y", curve.overhead.tolist(), "USD")
        even = [r for r in judged if r.aversion == 0.0]
        fast = [r for r in judged if r.aversion == max(AVERSIONS)]
        sizes = [r.size for r in even]
        right.plot(sizes, [r.once for r in even], color=LOSS, marker="o", markersize=3.5, label="at once")
        right.plot(sizes, [r.schedule for r in fast], color=MARK, marker="o", markersize=3.5, label="in a hurry")
        right.plot(sizes, [r.schedule for r in even], color=GAIN, marker="o", markersize=3.5, label="evenly")
        right.set(xlabel="coins", ylabel="USD a coin", title="In slices, out of sample", ylim=(0, None))
        right.legend()
        for axes in (left, right):
            axes.grid(axis="y")
        path.parent.mkdir(parents=True, exist_ok=True)
        save(figure, str(path))


def main() -> int:
    """Measure, write the page and its picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", default=str(ROOT / "docs" / "validation" / "liquidation.md"))
    options = parser.parse_args()
    shared = Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared"))
    output = Path(options.output)
    output.write_text(page(shared / "data", output.parent.parent / "images" / "liquidation-cost.png"), encoding="utf-8")
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
