"""`plimsoll cascade run`: a fleet through a crash that its own liquidations deepen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, print_json, write_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from plimsoll.scenarios.stress_path import StressPath


@click.command(epilog="Example: plimsoll cascade run --sample 10000 --shock -0.2 --fund 5e6 --html cascade.html")
@click.argument("fleet", metavar="[FLEET]", required=False)
@click.option("--sample", type=click.IntRange(1, 5_000_000), help="Without FLEET: so many random accounts.")
@click.option("--schedule", metavar="FILE", help="Margin rates (rate-schedule); default with --sample: round ones.")
@click.option("--venue", metavar="FILE", help="How the venue closes and pays (cascade-venue); default: the house's.")
@click.option("--fund", type=float, help="Insurance fund in USD, in place of the venue's.")
@click.option("--liquidity", metavar="FILE", help="Depth and makers (liquidity); default: what was recorded.")
@click.option("--scenario", metavar="[FILE:]NAME", help="A stress scenario of a file, or a shipped one: march-2020.")
@click.option("--shock", type=float, help="Without --scenario: a move of all prices, such as -0.3.")
@click.option("--minutes", type=float, default=60.0, show_default=True, help="How long the shock takes.")
@click.option("--noise", type=float, default=0.0, show_default=True, help="Volatility a year on the way, drawn.")
@click.option("--hours", type=float, help="How long the path is; default: the scenario's, or an hour after the shock.")
@click.option("--step", "step_seconds", type=float, default=60.0, show_default=True, help="Seconds of a step.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0, 2**31), help="Of delays, noise, sample.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 100_000), help="How many draws.")
@click.option("--thresholds", is_flag=True, help="Search what the venue absorbs, and the shock that it takes.")
@click.option("--html", metavar="FILE", help="Write a page with pictures.")
@json_option
def run(
    fleet: str | None,
    sample: int | None,
    schedule: str | None,
    venue: str | None,
    fund: float | None,
    liquidity: str | None,
    scenario: str | None,
    shock: float | None,
    minutes: float,
    noise: float,
    hours: float | None,
    step_seconds: float,
    seed: int,
    seeds: int,
    thresholds: bool,
    html: str | None,
    as_json: bool,
) -> None:
    """A fleet of accounts through a crash: forced orders move the price, which forces more.

    FLEET is a fleet document (`plimsoll book fleet`). Prices with and without the feedback, what was sold, who paid,
    and over --seeds draws how often the insurance fund lasts. Ends with 1 where the fund was short.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.documents import refuse
    from plimsoll.feeds.sample_fleet import sample_fleet_arrays, sample_schedule
    from plimsoll.laboratory.calm import default_liquidity
    from plimsoll.laboratory.fleet import from_fleet
    from plimsoll.laboratory.liquidity import Liquidity
    from plimsoll.laboratory.policy import StaticRates
    from plimsoll.laboratory.setup import CascadeVenue
    from plimsoll.laboratory.study import study
    from plimsoll.rates.impact import Fleet
    from plimsoll.rates.schedule import RateSchedule

    if (fleet is None) == (sample is None):
        raise refuse("FLEET", fleet, "a fleet document, or --sample with a number of accounts, one of the two")
    if schedule is None and sample is None:
        raise refuse("--schedule", None, "a rate schedule (plimsoll schema rate-schedule) for the accounts of FLEET")
    house = CascadeVenue() if venue is None else CascadeVenue.load(venue)
    if fund is not None:
        house = CascadeVenue.from_dict({**house.to_dict(), "insurance_fund": fund})
    rates = sample_schedule() if schedule is None else RateSchedule.load(schedule)
    arrays = (
        from_fleet(Fleet.load(fleet), house)
        if fleet is not None
        else sample_fleet_arrays(rates, house, sample or 1, seed)
    )
    market = default_liquidity() if liquidity is None else Liquidity.load(liquidity)
    path_of = _paths(scenario, shock, arrays.underlyings, minutes, noise, hours, step_seconds)
    with late_bar() as bar:
        found = study(
            arrays, path_of, market, house, StaticRates(rates),
            seed=seed, draws=seeds, thresholds=thresholds, told=bar,
        )  # fmt: skip
    if html is not None:
        from plimsoll.report.cascade_page import cascade_page

        notes = [f"Rates: {rates.name}.", "Accounts: " + (fleet or f"a random sample of {sample:,}, seed {seed}") + "."]
        write_text(html, cascade_page(found, notes), "--html")
    if as_json:
        print_json(found.to_dict() | ({} if html is None else {"page": html}))
    else:
        from plimsoll.report.cascade_view import cascade_view

        out = console()
        out.print(cascade_view(found))
        if html is not None:
            out.print(f"\npage: {html}", markup=False, soft_wrap=True)
    if found.run.emptied:
        raise click.exceptions.Exit(1)


def _paths(
    scenario: str | None,
    shock: float | None,
    underlyings: tuple[str, ...],
    minutes: float,
    noise: float,
    hours: float | None,
    step_seconds: float,
) -> Callable[[int], StressPath]:
    """The outside world of each seed: a scenario by its name, shipped or of a file, or a plain shock."""
    from plimsoll.documents import refuse

    if (scenario is None) == (shock is None):
        raise refuse("--scenario", scenario, "the name of a scenario, or --shock with a move, one of the two")
    if shock is not None:
        from plimsoll.laboratory.paths import shock_path

        move, after = shock, 60.0 if hours is None else max(0.0, 60.0 * hours - minutes)
        return lambda seed: shock_path(
            move, underlyings, minutes=minutes, step_seconds=step_seconds, after=after, noise=noise, seed=seed
        )
    from plimsoll.scenarios.stress import StressScenarios, shipped_scenarios, stress_path

    file, _, name = (scenario or "").rpartition(":")
    chosen = (StressScenarios.load(file) if file else shipped_scenarios()).named(name)
    drawn = noise if noise > 0.0 else None
    return lambda seed: stress_path(chosen, underlyings, step_seconds, hours=hours, noise=drawn, seed=seed)
