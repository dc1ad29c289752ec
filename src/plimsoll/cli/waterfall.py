"""`plimsoll waterfall`: who pays for a default, and how large a fund has to be."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json


@click.command(epilog="Example: plimsoll book default -o venue.json && plimsoll waterfall venue.json -o waterfall.png")
@click.argument("file", metavar="FILE")
@click.option(
    "--ranking",
    type=click.Choice(["profit-leverage", "pro-rata", "least-risk"]),
    help="Who is deleveraged first; default: what the file says.",
)
@click.option("--after", metavar="FILE", help="Write the venue as it is afterwards.")
@click.option("--output", "-o", metavar="FILE", help="Draw it (.png or .svg).")
@json_option
def command(file: str, ranking: str | None, after: str | None, output: str | None, as_json: bool) -> None:
    """Who pays for the defaults of a venue, layer after layer, to the last unit.

    FILE is a venue-state document (`plimsoll schema venue-state`): members with equity, losses and open lots, the
    venue's funds, and the order in which they pay. Ends with 1 when bad debt is left.
    """
    from plimsoll.cli._common import write_text
    from plimsoll.liquidation.waterfall import VenueState, fund_cover, waterfall

    venue = VenueState.load(file)
    if ranking is not None:
        venue = VenueState.from_dict({**venue.to_dict(), "ranking": ranking})
    found = waterfall(venue)
    covers = (fund_cover(venue, 1), fund_cover(venue, 2)) if venue.scenarios else None
    if after is not None:
        write_text(after, found.after.to_json(), "--after")
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.waterfall_view import waterfall_figure

        save(waterfall_figure(found), output)
    if as_json:
        sizes = {} if covers is None else {"cover": [vars(c) for c in covers]}
        print_json(found.to_dict() | sizes | ({} if output is None else {"picture": output}))
    else:
        from plimsoll.report.waterfall_view import waterfall_view

        out = console()
        out.print(waterfall_view(found, covers))
        for name, path in (("afterwards", after), ("picture", output)):
            if path is not None:
                out.print(f"\n{name}: {path}", markup=False, soft_wrap=True)
    if found.bad_debt:
        raise click.exceptions.Exit(1)
