"""`plimsoll optimise hedge`: the trades that lower margin most for what they cost."""

from __future__ import annotations

from typing import Any

import click

from plimsoll.cli._common import console, json_option, name_files, print_json, write_text
from plimsoll.cli._desks import band, desk_options, es_cap, holdings_of, tail_columns_of, trading_terms
from plimsoll.cli._transfers import optional_outlooks, transfer_options
from plimsoll.cli.optimise_recheck import RecheckChoice, recheck_options
from plimsoll.cli.optimise_schedule import ScheduleChoice, schedule_options


@click.command(epilog="Example: plimsoll optimise hedge -a account.json -m market.json -r prbm@2026-03-01 --most 4")
@desk_options
@click.option("--candidate", "candidates", multiple=True, metavar="NAME", help="May be traded; default: all it takes.")
@click.option("--earliest-expiry", default=7.0, show_default=True, metavar="DAYS", help="Of what may be traded.")
@click.option("--worth", default=0.02, show_default=True, help="Dollars that a dollar of margin freed is worth.")
@click.option("--delta", "delta_band", default="0", show_default=True, metavar="COINS|free", help="Band of deltas.")
@click.option("--vega", "vega_band", default="free", show_default=True, metavar="USD|free", help="Band of vegas.")
@click.option("--budget", type=float, metavar="USD", help="Most that the trades may cost.")
@click.option("--most", type=click.IntRange(0), help="Most instruments that are traded.")
@click.option("--es", metavar="LEVEL:USD", help="Cap on expected shortfall, such as 0.99:250000; see --history.")
@click.option("--history", multiple=True, metavar="[NAME=]FILE", help="Bars for --es and --breach; default: generated.")
@transfer_options(history=False)
@click.option("--beyond", default=0.0, metavar="USD", help="Loss beyond every grid that is allowed although it grows.")
@click.option("--protect", type=float, metavar="USD", help="Buy puts alone, until falls beyond the grids lose no more.")
@click.option("--numeraire", default="USD", show_default=True, help="What deltas are in: USD or a coin.")
@click.option("--trading-terms", "terms", metavar="FILE", help="Fees, spreads, sizes, lots (`plimsoll schema`).")
@click.option("--seconds", type=float, help="Stop the solver then; the answer is the best so far, with its gap.")
@click.option("--output", "-o", metavar="FILE", help="Draw losses before and after, and the ticket (.png or .svg).")
@click.option("--html", metavar="FILE", help="Write a self-contained page, with the frontier of margin against cost.")
@recheck_options
@schedule_options
@json_option
def hedge(
    checking: RecheckChoice,
    timing: ScheduleChoice,
    accounts: tuple[str, ...],
    market: str | None,
    rules: tuple[str, ...],
    candidates: tuple[str, ...],
    earliest_expiry: float,
    worth: float,
    delta_band: str,
    vega_band: str,
    budget: float | None,
    most: int | None,
    es: str | None,
    history: tuple[str, ...],
    breach: float | None,
    transfer: str | None,
    paths: int,
    seed: int,
    beyond: float,
    protect: float | None,
    numeraire: str,
    terms: str | None,
    seconds: float | None,
    output: str | None,
    html: str | None,
    as_json: bool,
) -> None:
    """The trades for which `worth * margin + cost` is least, with today's deltas and no new loss beyond the grids.

    Margin before and after is that of the exact rules; the ticket is in an order that never falls below the line.
    Ctrl-C stops the solver: the answer is then the best so far. Trades that --recheck finds riskier are refused: the
    start is kept, and the command ends with 1.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.optimise_recheck import checks_of, end_if_refused, rechecked, show_checks
    from plimsoll.cli.optimise_schedule import draw_schedule, schedule_terms, scheduled, show_schedule
    from plimsoll.optimise import Effort, Wish, make_desk, protective
    from plimsoll.optimise import hedge as optimise_hedge
    from plimsoll.optimise.variation.change import change_after

    course_terms = schedule_terms(timing)
    snapshot, holdings = holdings_of(accounts, market, rules)
    wish = Wish(
        worth=worth,
        delta_band=band("--delta", delta_band),
        vega_band=band("--vega", vega_band),
        budget=budget,
        most=most,
        es=es_cap(es),
        beyond=beyond,
        protect=protect,
        breach=breach,
    )
    outlook, fresh, paths_told = optional_outlooks(
        breach, transfer, [h.name for h in holdings], snapshot, history, paths, seed
    )
    columns = None if wish.es is None and html is None else tail_columns_of(history, snapshot)
    shared: dict[str, Any] = {
        "candidates": candidates or None,
        "terms": trading_terms(terms),
        "numeraire": numeraire,
        "columns": columns,
        "horizon_days": earliest_expiry,
        "outlook": outlook,
    }
    with late_bar() as bar:
        desk = make_desk(snapshot, holdings, **shared)
        if protect is not None:
            desk = make_desk(snapshot, holdings, **shared, most=protective(desk))
        answer = optimise_hedge(desk, wish, effort=Effort(seconds=seconds), progress=bar)
        answer, checked = rechecked(checking, desk, answer, seed, bar)
        change = None if fresh is None or breach is None else change_after(desk, answer.trades, fresh, breach)
        course = scheduled(timing, course_terms, desk, answer, seed, bar)
    if html is not None:
        from plimsoll.optimise import frontier
        from plimsoll.report.hedge_page import hedge_page

        found = None
        # points of a frontier are not checked again: beside a refused answer they would mislead
        if answer.status != "refused":
            level = 0.99 if wish.es is None else wish.es[0]
            with late_bar() as bar:
                found = frontier(desk, wish, level=level, effort=Effort(seconds=seconds), progress=bar)
        page = hedge_page(desk, answer, found, checked, change=change, course=course, allowed=checking.allow_riskier)
        write_text(html, page, "--html")
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.hedge_figure import hedge_figure

        save(hedge_figure(desk, answer), output)
    draw_schedule(timing, course)
    if as_json:
        content = answer.to_dict() | checks_of(checked, change, paths_told)
        content |= {} if course is None else {"schedule": course.to_dict()}
        print_json(content | {"inputs": {"market": snapshot.hash(), "terms": desk.terms.to_dict()}})
    else:
        from plimsoll.report.hedge_view import hedge_view

        out = console()
        out.print(hedge_view(answer))
        show_checks(checking, checked, change, paths_told)
        show_schedule(course)
        name_files(out, picture=output, page=html)
    end_if_refused(checking, answer, change)
