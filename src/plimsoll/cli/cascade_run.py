"""`plimsoll cascade run`: a fleet through a crash that its own liquidations deepen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, print_json, write_text
from plimsoll.cli._fleet import FleetChoice, fleet_options, read_floor

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.laboratory.fleet import FleetArrays
    from plimsoll.scenarios.stress import StressScenario
    from plimsoll.scenarios.stress_path import StressPath


@click.command(epilog="Example: plimsoll cascade run --sample 10000 --shock -0.2 --fund 5e6 --html cascade.html")
@fleet_options
@click.option("--scenario", metavar="[FILE:]NAME", help="A stress scenario of a file, or a shipped one: march-2020.")
@click.option("--shock", type=float, help="Without --scenario: a move of all prices, such as -0.3.")
@click.option("--minutes", type=float, default=60.0, show_default=True, help="How long the shock takes.")
@click.option("--noise", type=float, default=0.0, show_default=True, help="Volatility a year on the way, drawn.")
@click.option("--hours", type=float, help="How long the path is; default: the scenario's, or an hour after the shock.")
@click.option("--step", "step_seconds", type=float, default=60.0, show_default=True, help="Seconds of a step.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31), help="Of delays, noise, sample.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 100_000), help="How many draws.")
@click.option("--thresholds", is_flag=True, help="Search what the venue absorbs, and the shock that it takes.")
@click.option("--sensitivity", is_flag=True, help="The first draw again, with each assumption of the storm at others.")
@click.option("--html", metavar="FILE", help="Write a page with pictures.")
@json_option
def run(
    choice: FleetChoice,
    scenario: str | None,
    shock: float | None,
    minutes: float,
    noise: float,
    hours: float | None,
    step_seconds: float,
    seed: int,
    seeds: int,
    thresholds: bool,
    sensitivity: bool,
    html: str | None,
    as_json: bool,
) -> None:
    """A fleet of accounts through a crash: forced orders move the price, which forces more.

    FLEET is a fleet document (`plimsoll book fleet`). Prices with and without the feedback, what was sold, who paid,
    and over --seeds draws how often the insurance fund lasts. Ends with 1 where the fund was short.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.laboratory.assumed import sensitivity as varied_of
    from plimsoll.laboratory.study import study

    floor = read_floor(choice, seed)
    path_of = _paths(scenario, shock, floor.fleet, minutes, noise, hours, step_seconds, floor.notes)
    world = (floor.fleet, path_of(seed), floor.liquidity, floor.venue, floor.rates)
    with late_bar() as bar:
        found = study(
            floor.fleet, path_of, floor.liquidity, floor.venue, floor.rates,
            seed=seed, draws=seeds, thresholds=thresholds, told=bar,
        )  # fmt: skip
        varied = varied_of(*world, seed=seed, told=bar) if sensitivity else ()
    if html is not None:
        from plimsoll.report.cascade_page import cascade_page

        write_text(html, cascade_page(found, floor.notes, varied), "--html")
    if as_json:
        added = floor.added | ({"sensitivity": [v.to_dict() for v in varied]} if sensitivity else {})
        print_json(found.to_dict() | added | ({} if html is None else {"page": html}))
    else:
        from plimsoll.report.cascade_view import cascade_view

        out = console()
        out.print(cascade_view(found))
        if varied:
            from plimsoll.report.assumed_view import assumed_view

            out.print()
            out.print(assumed_view(varied))
        for note in floor.notes[2:]:
            out.print(note, style="dim", markup=False)
        if html is not None:
            out.print(f"\npage: {html}", markup=False, soft_wrap=True)
    if found.run.emptied:
        raise click.exceptions.Exit(1)


def _paths(
    scenario: str | None,
    shock: float | None,
    fleet: FleetArrays,
    minutes: float,
    noise: float,
    hours: float | None,
    step_seconds: float,
    notes: list[str],
) -> Callable[[int], StressPath]:
    """The outside world of each seed: a scenario by its name, shipped or of a file, or a plain shock."""
    from plimsoll.documents import refuse

    if (scenario is None) == (shock is None):
        raise refuse("--scenario", scenario, "the name of a scenario, or --shock with a move, one of the two")
    if not 0.0 <= noise < float("inf"):
        raise refuse("--noise", noise, "a volatility a year, from zero up")
    if hours is not None and not 0.0 < hours < float("inf"):
        raise refuse("--hours", hours, "hours above zero")
    underlyings = fleet.underlyings
    if shock is not None:
        from plimsoll.laboratory.paths import shock_path

        move, after = shock, 60.0 if hours is None else max(0.0, 60.0 * hours - minutes)
        return lambda seed: shock_path(
            move, underlyings, minutes=minutes, step_seconds=step_seconds, after=after, noise=noise, seed=seed
        )
    from plimsoll.scenarios.stress import stress_path
    from plimsoll.scenarios.stress.shocks import PegShock

    chosen = _named(scenario or "")
    # no contract of a fleet document has a volatility: a shock in points needs some level, and none matters
    levels = dict.fromkeys(underlyings, 0.5)
    # whatever is neither a dollar nor priced as a coin may lose its peg
    pegged = tuple(c for c in fleet.currencies if c != "USD" and c not in underlyings)
    unheld = (lost.currency for lost in chosen.shocks if isinstance(lost, PegShock))
    notes.extend(f"No account holds {c}: its peg moves nothing here." for c in unheld if c not in fleet.currencies)
    drawn = noise if noise > 0.0 else None
    return lambda seed: stress_path(
        chosen, underlyings, step_seconds, hours=hours, currencies=pegged, levels=levels, noise=drawn, seed=seed
    )


def _named(text: str) -> StressScenario:
    """`NAME` of the package, `FILE:NAME`, or a FILE that holds one scenario."""
    from plimsoll.documents import refuse
    from plimsoll.scenarios.stress import StressScenarios, shipped_scenarios

    if not Path(text).is_file():
        file, _, name = text.rpartition(":")
        return (StressScenarios.load(file) if file else shipped_scenarios()).named(name)
    found = StressScenarios.load(text)
    if len(found) == 1:
        return found.scenarios[0]
    names = ", ".join(s.name for s in found.scenarios[:3])
    raise refuse("--scenario", text, f"FILE:NAME with one of its {len(found):,} names: {names}, ...")
