"""Write `docs/validation/svi.md`: volatility surfaces fitted to every snapshot of the shared option chains.

    python tools/make_svi_page.py [--data FOLDER] [--output FILE] [--check]

FOLDER holds the chain files (default: `../shared/data/options` beside the project). With --check nothing is written
and a page that differs fails.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from page_files import keep
from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS, Reason, format_instant
from plimsoll.dynamics import ExpiryFit, Surface, SurfaceFit, fit_market
from plimsoll.dynamics.arbitrage import dense_grid
from plimsoll.dynamics.wings import density_factor
from plimsoll.feeds import import_chain, list_snapshots

ROOT = Path(__file__).resolve().parent.parent

BUCKETS = ((0.0, 1.0), (1.0, 7.0), (7.0, 30.0), (30.0, 90.0), (90.0, np.inf))
"""Days to expiry."""

BETWEEN = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Where between two expiries the density is looked at, as a share of the time between them."""


BEYOND = ((0.1, 0.5, 0.9), (1.1, 1.5, 2.0, 4.0))
"""Times before the first expiry, as shares of its own, and after the last."""


@dataclass(frozen=True)
class Row:
    """One expiry of one snapshot."""

    file: str
    coin: str
    time: str
    days: float
    fit: ExpiryFit


@dataclass
class Study:
    """All expiries, and what was counted of whole surfaces."""

    rows: list[Row]
    surfaces: int = 0
    free: int = 0
    failures: Counter[str] | None = None
    gaps: int = 0
    gaps_free: int = 0
    ends: int = 0
    ends_free: int = 0


def study(paths: Iterable[Path]) -> Study:
    """Fit both coins of every snapshot of the files."""
    found = Study([], failures=Counter())
    for path in paths:
        for snapshot in list_snapshots(path):
            for fit in fit_market(import_chain(path, snapshot.time)):
                add(found, path.name, fit)
    return found


def add(found: Study, file: str, fit: SurfaceFit) -> None:
    """Count one surface."""
    assert found.failures is not None
    found.surfaces += 1
    found.free += fit.arbitrage_free
    found.failures.update(f.reason.value for f in fit.failures)
    for one in fit.expiries:
        days = one.tau * YEAR_SECONDS / DAY_SECONDS
        found.rows.append(Row(file, fit.underlying, format_instant(fit.time), days, one))
    for least in densities_between(Surface.of(fit)):
        found.gaps += 1
        found.gaps_free += least >= 0.0
    for least in densities_beyond(Surface.of(fit)):
        found.ends += 1
        found.ends_free += least >= 0.0


def densities_between(surface: Surface) -> Iterator[float]:
    """For every two neighbouring expiries the least density factor at the times of `BETWEEN`."""
    for (early, first), (late, last) in pairwise(zip(surface.taus, surface.slices, strict=True)):
        k = np.union1d(dense_grid(first), dense_grid(last))
        times = (early + (late - early) * share for share in BETWEEN)
        yield min(float(density_factor(k, surface.shape(k, tau)).min()) for tau in times)


def densities_beyond(surface: Surface) -> Iterator[float]:
    """The least density factor at the times of `BEYOND`, before the first expiry and after the last."""
    for i, shares in zip((0, -1), BEYOND, strict=True):
        k = dense_grid(surface.slices[i])
        yield min(float(density_factor(k, surface.shape(k, share * surface.taus[i])).min()) for share in shares)


