"""`plimsoll optimise mva`: the cost of margin in a quote."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, load_book, print_json
from plimsoll.cli._joint_paths import PATHS

INSTANTS = 24
"""Most instants at which margins are computed: steps of the paths are left out where there are more."""


@click.command(epilog="Example: plimsoll optimise mva -i BTC-26JUN26-60000-P --quantity 10 --spread 0.08")
@click.option("--account", "-a", "account", metavar="FILE", help="The book before; default: the demonstration's.")
@click.option("--market", "-m", metavar="FILE", help="Market snapshot; default: the demonstration's.")
@click.option("--rules", "-r", metavar="NAME@DATE|FILE", help="Rule set; default: prbm of the market's day.")
@click.option("--instrument", "-i", required=True, metavar="NAME", help="What is quoted.")
@click.option("--quantity", "-q", default=1.0, show_default=True, metavar="CONTRACTS", help="Size of the quote.")
@click.option("--holding-days", type=float, help="Days until the trade is closed; a perpetual needs it.")
@click.option("--spread", type=float, help="Yearly cost of a dollar of margin; default 0.08, assumed.")
@click.option("--discount", type=float, help="Yearly rate by which later costs count less; default 0.")
@click.option("--funding-terms", "terms", metavar="FILE", help="Both as a document (`plimsoll schema funding-terms`).")
@click.option("--history", multiple=True, metavar="[NAME=]FILE", help="Bars; default: generated ones.")
@click.option("--paths", "size", default=PATHS, show_default=True, help="Joint paths.")
@click.option(
    "--seed", type=click.IntRange(0, 2**31), default=1, show_default=True, help="The same seed draws the same paths."
)
@json_option
def mva(
    account: str | None,
    market: str | None,
    rules: str | None,
    instrument: str,
    quantity: float,
    holding_days: float | None,
    spread: float | None,
    discount: float | None,
    terms: str | None,
    history: tuple[str, ...],
    size: int,
    seed: int,
    as_json: bool,
) -> None:
    """What funding the incremental initial margin of a trade costs until it ends, for the bid and the ask.

    In US dollars, basis points of the notional and, for options, points of volatility; with standard errors. Paths are
    filtered history without drift; the margin is computed again at every instant of every path.
    """
    from dataclasses import replace

    import numpy as np

    from plimsoll.cli._joint_paths import drawn_paths, factor_history
    from plimsoll.cli._progress import late_bar
    from plimsoll.liquidation.path import underlyings_of
    from plimsoll.margin import margin_model
    from plimsoll.optimise.sizing import FundingTerms, Watch, life_of, margin_cost, still
    from plimsoll.report.mva_view import mva_view

    book, snapshot = load_book(account, market)
    model = margin_model(rules or f"prbm@{snapshot.time:%Y-%m-%d}")
    fund = FundingTerms() if terms is None else FundingTerms.load(terms)
    given = {k: v for k, v in (("spread", spread), ("discount", discount)) if v is not None}
    if given:
        fund = FundingTerms.from_dict(fund.to_dict() | given | {"source": "given on the command line"})
    life = life_of(snapshot, instrument, holding_days)
    coins = dict.fromkeys((snapshot.contracts[instrument].underlying, *underlyings_of(book, snapshot)))
    factors, told = factor_history(history, snapshot, list(coins))
    with late_bar() as bar:
        paths = still(drawn_paths(factors, life, size, seed))
        steps = len(paths.days)
        kept = np.unique(np.round(np.linspace(0, steps, min(steps, INSTANTS) + 1)).astype(int))[1:] - 1
        paths = replace(paths, multiplier=paths.multiplier[kept], days=paths.days[kept])
        watch = Watch(snapshot, model, paths)
        found = margin_cost(watch, book, instrument, quantity, fund, holding_days=holding_days, progress=bar)
    if as_json:
        inputs = {"market": snapshot.hash(), "account": book.hash(), "history": factors.hash(), "seed": seed}
        print_json(found.to_dict() | {"inputs": inputs})
        return
    console().print(mva_view(found, told))
