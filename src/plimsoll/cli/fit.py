"""`plimsoll fit`: the volatility surfaces of a market, without arbitrage."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, load_market, market_option, name_files, print_json, write_text


@click.command(epilog="Example: plimsoll fit --market market.json --underlying BTC -o smiles.png")
@market_option
@click.option("--underlying", "-u", multiple=True, metavar="NAME", help="May be repeated; default: all with options.")
@click.option(
    "--method",
    type=click.Choice(("svi", "ssvi")),
    default="svi",
    show_default=True,
    help="A slice for each expiry, or one surface of three numbers and a level for each expiry.",
)
@click.option("--output", "-o", metavar="FILE", help="Write the picture of one underlying: .png or .svg.")
@click.option("--smiles", metavar="FILE", help="Write the market again with the slices in its expiries.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    market: str,
    underlying: tuple[str, ...],
    method: str,
    output: str | None,
    smiles: str | None,
    as_json: bool,
) -> None:
    """Fit SVI slices to the options of a market, free of butterfly and calendar arbitrage.

    Shows for each expiry how far the fit is from the quotes. Exits with 1 when an expiry has no slice of its own or
    another method than the one asked for was needed; the reasons are named.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.dynamics import fit_market, with_smiles

    snapshot = load_market(market)
    with late_bar() as bar:
        fits = fit_market(snapshot, underlying or None, method=method, progress=bar)  # type: ignore[arg-type]
    if output is not None and len(fits) != 1:
        raise refuse("--output", f"a picture of {len(fits)} underlyings", "one underlying, named with --underlying")
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.fit_figure import fit_figure

        if not fits[0].expiries:
            raise refuse("--output", f"a picture of {fits[0].underlying}", "an underlying with a fitted expiry")
        save(fit_figure(fits[0], snapshot), output)
    if smiles is not None:
        write_text(smiles, with_smiles(snapshot, fits).to_json(), "--smiles")
    if as_json:
        print_json([fit.to_dict() for fit in fits])
    else:
        from plimsoll.report.fit_tables import fit_view

        out = console()
        out.print(fit_view(fits))
        name_files(out, picture=output, market=smiles)
    complete = all(e.method == method for fit in fits for e in fit.expiries) and not any(
        f.effect == "refused" for fit in fits for f in fit.every_failure
    )
    if not complete:
        ctx.exit(1)
