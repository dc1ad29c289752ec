"""`plimsoll optimise joint`: trades, placement, rule sets and collateral in one program."""

from __future__ import annotations

from typing import Any

import click

from plimsoll.cli._common import console, json_option, print_json
from plimsoll.cli._desks import trading_terms, venue_options, venues_of
from plimsoll.cli._transfers import optional_outlooks, transfer_options
from plimsoll.cli._treasuries import read_floors, read_rules, read_terms, read_wallets
from plimsoll.cli.optimise_recheck import RecheckChoice, recheck_options


@click.command(
    epilog="Example: plimsoll optimise joint -a a.json -a b.json -m m.json -r prbm@2026-03-01 -r deribit-pm@2026-03-01"
)
@venue_options
@click.option("--wallet", "wallets", multiple=True, metavar="FILE", help="What the desk has outside; may be repeated.")
@click.option(
    "--collateral-terms",
    "terms",
    metavar="FILE",
    help="Carry, fees, loans, swaps (`plimsoll schema`).",
)
@click.option("--trading-terms", "trading", metavar="FILE", help="Fees, spreads, sizes, lots (`plimsoll schema`).")
@click.option("--candidate", "candidates", multiple=True, metavar="NAME", help="May be traded beside what is held.")
@click.option("--keep-positions", is_flag=True, help="What one account buys another sells.")
@click.option("--worth", default=0.0, show_default=True, help="Dollars that a dollar of margin freed is worth besides.")
@click.option("--buffer", default=0.1, show_default=True, help="Part of the initial margin to keep on top of it.")
@click.option("--floor", "floors", multiple=True, metavar="NAME=USD", help="Dollars to keep on top at an account.")
@click.option("--delta", "band", default=0.0, show_default=True, metavar="COINS", help="Band of deltas around today's.")
@click.option("--capital-rules", metavar="FILE", help="Floors, leverage, ratios (`plimsoll schema capital-rules`).")
@click.option("--within", type=float, metavar="HOURS", help="Use transfers only that arrive within so many hours.")
@click.option("--days", type=float, help="How long the state is kept; default: that of the terms.")
@click.option("--seconds", type=float, help="Stop each solve then; the answer is the best so far, with its gap.")
@transfer_options()
@recheck_options
@json_option
def joint(
    checking: RecheckChoice,
    accounts: tuple[str, ...],
    market: str,
    rules: tuple[str, ...],
    wallets: tuple[str, ...],
    terms: str | None,
    trading: str | None,
    candidates: tuple[str, ...],
    keep_positions: bool,
    worth: float,
    buffer: float,
    floors: tuple[str, ...],
    band: float,
    capital_rules: str | None,
    within: float | None,
    days: float | None,
    seconds: float | None,
    breach: float | None,
    transfer: str | None,
    paths: int,
    seed: int,
    history: tuple[str, ...],
    as_json: bool,
) -> None:
    """The trades, rule sets and collateral that together cost least, every account keeping its margin.

    Deltas stay as they are and no loss beyond the grids grows; a swap that changes the delta is hedged by the trades.
    With --breach every account also has what keeps it above maintenance margin until a transfer arrives. What --recheck
    finds riskier is refused: the start is kept, and the command ends with 1.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.optimise_recheck import checks_of, end_if_refused, rechecked_joint, show_checks
    from plimsoll.optimise import Effort
    from plimsoll.optimise.joint import joint as optimise_joint
    from plimsoll.optimise.joint import joint_until_arrival
    from plimsoll.optimise.recheck import joint_holdings
    from plimsoll.optimise.variation.change import change_of

    snapshot, venues = venues_of(accounts, market, rules)
    asked: dict[str, Any] = {
        "trading": trading_terms(trading),
        "candidates": candidates or None,
        "worth": worth,
        "buffer": buffer,
        "floors": read_floors(floors),
        "delta_band": band,
        "keep_positions": keep_positions,
        "rules": read_rules(capital_rules),
        "within_hours": within,
        "effort": Effort(seconds=seconds),
    }
    boxes, kept = read_wallets(wallets), read_terms(terms, days)
    outlook, fresh, told = optional_outlooks(breach, transfer, [v.name for v in venues], snapshot, history, paths, seed)
    change, reached = None, True
    with late_bar() as bar:
        asked["progress"] = bar
        if outlook is None or fresh is None or breach is None:
            found = optimise_joint(snapshot, venues, boxes, kept, **asked)
        else:
            until = joint_until_arrival(snapshot, venues, boxes, kept, outlook.telling(bar), breach, **asked)
            found, reached = until.answer, until.reached
        found, checked = rechecked_joint(checking, snapshot, venues, boxes, kept, found, seed, bar)
        if outlook is not None and fresh is not None and breach is not None:
            was, now = (
                [(h.name, h.account, h.model) for h in side] for side in joint_holdings(snapshot, venues, found)
            )
            change = change_of(snapshot, was, now, outlook, fresh, breach)
    if as_json:
        content = found.to_dict() | checks_of(checked, change, told)
        print_json(content | {"inputs": {"market": snapshot.hash()}})
    else:
        from plimsoll.report.joint_view import joint_view

        console().print(joint_view(found))
        show_checks(checking, checked, change, told)
    end_if_refused(checking, found, change)
    if not reached and not checking.allow_riskier:
        raise click.exceptions.Exit(1)
