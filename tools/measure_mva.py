"""The cost of margin in quotes beside recorded books of options: docs/validation/margin-in-quotes.md

    python tools/measure_mva.py [--books N] [--paths N] [--output FILE]

The books, the chain and the rules are those of `tools/recorded_books.py`. Beside each, a put and a call of 27 March
2026 are quoted for 10 coins, and beside an account without positions. Paths are filtered history of Bitcoin's daily
closes known by the instant of the chain, without drift; implied volatility follows the declared law (assumed).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import plimsoll as pl
from measure_sizing import DECAY, FILE, folder
from plimsoll.feeds.bars import read_bars
from plimsoll.optimise.sizing import FundingTerms, Mva, Quoted, Watch, life_of, margin_cost, still
from plimsoll.risk.engine import volatility
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import filtered_joint_paths
from recorded_books import KINDS, RULES, book, snapshot

ROOT = Path(__file__).resolve().parent.parent
QUOTED = ("BTC-27MAR26-80000-P", "BTC-27MAR26-90000-C")
QUANTITY, INSTANTS = 10.0, 14


def watched(market: pl.Market, days: float, size: int) -> Watch:
    """The market on paths of so many days."""
    history = read_bars(str(folder() / FILE)).history.until(market.time)
    closes = history.values[:, history.names.index("BTCUSDT")]
    returns = np.diff(np.log(closes[np.isfinite(closes)]))[:, None]
    steps = round(days)
    paths = filtered_joint_paths(
        ("BTC",),
        returns,
        volatility(returns, DECAY),
        size=size,
        decay=DECAY,
        seed=1,
        steps=steps,
        keep=sorted({max(1, round(k * steps / INSTANTS)) for k in range(1, INSTANTS + 1)}),
        iv=IvLaw(),
    )
    return Watch(market, pl.margin_model(RULES), still(paths))


def bare(account: pl.Account) -> pl.Account:
    """The collateral alone."""
    return account.model_copy(update={"positions": (), "name": "nothing"})


def quotes(market: pl.Market, account: pl.Account, size: int) -> list[Mva]:
    """Both instruments beside one account."""
    watch = watched(market, life_of(market, QUOTED[0]), size)
    return [margin_cost(watch, account, name, QUANTITY, FundingTerms()) for name in QUOTED]


def cell(q: Quoted) -> str:
    """Points of volatility with their error."""
    return f"{q.cost / q.vega:+.2f} ± {q.error / q.vega:.2f}"


def page(rows: list[tuple[str, list[Mva]]], books: int, size: int) -> str:
    """The page."""
    some = rows[0][1][0]
    lines = [
        "# The cost of margin in quotes",
        "",
        f"Measured by `python tools/measure_mva.py --books {books} --paths {size}`, "
        f"whose docstring says how. What funding",
        f"the incremental initial margin of {QUANTITY:g} coins of an option costs for "
        f"{some.days:.0f} days under `{RULES}`, at",
        f"{100 * some.terms.spread:g} % a year (assumed), in points of volatility: to "
        f"be added to the ask, and taken off the",
        "bid. Below zero the trade frees margin and earns.",
        "",
        "| beside | put bid | put ask | call bid | call ask | margin of the put sold, now |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, (put, call) in rows:
        cells = (name, cell(put.bid), cell(put.ask), cell(call.bid), cell(call.ask), f"{put.ask.now:,.0f} USD")
        lines.append("| " + " | ".join(cells) + " |")
    sides = [s for _, found in rows[1:] for m in found for s in (m.bid, m.ask)]
    earns = sum(s.cost < 0.0 for s in sides)
    apart = [abs(m.bid.cost + m.ask.cost) / m.ask.vega for _, found in rows[1:] for m in found]
    step = max(s.step / s.vega for _, found in rows for m in found for s in (m.bid, m.ask))
    lines += [
        "",
        f"Beside books {earns} of {len(sides)} sides earn. Bid and ask together are "
        f"{np.mean(apart):.2f} points apart in the",
        f"mean of the books, {max(apart):.2f} at most: a book pays little for both "
        f"sides where what one of them adds the other",
        f"takes away. The instants are wrong by at most {step:.2f} points. Errors are "
        f"those of the paths, by the days drawn.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--books", type=int, default=3, help="of each kind")
    parser.add_argument("--paths", type=int, default=128)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "margin-in-quotes.md")
    given = parser.parse_args()
    market = snapshot()
    empty = bare(book("maker", 0, market))
    rows = [("nothing", quotes(market, empty, given.paths))]
    for kind in KINDS:
        for seed in range(given.books):
            rows.append((f"{kind} {seed}", quotes(market, book(kind, seed, market), given.paths)))
            print(rows[-1][0], file=sys.stderr)
    given.output.write_text(page(rows, given.books, given.paths), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
