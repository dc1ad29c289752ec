"""`plimsoll sensitivity`: what moves the requirement of an account."""

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
    epilog="Example: plimsoll sensitivity --account account.json --market market.json --rules prbm@2026-03-01"
)
@account_option
@market_option
@rules_option
@click.option("--top", default=10, show_default=True, type=click.IntRange(0), help="How many numbers of the rules.")
@click.option("--parameters", is_flag=True, help="Show every number of the rules, also those without effect.")
@same_exposure_option
@mode_option
@json_option
def command(
    account: str,
    market: str,
    rules: str,
    top: int,
    parameters: bool,
    same_exposure: bool,
    mode: Mode | None,
    as_json: bool,
) -> None:
    """The change of margin, equity and health by 1 % of spot, a point of volatility, a day, and each rule number.

    Also the next kink: the nearest spot moves, up and down within 20 %, at which another scenario or floor binds.
    Every number is the whole requirement computed again.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.margin import margin_model
    from plimsoll.margin.changes.sensitivity import sensitivity

    model = margin_model(rules)
    holdings, snapshot = held_as(model, load_account(account), load_market(market), same_exposure, mode)
    with late_bar() as bar:
        found = sensitivity(model, holdings, snapshot, parameters=parameters or top > 0, progress=bar)
    if as_json:
        content = found.to_dict()
        if not parameters:
            content["parameters"] = [p for p in content["parameters"] if any(p["change"].values())][:top]
        print_json(content)
        return
    from plimsoll.report.effects import sensitivity_view

    console().print(sensitivity_view(found, None if parameters else top))
