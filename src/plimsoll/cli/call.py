"""`plimsoll call`: where an account stands in its margin call, and what would be closed."""

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
    write_text,
)

if TYPE_CHECKING:
    from plimsoll.margin.account import Mode


@click.command(epilog="Example: plimsoll call --account account.json --market market.json --rules prbm@2026-03-01")
@account_option
@market_option
@rules_option
@click.option("--policy", metavar="FILE", help="A call policy (plimsoll schema call-policy); default: the house's.")
@same_exposure_option
@mode_option
@click.option(
    "--scalar",
    type=float,
    default=1.0,
    metavar="V",
    help="Call below V times the maintenance margin, as thresholds that follow volatility do; closed below the margin.",
)
@click.option("--after", metavar="FILE", help="Write the account after the closes of its weakest pool.")
@click.option("--output", "-o", metavar="FILE", help="Draw health against the price (.png or .svg).")
@json_option
def command(
    account: str,
    market: str,
    rules: str,
    policy: str | None,
    same_exposure: bool,
    mode: Mode | None,
    scalar: float,
    after: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Healthy, warned, called, reduce-only, partial or full: the money that restores the target health, by when, and
    the smallest set of closes that would do instead.

    Every pool of the account (isolated positions by themselves) is treated alone.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.liquidation.calls import CallPolicy, called
    from plimsoll.margin import margin_model

    model = margin_model(rules)
    holdings, snapshot = held_as(model, load_account(account), load_market(market), same_exposure, mode)
    terms = CallPolicy() if policy is None else CallPolicy.load(policy)
    with late_bar() as bar:
        found = called(model, holdings, snapshot, terms, bar, scalar)
        rest = found.pools[0].after
        if output is not None:
            from plimsoll.liquidation import liquidation
            from plimsoll.report.call_view import call_figure
            from plimsoll.report.canvas import save

            now = liquidation(model, holdings, snapshot, progress=bar)
            then = None
            if rest is not None and rest.positions:
                then = liquidation(model, rest, snapshot, progress=bar)
            save(call_figure(found, now, then), output)
    if after is not None:
        if rest is None:
            raise refuse("--after", f"an account that is {found.pools[0].state}", "an account with something to close")
        write_text(after, rest.to_json(), "--after")
    if as_json:
        print_json(found.to_dict() | ({} if output is None else {"picture": output}))
        return
    from plimsoll.report.call_view import call_view

    out = console()
    out.print(call_view(found))
    for name, path in (("afterwards", after), ("picture", output)):
        if path is not None:
            out.print(f"\n{name}: {path}", markup=False, soft_wrap=True)
