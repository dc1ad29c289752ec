"""`plimsoll efficiency`: what portfolio margin saves at equal coverage, and for which books it saves nothing."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, load_account, load_market, name_files, print_json, write_text


@click.command(epilog="Example: plimsoll efficiency --history prices.csv --html efficiency.html")
@click.argument("files", nargs=-1, metavar="[ACCOUNT]...")
@click.option(
    "--market", "-m", metavar="FILE", help="Market snapshot of the accounts; the demonstration's, if left out."
)
@click.option(
    "--rules", "-r", default="prbm@2026-01-30", show_default=True, metavar="NAME@DATE|FILE", help="The rule set."
)
@click.option(
    "--books", type=click.IntRange(0, 10_000), default=24, show_default=True, help="Random books beside them."
)
@click.option(
    "--positions", type=click.IntRange(1, 500), default=8, show_default=True, help="Positions of each of those."
)
@click.option("--level", type=click.FloatRange(0.0, 1.0), default=0.01, show_default=True, help="Part of exceptions.")
@click.option(
    "--history",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Daily bars, CSV or Parquet; may be repeated; default: made.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=7, show_default=True, help="The same seed gives the same books."
)
@click.option("--html", metavar="FILE", help="Write a self-contained page.")
@click.option("--output", "-o", metavar="FILE", help="Draw the books (.png or .svg).")
@json_option
def command(
    files: tuple[str, ...],
    market: str | None,
    rules: str,
    books: int,
    positions: int,
    level: float,
    history: tuple[str, ...],
    seed: int,
    html: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Initial margin and capital of books, portfolio against cross and isolated, at equal coverage.

    Without account documents: the demonstration's book. Each way of margining is scaled by one factor over all books,
    the random ones too, until it covers the same part of the same days. The saving has a sign, and books for which
    there is none are listed.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.risk import read_histories
    from plimsoll.feeds.demo import demo_account, demo_market
    from plimsoll.feeds.sample import sample_book
    from plimsoll.margin.catalogue import margin_model
    from plimsoll.scenarios.factors import FactorHistory
    from plimsoll.validate.efficiency import efficiency

    snapshot = demo_market() if market is None else load_market(market)
    accounts = [load_account(path) for path in files] or ([demo_account()] if market is None else [])
    rows = [(a if a.name else a.model_copy(update={"name": f"account {k + 1}"})) for k, a in enumerate(accounts)]
    coins = sorted({c.underlying for c in snapshot.instruments} & set(snapshot.indices))
    for k in range(books):
        # one kind after the other: options and futures, options alone, few positions, one
        size, kinds = ((positions, None), (positions, ("option",)), (2, ("option",)), (1, None))[k % 4]
        chosen = [coins[k % len(coins)]]
        own = sample_book(snapshot, size, seed * 1_000 + k, chosen, *(() if kinds is None else (kinds,)))
        rows.append(own.model_copy(update={"name": f"random {k + 1}, {size} position{'s' if size > 1 else ''}"}))
    known, told = read_histories(history, snapshot)
    with late_bar() as bar:
        found = efficiency(
            margin_model(rules),
            [(a, snapshot) for a in rows],
            FactorHistory.of_levels(known),
            level=level,
            progress=bar,
        )
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.efficiency_figure import efficiency_figure

        save(efficiency_figure(found), output)
    if html is not None:
        from plimsoll.report.efficiency_page import efficiency_page

        write_text(html, efficiency_page(found, told), "--html")
    if as_json:
        print_json({"history": told, **found.to_dict()})
        return
    from plimsoll.report.efficiency_view import efficiency_view

    out = console()
    out.print(efficiency_view(found, told))
    name_files(out, page=html, picture=output)
