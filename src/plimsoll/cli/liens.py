"""`plimsoll liens`: collateral on other chains, simulated, and what it is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, print_json

if TYPE_CHECKING:
    from plimsoll.laboratory.liens.network import LienNetwork


@click.group(epilog="Example: plimsoll liens simulate --events 20000 --deep")
def command() -> None:
    """Cross-chain liens: a seeded run with every invariant checked, and latency haircuts."""


@command.command(epilog="Example: plimsoll liens simulate --events 20000 --seed 7 --json")
@click.argument("file", metavar="[NETWORK]", required=False)
@click.option("--events", type=int, default=10_000, show_default=True, help="Blocks, messages and acts of owners.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same run.")
@click.option("--deep", is_flag=True, help="Without NETWORK: reorganisations deeper than the confirmations too.")
@json_option
def simulate(file: str | None, events: int, seed: int, deep: bool, as_json: bool) -> None:
    """Run liens over chains that delay, lose, double, reorder and take back.

    NETWORK is a lien-network document (`plimsoll schema lien-network`); default: three chains of assumed terms. Ends
    with 1 when an invariant is broken.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.laboratory.liens.simulate import simulate as run

    network = _network(file, deep)
    with late_bar() as bar:
        found = run(network, events=events, seed=seed, progress=bar)
    if as_json:
        print_json(found.to_dict())
    else:
        from plimsoll.report.liens_view import run_view

        console().print(run_view(found))
    if found.broken:
        raise click.exceptions.Exit(1)


@command.command(epilog="Example: plimsoll liens value slow=1000000 bridged=500000")
@click.argument("balances", nargs=-1, required=True, metavar="CHAIN=UNITS...")
@click.option("--network", "file", metavar="FILE", help="Lien network; default: three chains of assumed terms.")
@json_option
def value(balances: tuple[str, ...], file: str | None, as_json: bool) -> None:
    """What locks on chains count for, after the haircut of their asset and of the wait until they can be sold."""
    from plimsoll.laboratory.liens.haircuts import valued

    rows = valued(_network(file, deep=False), dict(_balance(text) for text in balances))
    if as_json:
        print_json({"chains": [vars(r) for r in rows], "equity": sum(r.equity for r in rows)})
        return
    from plimsoll.report.liens_view import value_view

    console().print(value_view(rows))


def _network(file: str | None, deep: bool) -> LienNetwork:
    from plimsoll.documents import refuse
    from plimsoll.laboratory.liens.network import LienNetwork, sample_network

    if file is None:
        return sample_network(deep=deep)
    if deep:
        raise refuse("--deep", "with a NETWORK", "a document says itself how deep reorganisations go")
    return LienNetwork.load(file)


def _balance(text: str) -> tuple[str, int]:
    from plimsoll.documents import refuse

    name, _, units = text.partition("=")
    if not name or not units.isdecimal():
        raise refuse("balances", text, "CHAIN=UNITS, whole units from zero up")
    return name, int(units)
