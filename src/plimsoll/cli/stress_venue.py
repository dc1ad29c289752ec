"""`plimsoll stress venue`: the smallest shock that empties a venue's fund in a cascade."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json


@click.command(epilog="Example: plimsoll stress venue --sample 2000 --fund 5e6 --history daily.parquet")
@click.argument("fleet", metavar="[FLEET]", required=False)
@click.option("--sample", type=click.IntRange(1, 5_000_000), help="Without FLEET: so many random accounts.")
@click.option("--schedule", metavar="FILE", help="Margin rates (rate-schedule); default with --sample: round ones.")
@click.option("--venue", metavar="FILE", help="How the venue closes and pays (cascade-venue); default: the house's.")
@click.option("--fund", type=float, help="Insurance fund in USD, in place of the venue's.")
@click.option("--liquidity", metavar="FILE", help="Depth and makers (liquidity); default: what was recorded.")
@click.option("--history", multiple=True, required=True, metavar="[NAME=]FILE", help="Bars: what an ordinary move is.")
@click.option("--horizon", metavar="1d|12h", default="1d", show_default=True, help="Of the ordinary move.")
@click.option("--minutes", type=int, default=30, show_default=True, help="How long a shock takes.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 1000), help="Draws; the worst counts.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0, 2**31), help="Of the search and the sample."
)
@click.option("--reach", type=float, default=15.0, show_default=True, help="Largest size looked at.")
@click.option("--rays", type=int, default=32, show_default=True, help="Directions of the grid.")
@json_option
def venue_command(
    fleet: str | None,
    sample: int | None,
    schedule: str | None,
    venue: str | None,
    fund: float | None,
    liquidity: str | None,
    history: tuple[str, ...],
    horizon: str,
    minutes: int,
    seeds: int,
    seed: int,
    reach: float,
    rays: int,
    as_json: bool,
) -> None:
    """The smallest joint move of prices that empties a venue's insurance fund, each a whole cascade.

    FLEET is a fleet document (`plimsoll book fleet`). The shock comes evenly over --minutes; size is the Mahalanobis
    distance under the history's covariance, as in `stress reverse`.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.risk import parse_horizon
    from plimsoll.cli.stress import read_prices
    from plimsoll.documents import refuse
    from plimsoll.feeds.sample_fleet import sample_fleet_arrays, sample_schedule
    from plimsoll.laboratory.calm import default_liquidity
    from plimsoll.laboratory.fleet import from_fleet
    from plimsoll.laboratory.liquidity import Liquidity
    from plimsoll.laboratory.policy import StaticRates
    from plimsoll.laboratory.reverse import reverse_stress
    from plimsoll.laboratory.reverse_book import factors_of
    from plimsoll.laboratory.reverse_venue import FundLeft
    from plimsoll.laboratory.setup import CascadeVenue
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
    if fleet is not None:
        arrays = from_fleet(Fleet.load(fleet), house)
    else:
        arrays = sample_fleet_arrays(rates, house, sample or 1, seed)
    market = default_liquidity() if liquidity is None else Liquidity.load(liquidity)
    factors = factors_of(read_prices(history, arrays.underlyings), arrays.underlyings, parse_horizon(horizon))
    left = FundLeft(arrays, market, house, StaticRates(rates), factors.names, minutes=minutes, seeds=range(seeds))
    with late_bar() as bar:
        found = reverse_stress(
            left, factors.names, factors.covariance, reach=reach, rays=rays, steps=30, starts=2, rounds=8, seed=seed,
            progress=bar,
        )  # fmt: skip
    if as_json:
        print_json({"insurance_fund": house.insurance_fund, "horizon_days": factors.days, **found.to_dict()})
        return
    from plimsoll.report.stress_view import reverse_view

    what = f"empties the fund of {house.name}"
    console().print(reverse_view(found, what, factors.days))
