"""`plimsoll optimise capital`: what has to lie at each venue until a transfer can reach it."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json
from plimsoll.cli._desks import desk_options, holdings_of
from plimsoll.cli._transfers import outlooks, transfer_options


@click.command(
    epilog="Example: plimsoll optimise capital -a a.json -a b.json -m m.json -r prbm@2026-03-01 --transfer 12h"
)
@desk_options
@transfer_options(breach=0.01)
@click.option("--joint", is_flag=True, help="The probability is that of a breach at any venue, not at each.")
@click.option("--output", "-o", metavar="FILE", help="Draw it (.png or .svg).")
@json_option
def capital(
    accounts: tuple[str, ...],
    market: str | None,
    rules: tuple[str, ...],
    breach: float,
    transfer: str | None,
    paths: int,
    seed: int,
    history: tuple[str, ...],
    joint: bool,
    output: str | None,
    as_json: bool,
) -> None:
    """Margin, and the buffer beside it, so that no account falls below its maintenance margin before money arrives.

    Gains at one venue pay for no loss at another until a transfer lands. Every path is margined by the exact rules.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.optimise.variation import evaluate

    snapshot, holdings = holdings_of(accounts, market, rules)
    held = [(h.name, h.account, h.model) for h in holdings]
    outlook, _, told = outlooks(transfer, [h.name for h in holdings], snapshot, history, paths, seed)
    with late_bar() as bar:
        found = evaluate(held, snapshot, outlook.telling(bar), breach, joint=joint)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.capital_figure import capital_figure

        runs = [
            outlook.running(h.name, h.account, h.model, snapshot, v.hours)
            for h, v in zip(holdings, found.venues, strict=True)
        ]
        save(capital_figure(found, runs, outlook.paths.weight), output)
    if as_json:
        print_json(found.to_dict() | {"paths_from": list(told), "inputs": {"market": snapshot.hash()}})
        return
    from plimsoll.report.capital_view import capital_view

    out = console()
    out.print(capital_view(found, told))
    if output is not None:
        out.print(f"picture: {output}", markup=False, soft_wrap=True)
