"""`plimsoll stress venue`: the smallest shock that empties a venue's fund in a cascade."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json
from plimsoll.cli._fleet import FleetChoice, fleet_options, read_floor


@click.command(epilog="Example: plimsoll stress venue --sample 2000 --fund 5e6 --history daily.parquet")
@fleet_options
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
    choice: FleetChoice,
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
    from plimsoll.cli._durations import days_of
    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.stress import read_prices
    from plimsoll.laboratory.reverse import reverse_stress
    from plimsoll.laboratory.reverse_book import factors_of
    from plimsoll.laboratory.reverse_venue import FundLeft

    floor = read_floor(choice, seed)
    coins, house = floor.fleet.underlyings, floor.venue
    factors = factors_of(read_prices(history, coins), coins, days_of(horizon))
    left = FundLeft(
        floor.fleet, floor.liquidity, house, floor.rates, factors.names, minutes=minutes, seeds=range(seeds)
    )
    with late_bar() as bar:
        found = reverse_stress(
            left, factors.names, factors.covariance, reach=reach, rays=rays, steps=30, starts=2, rounds=8, seed=seed,
            progress=bar,
        )  # fmt: skip
    if as_json:
        print_json(
            {"insurance_fund": house.insurance_fund, "horizon_days": factors.days, **found.to_dict(), **floor.added}
        )
        return
    from plimsoll.report.stress_view import reverse_view

    what = f"empties the fund of {house.name}"
    console().print(reverse_view(found, what, factors.days))
