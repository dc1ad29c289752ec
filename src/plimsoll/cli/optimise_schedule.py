"""`--schedule` and its kin: the ticket of an answer over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from plimsoll.cli._durations import seconds_of

if TYPE_CHECKING:
    from plimsoll.optimise import Answer, Desk
    from plimsoll.optimise.execution import ExecutionTerms, Schedule
    from plimsoll.optimise.minimising import Tell


@dataclass
class ScheduleChoice:
    """What the options of `schedule_options` were given."""

    schedule: str | None
    slices: int | None
    execution: str | None
    risk_aversion: float | None
    schedule_output: str | None


def schedule_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--schedule`, `--slices`, `--execution`, `--risk-aversion` and `--schedule-output`.

    The function gets them as the keyword `timing`, a `ScheduleChoice`.
    """

    @wraps(function)
    def gathered(**values: Any) -> Any:
        given = ScheduleChoice(**{f.name: values.pop(f.name) for f in fields(ScheduleChoice)})
        return function(timing=given, **values)

    made: Callable[..., Any] = gathered
    for add in reversed(
        (
            click.option("--schedule", metavar="TIME", help="Trade the ticket over this time: 90s, 30m, 2h, 1d."),
            click.option("--slices", type=click.IntRange(1, 200), help="Of --schedule; default: 12."),
            click.option(
                "--execution", metavar="FILE", help="Terms of --schedule (`plimsoll schema execution-terms`)."
            ),
            click.option("--risk-aversion", type=float, help="Dollars that a dollar squared of variance is worth."),
            click.option("--schedule-output", metavar="FILE", help="Draw the schedule (.png or .svg)."),
        )
    ):
        made = add(made)
    return made


def schedule_terms(timing: ScheduleChoice) -> tuple[float, ExecutionTerms] | None:
    """Seconds and terms of the schedule that was asked for, read before anything is solved; `None` without one.

    Raises `DocumentError` for what they may not be, and for an option of a schedule without `--schedule`.
    """
    from plimsoll.documents import refuse
    from plimsoll.optimise.execution import ExecutionTerms

    if timing.schedule is None:
        for field in fields(ScheduleChoice):
            value = getattr(timing, field.name)
            if value is not None:
                raise refuse(f"--{field.name.replace('_', '-')}", value, "--schedule with it, and a ticket to trade")
        return None
    terms = ExecutionTerms() if timing.execution is None else ExecutionTerms.load(timing.execution)
    if timing.risk_aversion is not None:
        terms = ExecutionTerms.from_dict(terms.to_dict() | {"risk_aversion": timing.risk_aversion})
    return seconds_of(timing.schedule), terms


def scheduled(
    timing: ScheduleChoice,
    given: tuple[float, ExecutionTerms] | None,
    desk: Desk,
    answer: Answer,
    seed: int,
    bar: Tell,
) -> Schedule | None:
    """The schedule that was asked for; `None` where none was, or where there is nothing to trade."""
    if given is None or not any(y.any() for y in answer.trades):
        return None
    from plimsoll.laboratory.calm import default_liquidity
    from plimsoll.optimise.execution import make_schedule

    seconds, terms = given
    return make_schedule(
        desk,
        answer.trades,
        seconds=seconds,
        slices=timing.slices or 12,
        terms=terms,
        liquidity=default_liquidity(),
        seed=seed,
        progress=bar,
    )


def draw_schedule(timing: ScheduleChoice, found: Schedule | None) -> None:
    """The picture, where one was asked for."""
    if timing.schedule_output is None:
        return
    from plimsoll.documents import refuse
    from plimsoll.report.canvas import save
    from plimsoll.report.schedule_figure import schedule_figure

    if found is None:
        raise refuse("--schedule-output", timing.schedule_output, "--schedule with it, and a ticket to trade")
    save(schedule_figure(found), timing.schedule_output)


def show_schedule(found: Schedule | None) -> None:
    """The schedule as a table, where there is one."""
    if found is None:
        return
    from plimsoll.cli._common import console
    from plimsoll.report.schedule_view import schedule_view

    out = console()
    out.print()
    out.print(schedule_view(found))
