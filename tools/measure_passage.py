"""How well forecasts of a liquidation were calibrated on real paths: `docs/validation/passage.md` and its picture.

    python tools/measure_passage.py [--data FOLDER] [--check]

FOLDER holds `binance_spot_daily_7coins.parquet` and `binance_usdm_BTCUSDT_1m_2022.parquet` (default: `prices` in the
shared data). The studies, with everything that was frozen before a result was seen, are in `passage_study.py`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from page_files import keep
from passage_study import BLOCK_DAYS, Row, daily, minutes, options
from plimsoll.report.canvas import INK, MUTED, SERIES, new_figure, save, styled

F64 = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parent.parent
PAGE, PICTURE = ROOT / "docs" / "validation" / "passage.md", ROOT / "docs" / "images" / "passage.png"

# Frozen before any result was looked at.
EDGES = (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0 + 1e-12)
LEVEL, BAND = 0.05, 1.96
SMALL = 0.03
"""Chosen after the first results were seen: the page says so."""

OPPONENTS = {
    "closed": "closed form, watched at every moment",
    "shifted": "closed form, shifted for the instants looked at",
    "climate": "climatology of the book",
}


HEAD = """# Probabilities of a liquidation on real paths

*Written by `tools/measure_passage.py`. Bins, books, horizons, decay, blocks and tests were fixed in the tool before
a result was seen; what loses is shown as what wins.*

At each origin a probability is said that the book is below its maintenance margin within the horizon, from filtered
history (2,000 paths; 400 for option books, each state by the exact engine) that knows only bars that had ended by
then. The volatility is exponentially weighted, 0.97 for a day, in the paths and in the closed form alike.

- **Daily closes, 2018 to 2026**: an origin a day, horizons of 1, 3 and 7 days, read on daily closes. One coin long and
  short under `binance-usdm@2026-01-01` with cash of a third to a twentieth of it.
- **Minutes, 2022**: an origin every six hours from March on, a day ahead, paths in quarters of an hour from the sixty
  days before, read on every minute. The same books.
- **Options with the proxy, weekly**: books of a month under `prbm@2025-01-01` with a health of 1.4, written anew each
  week, three days ahead, read on daily closes; their volatilities are the proxy's (`iv: proxy`) in fact, and follow the
  declared law on the paths. The closed form takes today's nearest line on each side.

![What was said against what happened, in bins](../images/passage.png)

## Who is nearer

Brier scores over all books of a study, lower is better. *Ahead by* is the opponent's less that of the paths, with"""

TAIL = """Windows of one origin overlap with those of the next, and books of one origin share a path: errors go by
blocks of days for that reason, and one path of history is one path. Nothing was paid in and no tier of size was
reached. Daily closes do not see a line that is crossed and left again within a day; the closed form, watched at every
moment, is above them for that reason alone, so it is also shown with the line shifted (Broadie, Glasserman and Kou
1997)."""


@dataclass(frozen=True)
class Paired:
    """The mean difference of Brier scores (an opponent's less the forecast's), its error by blocks, and one-sided
    probabilities that chance alone would make the forecast (`better`) or the opponent (`worse`) look so good."""

    mean: float
    error: float
    better: float
    worse: float


def blocks(rows: list[Row], values: F64) -> F64:
    """Sums of values over blocks of days."""
    number = np.array([math.floor(r.day / BLOCK_DAYS) for r in rows])
    number -= number.min()
    sums: F64 = np.asarray(np.bincount(number, weights=values), dtype=np.float64)
    held: F64 = sums[np.bincount(number) > 0]
    return held


def paired(rows: list[Row], opponent: str) -> Paired:
    """The forecast against an opponent."""
    y = np.array([r.happened for r in rows], dtype=np.float64)
    p = np.array([r.forecast for r in rows])
    q = np.array([getattr(r, opponent) for r in rows])
    sums = blocks(rows, (q - y) ** 2 - (p - y) ** 2)
    error = float(sums.std(ddof=1) * np.sqrt(sums.size))
    z = float(sums.sum()) / error if error > 0.0 else 0.0
    one_sided = 0.5 * math.erfc(z / math.sqrt(2.0))
    return Paired(float(sums.sum()) / len(rows), error / len(rows), one_sided, 1.0 - one_sided)


