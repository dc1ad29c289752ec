"""`plimsoll liquidation`: the liquidation line of an account along a path."""

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
from plimsoll.cli.liquidation_probability import probability_options

if TYPE_CHECKING:
    from plimsoll.margin.account import Mode


@click.command(
    epilog="Example: plimsoll liquidation --account account.json --market market.json --rules prbm@2026-03-01"
)
@account_option
@market_option
@rules_option
@click.option("--underlying", "-u", metavar="NAME", help="Only this one moves; default: all prices together.")
@click.option(
    "--betas", metavar="FILE", help='JSON of underlying to beta: prices move by (1+x)^beta, {"ETH": 1.3, ...}.'
)
@click.option(
    "--vol-elasticity",
    default=0.0,
    show_default=True,
    metavar="ETA",
    help="Volatilities move by (1+x)^-ETA; 0: they stay with their strikes.",
)
@click.option("--sigma", type=float, metavar="VOL", help="Annual volatility of the move (0.6 is 60 %) for daily sds.")
@click.option("--ahead", default=0.0, show_default=True, metavar="DAYS", help="The line so many days from now.")
@click.option("--low", default=-0.999, show_default=True, help="Lowest move searched (-0.999 is -99.9 %).")
@click.option("--high", default=99.0, show_default=True, help="Highest move searched (99 is +9,900 %).")
@click.option("--points", type=int, help="Points of the search grid; default: 160, or 4,000 for quick models.")
@probability_options
@same_exposure_option
@mode_option
@click.option("--output", "-o", metavar="FILE", help="Draw equity and maintenance against price (.png or .svg).")
@json_option
def command(
    account: str,
    market: str,
    rules: str,
    underlying: str | None,
    betas: str | None,
    vol_elasticity: float,
    sigma: float | None,
    ahead: float,
    low: float,
    high: float,
    points: int | None,
    probability: bool,
    horizon: str | None,
    history: tuple[str, ...],
    every: str | None,
    paths: int | None,
    seed: int | None,
    rare: bool,
    calls: int | None,
    same_exposure: bool,
    mode: Mode | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Every price at which equity meets maintenance margin, nearest first, for each pool of the account.

    Counts all other positions, collateral, funding owed and what the rules charge for closing. Books of options may
    have two lines, or none.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.liquidation_probability import probability as chance
    from plimsoll.documents import refuse
    from plimsoll.liquidation import alone, liquidation, load_betas, together, weighted
    from plimsoll.margin import margin_model

    if underlying is not None and betas is not None:
        raise refuse("--betas", betas, "either --underlying or --betas")
    if not -1 < low < 0 < high:
        raise refuse("--low, --high", f"{low:g}, {high:g}", "-1 < low < 0 < high")
    model = margin_model(rules)
    holdings, snapshot = held_as(model, load_account(account), load_market(market), same_exposure, mode)
    if probability:
        if underlying is not None or betas is not None or vol_elasticity or ahead:
            allowed = "none of --underlying, --betas, --vol-elasticity, --ahead: the paths say how prices move"
            raise refuse("--probability", "with the options of a stated path", allowed)
        chance(
            model,
            holdings,
            snapshot,
            horizon=horizon,
            history=history,
            every=every,
            paths=paths,
            seed=seed,
            rare=rare,
            calls=calls,
            sigma=sigma,
            output=output,
            as_json=as_json,
        )
        return
    given = {"horizon": horizon, "history": history, "every": every, "paths": paths, "seed": seed, "calls": calls}
    for name, value in given.items():
        if value not in (None, ()) or rare:
            raise refuse(f"--{'rare' if rare else name}", "given", "an option of --probability, which is not")
    if underlying is not None:
        path = alone(underlying, snapshot, vol_elasticity)
    elif betas is not None:
        path = weighted(load_betas(betas), holdings, snapshot, vol_elasticity)
    else:
        path = together(holdings, snapshot, vol_elasticity)
    with late_bar() as bar:
        found = liquidation(
            model,
            holdings,
            snapshot,
            path,
            low=1.0 + low,
            high=1.0 + high,
            points=points,
            sigma=sigma,
            ahead=ahead,
            progress=bar,
        )
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.line_figure import line_figure

        save(line_figure(found), output)
    if as_json:
        print_json(found.to_dict() | ({} if output is None else {"picture": output}))
        return
    from plimsoll.report.lines import liquidation_view

    out = console()
    out.print(liquidation_view(found))
    if output is not None:
        out.print(f"\npicture: {output}", markup=False, soft_wrap=True)
