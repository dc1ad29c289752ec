"""`plimsoll token`: API tokens of the service."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json

SCOPES = ("read", "trade-check", "operate", "admin")
FILE = "plimsoll-tokens.json"

tokens_option = click.option("--tokens", default=FILE, show_default=True, metavar="FILE", help="The file of tokens.")


@click.group(epilog="Example: plimsoll token create --tokens demo.db.tokens.json --tenant demo --scope read")
def command() -> None:
    """API tokens of `plimsoll serve`: hashed in a file that only its owner reads; a running service notices changes."""


@command.command(epilog="Example: plimsoll token create --tenant desk --scope trade-check --name robot --days 30")
@tokens_option
@click.option("--tenant", required=True, metavar="NAME", help="Whose accounts it may see.")
@click.option("--scope", type=click.Choice(SCOPES), required=True, help="Each includes those before it.")
@click.option("--name", default="token", show_default=True, metavar="TEXT", help="What it is for.")
@click.option("--days", type=float, default=90.0, show_default=True, help="Days until it expires.")
@click.option("--rate", type=float, default=100.0, show_default=True, help="Requests per second.")
@json_option
def create(tokens: str, tenant: str, scope: str, name: str, days: float, rate: float, as_json: bool) -> None:
    """A new token. It is printed this once, and kept as a salted hash."""
    from plimsoll.serve.tokens import TokenFile

    token, secret = TokenFile(tokens).create(tenant, scope, name=name, days=days, rate=rate)  # type: ignore[arg-type]
    if as_json:
        print_json({"id": token.id, "tenant": tenant, "scope": scope, "secret": secret})
        return
    click.echo(f"{token.id} for {tenant} ({scope}, until {token.expires:%Y-%m-%d}), shown this once:\n{secret}")


@command.command("list", epilog="Example: plimsoll token list --tokens demo.db.tokens.json")
@tokens_option
@json_option
def list_tokens(tokens: str, as_json: bool) -> None:
    """Every token of a file, without its secret."""
    from plimsoll.serve.tokens import TokenFile

    kept = TokenFile(tokens)
    found = kept.all()
    hidden = {"salt", "hash"}
    if as_json:
        print_json([t.model_dump(mode="json", exclude=hidden) for t in found])
        return
    from rich.table import Table

    table = Table(box=None)
    for heading in ("id", "tenant", "scope", "name", "until", "holds"):
        table.add_column(heading, no_wrap=heading != "name")
    now = kept.now()
    for t in found:
        holds = "revoked" if t.revoked is not None else "expired" if t.expires <= now else "yes"
        table.add_row(t.id, t.tenant, t.scope, t.name, f"{t.expires:%Y-%m-%d}", holds)
    console().print(table)


@command.command(epilog="Example: plimsoll token revoke 0123456789ab --tokens demo.db.tokens.json")
@click.argument("token", metavar="ID")
@tokens_option
def revoke(token: str, tokens: str) -> None:
    """Make a token worthless; a running service knows within a second."""
    from plimsoll.serve.tokens import TokenFile

    found = TokenFile(tokens).revoke(token)
    click.echo(f"{found.id} of {found.tenant} is revoked")
