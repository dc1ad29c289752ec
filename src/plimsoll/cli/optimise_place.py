"""`plimsoll optimise place`: the same positions where they need least margin."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json
from plimsoll.cli._desks import trading_terms, venue_options, venues_of
from plimsoll.cli._transfers import optional_outlooks, transfer_options
from plimsoll.cli.optimise_recheck import RecheckChoice, recheck_options


@click.command(
    name="place",
    epilog="Example: plimsoll optimise place -a a.json -a b.json -m m.json -r prbm@2026-03-01 -r deribit-pm@2026-03-01",
)
@venue_options
@click.option("--worth", default=0.02, show_default=True, help="Dollars that a dollar of margin freed is worth.")
@transfer_options()
@click.option("--trading-terms", "terms", metavar="FILE", help="Fees, spreads, sizes, lots (`plimsoll schema`).")
@click.option("--seconds", type=float, help="Stop each solve then; the answer is the best so far, with its gap.")
@recheck_options
@json_option
def place_command(
    checking: RecheckChoice,
    accounts: tuple[str, ...],
    market: str,
    rules: tuple[str, ...],
    worth: float,
    breach: float | None,
    transfer: str | None,
    paths: int,
    seed: int,
    history: tuple[str, ...],
    terms: str | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    """The same positions where they need least margin: over accounts and the rule sets that each could be under.

    What one account buys another sells, contract for contract; each keeps its margin within its own equity.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.optimise_recheck import checks_of, end_if_refused, rechecked_placement, show_checks
    from plimsoll.optimise import Effort, place
    from plimsoll.optimise.variation.placed import change_placed

    snapshot, venues = venues_of(accounts, market, rules)
    names = [v.name for v in venues]
    outlook, fresh, paths_told = optional_outlooks(breach, transfer, names, snapshot, history, paths, seed)
    named = trading_terms(terms)
    with late_bar() as bar:
        found = place(
            snapshot,
            venues,
            worth=worth,
            terms=named,
            effort=Effort(seconds=seconds),
            progress=bar,
            outlook=outlook,
            breach=breach,
        )
        found, checked = rechecked_placement(checking, snapshot, venues, found, named, seed, bar)
        change = (
            None if fresh is None or breach is None else change_placed(found, venues, snapshot, outlook, fresh, breach)
        )
    if as_json:
        content = found.to_dict() | checks_of(checked, change, paths_told)
        print_json(content | {"inputs": {"market": snapshot.hash()}})
    else:
        from plimsoll.report.hedge_view import placement_view

        console().print(placement_view(found))
        show_checks(checking, checked, change, paths_told)
    end_if_refused(checking, found.answer, change)
