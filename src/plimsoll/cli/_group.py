"""A command group that knows its commands' names and descriptions without importing them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True)
class Listing:
    """A command's name, the line that `--help` shows for it, and the module under `plimsoll.cli` that holds it."""

    name: str
    help: str
    module: str


class LazyGroup(click.Group):
    """Imports a command's module only when the command is run or its own help is asked for."""

    sections: dict[str, list[Listing]]

    @classmethod
    def build(cls, sections: dict[str, list[Listing]]) -> LazyGroup:
        """The `plimsoll` command."""
        group = cls(
            name="plimsoll",
            help="The margin of a book of crypto derivatives: exact venue rules, why, and how far from the line.",
            epilog="Start with `plimsoll demo`. Every command has --help with an example.",
            context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
            no_args_is_help=True,
        )
        group.sections = sections
        group.params.append(
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                help="Show the version and exit.",
                callback=_version,
            )
        )
        return group

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [listing.name for listings in self.sections.values() for listing in listings]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for listings in self.sections.values():
            for listing in listings:
                if listing.name == cmd_name:
                    command = import_module(f"plimsoll.cli.{listing.module}").command
                    assert isinstance(command, click.Command)
                    return command
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}; there are {', '.join(self.list_commands(ctx))}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, listings in self.sections.items():
            with formatter.section(title):
                formatter.write_dl([(listing.name, listing.help) for listing in listings])


def _version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from plimsoll import __version__

        click.echo(f"plimsoll {__version__}")
        ctx.exit()
