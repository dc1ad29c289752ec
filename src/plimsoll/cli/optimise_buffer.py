"""`plimsoll optimise buffer` and `remedies`: what keeps the probability of a margin call below a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plimsoll.cli._common import console, json_option, load_book, print_json
from plimsoll.cli._joint_paths import path_options

if TYPE_CHECKING:
    from plimsoll.margin import Account
    from plimsoll.optimise import Holding
    from plimsoll.optimise.sizing import Watch

F = TypeVar("F", bound=Callable[..., Any])


def _shared(function: F) -> F:
    """What both commands ask for."""
    options = (
        click.option("--account", "-a", "account", metavar="FILE", help="Account; default: the demonstration's."),
        click.option("--market", "-m", metavar="FILE", help="Market snapshot; default: the demonstration's."),
        click.option("--rules", "-r", metavar="NAME@DATE|FILE", help="Rule set; default: prbm of the market's day."),
        click.option("--called", default=0.03, show_default=True, help="Most probability of a call to the horizon."),
        click.option("--asset", default="USDC", show_default=True, help="Collateral that would be added."),
        click.option("--carry", default=0.08, show_default=True, help="Yearly cost of a dollar of it, assumed."),
        click.option("--announced", metavar="NAME@DATE|FILE", help="Rules that will hold from --in on."),
        click.option("--in", "day", type=float, metavar="DAYS", help="When the announced rules begin."),
        click.option("--trading-terms", "terms", metavar="FILE", help="Fees, spreads, sizes (`plimsoll schema`)."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command(epilog="Example: plimsoll optimise buffer --called 0.03 --horizon 3d")
@_shared
@path_options(3.0)
@json_option
def buffer(
    account: str | None,
    market: str | None,
    rules: str | None,
    called: float,
    asset: str,
    carry: float,
    announced: str | None,
    day: float | None,
    terms: str | None,
    history: tuple[str, ...],
    days: float,
    size: int,
    seed: int,
    as_json: bool,
) -> None:
    """The least collateral, the least cut, or the largest size that keeps a margin call unlikely.

    The account is watched at every step of filtered paths against its maintenance margin, computed again there. A
    probability is kept where its upper limit of 95 % is.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.optimise import TradingTerms
    from plimsoll.optimise.sizing import Trader, largest_multiple, least_collateral, least_cut
    from plimsoll.report.buffer_view import buffer_view

    book, watch, told = _watched(account, market, rules, announced, day, history, days, size, seed)
    trader = Trader(watch.market, TradingTerms() if terms is None else TradingTerms.load(terms))
    with late_bar() as bar:
        need = least_collateral(watch, book, called, asset, carry, progress=bar)
        cut = least_cut(watch, book, called, trader, progress=bar)
        larger = largest_multiple(watch, book, called, trader, progress=bar)
    if as_json:
        found = {"collateral": need, "cut": cut, "multiple": larger}
        content = {k: None if v is None else v.to_dict() for k, v in found.items()}
        inputs = {"market": watch.market.hash(), "account": book.hash(), "rules": watch.model.rules.hash()}
        print_json(content | {"called": called, "days": days, "inputs": inputs | {"seed": seed}})
        return
    console().print(buffer_view(need, cut, larger, called, watch, told))


