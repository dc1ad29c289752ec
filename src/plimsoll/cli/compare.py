"""`plimsoll compare`: the same account under several rule sets."""

from __future__ import annotations

import click

from plimsoll.cli._common import (
    account_option,
    console,
    json_option,
    load_account,
    load_market,
    market_option,
    print_json,
)


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
@json_option
@click.pass_context
def command(ctx: click.Context, account: str, market: str, rules: tuple[str, ...], as_json: bool) -> None:
    """The same account under every rule set that applies, side by side.

    Rule sets that take no coin-settled contracts are given the same exposure in linear ones, marked with a star.
    Exits with 2 when no rule set could compute a number.
    """
    from plimsoll.margin import load_rules
    from plimsoll.margin.compare import compare

    packs = [load_rules(r) for r in rules] or None
    found = compare(load_account(account), load_market(market), packs)
    if as_json:
        print_json(found.to_dict())
    else:
        from plimsoll.report.tables import comparison_view

        console().print(comparison_view(found))
    if not found.computed:
        ctx.exit(2)
