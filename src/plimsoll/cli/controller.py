"""`plimsoll controller`: policies that set a venue's margin rate, trained in the laboratory, frozen, compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plimsoll.cli._common import console, json_option, print_json, write_text

if TYPE_CHECKING:
    from plimsoll.control.courses import Record
    from plimsoll.control.policies import FrozenPolicy
    from plimsoll.control.terms import ControlTerms

F = TypeVar("F", bound=Callable[..., Any])
KINDS = ("static", "rule", "pid", "search")
NAMES = ("coverage", "static", "rule", "pid", "search", "network")
ELASTICITIES = (0.0, 0.3, 0.6, 1.2)


def history_options(function: F) -> F:
    """`--history FILE`, `--asset SYMBOL` and `--terms FILE`."""
    text = "Bars with closes of at most a step (CSV or Parquet), for recorded episodes beside the drawn ones."
    function = click.option("--terms", metavar="FILE", help="Terms (`plimsoll schema control-terms`).")(function)
    named = "A symbol of the file; may be repeated; default: all."
    function = click.option("--asset", "assets", multiple=True, metavar="SYMBOL", help=named)(function)
    return click.option("--history", metavar="FILE", help=text)(function)


@click.group(epilog="Example: plimsoll controller evaluate --episodes 4")
def command() -> None:
    """Policies that set a venue's margin rate, trained in the laboratory, frozen, compared."""


