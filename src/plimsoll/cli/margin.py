"""`plimsoll margin`: the requirement of an account under one rule set."""

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
    rules_option,
    same_exposure_option,
)

if TYPE_CHECKING:
    from plimsoll.margin.account import Mode


@click.command(epilog="Example: plimsoll margin --account account.json --market market.json --rules prbm@2026-03-01")
@account_option
@market_option
@rules_option
@click.option(
    "--on-failure",
    type=click.Choice(["refuse", "conservative"]),
    default="refuse",
    show_default=True,
    help="What to do with a position that cannot be valued: stop, or carry it at its worst bound and say so.",
)
@same_exposure_option
@mode_option
@json_option
def command(
    account: str, market: str, rules: str, on_failure: str, same_exposure: bool, mode: Mode | None, as_json: bool
) -> None:
    """The initial and maintenance margin of an account, with its components, scenarios and shares.

    --json prints exactly the requirement document.
    """
    from plimsoll.margin import margin_model

    model = margin_model(rules)
    holdings, snapshot = held_as(model, load_account(account), load_market(market), same_exposure, mode)
    requirement = model.requirement(holdings, snapshot, on_failure)  # type: ignore[arg-type]
    if as_json:
        click.echo(requirement.to_json(), nl=False)
        return
    from plimsoll.report.tables import requirement_view

    console().print(requirement_view(requirement))
