"""`plimsoll margin`: the requirement of an account under one rule set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import (
    account_option,
    console,
    json_option,
    load_account,
    load_market,
    market_option,
)

if TYPE_CHECKING:
    from plimsoll.margin.account import Mode


@click.command(epilog="Example: plimsoll margin --account account.json --market market.json --rules prbm@2026-03-01")
@account_option
@market_option
@click.option("--rules", "-r", required=True, metavar="NAME@DATE|FILE", help="Rule set in force on a day, or a file.")
@click.option(
    "--on-failure",
    type=click.Choice(["refuse", "conservative"]),
    default="refuse",
    show_default=True,
    help="What to do with a position that cannot be valued: stop, or carry it at its worst bound and say so.",
)
@click.option(
    "--same-exposure",
    is_flag=True,
    help="Hold coin-settled contracts as linear ones of the same coins first, for rule sets that take only those.",
)
@click.option(
    "--mode",
    type=click.Choice(["portfolio", "cross", "isolated"]),
    help="Hold the account in this margin mode; isolated, every position has the initial margin that it needs alone.",
)
@json_option
def command(
    account: str, market: str, rules: str, on_failure: str, same_exposure: bool, mode: Mode | None, as_json: bool
) -> None:
    """The initial and maintenance margin of an account, with its components, scenarios and shares.

    --json prints exactly the requirement document.
    """
    from plimsoll.margin import margin_model

    model = margin_model(rules)
    holdings, snapshot = load_account(account), load_market(market)
    if same_exposure:
        from plimsoll.margin.translate import same_exposure as translate

        currency = model.LINEAR[0]
        holdings, snapshot = translate(holdings, snapshot, currency=currency, restate=currency != "USDC")
    if mode is not None:
        from plimsoll.margin.modes import in_mode

        holdings = in_mode(model, holdings, snapshot, mode)
    requirement = model.requirement(holdings, snapshot, on_failure)  # type: ignore[arg-type]
    if as_json:
        click.echo(requirement.to_json(), nl=False)
        return
    from plimsoll.report.tables import requirement_view

    console().print(requirement_view(requirement))
