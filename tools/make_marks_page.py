"""Write `docs/validation/marks.md`: Black-76 against the marks of option chains.

    python tools/make_marks_page.py [--data FOLDER] [--output FILE] [--check]

FOLDER holds the chain files (default: `../shared/data/options` beside the project). With --check nothing is written
and a page that differs fails.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from page_files import keep
from plimsoll.feeds.marks import Line, MarkReport, mark_report

ROOT = Path(__file__).resolve().parent.parent


def page(report: MarkReport) -> str:
    """The page as Markdown."""
    o = report.overall
    lines = [
        "# Black-76 against the venue's marks",
        "",
        "Each row of the shared Deribit chains (2026, and one chain of 2020) is priced by Black-76 from its own",
        "forward, strike and mark volatility, with the time from the row's timestamp to its expiry in years of 365",
        "days, and compared with the mark price beside it. Errors are absolute, in coin per coin of underlying.",
        "",
        "Written by `python tools/make_marks_page.py` from `../shared/data/options`.",
        "",
        f"**{report.rows:,} rows: median {o.median:.1e}, 99th percentile {o.p99:.1e}, largest {o.largest:.1e} coin.**",
        f"Rows left out (no forward, volatility or mark, or expired): {report.left_out:,}.",
        "",
        "## Where it does not match, and why",
        "",
    ]
    lines += [f"{i}. {text}" for i, text in enumerate(report.findings, 1)]
    for title, first, rows in (
        ("By time to expiry", "time to expiry", report.by_expiry),
        ("By moneyness", "distance of the strike from the forward, in standard deviations", report.by_moneyness),
        ("By file", "file", report.by_file),
    ):
        lines += ["", f"## {title}", "", *table(first, rows)]
    return "\n".join(lines) + "\n"


def table(first: str, rows: Sequence[Line]) -> list[str]:
    """A Markdown table of lines."""
    head = [f"| {first} | rows | median | 99th percentile | largest |", "| --- | ---: | ---: | ---: | ---: |"]
    return head + [f"| {r.label} | {r.rows:,} | {r.median:.1e} | {r.p99:.1e} | {r.largest:.1e} |" for r in rows]


def chains(folder: Path) -> list[Path]:
    """The chain files of a folder, in order of name."""
    found = sorted([*folder.glob("deribit_chain_*.parquet"), *folder.glob("deribit_*_chain_*.csv.gz")])
    if not found:
        raise SystemExit(f"no chain files in {folder}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page."""
    parser = argparse.ArgumentParser(description="Black-76 against the marks of option chains.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "options")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "validation" / "marks.md")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    return keep({options.output: page(mark_report(chains(options.data)))}, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
