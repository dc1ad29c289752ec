"""What the commands that optimise read alike: accounts under rules, terms, bands and scenarios."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plimsoll.cli._common import load_account, load_market

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.margin import Account
    from plimsoll.market import Market
    from plimsoll.optimise import Holding, TradingTerms, Venue
    from plimsoll.scenarios import Scenarios

F = TypeVar("F", bound=Callable[..., Any])


def desk_options(function: F) -> F:
    """`--account`, `--market`, `--rules` of one or several accounts; the demonstration's where none is given."""
    own = "Rule set of each account, in their order; default: prbm of the market's day."
    demo = "Market snapshot; default: the demonstration's book and market."
    for option in (
        click.option("--rules", "-r", "rules", multiple=True, metavar="NAME@DATE|FILE", help=own),
        click.option("--market", "-m", metavar="FILE", help=demo),
        click.option("--account", "-a", "accounts", multiple=True, metavar="FILE", help="Account; may be repeated."),
    ):
        function = option(function)
    return function


def venue_options(function: F) -> F:
    """`--account`, `--market`, `--rules` of accounts that could be under several rule sets each; all are needed."""
    each = "Rule set of each account, in their order; further ones it could be under after a comma."
    once = "One for each book."
    for option in (
        click.option("--rules", "-r", "rules", multiple=True, required=True, metavar="NAME@DATE[,...]", help=each),
        click.option("--market", "-m", required=True, metavar="FILE", help="Market snapshot."),
        click.option("--account", "-a", "accounts", multiple=True, required=True, metavar="FILE", help=once),
    ):
        function = option(function)
    return function


def names_of(books: list[Account]) -> list[str]:
    """What each account is called: its name, its venue, or its place; numbered where that is not one each."""
    labels = [b.name or b.venue or f"account {k + 1}" for k, b in enumerate(books)]
    return labels if len(set(labels)) == len(labels) else [f"{label} {k + 1}" for k, label in enumerate(labels)]


def holdings_of(accounts: tuple[str, ...], market: str | None, rules: tuple[str, ...]) -> tuple[Market, list[Holding]]:
    """The market and each account under its rules; the demonstration's where no files are given."""
    from plimsoll.documents import refuse
    from plimsoll.feeds.demo import demo_account, demo_market
    from plimsoll.margin import margin_model
    from plimsoll.optimise import Holding

    if bool(accounts) != (market is not None):
        missing = "--market" if accounts else "--account"
        raise refuse(missing, "nothing", "both --account and --market, or neither for the demonstration's book")
    snapshot = demo_market() if market is None else load_market(market)
    books = [load_account(path) for path in accounts] or [demo_account()]
    named = rules or (f"prbm@{snapshot.time:%Y-%m-%d}",)
    if len(named) == 1:
        named = named * len(books)
    if len(named) != len(books):
        raise refuse("--rules", f"{len(named)} of them", f"one for all, or one for each of the {len(books)} accounts")
    return snapshot, [Holding(n, b, margin_model(r)) for n, b, r in zip(names_of(books), books, named, strict=True)]


def venues_of(accounts: tuple[str, ...], market: str, rules: tuple[str, ...]) -> tuple[Market, list[Venue]]:
    """The market and each account with the rule sets that it could be under, named with commas between."""
    from plimsoll.documents import refuse
    from plimsoll.margin import margin_model
    from plimsoll.optimise import Venue

    if len(rules) != len(accounts):
        raise refuse("--rules", f"{len(rules)} of them", f"one for each of the {len(accounts)} accounts")
    books = [load_account(path) for path in accounts]
    models = [tuple(margin_model(name.strip()) for name in text.split(",")) for text in rules]
    return load_market(market), [Venue(*v) for v in zip(names_of(books), books, models, strict=True)]


def band(option: str, text: str) -> float | None:
    """A number, or None for `free`."""
    from plimsoll.documents import refuse

    if text == "free":
        return None
    try:
        return float(text)
    except ValueError:
        raise refuse(option, text, "a number of at least zero, or free") from None


def es_cap(text: str | None) -> tuple[float, float] | None:
    """Level and cap of `--es`."""
    from plimsoll.documents import refuse

    if text is None:
        return None
    level, _, cap = text.partition(":")
    try:
        return float(level), float(cap)
    except ValueError:
        raise refuse("--es", text, "a level and a cap in dollars, such as 0.99:250000") from None


def trading_terms(path: str | None) -> TradingTerms | None:
    """The document at a path, None without one."""
    from plimsoll.optimise import TradingTerms

    return None if path is None else TradingTerms.load(path)


def tail_columns_of(history: tuple[str, ...], market: Market) -> Mapping[str, Scenarios]:
    """Filtered scenarios of a price history for every coin of it."""
    from plimsoll.cli.risk import read_histories
    from plimsoll.optimise.tails import tail_columns
    from plimsoll.risk.models import risk_model
    from plimsoll.scenarios.factors import FactorHistory

    known, _ = read_histories(history, market)
    coins = [n for n in known.names if n in market.indices]
    return tail_columns(market, FactorHistory.of_levels(known, tuple(coins)), risk_model("fhs"))
