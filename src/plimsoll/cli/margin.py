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
    from plimsoll.margin import Account, MarginModel, Requirement
    from plimsoll.margin.account import Mode
    from plimsoll.market import Market


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
@click.option(
    "--record",
    metavar="FILE|postgresql://...",
    help="Write inputs, certificate and result to a ledger, made where there is none (extra `ledger`).",
)
@json_option
def command(
    account: str,
    market: str,
    rules: str,
    on_failure: str,
    same_exposure: bool,
    mode: Mode | None,
    record: str | None,
    as_json: bool,
) -> None:
    """The initial and maintenance margin of an account, with its components, scenarios and shares.

    --json prints exactly the requirement document. --record answers when the record is on the disk.
    """
    from plimsoll.margin import margin_model

    model = margin_model(rules)
    holdings, snapshot = held_as(model, load_account(account), load_market(market), same_exposure, mode)
    if record is None:
        requirement = model.requirement(holdings, snapshot, on_failure)  # type: ignore[arg-type]
    else:
        requirement = _recorded(record, model, holdings, snapshot, on_failure)
    if as_json:
        click.echo(requirement.to_json(), nl=False)
        return
    from plimsoll.report.tables import requirement_view

    console().print(requirement_view(requirement))


def _recorded(place: str, model: MarginModel, account: Account, market: Market, on_failure: str) -> Requirement:
    """The requirement, once it stands in the ledger; what stands there is told on standard error."""
    from plimsoll.ledger import Ledger
    from plimsoll.ledger.margins import margin_event

    found = margin_event(model, account, market, on_failure)  # type: ignore[arg-type]
    with Ledger.open(place) as ledger:
        (entry,) = ledger.append([found.event])
    certified = "certified" if found.reason is None else f"not certified: {found.reason}"
    click.echo(f"record {entry.seq}, {entry.hash}: {certified}", err=True)
    return found.requirement
