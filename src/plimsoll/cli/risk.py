"""`plimsoll risk`: VaR, ES and charges of tail risk for a book."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, load_book, name_files, print_json, write_text
from plimsoll.cli._durations import days_of

if TYPE_CHECKING:
    from plimsoll.margin import Account
    from plimsoll.market import Market
    from plimsoll.market.history import History
    from plimsoll.risk.joint import JointBook


def read_histories(given: tuple[str, ...], market: Market) -> tuple[History, str]:
    """The histories in the files, joined, as known at the market's instant; a generated one where none was given. Also
    what they are in words, with what was repaired in them, by rule and number.

    A file may be given a name (`BTC iv=dvol.csv`); symbols with the quote currency at their end (`BTCUSDT`) are those
    of the underlying.
    """
    from plimsoll.documents import refuse
    from plimsoll.feeds.bars import read_bars
    from plimsoll.feeds.generated_history import generated_history
    from plimsoll.market.history import join

    if not given:
        return generated_history(market.time), "history: generated, of no market (--history FILE for a real one)"
    parts, repaired = [], list[str]()
    for text in given:
        name, _, path = text.rpartition("=")
        read = read_bars(path, name=name or None)
        found = read.history
        repaired += [f"{f.count} times {f.rule} in {f.name}" for f in read.report.findings]
        names = tuple(_factor(n, market) for n in found.names)
        if len(set(names)) != len(names):
            raise refuse("--history", f"{text}, which holds {', '.join(found.names)}", "each underlying once")
        parts.append(type(found)(names, found.times, found.values, found.step_ns, found.limit_ns))
    whole = join(parts)
    known = whole.until(market.time)
    if len(known) < 3:
        first = "nothing" if not len(whole) else f"bars from {whole.times[0] / 1e9:.0f} s after 1970 on"
        raise refuse("--history", first, f"at least 3 bars known by the market's time {market.time.isoformat()}")
    told = f"history: {len(known):,} bars of {', '.join(known.names)}"
    if len(known) < len(whole):
        told += f"; {len(whole) - len(known):,} later ones were not looked at"
    if repaired:
        told += f"; {', '.join(repaired)}"
    return known, told


def _factor(symbol: str, market: Market) -> str:
    for quote in ("", "USDT", "USDC", "USD", "-PERPETUAL", "-PERP", "-USD", "-USDT", "/USDT", "/USD"):
        if symbol.endswith(quote) and symbol.removesuffix(quote) in market.indices:
            return symbol.removesuffix(quote)
    return symbol


@click.command(epilog="Example: plimsoll risk --model fhs --level 0.99 --horizon 1d -o tail.png")
@click.option(
    "--model", "models", multiple=True, metavar="NAME|FILE", help="May be repeated; default: all of them side by side."
)
@click.option("--level", type=float, help="Probability, such as 0.99; default: that of the model.")
@click.option("--horizon", metavar="1d|12h", help="How long until the book is closed; default: that of the model.")
@click.option("--account", "-a", metavar="FILE", help="Account document; default: the demonstration's book.")
@click.option("--market", "-m", metavar="FILE", help="Market snapshot; default: the demonstration's.")
@click.option(
    "--history",
    multiple=True,
    metavar="[NAME=]FILE",
    help="Bars of an underlying, or of 'BTC iv', CSV or Parquet; may be repeated; default: generated.",
)
@click.option("--output", "-o", metavar="FILE", help="Draw the losses of the first model (.png or .svg).")
@click.option("--html", metavar="FILE", help="Write a self-contained page with every model.")
@json_option
def command(
    models: tuple[str, ...],
    level: float | None,
    horizon: str | None,
    account: str | None,
    market: str | None,
    history: tuple[str, ...],
    output: str | None,
    html: str | None,
    as_json: bool,
) -> None:
    """VaR, Expected Shortfall and charges in the shapes of clearing houses, each with its standard error.

    The book is revalued in full in every scenario, coins held as collateral with it. One model alone is shown with its
    components, scenarios and shares by position. Models: hs, whs, fhs, mc, pot, blend, span2, prisma, stans, irm2.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.market.history import instant_ns
    from plimsoll.risk.engine import evaluate
    from plimsoll.risk.models import MODELS, RiskModel, risk_model
    from plimsoll.scenarios.factors import FactorHistory

    holdings, snapshot = load_book(account, market)
    changes: dict[str, object] = {} if level is None else {"level": level}
    if horizon is not None:
        changes["horizon_days"] = days_of(horizon)
    chosen = [RiskModel.from_dict(risk_model(n).to_dict() | changes, n) for n in models or MODELS]
    known, told = read_histories(history, snapshot)
    book, missing_parts = opened(holdings, snapshot)
    factors = FactorHistory.of_levels(known, book.underlyings)
    # where one series ends before the others the joint history ends with it, and so does what is known of volatility
    age = (instant_ns(snapshot.time) - int(factors.times[-1])) / known.step_ns
    if age > 2.0:
        missing_parts.append(f"the last bar of every factor is {age:.0f} bars older than the market")
    told = "; ".join([told, *missing_parts])
    with late_bar() as bar:
        results = []
        for k, model in enumerate(chosen):

            def tell(text: str, _done: int, _total: int, k: int = k) -> None:
                bar(text, k, len(chosen))

            results.append(evaluate(model, book, factors, progress=tell))
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.risk_figure import risk_figure

        save(risk_figure(results[0]), output)
    if html is not None:
        from plimsoll.report.risk_page import risk_page

        write_text(html, risk_page(results, told, holdings.name or "book"), "--html")
    if as_json:
        print_json({"history": told, "results": [r.to_dict() for r in results]})
        return
    from plimsoll.report.risk_view import risk_view

    out = console()
    out.print(risk_view(results, told))
    name_files(out, picture=output, page=html)


def opened(account: Account, market: Market) -> tuple[JointBook, list[str]]:
    """The account as a book for the engine, and what of it is not in there.

    Coins are those held, less those borrowed, with the unrealised profit and the funding that are not settled yet: all
    of them move with the price of the coin.
    """
    from plimsoll.margin.joint_account import joint_account

    return joint_account(account, market)[0], ["open orders are not in the book"] if account.orders else []
