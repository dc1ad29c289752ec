"""`plimsoll import`: files of venues into market snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, print_json, write_text

if TYPE_CHECKING:
    from plimsoll.feeds import Snapshot


@click.group()
def command() -> None:
    """Read files of venues into market snapshots."""


@command.command(
    "deribit-chain",
    epilog="Example: plimsoll import deribit-chain chain.parquet --at 2026-01-30T12:00:00Z -o market.json",
)
@click.argument("file", metavar="FILE")
@click.option("--at", metavar="TIME", help="ISO instant with an offset: the latest snapshot at or before it.")
@click.option("--list", "listing", is_flag=True, help="List the snapshots in the file and stop.")
@click.option(
    "--perpetual",
    default="index",
    show_default=True,
    metavar="index|none|FILE",
    help="Chains carry no perpetual: mark it at the index, leave it out, or read its price from a Parquet file.",
)
@click.option("--output", "-o", metavar="FILE", help="Where to write the snapshot; default: standard output.")
@json_option
def deribit_chain(file: str, at: str | None, listing: bool, perpetual: str, output: str | None, as_json: bool) -> None:
    """An option chain of Deribit (Parquet, or the 2020 CSV) into a market snapshot.

    Without --at the last snapshot of the file is taken.
    """
    from plimsoll.documents import format_instant, parse_instant, refuse
    from plimsoll.feeds import import_chain, list_snapshots

    if listing:
        _list(list_snapshots(file), as_json)
        return
    instant = None
    if at is not None:
        try:
            instant = parse_instant(at)
        except ValueError as error:
            raise refuse("--at", at, str(error)) from None
    market = import_chain(file, instant, perpetual=None if perpetual == "none" else perpetual)
    if output is None:
        click.echo(market.to_json(), nl=False)
        return
    write_text(output, market.to_json())
    click.echo(f"{output}: {format_instant(market.time)}, {len(market.instruments)} instruments")


def _list(snapshots: Sequence[Snapshot], as_json: bool) -> None:
    from dataclasses import asdict

    from plimsoll.documents import format_instant

    if as_json:
        rows = [asdict(s) for s in snapshots]
        print_json([{k: format_instant(v) if isinstance(v, datetime) else v for k, v in r.items()} for r in rows])
        return
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("time", no_wrap=True)
    for heading in ("rows", "expiries"):
        table.add_column(heading, justify="right")
    table.add_column("index, USD")
    for snapshot in snapshots:
        index = ", ".join(f"{coin} {price:,.2f}" for coin, price in snapshot.index.items())
        table.add_row(format_instant(snapshot.time), str(snapshot.rows), str(snapshot.expiries), index)
    console().print(table)
