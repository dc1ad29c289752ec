"""`plimsoll cascade`: crashes that feed on themselves, and a real one again."""

from __future__ import annotations

import click

from plimsoll.cli.cascade_replay import replay


@click.group(epilog="Example: plimsoll cascade replay --positions positions.parquet")
def command() -> None:
    """Crashes that feed on themselves, and a real one again."""


command.add_command(replay)
