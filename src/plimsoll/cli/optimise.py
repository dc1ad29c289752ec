"""`plimsoll optimise`: the least margin for the same exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plimsoll.cli._common import console, json_option, load_account, load_market, print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.margin import Account
    from plimsoll.market import Market
    from plimsoll.optimise import Holding, TradingTerms
    from plimsoll.scenarios import Scenarios


@click.group(epilog="Example: plimsoll optimise hedge --worth 0.02 --most 4")
def command() -> None:
    """The trades that lower margin, what they cost, and what holds of the answer.

    Needs the solver HiGHS: pip install 'plimsoll-margin[optimise]'.
    """


@command.command(epilog="Example: plimsoll optimise hedge -a account.json -m market.json -r prbm@2026-03-01 --most 4")
@click.option("--account", "-a", "accounts", multiple=True, metavar="FILE", help="Account; may be repeated.")
@click.option("--market", "-m", metavar="FILE", help="Market snapshot; default: the demonstration's book and market.")
@click.option(
    "--rules",
    "-r",
    "rules",
    multiple=True,
    metavar="NAME@DATE|FILE",
    help="Rule set of each account, in their order; default: prbm of the market's day.",
)
@click.option("--candidate", "candidates", multiple=True, metavar="NAME", help="May be traded; default: all it takes.")
@click.option("--horizon", default=7.0, show_default=True, metavar="DAYS", help="Leave out what expires before.")
@click.option("--worth", default=0.02, show_default=True, help="Dollars that a dollar of margin freed is worth.")
@click.option("--delta", "delta_band", default="0", show_default=True, metavar="COINS|free", help="Band of deltas.")
@click.option("--vega", "vega_band", default="free", show_default=True, metavar="USD|free", help="Band of vegas.")
@click.option("--budget", type=float, metavar="USD", help="Most that the trades may cost.")
@click.option("--most", type=click.IntRange(0), help="Most instruments that are traded.")
@click.option("--es", metavar="LEVEL:USD", help="Cap on expected shortfall, such as 0.99:250000; see --history.")
@click.option("--history", multiple=True, metavar="[NAME=]FILE", help="Bars for --es; default: generated ones.")
@click.option("--beyond", default=0.0, metavar="USD", help="Loss beyond every grid that is allowed although it grows.")
@click.option("--protect", type=float, metavar="USD", help="Buy puts alone, until falls beyond the grids lose no more.")
@click.option("--numeraire", default="USD", show_default=True, help="What deltas are in: USD or a coin.")
@click.option("--terms", metavar="FILE", help="Fees, spreads, sizes, lots (`plimsoll schema trading-terms`).")
@click.option("--seconds", type=float, help="Stop the solver then; the answer is the best so far, with its gap.")
@click.option("--output", "-o", metavar="FILE", help="Draw losses before and after, and the ticket (.png or .svg).")
@json_option
def hedge(
    accounts: tuple[str, ...],
    market: str | None,
    rules: tuple[str, ...],
    candidates: tuple[str, ...],
    horizon: float,
    worth: float,
    delta_band: str,
    vega_band: str,
    budget: float | None,
    most: int | None,
    es: str | None,
    history: tuple[str, ...],
    beyond: float,
    protect: float | None,
    numeraire: str,
    terms: str | None,
    seconds: float | None,
    output: str | None,
    as_json: bool,
) -> None:
    """The trades for which `worth * margin + cost` is least, with today's deltas and no new loss beyond the grids.

    Margin before and after is that of the exact rules; the ticket is in an order that never falls below the line.
    Ctrl-C stops the solver: the answer is then the best so far.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.optimise import Effort, Wish, make_desk, protective
    from plimsoll.optimise import hedge as optimise_hedge

    snapshot, holdings = _holdings(accounts, market, rules)
    wish = Wish(
        worth=worth,
        delta_band=_band("--delta", delta_band),
        vega_band=_band("--vega", vega_band),
        budget=budget,
        most=most,
        es=_es(es),
        beyond=beyond,
        protect=protect,
    )
    columns = None if wish.es is None else _columns(history, snapshot)
    shared: dict[str, Any] = {
        "candidates": candidates or None,
        "terms": _terms(terms),
        "numeraire": numeraire,
        "columns": columns,
        "horizon_days": horizon,
    }
    with late_bar() as bar:
        desk = make_desk(snapshot, holdings, **shared)
        if protect is not None:
            desk = make_desk(snapshot, holdings, **shared, most=protective(desk))
        answer = optimise_hedge(desk, wish, effort=Effort(seconds=seconds), progress=bar)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.hedge_figure import hedge_figure

        save(hedge_figure(desk, answer), output)
    if as_json:
        print_json(answer.to_dict() | {"inputs": {"market": snapshot.hash(), "terms": desk.terms.to_dict()}})
        return
    from plimsoll.report.hedge_view import hedge_view

    out = console()
    out.print(hedge_view(answer))
    if output is not None:
        out.print(f"picture: {output}", markup=False, soft_wrap=True)


