"""`plimsoll validate`: did the margin cover."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json


@click.group()
def command() -> None:
    """Backtests: published ones reproduced, and our own."""


@command.command(epilog="Example: plimsoll validate reproduce ../shared/data/backtests")
@click.argument("folder", metavar="DIR")
@click.option("--fits/--no-fits", default=True, show_default=True, help="Models fitted day by day: minutes of work.")
@click.option("--every", is_flag=True, help="Show every figure that was computed, not only those that differ.")
@json_option
def reproduce(folder: str, fits: bool, every: bool, as_json: bool) -> int:
    """Compute the figures of published VaR and ES backtests from the returns beside them.

    DIR holds ASSET_daily_log_returns.csv and var_backtest_published_ASSET.csv, evt_fhs_published_ASSET.csv,
    es_z2_published_ASSET.csv, each also as .csv.gz. Exit 0: all that can be computed is equal; 1: a figure differs,
    or was left out; 2: no such folder.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.validate.published import reproduce as run

    with late_bar() as bar:
        found = run(folder, fits=fits, progress=bar)
    if as_json:
        print_json(found.to_dict())
    else:
        from plimsoll.report.backtests_view import figure_table, reasons, summary_table

        out = console()
        out.print(summary_table(found))
        listed = [f for f in found.figures if f.status == "differs" or (every and f.status == "equal")]
        if listed:
            out.print(figure_table(listed))
        for line in (*found.notes, *reasons(found)):
            out.print(line, markup=False)
        kinds = ("equal", "differs", "not reproducible", "skipped")
        out.print(", ".join(f"{found.count(k)} {k}" for k in kinds if found.count(k)))  # type: ignore[arg-type]
    return 0 if found.complete else 1