@command.command(epilog="Example: plimsoll controller train search --candidates 77 --batch 8 -o search.json")
@click.argument("kind", type=click.Choice(KINDS))
@history_options
@click.option("--until", metavar="TIME", help="No bar after it is learned from (ISO 8601).")
@click.option("--drawn", type=click.IntRange(0, 10_000), help="Drawn courses; default: as many as recorded, or 60.")
@click.option("--candidates", default=150, show_default=True, type=click.IntRange(1, 100_000), help="About how many.")
@click.option("--batch", default=10, show_default=True, type=click.IntRange(1, 10_000), help="Episodes a generation.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(1, 2**31), help="Of the search.")
@click.option("--name", metavar="NAME", help="What the policy is called; default: its kind.")
@click.option("--output", "-o", metavar="FILE", help="Write the frozen policy.")
@json_option
def train(
    kind: str,
    history: str | None,
    assets: tuple[str, ...],
    terms: str | None,
    until: str | None,
    drawn: int | None,
    candidates: int,
    batch: int,
    seed: int,
    name: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Search the parameters of a policy of KIND (CMA-ES), and freeze it.

    Every candidate runs whole episodes of the laboratory under the projection of the terms, so what is found keeps
    floor, cap, speed and coverage whatever its parameters are.
    """
    from typing import cast

    from plimsoll.cli._progress import late_bar
    from plimsoll.control.courses import training_courses
    from plimsoll.control.policies import FrozenPolicy, Kind
    from plimsoll.control.search import train as search
    from plimsoll.documents import refuse

    rules = _terms(terms)
    if until is not None and history is None:
        raise refuse("--until", until, "nothing without --history")
    records = _records(history, assets, rules, until=until)
    courses = training_courses(rules, records, drawn)
    with late_bar() as bar:
        found = search(
            cast("Kind", kind), rules, courses, candidates=candidates, batch=batch, seed=seed, told=bar,
            trained={"histories": [f"{r.name} until {until or 'its end'}" for r in records]},
        )  # fmt: skip
    if name is not None:
        found = FrozenPolicy.from_dict(found.to_dict() | {"name": name})
    if output is not None:
        write_text(output, found.to_json() + "\n")
    if as_json:
        print_json(found.to_dict() | {"hash": found.hash()})
        return
    out = console()
    numbers = " ".join(f"{p:g}" for p in found.parameters)
    out.print(f"{kind}: {numbers}", markup=False, soft_wrap=True)
    out.print(f"hash {found.hash()}", markup=False, soft_wrap=True)
    if output is not None:
        out.print(f"policy: {output}", markup=False, soft_wrap=True)


@command.command(epilog="Example: plimsoll controller evaluate --episodes 40 --html controller.html")
@click.option("--policy", "policies", multiple=True, metavar="NAME|FILE", help="A shipped or frozen one; default: all.")
@click.option("--base", default="rule", show_default=True, metavar="NAME", help="What the others are compared with.")
@history_options
@click.option("--since", metavar="TIME", help="Recorded episodes begin at or after it (ISO 8601).")
@click.option("--episodes", default=20, show_default=True, type=click.IntRange(0, 100_000), help="Drawn, held out.")
@click.option("--sensitivity", is_flag=True, help="The drawn episodes again at other elasticities of volume.")
@click.option("--html", metavar="FILE", help="Write a page with pictures.")
@json_option
def evaluate(
    policies: tuple[str, ...],
    base: str,
    history: str | None,
    assets: tuple[str, ...],
    terms: str | None,
    since: str | None,
    episodes: int,
    sensitivity: bool,
    html: str | None,
    as_json: bool,
) -> None:
    """Frozen policies on the same held-out episodes: each term apart, and the difference from --base with its interval.

    A recorded history is run in episodes and as a whole, which tells how a rate went with the market. Needs no library
    beyond the package. Ends with 1 where a rate broke a bound.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.control.courses import HELD_OUT, drawn_courses
    from plimsoll.control.evaluation import evaluation
    from plimsoll.documents import refuse
    from plimsoll.market.history import instant_ns

    rules = _terms(terms)
    chosen = [_policy(p) for p in policies or NAMES]
    called = [p.name for p in chosen]
    if len(set(called)) < len(called):
        raise refuse("--policy", ", ".join(called), "policies of different names (`train --name`)")
    if base not in called:
        raise refuse("--base", base, f"one of the policies ({', '.join(called)})")
    if not episodes and (history is None or sensitivity):
        raise refuse("--episodes", 0, "at least 1 without --history, or with --sensitivity")
    if since is not None and history is None:
        raise refuse("--since", since, "nothing without --history")
    start = None if since is None else instant_ns(since, "--since")
    drawn = drawn_courses(rules, range(HELD_OUT, HELD_OUT + episodes))
    records = _records(history, assets, rules)
    several = ELASTICITIES if sensitivity else ()
    with late_bar() as bar:
        found = evaluation(chosen, rules, base, drawn, records, since=start, elasticity=several, told=bar)
    if html is not None:
        from plimsoll.report.controller_page import controller_page

        write_text(html, controller_page(found), "--html")
    if as_json:
        print_json(found.to_dict())
    else:
        from plimsoll.report.controller_view import controller_view

        out = console()
        out.print(controller_view(found))
        if html is not None:
            out.print(f"\npage: {html}", markup=False, soft_wrap=True)
    if found.violated:
        click.get_current_context().exit(1)


def _terms(path: str | None) -> ControlTerms:
    from plimsoll.control.terms import ControlTerms

    return ControlTerms() if path is None else ControlTerms.load(path)


def _policy(text: str) -> FrozenPolicy:
    from plimsoll.control.policies import FrozenPolicy, shipped

    return shipped(text) if text in NAMES else FrozenPolicy.load(text)


def _records(
    path: str | None, assets: tuple[str, ...], terms: ControlTerms, *, until: str | None = None
) -> list[Record]:
    """Recorded histories in the steps of the terms, up to `until`."""
    from plimsoll.control.courses import Record
    from plimsoll.documents import refuse
    from plimsoll.feeds import read_bars
    from plimsoll.market.history import instant_ns

    if path is None:
        if assets:
            raise refuse("--asset", assets[0], "nothing without --history")
        return []
    bars = read_bars(path, name=assets[0] if len(assets) == 1 else "asset").history
    wanted = assets or bars.names
    unknown = [a for a in wanted if a not in bars.names]
    if unknown:
        raise refuse("--asset", unknown[0], f"one of {', '.join(bars.names)}", path)
    last = int(bars.times[-1]) if until is None else instant_ns(until, "--until")
    found = [Record.of(a, bars.times, bars.series(a), terms) for a in wanted]
    return [r.between(int(r.times[0]), last + 1) for r in found]
