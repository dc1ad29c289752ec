"""`plimsoll cascade replay`: 10 October 2025 again, from the positions that it touched."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json, write_text


def parse_marks(given: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """`ASSET=START:LOW`, one for each asset. Raises `DocumentError` naming the option."""
    from plimsoll.documents import refuse

    found: dict[str, tuple[float, float]] = {}
    for text in given:
        asset, _, prices = text.partition("=")
        start, _, low = prices.partition(":")
        try:
            numbers = float(start), float(low)
        except ValueError:
            raise refuse("--marks", text, "ASSET=START:LOW with two prices in USD: BTC=112000:101000") from None
        if not asset or asset in found:
            raise refuse("--marks", text, "each asset once, by its name")
        found[asset] = numbers
    return found


@click.command(
    epilog="Example: plimsoll cascade replay --positions positions.parquet --html replay.html",
)
@click.option("--positions", required=True, metavar="FILE", help="Positions of the event (Parquet, CSV, CSV.GZ).")
@click.option("--outcomes", metavar="FILE", help="Flags from a second file, by user_address and asset.")
@click.option("--fit", "fit_file", metavar="FILE", help="Use this fit (`plimsoll schema replay-fit`), fit nothing.")
@click.option("--write-fit", metavar="FILE", help="Write the fit that was used.")
@click.option("--marks", "given", multiple=True, metavar="ASSET=START:LOW", help="Marks of an asset; may be repeated.")
@click.option(
    "--draws", default=200, show_default=True, type=click.IntRange(2, 10_000), help="Draws of what is hidden."
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**31), help="Of the halves and the draws."
)
@click.option("--html", metavar="FILE", help="Write a page with pictures.")
@click.option("--output", "-o", metavar="FILE", help="Draw the pictures (.png or .svg).")
@json_option
def replay(
    positions: str,
    outcomes: str | None,
    fit_file: str | None,
    write_fit: str | None,
    given: tuple[str, ...],
    draws: int,
    seed: int,
    html: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """What the venue's deleveraging took beyond need on 10 October 2025, against ours, with intervals.

    Columns: user_address, asset, side, position_size, mark_price, realized_pnl; where known entry_price,
    leverage_ratio, was_liquidated, was_adl. What the file hides is fitted to the flags of half of the accounts and
    tested on the others; without flags a fit of such flags answers (--fit, else the shipped one of BTC and SOL).
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.feeds.positions import read_positions
    from plimsoll.laboratory.replay.fit import ReplayFit
    from plimsoll.laboratory.replay.run import replay as run

    table = read_positions(positions, outcomes)
    model = None if fit_file is None else ReplayFit.load(fit_file)
    with late_bar() as bar:
        found = run(table, model=model, given=parse_marks(given), seed=seed, draws=draws, told=bar)
    if write_fit is not None:
        write_text(write_fit, found.fit.to_json(), "--write-fit")
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.replay_figure import replay_figure

        save(replay_figure(found), output)
    if html is not None:
        from plimsoll.report.replay_page import replay_page

        write_text(html, replay_page(found), "--html")
    if as_json:
        from plimsoll.report.replay_view import replay_json

        print_json(replay_json(found))
        return
    from plimsoll.report.replay_view import replay_view

    out = console()
    out.print(replay_view(found))
    for name, path in (("picture", output), ("page", html), ("fit", write_fit)):
        if path is not None:
            out.print(f"\n{name}: {path}", markup=False, soft_wrap=True)