@click.command(epilog="Example: plimsoll optimise remedies --called 0.03 --horizon 3d --to deribit-pm@2026-02-15")
@_shared
@click.option("--to", "others", multiple=True, metavar="NAME@DATE", help="Rule set it could be moved to; repeatable.")
@click.option("--beside", multiple=True, metavar="FILE", help="Account that positions could go to; repeatable.")
@click.option("--beside-rules", multiple=True, metavar="NAME@DATE|FILE", help="Its rule set, in their order.")
@click.option("--cuts", default=6, show_default=True, help="Positions that are tried alone.")
@click.option("--worth", default=0.02, show_default=True, help="Worth of a dollar of margin to the hedge.")
@path_options(3.0)
@json_option
def remedies(
    account: str | None,
    market: str | None,
    rules: str | None,
    called: float,
    asset: str,
    carry: float,
    announced: str | None,
    day: float | None,
    terms: str | None,
    others: tuple[str, ...],
    beside: tuple[str, ...],
    beside_rules: tuple[str, ...],
    cuts: int,
    worth: float,
    history: tuple[str, ...],
    days: float,
    size: int,
    seed: int,
    as_json: bool,
) -> None:
    """What can be done about a margin call, ranked by cost for each percentage point of its probability removed.

    Collateral, cuts, a hedge, other modes and rule sets, other accounts of the desk. Each is looked at by the exact
    rules; what raises the loss beyond every grid is refused.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.margin import margin_model
    from plimsoll.optimise import TradingTerms
    from plimsoll.optimise.sizing import RemedyTerms, respond
    from plimsoll.optimise.sizing import remedies as ranked
    from plimsoll.report.buffer_view import remedies_view, response_view

    there = _beside(beside, beside_rules)
    book, watch, told = _watched(
        account, market, rules, announced, day, history, days, size, seed, [h.account for h in there]
    )
    trading = TradingTerms() if terms is None else TradingTerms.load(terms)
    models = tuple(margin_model(r) for r in others)
    asked = RemedyTerms(called, asset, carry, worth, cuts, trading, models, there)
    inputs = {"market": watch.market.hash(), "account": book.hash(), "rules": watch.model.rules.hash(), "seed": seed}
    with late_bar() as bar:
        if watch.change is not None:
            from dataclasses import replace

            since, model = watch.change
            answer = respond(replace(watch, change=None), model, since, book, asked, progress=bar)
            content, view = answer.to_dict(), response_view(answer, told)
        else:
            found = ranked(watch, book, asked, progress=bar)
            content, view = found.to_dict(), remedies_view(found, told)
    if as_json:
        print_json(content | {"inputs": inputs})
        return
    console().print(view)


def _beside(paths: tuple[str, ...], rules: tuple[str, ...]) -> tuple[Holding, ...]:
    """Other accounts of the desk, each under its rules."""
    from plimsoll.cli._common import load_account
    from plimsoll.cli._desks import names_of
    from plimsoll.documents import refuse
    from plimsoll.margin import margin_model
    from plimsoll.optimise import Holding

    if len(paths) != len(rules):
        raise refuse("--beside-rules", f"{len(rules)} of them", f"one for each of the {len(paths)} --beside")
    books = [load_account(path) for path in paths]
    return tuple(Holding(n, b, margin_model(r)) for n, b, r in zip(names_of(books), books, rules, strict=True))


def _watched(
    account: str | None,
    market: str | None,
    rules: str | None,
    announced: str | None,
    day: float | None,
    history: tuple[str, ...],
    days: float,
    size: int,
    seed: int,
    beside: Sequence[Account] = (),
) -> tuple[Account, Watch, str]:
    """The book, what it is watched against, and what the history is in words."""
    from plimsoll.cli._joint_paths import drawn_paths, factor_history
    from plimsoll.documents import refuse
    from plimsoll.liquidation.path import underlyings_of
    from plimsoll.margin import margin_model
    from plimsoll.optimise.sizing import Watch, changing

    if (announced is None) != (day is None):
        missing = "--in" if day is None else "--announced"
        raise refuse(missing, "nothing", "both --announced and --in, or neither")
    book, snapshot = load_book(account, market)
    model = margin_model(rules or f"prbm@{snapshot.time:%Y-%m-%d}")
    names = list(dict.fromkeys(u for b in (book, *beside) for u in underlyings_of(b, snapshot)))
    factors, told = factor_history(history, snapshot, names)
    watch = Watch(snapshot, model, drawn_paths(factors, days, size, seed))
    if announced is not None and day is not None:
        watch = changing(watch, margin_model(announced), day)
    return book, watch, told
