"""`plimsoll explain`: why margin and health changed between two snapshots."""

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


@click.command(
    epilog="Example: plimsoll explain --account a0.json --market m0.json --account-after a1.json "
    "--market-after m1.json --rules prbm@2026-03-01"
)
@account_option
@market_option
@click.option("--account-after", metavar="FILE", help="The account at the later instant; default: unchanged.")
@click.option("--market-after", metavar="FILE", help="The later market snapshot; default: unchanged.")
@click.option("--rules", "-r", required=True, metavar="NAME@DATE|FILE", help="Rule set in force on a day, or a file.")
@click.option("--rules-after", metavar="NAME@DATE|FILE", help="The rule set at the later instant; default: the same.")
@click.option(
    "--order",
    type=click.Choice(["symmetric", "forward", "reverse"]),
    default="symmetric",
    show_default=True,
    help="Trades first and rules last, the other way round, or the mean of both, which favours no part.",
)
@click.option("--settle-at-index", is_flag=True, help="Settle at the later index what has no delivery price.")
@click.option(
    "--same-exposure",
    is_flag=True,
    help="Hold coin-settled contracts as linear ones of the same coins, for rule sets that take only those.",
)
@json_option
def command(
    account: str,
    market: str,
    account_after: str | None,
    market_after: str | None,
    rules: str,
    rules_after: str | None,
    order: str,
    settle_at_index: bool,
    same_exposure: bool,
    as_json: bool,
) -> None:
    """The change of margin, equity and health split into trades, spot, volatility, time, collateral and rules.

    An exact sum, its residual shown: each part is replaced by its later state and the requirement computed again.
    Volatilities stay with their strikes while spot moves. What expired in between is paid out at its delivery price.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.margin import margin_model
    from plimsoll.margin.changes.explain import explain

    if account_after is None and market_after is None and rules_after is None:
        allowed = "at least one of --account-after, --market-after and --rules-after"
        raise refuse("plimsoll explain", "nothing that comes after", allowed)
    model = margin_model(rules)
    holdings, snapshot = load_account(account), load_market(market)
    done = 0
    with late_bar() as bar:

        def tell(text: str) -> None:
            nonlocal done
            done += 1
            bar(text, done, 14)

        found = explain(
            model,
            holdings,
            snapshot,
            holdings if account_after is None else load_account(account_after),
            snapshot if market_after is None else load_market(market_after),
            model_after=None if rules_after is None else margin_model(rules_after),
            order=order,  # type: ignore[arg-type]
            settle="index" if settle_at_index else "given",
            same_exposure=same_exposure,
            progress=tell,
        )
    if as_json:
        print_json(found.to_dict())
        return
    from plimsoll.report.effects import explanation_view

    console().print(explanation_view(found))
