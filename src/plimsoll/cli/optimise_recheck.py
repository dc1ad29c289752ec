"""`--recheck` and `--allow-riskier`: an answer checked again, and refused where the risk beyond its program grew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.market import Market
    from plimsoll.optimise import Answer, Desk, Placement, TradingTerms, Venue
    from plimsoll.optimise.collateral import CollateralAnswer, CollateralTerms, Wallet
    from plimsoll.optimise.collateral.treasury import Treasury
    from plimsoll.optimise.joint import JointAnswer
    from plimsoll.optimise.minimising import Tell
    from plimsoll.optimise.recheck import Recheck
    from plimsoll.optimise.variation.change import CapitalChange


class Ended(Protocol):
    """An answer of any of the commands."""

    @property
    def status(self) -> str:
        """Among others `refused`."""


@dataclass
class RecheckChoice:
    """What the options of `recheck_options` were given."""

    recheck: bool
    allow_riskier: bool


def recheck_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--recheck/--no-recheck` and `--allow-riskier`.

    The function gets them as the keyword `checking`, a `RecheckChoice`.
    """

    @wraps(function)
    def gathered(recheck: bool, allow_riskier: bool, **values: Any) -> Any:
        return function(checking=RecheckChoice(recheck, allow_riskier), **values)

    made: Callable[..., Any] = gathered
    for add in (
        click.option("--allow-riskier", is_flag=True, help="Keep trades that these checks would refuse."),
        click.option(
            "--recheck/--no-recheck",
            default=True,
            show_default=True,
            help="Held-out draws, stress scenarios and a venue's cascade, before and after.",
        ),
    ):
        made = add(made)
    return made


def rechecked(
    checking: RecheckChoice, desk: Desk, answer: Answer, seed: int, bar: Tell
) -> tuple[Answer, Recheck | None]:
    """The answer, refused where something grew that it was not asked about, and what was found.

    `None` where it was not wanted, or where nothing is traded.
    """
    if not checking.recheck or not any(y.any() for y in answer.trades):
        return answer, None
    from plimsoll.feeds.sample_stage import sample_stage
    from plimsoll.optimise.recheck import recheck_answer, refused

    found = recheck_answer(desk, answer, seed=seed, stage=sample_stage(desk.market, seed=seed), progress=bar)
    if found.passed or checking.allow_riskier:
        return answer, found
    return refused(answer, found), found


def rechecked_placement(
    checking: RecheckChoice,
    market: Market,
    venues: Sequence[Venue],
    found: Placement,
    terms: TradingTerms | None,
    seed: int,
    bar: Tell,
) -> tuple[Placement, Recheck | None]:
    """The same of a placement; one that saves nothing is not looked at."""
    if not checking.recheck or not found.saving > 0.0:
        return found, None
    from plimsoll.feeds.sample_stage import sample_stage
    from plimsoll.optimise.recheck import recheck_placement, refused_placement

    stage = sample_stage(market, seed=seed)
    checked = recheck_placement(market, venues, found, terms, seed=seed, stage=stage, progress=bar)
    if checked.passed or checking.allow_riskier:
        return found, checked
    return refused_placement(found, checked), checked


def rechecked_collateral(
    checking: RecheckChoice, treasury: Treasury, answer: CollateralAnswer, seed: int, bar: Tell
) -> Recheck | None:
    """What was found of moves of collateral; `None` where it was not wanted, or where nothing is moved."""
    if not checking.recheck or not answer.order.moves:
        return None
    from plimsoll.feeds.sample_stage import sample_stage
    from plimsoll.optimise.recheck import recheck_collateral

    stage = sample_stage(treasury.market, seed=seed)
    return recheck_collateral(treasury, answer, seed=seed, stage=stage, progress=bar)


def rechecked_joint(
    checking: RecheckChoice,
    market: Market,
    venues: Sequence[Venue],
    wallets: Sequence[Wallet],
    terms: CollateralTerms,
    answer: JointAnswer,
    seed: int,
    bar: Tell,
) -> tuple[JointAnswer, Recheck | None]:
    """The same of a joint answer, refused where something grew; one that does nothing is not looked at."""
    still = answer.rules == tuple(v.models[0].rules.label for v in venues) and not answer.order.steps
    if not checking.recheck or still:
        return answer, None
    from plimsoll.feeds.sample_stage import sample_stage
    from plimsoll.optimise.recheck import recheck_joint, refused_joint

    stage = sample_stage(market, seed=seed)
    found = recheck_joint(market, venues, wallets, terms, answer, seed=seed, stage=stage, progress=bar)
    if found.passed or checking.allow_riskier:
        return answer, found
    return refused_joint(market, venues, answer, found), found


def checks_of(checked: Recheck | None, change: CapitalChange | None, told: tuple[str, ...]) -> dict[str, Any]:
    """What was checked, as parts of a document."""
    found = {} if checked is None else {"recheck": checked.to_dict()}
    return found | ({} if change is None else {"until_transfer": change.to_dict() | {"paths": list(told)}})


def show_checks(
    checking: RecheckChoice, checked: Recheck | None, change: CapitalChange | None, told: tuple[str, ...]
) -> None:
    """What was checked, as tables."""
    from plimsoll.cli._common import console

    out = console()
    if change is not None:
        from plimsoll.report.capital_view import change_view

        out.print()
        out.print(change_view(change, told))
    if checked is not None:
        from plimsoll.report.recheck_view import recheck_view

        out.print()
        out.print(recheck_view(checked, allowed=checking.allow_riskier))


def end_if_refused(checking: RecheckChoice, answer: Ended, change: CapitalChange | None) -> None:
    """End with 1 where trades were found and refused, or where held-out paths refuse them and that is not allowed."""
    if answer.status == "refused" or (change is not None and not change.holds and not checking.allow_riskier):
        raise click.exceptions.Exit(1)
