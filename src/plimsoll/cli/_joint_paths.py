"""Joint paths of what a book depends on, for commands that ask how likely something is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plimsoll.cli._durations import horizon_days

if TYPE_CHECKING:
    from plimsoll.market import Market
    from plimsoll.scenarios.factors import FactorHistory
    from plimsoll.scenarios.paths import JointPaths

F = TypeVar("F", bound=Callable[..., Any])

PATHS = 4_000
"""Joint paths of every command that draws them, unless `--paths` says more or fewer."""


def path_options(days: float) -> Callable[[F], F]:
    """`--history`, `--horizon` (the function gets days), `--paths`, `--seed`."""

    def add(function: F) -> F:
        options = (
            click.option("--history", multiple=True, metavar="[NAME=]FILE", help="Bars; default: generated ones."),
            click.option(
                "--horizon",
                "--days",
                "days",
                default=f"{days:g}d",
                show_default=True,
                metavar="3d|12h",
                callback=lambda _context, _option, text: horizon_days(text),
                help="How far the paths go.",
            ),
            click.option("--paths", "size", default=PATHS, show_default=True, help="Joint paths."),
            click.option(
                "--seed",
                default=1,
                show_default=True,
                metavar="INTEGER",
                type=click.IntRange(0, 2**31),
                help="The same seed draws the same paths.",
            ),
        )
        for option in reversed(options):
            function = option(function)
        return function

    return add


def factor_history(history: tuple[str, ...], market: Market, underlyings: Sequence[str]) -> tuple[FactorHistory, str]:
    """The history of some underlyings and of their implied volatilities where it has them; what it is in words.

    Raises `DocumentError` naming an underlying without a history.
    """
    from plimsoll.cli.risk import read_histories
    from plimsoll.documents import refuse
    from plimsoll.scenarios.factors import FactorHistory
    from plimsoll.scenarios.moves import IV

    if not underlyings:
        raise refuse("account", "nothing that moves", "a position, or a coin as collateral")
    known, told = read_histories(history, market)
    missing = [u for u in underlyings if u not in known.names]
    if missing:
        raise refuse("--history", f"none of {missing[0]}", "bars of every underlying: " + ", ".join(underlyings))
    names = [n for u in underlyings for n in (u, u + IV) if n in known.names]
    return FactorHistory.of_levels(known, tuple(names)), told


def drawn_paths(factors: FactorHistory, days: float, size: int, seed: int) -> JointPaths:
    """Filtered history to so many days, every step kept; implied volatilities without a history by the assumed law."""
    from plimsoll.documents import refuse
    from plimsoll.liquidation.passage.laws import DECAY
    from plimsoll.risk.engine import volatility
    from plimsoll.scenarios.moves import IvLaw
    from plimsoll.scenarios.path_makers import filtered_joint_paths

    if not 2 <= size <= 1_000_000:
        raise refuse("--paths", size, "2 to 1,000,000")
    if not 0.0 < days <= 400.0:
        raise refuse("--horizon", f"{days:g} days", "above 0 and at most 400")
    steps, decay = max(1, round(days / factors.step_days)), float(DECAY**factors.step_days)
    return filtered_joint_paths(
        factors.names,
        factors.returns,
        volatility(factors.returns, decay),
        size=size,
        decay=decay,
        seed=seed,
        steps=steps,
        step_days=factors.step_days,
        iv=IvLaw(),
    )
