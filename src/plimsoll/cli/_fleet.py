"""A fleet, its venue, its depth and its rates, as the options of `cascade run` and `stress venue` name them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from plimsoll.laboratory.fleet import FleetArrays
    from plimsoll.laboratory.liquidity import Liquidity
    from plimsoll.laboratory.policy import CascadeRates
    from plimsoll.laboratory.setup import CascadeVenue
    from plimsoll.rates.schedule import RateSchedule


@dataclass
class FleetChoice:
    """What the options of `fleet_options` were given."""

    fleet: str | None
    sample: int | None
    schedule: str | None
    venue: str | None
    fund: float | None
    liquidity: str | None
    avsl: str | None
    grace: float
    cavb: str | None


def fleet_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """FLEET, `--sample`, `--schedule`, `--venue`, `--fund`, `--liquidity`, `--avsl`, `--grace` and `--cavb`.

    The function gets them as a `FleetChoice`, before its own options.
    """

    @wraps(function)
    def gathered(**values: Any) -> Any:
        given = FleetChoice(**{f.name: values.pop(f.name) for f in fields(FleetChoice)})
        return function(given, **values)

    made: Callable[..., Any] = gathered
    for add in reversed(
        (
            click.argument("fleet", metavar="[FLEET]", required=False),
            click.option("--sample", type=click.IntRange(1, 5_000_000), help="Without FLEET: random accounts."),
            click.option("--schedule", metavar="FILE", help="Rates (rate-schedule); with --sample: round ones."),
            click.option("--venue", metavar="FILE", help="How the venue closes and pays (cascade-venue)."),
            click.option("--fund", type=float, help="Insurance fund in USD, in place of the venue's."),
            click.option("--liquidity", metavar="FILE", help="Depth and makers (liquidity); default: as recorded."),
            click.option("--avsl", metavar="house|FILE", help="Maintenance follows volatility (threshold-rule)."),
            click.option(
                "--grace", type=click.FloatRange(0.0), default=60.0, show_default=True,
                help="Minutes of an account between the base and the raised line of --avsl.",
            ),
            click.option("--cavb", metavar="house|FILE", help="Each brings its crowding add-on too (crowding-rule)."),
        )
    ):  # fmt: skip
        made = add(made)
    return made


@dataclass
class Floor:
    """The accounts of a venue with all that a cascade of them needs; `notes` are sentences that say which they are."""

    fleet: FleetArrays
    venue: CascadeVenue
    liquidity: Liquidity
    schedule: RateSchedule
    rates: CascadeRates
    notes: list[str]
    added: dict[str, Any] = field(default_factory=dict)


def read_floor(given: FleetChoice, seed: int) -> Floor:
    """Read or draw them. Raises `DocumentError` for a choice that is missing, doubled or out of its range."""
    from plimsoll.documents import refuse
    from plimsoll.feeds.sample_fleet import sample_fleet_arrays, sample_schedule
    from plimsoll.laboratory.calm import default_liquidity
    from plimsoll.laboratory.fleet import from_fleet
    from plimsoll.laboratory.liquidity import Liquidity
    from plimsoll.laboratory.policy import StaticRates
    from plimsoll.laboratory.setup import CascadeVenue
    from plimsoll.rates.impact import Fleet
    from plimsoll.rates.schedule import RateSchedule

    if (given.fleet is None) == (given.sample is None):
        raise refuse("FLEET", given.fleet, "a fleet document, or --sample with a number of accounts, one of the two")
    if given.schedule is None and given.sample is None:
        raise refuse("--schedule", None, "a rate schedule (plimsoll schema rate-schedule) for the accounts of FLEET")
    house = CascadeVenue() if given.venue is None else CascadeVenue.load(given.venue)
    if given.fund == 0.0:
        raise refuse("--fund", 0.0, "an amount above zero: without a fund none is emptied; leave it out for that")
    if given.fund is not None:
        house = CascadeVenue.from_dict({**house.to_dict(), "insurance_fund": given.fund})
    schedule = sample_schedule() if given.schedule is None else RateSchedule.load(given.schedule)
    if given.fleet is not None:
        arrays, told = from_fleet(Fleet.load(given.fleet), house), given.fleet
    else:
        arrays = sample_fleet_arrays(schedule, house, given.sample or 1, seed)
        told = f"a random sample of {given.sample:,}, seed {seed}"
    liquidity = default_liquidity() if given.liquidity is None else Liquidity.load(given.liquidity)
    notes = [f"Rates: {schedule.name}.", f"Accounts: {told}."]
    floor = Floor(arrays, house, liquidity, schedule, StaticRates(schedule), notes)
    if given.cavb is not None:
        _crowding(floor, given.cavb)
    if given.avsl is not None:
        _raised(floor, given.avsl, given.grace)
    return floor


def _raised(floor: Floor, named: str, grace: float) -> None:
    """Maintenance follows the volatility of the marks; who is only below the raised line has `grace` minutes."""
    from plimsoll.laboratory.policy import RaisedRates
    from plimsoll.margin.avsl import ThresholdRule

    rule = ThresholdRule() if named == "house" else ThresholdRule.load(named)
    floor.rates = RaisedRates(floor.rates, rule, grace=60.0 * grace)
    floor.added["avsl"] = {"rule": rule.to_dict(), "grace_minutes": grace}
    floor.notes.append(f"Maintenance follows volatility up to {rule.cap:g} times, {grace:g} minutes of grace.")


def _crowding(floor: Floor, named: str) -> None:
    """Every account, an owner of its own, brings its add-on beside its equity before anything happens."""
    from plimsoll.laboratory.cascade import cascade
    from plimsoll.laboratory.crowding.charges import charges, curves_of
    from plimsoll.laboratory.crowding.contest import paid_in
    from plimsoll.laboratory.paths import shock_path
    from plimsoll.margin.cavb import CrowdingRule

    rule = CrowdingRule() if named == "house" else CrowdingRule.load(named)
    # the curves are those of the accounts before the first step, so any path gives them
    still = shock_path(1e-9, floor.fleet.underlyings, minutes=1.0, after=0.0)
    before = cascade(floor.fleet, still, floor.liquidity, floor.venue, floor.rates)
    found = charges(rule, curves_of(before, floor.rates, floor.liquidity), floor.fleet, floor.schedule)
    usd = found.at(rule.beta)
    floor.fleet = paid_in(floor.fleet, usd)
    total, initial = float(usd.sum()), float(found.initial.sum())
    floor.added["cavb"] = {"rule": rule.to_dict(), "total": total, "initial": initial, "charged": int((usd > 0).sum())}
    part = total / initial if initial > 0.0 else 0.0
    floor.notes.append(f"Crowding add-on: accounts bring {total:,.0f} USD more, {part:.2%} of their initial margin.")
