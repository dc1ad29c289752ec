"""`plimsoll rules`: dated rule packs."""

from __future__ import annotations

import click

from plimsoll.cli._common import console, json_option, print_json


@click.group()
def command() -> None:
    """List, show and compare dated rule packs."""


@command.command("list", epilog="Example: plimsoll rules list")
@json_option
def list_packs(as_json: bool) -> None:
    """Every pack that comes with the package."""
    from plimsoll.margin import shipped_packs

    packs = shipped_packs()
    if as_json:
        print_json(
            [
                {
                    "name": p.name,
                    "effective": p.effective.isoformat(),
                    "model": p.model,
                    "title": p.title,
                    "hash": p.hash(),
                }
                for p in packs
            ]
        )
        return
    from rich.table import Table

    table = Table(box=None)
    for heading in ("rules", "title", "currency", "hash"):
        table.add_column(heading)
    for pack in packs:
        table.add_row(pack.label, pack.title, pack.currency, pack.hash()[7:19])
    console().print(table)


@command.command(epilog="Example: plimsoll rules show prbm@2026-03-01")
@click.argument("rules", metavar="NAME@DATE|FILE")
@json_option
def show(rules: str, as_json: bool) -> None:
    """The parameters of one pack with their evidence, and where they were read."""
    from plimsoll.margin import flatten, load_rules, margin_model

    pack = load_rules(rules)
    margin_model(pack)
    if as_json:
        click.echo(pack.to_json(), nl=False)
        return
    from rich.table import Table

    out = console()
    out.print(f"[bold]{pack.label}[/]  {pack.title}  ({pack.currency})")
    for source in pack.sources:
        out.print(f"  source: {source.title}, {source.reference}, captured {source.captured}", markup=False)
        if source.note:
            out.print(f"    {source.note}", markup=False)
    table = Table(box=None)
    table.add_column("parameter")
    table.add_column("value", justify="right")
    table.add_column("evidence")
    for path, value in flatten(pack.parameters).items():
        table.add_row(path, str(value), pack.evidence_for(path))
    out.print(table)
    out.print(f"hash {pack.hash()}")


@command.command(epilog="Example: plimsoll rules diff derive-pmrm2@2025-04-18 derive-pmrm2@2026-01-21")
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@json_option
def diff(before: str, after: str, as_json: bool) -> None:
    """What changes from one pack to another: parameters changed, added and removed."""
    from plimsoll.margin import flatten, load_rules

    old, new = load_rules(before), load_rules(after)
    a, b = flatten(old.parameters), flatten(new.parameters)
    rows = [
        (path, a.get(path), b.get(path)) for path in dict.fromkeys([*a, *b]) if a.get(path, ...) != b.get(path, ...)
    ]
    if as_json:
        print_json(
            {
                "before": old.label,
                "after": new.label,
                "changes": [{"parameter": p, "before": x, "after": y} for p, x, y in rows],
            }
        )
        return
    from rich.table import Table

    out = console()
    out.print(f"{old.label} -> {new.label}: {len(rows)} differences")
    if not rows:
        return
    table = Table(box=None)
    table.add_column("parameter")
    for heading in (old.label, new.label):
        table.add_column(heading, justify="right")
    for path, x, y in rows:
        table.add_row(path, "-" if x is None else str(x), "-" if y is None else str(y))
    out.print(table)
