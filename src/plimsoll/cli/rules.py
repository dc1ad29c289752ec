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
        table.add_column(heading, no_wrap=heading == "rules")  # what is typed to name a pack is never cut
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
@click.option("--all", "every", is_flag=True, help="Every parameter that differs, by its path.")
@json_option
def diff(before: str, after: str, every: bool, as_json: bool) -> None:
    """What changes from one pack to another, in words, and whether it is stricter.

    Each change is tried alone on two embedded books, one of Bitcoin and one of Ether: more margin is stricter, less is
    looser. Where neither feels it, `by the rule` means that more of the number always asks for more (or less).
    """
    from plimsoll.feeds import demo_account, demo_market, generated_market, sample_book
    from plimsoll.margin import load_rules
    from plimsoll.margin.changes.differences import Trial, differences

    ether = generated_market(seed=7, underlyings=("ETH",))
    trials = (
        Trial("the demo book", demo_account(), demo_market()),
        Trial("an ETH book", sample_book(ether, 30), ether),
    )
    found = differences(load_rules(before), load_rules(after), trials)
    if as_json:
        print_json(found.to_dict())
        return
    from plimsoll.report.rule_changes import differences_view, leaves_view

    console().print(leaves_view(found) if every else differences_view(found))
