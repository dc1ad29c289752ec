"""`plimsoll book`: making books."""

from __future__ import annotations

import click

from plimsoll.cli._common import load_market, market_option, write_text


@click.group()
def command() -> None:
    """Make books."""


@command.command(epilog="Example: plimsoll book sample --market market.json --positions 50 --seed 7 -o account.json")
@market_option
@click.option("--positions", default=50, show_default=True, help="How many positions.")
@click.option("--seed", default=7, show_default=True, help="The same seed and market give the same book.")
@click.option(
    "--underlying",
    "underlyings",
    multiple=True,
    metavar="COIN",
    help="May be repeated; default: the market's first.",
)
@click.option("--output", "-o", metavar="FILE", help="Where to write the account; default: standard output.")
def sample(market: str, positions: int, seed: int, underlyings: tuple[str, ...], output: str | None) -> None:
    """A reproducible random book of options, futures and perpetuals of both signs, with collateral."""
    from plimsoll.feeds import sample_book

    account = sample_book(load_market(market), positions, seed, underlyings=underlyings or None)
    if output is None:
        click.echo(account.to_json(), nl=False)
        return
    write_text(output, account.to_json())
    click.echo(f"{output}: {len(account.positions)} positions, seed {seed}")
