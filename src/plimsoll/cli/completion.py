"""`plimsoll completion`: the script that teaches a shell our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command(epilog='Example: eval "$(plimsoll completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for a shell; source it or put it where the shell looks for such scripts."""
    found = get_completion_class(shell)
    assert found is not None
    from plimsoll.cli import LISTING
    from plimsoll.cli._group import LazyGroup

    click.echo(found(LazyGroup.build(LISTING), {}, "plimsoll", "_PLIMSOLL_COMPLETE").source())