def page(found: Study) -> str:
    """The page as Markdown."""
    rows = found.rows
    strikes = sum(r.fit.error.strikes for r in rows)
    methods = Counter(r.fit.method.value for r in rows)
    parts = [*HEAD, ""]
    median, p95 = (100.0 * quantile(rows, weighted, q) for q in (0.5, 0.95))
    parts += [
        f"**{found.surfaces:,} surfaces, {len(rows):,} expiries, {strikes:,} strikes: {found.free:,} surfaces without "
        f"butterfly or calendar arbitrage; weighted error {median:.2f} points in the median, {p95:.2f} at the 95th "
        "percentile.**",
        "",
        "| check or outcome | expiries |",
        "| --- | ---: |",
        f"| fitted as SVI slices | {methods['svi']:,} of {len(rows):,} |",
        f"| fallbacks: SSVI, interpolated, flat | {methods['ssvi']}, {methods['interpolated']}, {methods['flat']} |",
        f"| density factor at least zero on the dense grid | {count(rows, butterfly_free):,} |",
        f"| total variance nowhere below that of the expiry before | {count(rows, calendar_free):,} |",
        f"| no negative density at five times between two expiries | {found.gaps_free:,} of {found.gaps:,} pairs |",
        f"| nor before the first expiry and up to four times the last | {found.ends_free:,} of {found.ends:,} ends |",
        "",
        "## By time to expiry",
        "",
        *table("days to expiry", [(bucket_name(b), in_bucket(rows, b)) for b in BUCKETS]),
        "",
        "## What freedom from arbitrage costs",
        "",
        *COST,
        "",
        *cost_table([(bucket_name(b), in_bucket(rows, b)) for b in BUCKETS]),
        "",
        "## By coin and file",
        "",
        *table("coin", [(c, [r for r in rows if r.coin == c]) for c in sorted({r.coin for r in rows})]),
        "",
        *table("file", [(f, [r for r in rows if r.file == f]) for f in dict.fromkeys(r.file for r in rows)]),
        "",
        "## Named failures",
        "",
        *failures(found),
        "",
        "## The worst expiries",
        "",
        *worst(rows),
    ]
    return "\n".join(parts) + "\n"


HEAD = (
    "# Volatility surfaces on every shared chain",
    "",
    "Every snapshot of the shared Deribit chains (2026, and one chain of 2020), each coin by itself, as",
    "`plimsoll fit` does it: raw SVI slices on the mark volatility of the out-of-the-money option of each strike, all",
    "expiries together, without static arbitrage. A strike weighs one over its squared doubt, which is half its",
    "bid-ask spread over vega, from half a point to 50 points.",
    "",
    "Written by `python tools/make_svi_page.py` from `../shared/data/options`; `make test-long` repeats it and fails",
    "if a number differs. Errors are in volatility points. *Weighted* is the root mean square under those weights over",
    "all strikes; *plain* and *largest* take the strikes whose quotes fix the volatility to ten points; *inside* is",
    "the share of strikes with bid and ask whose fitted volatility lies between the two.",
)

COST = (
    "Each slice is also fitted alone, whatever arbitrage it has: the error of the slices together is held against",
    "that. A slice alone is free to do anything beyond its strikes, where nobody quotes. The SSVI surface, three",
    "numbers and a level for each expiry, is where the search for the slices starts, and the fallback.",
)


def weighted(row: Row) -> float:
    return row.fit.error.weighted


def plain(row: Row) -> float | None:
    return row.fit.error.rms


def largest(row: Row) -> float | None:
    return row.fit.error.largest


def alone(row: Row) -> float | None:
    return None if row.fit.alone is None else row.fit.alone.error.weighted


def ssvi(row: Row) -> float | None:
    return row.fit.ssvi_error


def butterfly_free(row: Row) -> bool:
    return row.fit.least_density >= 0.0


def calendar_free(row: Row) -> bool:
    return row.fit.least_rise is None or row.fit.least_rise >= 0.0


def count(rows: Sequence[Row], holds: Callable[[Row], bool]) -> int:
    return sum(holds(r) for r in rows)


def quantile(rows: Sequence[Row], number: Callable[[Row], float | None], q: float) -> float:
    values = [v for v in map(number, rows) if v is not None]
    return float(np.quantile(values, q)) if values else float("nan")


def in_bucket(rows: Sequence[Row], bucket: tuple[float, float]) -> list[Row]:
    return [r for r in rows if bucket[0] < r.days <= bucket[1]]


def bucket_name(bucket: tuple[float, float]) -> str:
    low, high = bucket
    return f"over {low:g}" if np.isinf(high) else f"{low:g} to {high:g}"