def holm(probabilities: list[float]) -> list[float]:
    """Holm's adjusted probabilities, in their order."""
    order = np.argsort(probabilities)
    adjusted, running = [1.0] * len(probabilities), 0.0
    for rank, i in enumerate(order.tolist()):
        running = max(running, (len(probabilities) - rank) * probabilities[i])
        adjusted[i] = min(1.0, running)
    return adjusted


def brier(rows: list[Row], name: str) -> float:
    """Mean squared error of a probability."""
    return float(np.mean([(getattr(r, name) - r.happened) ** 2 for r in rows]))


def bias(rows: list[Row], name: str = "forecast") -> tuple[float, float]:
    """Mean of what happened less what was said, and its error by blocks."""
    off = np.array([r.happened - getattr(r, name) for r in rows], dtype=np.float64)
    sums = blocks(rows, off - off.mean())
    return float(off.mean()), float(sums.std(ddof=1) * np.sqrt(sums.size)) / len(rows)


def reliability(rows: list[Row], name: str = "forecast") -> list[tuple[float, float, float, int, int]]:
    """Of each bin that is not empty: mean said, frequency, its error by blocks, forecasts, events."""
    said = np.array([getattr(r, name) for r in rows])
    found = []
    for low, high in pairwise(EDGES):
        mine = [r for r, p in zip(rows, said, strict=True) if low <= p < high]
        if not mine:
            continue
        y = np.array([r.happened for r in mine], dtype=np.float64)
        sums = blocks(mine, y - y.mean())
        error = float(sums.std(ddof=1) * np.sqrt(sums.size)) / len(mine) if sums.size > 1 else float("nan")
        mean = float(np.mean([getattr(r, name) for r in mine]))
        found.append((mean, float(y.mean()), error, len(mine), int(y.sum())))
    return found


def picture(studies: dict[str, list[Row]]) -> None:
    """The reliability diagram: said against what happened, on logarithmic axes."""
    from matplotlib.ticker import FuncFormatter

    with styled():
        figure = new_figure(9.6, 3.6)
        for axes, (name, rows) in zip(figure.subplots(1, len(studies)), studies.items(), strict=True):
            axes.plot([3e-4, 1.0], [3e-4, 1.0], color=MUTED, linewidth=0.8, linestyle=":")
            for which, colour, title in (
                ("closed", SERIES[1], "closed form"),
                ("forecast", SERIES[0], "paths"),
            ):
                points = [x for x in reliability(rows, which) if x[4] > 0]
                x, y = [max(a[0], 3e-4) for a in points], [a[1] for a in points]
                spread = [BAND * a[2] if np.isfinite(a[2]) else 0.0 for a in points]
                low = [min(s, 0.9 * b) for s, b in zip(spread, y, strict=True)]
                axes.errorbar(x, y, yerr=[low, spread], color=colour, marker="o", markersize=4, linewidth=1.2,
                              elinewidth=0.8, label=title)  # fmt: skip
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlim(2e-4, 1.3)
            axes.set_ylim(2e-4, 1.6)
            axes.set_title(name)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v * 100:g}%"))
            axes.set_xlabel("said")
            axes.grid()
        figure.axes[0].set_ylabel("happened")
        figure.axes[0].legend(loc="upper left", labelcolor=INK)
        save(figure, str(PICTURE))