@command.command(
    name="place",
    epilog="Example: plimsoll optimise place -a a.json -a b.json -m m.json -r prbm@2026-03-01 -r deribit-pm@2026-03-01",
)
@click.option("--account", "-a", "accounts", multiple=True, required=True, metavar="FILE", help="One for each book.")
@click.option("--market", "-m", required=True, metavar="FILE", help="Market snapshot.")
@click.option(
    "--rules",
    "-r",
    "rules",
    multiple=True,
    required=True,
    metavar="NAME@DATE[,...]",
    help="Rule set of each account, in their order; further ones it could be under after a comma.",
)
@click.option("--worth", default=0.02, show_default=True, help="Dollars that a dollar of margin freed is worth.")
@click.option("--terms", metavar="FILE", help="Fees, spreads, sizes, lots (`plimsoll schema trading-terms`).")
@click.option("--seconds", type=float, help="Stop each solve then; the answer is the best so far, with its gap.")
@json_option
def place_command(
    accounts: tuple[str, ...],
    market: str,
    rules: tuple[str, ...],
    worth: float,
    terms: str | None,
    seconds: float | None,
    as_json: bool,
) -> None:
    """The same positions where they need least margin: over accounts and the rule sets that each could be under.

    What one account buys another sells, contract for contract; each keeps its margin within its own equity.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.margin import margin_model
    from plimsoll.optimise import Effort, Venue, place

    if len(rules) != len(accounts):
        raise refuse("--rules", f"{len(rules)} of them", f"one for each of the {len(accounts)} accounts")
    snapshot, books = load_market(market), [load_account(path) for path in accounts]
    venues = [
        Venue(name, book, tuple(margin_model(r.strip()) for r in text.split(",")))
        for name, book, text in zip(_names(books), books, rules, strict=True)
    ]
    with late_bar() as bar:
        found = place(snapshot, venues, worth=worth, terms=_terms(terms), effort=Effort(seconds=seconds), progress=bar)
    if as_json:
        print_json(found.to_dict() | {"inputs": {"market": snapshot.hash()}})
        return
    from plimsoll.report.hedge_view import placement_view

    console().print(placement_view(found))


def _names(books: list[Account]) -> list[str]:
    labels = [b.name or b.venue or f"book {k + 1}" for k, b in enumerate(books)]
    return labels if len(set(labels)) == len(labels) else [f"{label} {k + 1}" for k, label in enumerate(labels)]


def _holdings(accounts: tuple[str, ...], market: str | None, rules: tuple[str, ...]) -> tuple[Market, list[Holding]]:
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
    return snapshot, [Holding(n, b, margin_model(r)) for n, b, r in zip(_names(books), books, named, strict=True)]


def _band(option: str, text: str) -> float | None:
    from plimsoll.documents import refuse

    if text == "free":
        return None
    try:
        return float(text)
    except ValueError:
        raise refuse(option, text, "a number of at least zero, or free") from None


def _es(text: str | None) -> tuple[float, float] | None:
    from plimsoll.documents import refuse

    if text is None:
        return None
    level, _, cap = text.partition(":")
    try:
        return float(level), float(cap)
    except ValueError:
        raise refuse("--es", text, "a level and a cap in dollars, such as 0.99:250000") from None


def _terms(path: str | None) -> TradingTerms | None:
    from plimsoll.optimise import TradingTerms

    return None if path is None else TradingTerms.load(path)


def _columns(history: tuple[str, ...], market: Market) -> Mapping[str, Scenarios]:
    from plimsoll.cli.risk import read_histories
    from plimsoll.optimise.tails import tail_columns
    from plimsoll.risk.models import risk_model
    from plimsoll.scenarios.factors import FactorHistory

    known, _ = read_histories(history, market)
    coins = [n for n in known.names if n in market.indices]
    return tail_columns(market, FactorHistory.of_levels(known, tuple(coins)), risk_model("fhs"))