def table(first: str, groups: Sequence[tuple[str, Sequence[Row]]]) -> list[str]:
    """Fit error of groups of expiries."""
    head = (
        first,
        "expiries",
        "strikes",
        "weighted: median",
        "95 %",
        "largest",
        "plain: median",
        "largest: median",
        "inside",
    )
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * 8]
    for name, rows in groups:
        if not rows:
            continue
        quoted = sum(r.fit.error.two_sided for r in rows)
        numbers = [quantile(rows, weighted, q) for q in (0.5, 0.95, 1.0)]
        numbers += [quantile(rows, plain, 0.5), quantile(rows, largest, 0.5)]
        cells = [
            f"{len(rows):,}",
            f"{sum(r.fit.error.strikes for r in rows):,}",
            *(f"{100.0 * n:.2f}" for n in numbers),
        ]
        inside = f"{sum(r.fit.error.inside for r in rows) / quoted:.0%}" if quoted else "-"
        lines.append(f"| {name} | {' | '.join(cells)} | {inside} |")
    return lines


def cost_table(groups: Sequence[tuple[str, Sequence[Row]]]) -> list[str]:
    """The error together, alone and under SSVI, and what arbitrage the slices alone have."""
    head = (
        "days to expiry",
        "weighted: median",
        "alone",
        "SSVI",
        "alone: negative density",
        "alone: crosses a neighbour",
    )
    lines = [f"| {' | '.join(head)} |", "| --- |" + " ---: |" * 5]
    for name, rows in groups:
        both = [r.fit.alone for r in rows if r.fit.alone is not None]
        if not both:
            continue
        numbers = [f"{100.0 * quantile(rows, of, 0.5):.2f}" for of in (weighted, alone, ssvi)]
        shares = [sum(not a.butterfly_free for a in both), sum(not a.calendar_free for a in both)]
        lines.append(f"| {name} | {' | '.join(numbers + [f'{s / len(both):.0%}' for s in shares])} |")
    return lines


def failures(found: Study) -> list[str]:
    """Every reason of the closed list that a fit can give, with how often it was given."""
    own = Counter(f.reason for r in found.rows for f in r.fit.failures)
    whole = found.failures or Counter()
    told = {
        Reason.MISSING_FORWARD: "no forward: the expiry has no slice",
        Reason.MISSING_VOL: "no volatility: the expiry has no slice",
        Reason.TOO_FEW_STRIKES: "interpolated, or flat where no expiry has strikes enough",
        Reason.NO_CONVERGENCE: "the search, together or alone, had not settled; what it gave passed the checks",
        Reason.BUTTERFLY_VIOLATED: "the slice alone had a negative density; the slice given has none",
        Reason.CALENDAR_VIOLATED: "the slice alone crossed a neighbour; the slice given does not",
    }
    lines = ["| reason | expiries | surfaces | what it means |", "| --- | ---: | ---: | --- |"]
    return lines + [f"| `{r.value}` | {own[r]:,} | {whole[r.value]:,} | {text} |" for r, text in told.items()]


def worst(rows: Sequence[Row], top: int = 8) -> list[str]:
    """The expiries of largest weighted error."""
    lines = ["| snapshot | coin | days to expiry | strikes | known to 10 points | weighted | alone |"]
    lines.append("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    once = {(r.time, r.coin, r.days): r for r in rows}  # two files share a snapshot
    for r in sorted(once.values(), key=lambda r: (-weighted(r), r.time, r.coin))[:top]:
        own = alone(r)
        bound = "-" if own is None else f"{100.0 * own:.2f}"
        error = r.fit.error
        cells = (
            r.time[:16],
            r.coin,
            f"{r.days:.1f}",
            error.strikes,
            error.usable,
            f"{100.0 * error.weighted:.2f}",
            bound,
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return lines


def chains(folder: Path) -> list[Path]:
    """The chain files of a folder, in order of name."""
    found = sorted([*folder.glob("deribit_chain_*.parquet"), *folder.glob("deribit_*_chain_*.csv.gz")])
    if not found:
        raise SystemExit(f"no chain files in {folder}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description="Volatility surfaces on option chains.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "options")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "svi.md")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    return keep({options.output: page(study(chains(options.data)))}, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
