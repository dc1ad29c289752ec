"""`plimsoll calendar`: margin, equity and health hour by hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import (
    account_option,
    console,
    held_as,
    json_option,
    load_account,
    load_market,
    market_option,
    mode_option,
    print_json,
    rules_option,
    same_exposure_option,
)

if TYPE_CHECKING:
    from plimsoll.margin.account import Mode


@click.command(
    epilog="Example: plimsoll calendar --days 14 --account account.json --market market.json --rules prbm@2026-03-01"
)
@account_option
@market_option
@rules_option
@click.option("--days", default=14.0, show_default=True, help="How many days ahead.")
@click.option(
    "--announced",
    multiple=True,
    metavar="NAME@DATE|FILE",
    help="A rule set of the same name that will take over; default: every shipped one that begins within the days.",
)
@same_exposure_option
@mode_option
@click.option("--output", "-o", metavar="FILE", help="Draw it (.png or .svg).")
@json_option
def command(
    account: str,
    market: str,
    rules: str,
    days: float,
    announced: tuple[str, ...],
    same_exposure: bool,
    mode: Mode | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Margin, equity and health hour by hour through expiries, funding, theta and announced rules.

    Prices and volatilities stay where they are. Flags the cliff where an expiring hedge leaves a short naked. --json
    has every hour; the table has a row a day and one for each expiry and each change of the rules.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.liquidation.calendar import calendar
    from plimsoll.margin import load_rules, margin_model

    model = margin_model(rules)
    holdings, snapshot = held_as(model, load_account(account), load_market(market), same_exposure, mode)
    coming = [load_rules(a) for a in announced] or None
    with late_bar() as bar:
        found = calendar(model, holdings, snapshot, days, announced=coming, progress=bar)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.days import calendar_figure

        save(calendar_figure(found), output)
    if as_json:
        print_json(found.to_dict() | ({} if output is None else {"picture": output}))
        return
    from plimsoll.report.days import calendar_view

    out = console()
    out.print(calendar_view(found))
    if output is not None:
        out.print(f"\npicture: {output}", markup=False, soft_wrap=True)
