"""`plimsoll compare`: the same account under several rule sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import (
    account_option,
    console,
    json_option,
    load_account,
    load_market,
    market_option,
    print_json,
    write_text,
)

if TYPE_CHECKING:
    from plimsoll.margin import Account
    from plimsoll.margin.account import Mode
    from plimsoll.margin.compare import Comparison
    from plimsoll.market import Market


@click.command(epilog="Example: plimsoll compare --account account.json --market market.json")
@account_option
@market_option
@click.option(
    "--rules",
    "-r",
    multiple=True,
    metavar="NAME@DATE|FILE",
    help="May be repeated; default: every shipped rule set in force on the market's day.",
)
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(["portfolio", "cross", "isolated"]),
    help="May be repeated; default: every margin mode that each rule set has.",
)
@click.option("--html", "page", metavar="FILE", help="Also write a self-contained HTML report.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    account: str,
    market: str,
    rules: tuple[str, ...],
    modes: tuple[Mode, ...],
    page: str | None,
    as_json: bool,
) -> None:
    """The same account under every rule set and margin mode that applies, side by side.

    Rule sets that do not take the contracts as they are get the same exposure in linear ones, marked with a star. `<`
    marks the one that asks for the least here. Isolated, every position has the initial margin that it needs alone.
    Exits with 2 when no rule set could compute a number.
    """
    from itertools import count

    from plimsoll.cli._progress import late_bar
    from plimsoll.margin import load_rules
    from plimsoll.margin.compare import compare, rules_in_force

    if page is not None:
        _check(page)
    packs = [load_rules(r) for r in rules]
    held, snapshot = load_account(account), load_market(market)
    packs = packs or list(rules_in_force(snapshot))
    step = count()
    with late_bar() as bar:
        found = compare(
            held, snapshot, packs, modes=modes or None, progress=lambda label: bar(label, next(step), len(packs))
        )
    path = None
    if page is not None and found.computed:
        path = _write(page, found, held, snapshot)
    if as_json:
        print_json(found.to_dict() | ({} if path is None else {"report": path}))
    else:
        from plimsoll.report.tables import comparison_view

        out = console()
        out.print(comparison_view(found))
        if path is not None:
            out.print(f"\nreport: {path}", markup=False, soft_wrap=True)
    if not found.computed:
        ctx.exit(2)


def _check(page: str) -> None:
    """Refuse a place that cannot hold the report before anything is computed."""
    from plimsoll.documents import refuse

    if not Path(page).resolve().parent.is_dir() or Path(page).is_dir():
        raise refuse("--html", page, "a file in a folder that exists")


def _write(page: str, found: Comparison, account: Account, market: Market) -> str:
    """The report on a comparison, written to `page`; its whole path."""
    from rich.console import Console
    from rich.markup import escape

    from plimsoll.report.bundle import report_on
    from plimsoll.report.html import render

    with Console(stderr=True).status("report") as status:
        report = report_on(found, account, market, progress=lambda text: status.update(escape(text)))
        status.update("figures and report")
        write_text(page, render(report), "--html")
    return str(Path(page).resolve())