def page(studies: dict[str, list[Row]]) -> Iterator[str]:
    """The page, line by line."""
    yield HEAD
    yield f"its error by blocks of {BLOCK_DAYS} days; probabilities are one-sided, by Holm over all rows."
    yield ""
    yield (
        "| study | forecasts | events | paths | opponent | its score | ahead by | error | p, paths better "
        "| p, paths worse | says |"
    )
    yield "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |"
    table = [(name, rows, o, paired(rows, o)) for name, rows in studies.items() for o in OPPONENTS]
    better, worse = holm([x.better for *_, x in table]), holm([x.worse for *_, x in table])
    for (name, rows, o, x), b, w in zip(table, better, worse, strict=True):
        says = "paths better" if b < LEVEL else "paths worse" if w < LEVEL else "not told apart"
        yield (
            f"| {name} | {len(rows):,} | {sum(r.happened for r in rows):,} | {brier(rows, 'forecast'):.5f} | "
            f"{OPPONENTS[o]} | {brier(rows, o):.5f} | {x.mean:+.5f} | {x.error:.5f} | {b:.3f} | {w:.3f} | {says} |"
        )
    yield ""
    yield "## Calibrated in the large"
    yield ""
    yield f"What happened less what was said, in the mean; *yes*: within {BAND:g} errors (by blocks)."
    yield ""
    yield "| study | by | happened | said | difference | error | calibrated |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | --- |"
    for name, rows in studies.items():
        for which in ("forecast", *OPPONENTS):
            off, error = bias(rows, which)
            said = float(np.mean([getattr(r, which) for r in rows]))
            calm = "yes" if abs(off) <= BAND * error else "no: too high" if off < 0.0 else "no: too low"
            title = "paths" if which == "forecast" else OPPONENTS[which]
            yield f"| {name} | {title} | {said + off:.3%} | {said:.3%} | {off:+.3%} | {error:.3%} | {calm} |"
    yield ""
    yield "## Small numbers"
    yield ""
    yield f"All forecasts below {SMALL:.0%} together: whether what is called unlikely is. The table was added after the"
    yield "first results had been seen, because of what they showed: such numbers are too small, most for option books."
    yield ""
    yield "| study | forecasts | said, mean | happened | error |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, rows in studies.items():
        own = [r for r in rows if r.forecast < SMALL]
        off, error = bias(own)
        said = float(np.mean([r.forecast for r in own]))
        yield f"| {name} | {len(own):,} | {said:.2%} | {said + off:.2%} | {error:.2%} |"
    yield ""
    yield "## By what was said"
    yield ""
    yield "| study | said, mean | happened | error | forecasts | events |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: |"
    for name, rows in studies.items():
        for said, happened, error, count, events in reliability(rows):
            told = f"{error:.2%}" if math.isfinite(error) else ""
            yield f"| {name} | {said:.2%} | {happened:.2%} | {told} | {count:,} | {events:,} |"
    yield ""
    yield "## By book"
    yield ""
    yield "| study | book | forecasts | events | said | happened | paths | closed form | shifted | climatology |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, rows in studies.items():
        for book in dict.fromkeys(r.book for r in rows):
            own = [r for r in rows if r.book == book]
            scores = " | ".join(f"{brier(own, x):.5f}" for x in ("forecast", *OPPONENTS))
            happened = float(np.mean([r.happened for r in own]))
            said = float(np.mean([r.forecast for r in own]))
            events = sum(r.happened for r in own)
            yield f"| {name} | {book} | {len(own):,} | {events:,} | {said:.2%} | {happened:.2%} | {scores} |"
    yield ""
    yield "## What this is not"
    yield ""
    yield TAIL


def main(argv: list[str] | None = None) -> int:
    """Measure and write, or compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = Path(os.environ.get("PLIMSOLL_SHARED", ROOT.parent / "shared"))
    parser.add_argument("--data", type=Path, default=shared / "data" / "prices", help="folder of the bars")
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    given = parser.parse_args(argv)
    studies: dict[str, list[Row]] = {}
    for study in (daily, minutes, options):
        rows = study(given.data)
        studies[rows[0].study] = rows
    if not given.check:
        picture(studies)
    return keep({PAGE: "\n".join(page(studies)) + "\n"}, check=given.check)


if __name__ == "__main__":
    sys.exit(main())
