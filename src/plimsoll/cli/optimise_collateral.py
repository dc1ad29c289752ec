"""`plimsoll optimise collateral`: the cheapest collateral that keeps every account's margin."""

from __future__ import annotations

from typing import Any

import click

from plimsoll.cli._common import console, json_option, print_json
from plimsoll.cli._desks import holdings_of
from plimsoll.cli._transfers import optional_outlooks, transfer_options
from plimsoll.cli._treasuries import read_floors, read_rules, read_terms, read_wallets
from plimsoll.cli.optimise_recheck import RecheckChoice, recheck_options


@click.command(
    epilog="Example: plimsoll optimise collateral -a a.json -a b.json -m m.json -r prbm@2026-03-01 --wallet w.json"
)
@click.option("--account", "-a", "accounts", multiple=True, required=True, metavar="FILE", help="May be repeated.")
@click.option("--market", "-m", required=True, metavar="FILE", help="Market snapshot.")
@click.option(
    "--rules",
    "-r",
    "rules",
    multiple=True,
    required=True,
    metavar="NAME@DATE|FILE",
    help="Rule set of each account, in their order, or one for all.",
)
@click.option("--wallet", "wallets", multiple=True, metavar="FILE", help="What the desk has outside; may be repeated.")
@click.option(
    "--collateral-terms",
    "terms",
    metavar="FILE",
    help="Carry, fees, loans, limits (`plimsoll schema`).",
)
@click.option("--buffer", default=0.1, show_default=True, help="Part of the initial margin to keep on top of it.")
@click.option("--floor", "floors", multiple=True, metavar="NAME=USD", help="Dollars to keep on top at an account.")
@click.option("--capital-rules", metavar="FILE", help="Floors, leverage, ratios (`plimsoll schema capital-rules`).")
@click.option("--within", type=float, metavar="HOURS", help="Use transfers only that arrive within so many hours.")
@click.option("--days", type=float, help="How long the state is kept; default: that of the terms.")
@click.option("--worth", default=0.0, show_default=True, help="Dollars that a dollar of room above margin is worth.")
@click.option("--seconds", type=float, help="Stop the solver then; the answer is the best so far, with its gap.")
@click.option("--output", "-o", metavar="FILE", help="Draw what counts at each account, before and after (.png, .svg).")
@transfer_options()
@recheck_options
@json_option
def collateral(
    checking: RecheckChoice,
    accounts: tuple[str, ...],
    market: str,
    rules: tuple[str, ...],
    wallets: tuple[str, ...],
    terms: str | None,
    buffer: float,
    floors: tuple[str, ...],
    capital_rules: str | None,
    within: float | None,
    days: float | None,
    worth: float,
    seconds: float | None,
    output: str | None,
    breach: float | None,
    transfer: str | None,
    paths: int,
    seed: int,
    history: tuple[str, ...],
    as_json: bool,
) -> None:
    """Which collateral to hold where, so that every account keeps its margin for the least cost.

    Haircuts, tiers, caps and loans are those of each account's own rules; margins before and after are exact, and the
    transfers are in an order in which no account falls below its line. With --breach every account also has what keeps
    it above maintenance margin until a transfer arrives. Moves that --recheck finds riskier are refused: the start is
    kept, and the command ends with 1.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.optimise_recheck import checks_of, rechecked_collateral, show_checks
    from plimsoll.optimise import Effort
    from plimsoll.optimise.collateral import cheapest, cheapest_until_arrival, make_treasury

    snapshot, holdings = holdings_of(accounts, market, rules)
    names = [h.name for h in holdings]
    outlook, fresh, told = optional_outlooks(breach, transfer, names, snapshot, history, paths, seed)
    until = None
    with late_bar() as bar:
        treasury = make_treasury(
            snapshot,
            holdings,
            read_wallets(wallets),
            read_terms(terms, days),
            buffer=buffer,
            floors=read_floors(floors),
            rules=read_rules(capital_rules),
            within_hours=within,
            progress=bar,
        )
        asked: dict[str, Any] = {"worth": worth, "effort": Effort(seconds=seconds), "progress": bar}
        if outlook is None or breach is None:
            answer = cheapest(treasury, **asked)
        else:
            until = cheapest_until_arrival(treasury, outlook.telling(bar), breach, fresh=fresh, **asked)
            answer = until.answer
        checked = rechecked_collateral(checking, treasury, answer, seed, bar)
        if checked is not None and not checked.passed and not checking.allow_riskier:
            from plimsoll.optimise.recheck import refused_collateral, refused_until

            answer = refused_collateral(treasury, answer, checked)
            until = None if until is None else refused_until(treasury, until, checked)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.collateral_figure import collateral_figure

        save(collateral_figure(answer), output)
    refused = answer.status == "refused" or (until is not None and not until.holds and not checking.allow_riskier)
    if as_json:
        content = answer.to_dict() if until is None else until.to_dict() | {"paths_from": list(told)}
        content |= checks_of(checked, None, ())
        print_json(content | {"inputs": {"market": snapshot.hash(), "terms": treasury.terms.to_dict()}})
        if refused:
            raise click.exceptions.Exit(1)
        return
    from plimsoll.report.collateral_view import collateral_view

    out = console()
    out.print(collateral_view(answer))
    if until is not None:
        from plimsoll.report.capital_view import capital_view
        from plimsoll.report.collateral_view import fresh_view

        out.print("")
        out.print(capital_view(until.after, told))
        out.print(fresh_view(until))
    show_checks(checking, checked, None, ())
    if output is not None:
        out.print(f"picture: {output}", markup=False, soft_wrap=True)
    if refused:
        raise click.exceptions.Exit(1)
