"""`plimsoll optimise`: the least margin for the same exposure. Each subcommand has a file of its own."""

from __future__ import annotations

import click

from plimsoll.cli.optimise_buffer import buffer, remedies
from plimsoll.cli.optimise_capital import capital
from plimsoll.cli.optimise_collateral import collateral
from plimsoll.cli.optimise_hedge import hedge
from plimsoll.cli.optimise_joint import joint
from plimsoll.cli.optimise_kelly import kelly
from plimsoll.cli.optimise_mva import mva
from plimsoll.cli.optimise_place import place_command
from plimsoll.cli.optimise_rates import rates_command


@click.group(epilog="Example: plimsoll optimise hedge --worth 0.02 --most 4")
def command() -> None:
    """The trades that lower margin, what they cost, and what holds of the answer.

    hedge, place, collateral, joint and the hedge among the remedies need the solver HiGHS:
    pip install 'plimsoll-margin[optimise]'.
    """


for subcommand in (hedge, place_command, collateral, joint, capital, buffer, remedies, kelly, mva, rates_command):
    command.add_command(subcommand)
