"""`plimsoll cascade`: crashes that feed on themselves, and a real one again."""

from __future__ import annotations

import click

from plimsoll.cli.cascade_replay import replay
from plimsoll.cli.cascade_run import run


@click.group(epilog="Example: plimsoll cascade run --sample 10000 --shock -0.2 --fund 5e6")
def command() -> None:
    """Crashes that feed on themselves, and a real one again."""


command.add_command(run)
command.add_command(replay)
