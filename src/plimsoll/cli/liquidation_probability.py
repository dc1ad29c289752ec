"""`plimsoll liquidation --probability`: how likely the line is reached within a horizon."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plimsoll.cli._common import console, print_json
from plimsoll.cli._joint_paths import PATHS

if TYPE_CHECKING:
    from plimsoll.liquidation.passage import Passage
    from plimsoll.margin import Account, MarginModel
    from plimsoll.market import Market

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    click.option("--probability", is_flag=True, help="How likely the line is reached within --horizon."),
    click.option("--horizon", metavar="3d|12h", help="How far the paths go; default: 3d."),
    click.option(
        "--history",
        multiple=True,
        metavar="[NAME=]FILE",
        help="Bars that the paths are drawn from (as plimsoll risk); default: simulated at the market's volatility.",
    ),
    click.option("--every", metavar="1h", help="Step of simulated paths; default: an hour, for long horizons more."),
    click.option("--paths", type=int, help=f"Number of paths; default: {PATHS:,}."),
    click.option("--seed", type=int, help="Seed of the paths; default: 1."),
    click.option("--rare", is_flag=True, help="Draw large moves more often and weigh them down: for small numbers."),
    click.option("--calls", type=int, metavar="N", help="Live N of the paths with calls, closes and their fees."),
)


def probability_options(function: F) -> F:
    """The options of `--probability`, for the command."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def probability(
    model: MarginModel,
    account: Account,
    market: Market,
    *,
    horizon: str | None,
    history: tuple[str, ...],
    every: str | None,
    paths: int | None,
    seed: int | None,
    rare: bool,
    calls: int | None,
    sigma: float | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Draw the paths, find the first passages, show them."""
    from plimsoll.cli._durations import days_of
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.risk import read_histories
    from plimsoll.documents import refuse
    from plimsoll.liquidation.passage import laws, lives, passage
    from plimsoll.liquidation.path import underlyings_of
    from plimsoll.scenarios.factors import FactorHistory
    from plimsoll.scenarios.moves import whole
    from plimsoll.scenarios.tilting import Tilt, tails

    days = days_of(horizon or "3d")
    count = whole("--paths", PATHS if paths is None else paths, 2)
    start = whole("--seed", 1 if seed is None else seed, 0)
    lived = 0 if calls is None else whole("--calls", calls, 2)
    lead = underlyings_of(account, market)
    words: tuple[str, ...] = ()

    def law(size: int, number: int, tilted: bool) -> laws.Law:
        if history:
            if every is not None or sigma is not None:
                raise refuse("--history", "with --every or --sigma", "neither: steps and volatility are the history's")
            known, told = read_histories(history, market)
            factors = FactorHistory.of_levels(known, lead)
            both = tails(lead[0], factors.steps(days)) if tilted and lead else ()
            found = laws.of_history(factors, account, market, days, size=size, seed=number, tilts=both)
            return laws.Law(found.paths, (told, *found.words))
        step = days_of(every, "--every") if every else min(days, _step(days))
        tilts: tuple[Tilt, ...] = ()
        if tilted and lead:
            # what is rare may be one step, all of the path, or several jumps
            tilts = (*tails(lead[0], max(1, round(days / step)), share=0.5), Tilt(lead[0], 0.0, 0.3, jumps=10.0))
        return laws.of_market(account, market, days, size=size, seed=number, step_days=step, annual=sigma, tilts=tilts)

    with late_bar() as bar:
        drawn = law(count, start, rare)
        words = drawn.words
        found = passage(model, account, market, drawn.paths, seed=start, progress=bar)
        closed = None if history else closed_form(model, account, market, found, sigma)
        # other paths than those of the probability, without a tilt: each is lived once
        after = None
        if lived:
            after = lives(model, account, market, law(lived, start + 1, False).paths, progress=bar)
    if output is not None:
        from plimsoll.report.canvas import save
        from plimsoll.report.passage_figure import passage_figure

        save(passage_figure(found, closed), output)
    if as_json:
        told = {**found.to_dict(), "law": list(words), "closed_form": None if closed is None else list(closed)}
        told |= {} if after is None else {"lives": after.to_dict()}
        print_json(told | ({} if output is None else {"picture": output}))
        return
    from plimsoll.report.passage_view import lives_view, passage_view

    out = console()
    out.print(passage_view(found, words, None if closed is None else closed[-1]))
    if after is not None:
        out.print("")
        out.print(lives_view(after))
    if output is not None:
        out.print(f"\npicture: {output}", markup=False, soft_wrap=True)


def closed_form(
    model: MarginModel, account: Account, market: Market, found: Passage, annual: float | None
) -> tuple[float, ...] | None:
    """The closed form by each instant, for a book of one underlying without options whose one pool has one line."""
    from plimsoll.contracts import is_option
    from plimsoll.liquidation import alone, liquidation
    from plimsoll.liquidation.passage import first_passage
    from plimsoll.liquidation.path import underlyings_of
    from plimsoll.liquidation.sigma import DAYS_OF_A_YEAR, at_the_money

    names = underlyings_of(account, market)
    held = [market.contracts[p.instrument] for p in account.positions if p.quantity != 0.0]
    if len(names) != 1 or len(found.first) != 1 or any(is_option(c) for c in held):
        return None
    given = at_the_money(names[0], market)
    vol = annual if annual is not None else None if given is None else given[0]
    lines = liquidation(model, account, market, alone(names[0], market)).lines
    if vol is None or len(lines) != 1 or not (found.firsts() >= 0).all():
        return None
    curve = first_passage(lines[0].multiplier, vol / DAYS_OF_A_YEAR**0.5, found.days)
    return tuple(float(x) for x in curve)


def _step(days: float) -> float:
    """An hour for three days, four for two weeks, else a day."""
    return 1.0 / 24.0 if days <= 3.0 else 1.0 / 6.0 if days <= 14.0 else 1.0
