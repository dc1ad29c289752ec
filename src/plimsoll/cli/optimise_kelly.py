"""`plimsoll optimise kelly`: sizes within margin and a limit on margin calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, load_market, print_json
from plimsoll.cli._joint_paths import path_options

if TYPE_CHECKING:
    from plimsoll.optimise.sizing import Means


@click.command(epilog="Example: plimsoll optimise kelly -i BTC-PERPETUAL --mean BTC=0.3 --wealth 1000000 --called 0.01")
@click.option("--market", "-m", metavar="FILE", help="Market snapshot; default: the demonstration's market.")
@click.option("--rules", "-r", metavar="NAME@DATE|FILE", help="Rule set; default: prbm of the market's day.")
@click.option("--instrument", "-i", "names", multiple=True, required=True, metavar="NAME", help="May be repeated.")
@click.option(
    "--mean",
    "means",
    multiple=True,
    metavar="COIN=DRIFT[:ERROR]",
    help="Yearly drift of a price over financing and its standard error (0.3:0.2); default: that of the history.",
)
@click.option("--wealth", default=1e6, show_default=True, metavar="USD", help="Wealth at the venue.")
@click.option("--currency", default="USDC", show_default=True, help="What the wealth is held in.")
@click.option("--fraction", default=0.5, show_default=True, help="Part of Kelly's sizes.")
@click.option("--no-shrink", is_flag=True, help="Take means for known, whatever their errors.")
@click.option("--leverage", default=10.0, show_default=True, help="Most notional over wealth.")
@click.option("--margin", default=0.5, show_default=True, help="Most initial margin over wealth.")
@click.option("--called", default=0.01, show_default=True, help="Most probability of a margin call.")
@click.option("--long-only", is_flag=True, help="No sizes below zero.")
@path_options(30.0)
@json_option
def kelly(
    market: str | None,
    rules: str | None,
    names: tuple[str, ...],
    means: tuple[str, ...],
    wealth: float,
    currency: str,
    fraction: float,
    no_shrink: bool,
    leverage: float,
    margin: float,
    called: float,
    long_only: bool,
    history: tuple[str, ...],
    days: float,
    size: int,
    seed: int,
    as_json: bool,
) -> None:
    """A part of Kelly's sizes, within leverage, initial margin and a limit on the probability of a margin call.

    Sizes are held to the horizon and watched at every step of the paths against the maintenance margin of the rules.
    """
    from plimsoll.cli._joint_paths import drawn_paths, factor_history
    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.feeds.demo import demo_market
    from plimsoll.margin import margin_model
    from plimsoll.optimise.sizing import KellyTerms, Watch
    from plimsoll.optimise.sizing import kelly as sized
    from plimsoll.report.sizing_view import kelly_view

    snapshot = demo_market() if market is None else load_market(market)
    model = margin_model(rules or f"prbm@{snapshot.time:%Y-%m-%d}")
    stray = [n for n in names if n not in snapshot.contracts]
    if stray:
        raise refuse("--instrument", stray[0], f"one of the {len(snapshot.contracts)} instruments of the market")
    coins = list(dict.fromkeys(snapshot.contracts[n].underlying for n in names))
    factors, told = factor_history(history, snapshot, coins)
    drifts = _means(means, coins, factors.returns[:, [factors.names.index(c) for c in coins]], factors.step_days)
    terms = KellyTerms(
        wealth, fraction, not no_shrink, leverage, margin, called, shorts=not long_only, currency=currency
    )
    with late_bar() as bar:
        inside, outside = (Watch(snapshot, model, drawn_paths(factors, days, size, s)) for s in (seed, seed + 1))
        found = sized(inside, outside, names, drifts, terms, progress=bar)
    if as_json:
        inputs = {"market": snapshot.hash(), "rules": model.rules.hash(), "history": factors.hash(), "seed": seed}
        print_json(found.to_dict() | {"means": drifts.to_dict(), "inputs": inputs})
        return
    console().print(kelly_view(found, drifts, terms, model.rules.label, told))


def _means(given: tuple[str, ...], coins: list[str], returns: object, step_days: float) -> Means:
    """The means of the history, with those that were given in their place: one without an error is taken as known."""
    from dataclasses import replace

    import numpy as np

    from plimsoll.documents import refuse
    from plimsoll.optimise.sizing import estimated

    found = estimated(tuple(coins), np.asarray(returns), step_days)
    mean, error = found.mean.copy(), found.error.copy()
    for text in given:
        coin, _, numbers = text.partition("=")
        first, _, second = numbers.partition(":")
        if coin not in coins:
            raise refuse("--mean", text, "a coin of the instruments: " + ", ".join(coins))
        try:
            mean[coins.index(coin)] = float(first)
            error[coins.index(coin)] = float(second) if second else 0.0
        except ValueError:
            raise refuse("--mean", text, "a coin, its yearly drift and the error of it, such as BTC=0.3:0.2") from None
    source = found.source if not given else f"given for {', '.join(t.partition('=')[0] for t in given)}"
    return replace(found, mean=mean, error=error, source=source)
