"""Transfers and the paths until they arrive, for commands that ask for capital."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plimsoll.cli._joint_paths import PATHS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.market import Market
    from plimsoll.optimise.variation import Outlook, TransferTerms

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT = "4h"


def transfer_options(history: bool = True, breach: float | None = None) -> Callable[[F], F]:
    """`--breach`, `--transfer`, `--paths`, `--seed`, and `--history` where the command has none of its own."""
    options = [
        click.option(
            "--breach",
            type=float,
            default=breach,
            show_default=breach is not None,
            metavar="P",
            help="Count capital: margin and a buffer, so that a breach before a transfer arrives has this probability.",
        ),
        click.option(
            "--transfer",
            metavar="4h|FILE",
            help="How long a transfer takes (4h), or terms by venue (`plimsoll schema transfer-terms`).",
        ),
        click.option("--paths", default=PATHS, show_default=True, help="Joint paths until the transfer arrives."),
        click.option(
            "--seed",
            default=1,
            show_default=True,
            metavar="INTEGER",
            type=click.IntRange(0, 2**31),
            help="Of the paths; the next one's are held out.",
        ),
    ]
    if history:
        text = "Bars of what moves, CSV or Parquet; default: generated ones."
        options.append(click.option("--history", multiple=True, metavar="[NAME=]FILE", help=text))

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def transfers(text: str | None) -> TransferTerms:
    """A duration for every venue, or a document."""
    from plimsoll.cli._durations import days_of
    from plimsoll.documents import DocumentError, refuse
    from plimsoll.optimise.variation import TransferTerms, same_time

    given = text or DEFAULT
    try:
        return same_time(24.0 * days_of(given))
    except DocumentError:
        if given[:1].isdigit() or given[:1] in "-+.":
            raise refuse("--transfer", given, "a time above zero with d, h or m, such as 4h, or a file") from None
    return TransferTerms.load(given)


def outlooks(
    text: str | None, names: Sequence[str], market: Market, history: tuple[str, ...], paths: int, seed: int
) -> tuple[Outlook, Outlook, tuple[str, ...]]:
    """Paths to choose on and held-out ones of the next seed, to the slowest of the venues, and what they are."""
    from plimsoll.cli.risk import read_histories
    from plimsoll.optimise.variation import Outlook
    from plimsoll.optimise.variation.drawing import transfer_paths
    from plimsoll.scenarios.factors import FactorHistory

    terms = transfers(text)
    until = max(terms.hours_to(n, market.time) for n in names)
    known, told = read_histories(history, market)
    coins = tuple(n for n in known.names if n in market.indices)
    factors = FactorHistory.of_levels(known, coins)
    (first, what), (second, _) = (transfer_paths(factors, until, paths, seed + k) for k in range(2))
    return Outlook(first, terms), Outlook(second, terms), (what, told)


def optional_outlooks(
    breach: float | None,
    text: str | None,
    names: Sequence[str],
    market: Market,
    history: tuple[str, ...],
    paths: int,
    seed: int,
) -> tuple[Outlook | None, Outlook | None, tuple[str, ...]]:
    """`outlooks` where a probability of a breach is asked for, else nothing. A transfer time without one is refused."""
    from plimsoll.documents import refuse

    if breach is None:
        if text is not None:
            raise refuse("--breach", "nothing", "a probability, such as 0.01, where --transfer is given")
        return None, None, ()
    return outlooks(text, names, market, history, paths, seed)
