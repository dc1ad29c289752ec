"""`plimsoll close-out`: an account below its line through the mechanisms of liquidation, side by side."""

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
    epilog="Example: plimsoll close-out -a account.json -m market.json -r prbm@2026-03-01 --move -0.2 -o close.png"
)
@account_option
@market_option
@rules_option
@click.option("--terms", metavar="FILE", help="Close terms (plimsoll schema close-terms); default: the house's.")
@click.option("--move", type=float, default=0.0, help="Move of every price before the detection, such as -0.2.")
@click.option("--drift", type=float, default=0.0, help="Move of every price after it, over --seconds.")
@click.option("--seconds", type=float, default=60.0, show_default=True, help="How long that takes.")
@click.option("--pool", metavar="NAME", help="An isolated position; default: the shared pool.")
@same_exposure_option
@mode_option
@click.option("--output", "-o", metavar="FILE", help="Draw what each costs, and whom (.png or .svg).")
@json_option
def command(
    account: str,
    market: str,
    rules: str,
    terms: str | None,
    move: float,
    drift: float,
    seconds: float,
    pool: str | None,
    same_exposure: bool,
    mode: Mode | None,
    output: str | None,
    as_json: bool,
) -> None:
    """As the venue does it, on the book at once or in slices, by a backstop vault, by take-over with a bonus: what each
    closes, what it costs and to whom, whether bad debt is left, and when it ends.

    Open orders are cancelled first. Ends with 1 where the venue's own way leaves a loss to others.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.liquidation.mechanisms import CloseTerms, PricePath, Scene
    from plimsoll.liquidation.mechanisms.compare import house_terms, side_by_side
    from plimsoll.margin import margin_model
    from plimsoll.margin.path import ACCOUNT, shifted

    for option, value in (("--move", move), ("--drift", drift)):
        if not -1.0 < value <= 10.0:
            raise refuse(option, value, "a part above -1 and at most 10, such as -0.2")
    if not 0.0 < seconds <= 86_400.0:
        raise refuse("--seconds", seconds, "a time above zero and of at most a day")
    model = margin_model(rules)
    holdings, snapshot = held_as(model, load_account(account), load_market(market), same_exposure, mode)
    chosen = house_terms() if terms is None else CloseTerms.load(terms)
    if move:
        holdings, snapshot = shifted(holdings, snapshot, 1.0 + move)
    path = PricePath((0.0, seconds), (0.0, drift)) if drift else PricePath()
    with late_bar() as bar:
        found = side_by_side(Scene(model, holdings, snapshot, chosen, path, subject=pool or ACCOUNT), bar)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.close_out_view import close_out_figure

        save(close_out_figure(found), output)
    if as_json:
        print_json(found.to_dict() | ({} if output is None else {"picture": output}))
    else:
        from plimsoll.report.close_out_view import close_out_view

        out = console()
        out.print(close_out_view(found))
        if output is not None:
            out.print(f"\npicture: {output}", markup=False, soft_wrap=True)
    if found.rows[0].loss_of_others >= 0.01:
        raise click.exceptions.Exit(1)
