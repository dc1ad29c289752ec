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


@command.command(epilog="Example: plimsoll book exotics --market market.json -o account.json --market-output with.json")
@market_option
@click.option("--underlying", metavar="COIN", help="Default: the market's first.")
@click.option(
    "--settlement", type=click.Choice(["linear", "inverse"]), default="linear", show_default=True, help="How they pay."
)
@click.option("--output", "-o", required=True, metavar="FILE", help="Where to write the account.")
@click.option(
    "--market-output", required=True, metavar="FILE", help="Where to write the market that lists its contracts."
)
def exotics(market: str, underlying: str | None, settlement: str, output: str, market_output: str) -> None:
    """A small book with one option of every other payoff: barriers, a digital, an average, and so on.

    No venue lists these contracts, so the market is written out too, with them in it. Only the house models margin
    them.
    """
    from plimsoll.feeds import sample_exotics

    account, listed = sample_exotics(load_market(market), underlying, settlement)
    write_text(output, account.to_json())
    write_text(market_output, listed.to_json(), "--market-output")
    click.echo(f"{output}: {len(account.positions)} positions; {market_output}: the market that lists them")


@command.command(name="default", epilog="Example: plimsoll book default --move -0.18 --seed 7 -o venue.json")
@click.option("--members", default=40, show_default=True, help="How many members.")
@click.option("--move", default=-0.18, show_default=True, help="The move of the first coin that has just happened.")
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same venue.")
@click.option("--output", "-o", metavar="FILE", help="Where to write the venue state; default: standard output.")
def default(members: int, move: float, seed: int, output: str | None) -> None:
    """A reproducible random venue after a move: leveraged members, some below zero, and its funds."""
    from plimsoll.feeds.sample_default import sample_default

    venue = sample_default(members, move, seed)
    if output is None:
        click.echo(venue.to_json(), nl=False)
        return
    write_text(output, venue.to_json())
    failed = sum(1 for m in venue.members if m.deficit)
    click.echo(f"{output}: {members} members, {failed} in default, seed {seed}")


@command.command(epilog="Example: plimsoll book fleet --schedule schedule.json --accounts 1000 --seed 7 -o fleet.json")
@click.option("--schedule", required=True, metavar="FILE", help="The rates under which the accounts were opened.")
@click.option("--accounts", default=1000, show_default=True, help="How many accounts.")
@click.option("--seed", default=7, show_default=True, help="The same seed and schedule give the same fleet.")
@click.option("--output", "-o", metavar="FILE", help="Where to write the fleet; default: standard output.")
def fleet(schedule: str, accounts: int, seed: int, output: str | None) -> None:
    """A reproducible random venue of accounts, all within their initial margin under a schedule."""
    from plimsoll.feeds.sample_fleet import sample_fleet
    from plimsoll.rates.schedule import RateSchedule

    made = sample_fleet(RateSchedule.load(schedule), accounts, seed)
    if output is None:
        click.echo(made.to_json(), nl=False)
        return
    write_text(output, made.to_json())
    click.echo(f"{output}: {accounts} accounts, seed {seed}")
