"""`plimsoll surface`: profit and loss over price, volatility and time."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def parse_axis(option: str, text: str, unit: float) -> npt.NDArray[np.float64]:
    """Increasing numbers times `unit` from `LOW:HIGH:COUNT` or `A,B,C`. Raises `DocumentError` naming the option."""
    import numpy as np

    from plimsoll.documents import refuse

    allowed = "LOW:HIGH:COUNT with LOW < HIGH and 2 to 201 points, or numbers that increase, such as -10,0,10"
    try:
        if ":" in text:
            low, high, count = text.split(":")
            ends, size = (float(low), float(high)), int(count)
            if not (2 <= size <= 201 and np.isfinite(ends).all() and ends[0] < ends[1]):
                raise ValueError(text)
            axis = np.linspace(*ends, size)
        else:
            axis = np.array([float(t) for t in text.split(",")])
    except ValueError:
        raise refuse(option, text, allowed) from None
    if not np.isfinite(axis).all() or axis.size > 201 or (np.diff(axis) <= 0).any():
        raise refuse(option, text, allowed)
    # without the last bits of the spacing, so that zero is zero and -16 % is the scenario's -16 %
    scaled: npt.NDArray[np.float64] = np.round(axis * unit, 12) + 0.0
    return scaled


@click.command(
    epilog="Example: plimsoll surface --account account.json --market market.json --days 0,1,7 -o surface.png"
)
@account_option
@market_option
@click.option(
    "--rules", "-r", metavar="NAME@DATE|FILE", help="Whose binding scenario to mark; default: prbm on the market's day."
)
@click.option("--moves", default="-30:30:13", show_default=True, metavar="LOW:HIGH:COUNT", help="Price moves, percent.")
@click.option(
    "--vols", default="-30:50:9", show_default=True, metavar="LOW:HIGH:COUNT", help="Volatility shocks, percent."
)
@click.option("--days", default="0,1,7", show_default=True, metavar="D,D,...", help="Days that pass.")
@click.option("--output", "-o", metavar="FILE", help="Write the picture too: .png or .svg.")
@json_option
def command(
    account: str, market: str, rules: str | None, moves: str, vols: str, days: str, output: str | None, as_json: bool
) -> None:
    """What the book gains and loses when every price and volatility moves, with the binding scenario marked.

    LOW:HIGH:COUNT spaces COUNT points evenly; a list such as -20,-10,0,10 does as well.
    """
    from plimsoll.report.bundle import book_surface

    holdings, snapshot = load_account(account), load_market(market)
    shape, requirement, remark = book_surface(
        holdings,
        snapshot,
        rules,
        parse_axis("--moves", moves, 0.01),
        parse_axis("--vols", vols, 0.01),
        parse_axis("--days", days, 1.0),
    )
    bindings = () if requirement is None else requirement.binding
    if output is not None:
        from plimsoll.report.figures import save, surface_figure

        save(surface_figure(shape, bindings, () if requirement is None else (requirement.rules,)), output)
    if as_json:
        marked = [b.model_dump(mode="json") for b in bindings]
        label = None if requirement is None else requirement.rules
        print_json({**shape.to_dict(), "rules": label, "binding": marked, "note": remark or None})
        return
    from plimsoll.report.tables import surface_view

    out = console()
    out.print(surface_view(shape, bindings, min(out.width, 160)))
    if remark:
        out.print(f"note: {remark}", markup=False)
    if output is not None:
        out.print(f"picture: {output}", markup=False)
