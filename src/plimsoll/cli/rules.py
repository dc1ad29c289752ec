"""`plimsoll rules`: dated rule packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import (
    console,
    held_as,
    json_option,
    linear,
    load_account,
    load_market,
    market_option,
    mode_option,
    print_json,
    same_exposure_option,
)

if TYPE_CHECKING:
    from plimsoll.margin.account import Mode


@click.group()
def command() -> None:
    """List, show, compare and import dated rule packs, and say whom a change hits."""


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
                    "until": None if p.until is None else p.until.isoformat(),
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
    for heading in ("rules", "until", "title", "currency", "hash"):
        table.add_column(heading, no_wrap=heading != "title")
    for pack in packs:
        until = "" if pack.until is None else pack.until.isoformat()
        table.add_row(pack.label, until, pack.title, pack.currency, pack.hash()[7:19])
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
    out.print(f"[bold]{pack.label}[/]  {pack.title}  ({pack.currency}), in force {pack.span}")
    for note in pack.notes:
        out.print(f"  note: {note}", markup=False)
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


@command.command(
    epilog="Example: plimsoll rules impact derive-srm@2025-04-18 new.json -m market.json -a one.json -a two.json"
)
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@market_option
@click.option("--account", "-a", "accounts", required=True, multiple=True, metavar="FILE", help="May be repeated.")
@click.option("--lines/--no-lines", default=True, show_default=True, help="Also search for each account's line.")
@same_exposure_option
@mode_option
@json_option
@click.pass_context
def impact(
    ctx: click.Context,
    before: str,
    after: str,
    market: str,
    accounts: tuple[str, ...],
    lines: bool,
    same_exposure: bool,
    mode: Mode | None,
    as_json: bool,
) -> None:
    """What an announced change does to accounts: requirement, health and line before and after, worst hit first.

    AFTER may be a file that is not in force yet. Exits with 2 when no account could be margined under both.
    """
    from plimsoll.cli._progress import late_bar
    from plimsoll.liquidation.announced import announced
    from plimsoll.margin import load_rules, margin_model

    packs = load_rules(before), load_rules(after)
    held, snapshot = [load_account(path) for path in accounts], load_market(market)
    if same_exposure:
        # the linear contracts are those of the market, whatever an account holds of them
        found_in = [linear(margin_model(packs[0]), a, snapshot) for a in held]
        held, snapshot = [a for a, _ in found_in], found_in[0][1]
    if mode is not None:
        held = [held_as(margin_model(packs[0]), a, snapshot, False, mode)[0] for a in held]
    named = [a if a.name else a.model_copy(update={"name": p}) for a, p in zip(held, accounts, strict=True)]
    with late_bar() as bar:
        found = announced(named, snapshot, *packs, lines=lines, progress=bar)
    if as_json:
        print_json(found.to_dict())
    else:
        from plimsoll.report.announced import announced_view

        console().print(announced_view(found))
    if all(h.after is None for h in found.hits):
        ctx.exit(2)


@command.group("import")
def imports() -> None:
    """Make rule packs from files of venues."""


@imports.command(
    "binance-tiers",
    epilog="Example: plimsoll rules import binance-tiers leverage_tiers.json.gz -o packs --effective 2024-10-24",
)
@click.argument("file", metavar="FILE")
@click.option("--output", "-o", required=True, metavar="DIR", help="Folder for the packs; made if it is not there.")
@click.option("--effective", metavar="DAY", help="Day from which the brackets hold; default: today (UTC).")
@click.option("--reference", default="", metavar="TEXT", help="Where the file is from; default: its name.")
@click.option("--leverage", default=20.0, show_default=True, help="Leverage of positions for which none is chosen.")
@json_option
def binance_tiers(file: str, output: str, effective: str | None, reference: str, leverage: float, as_json: bool) -> int:
    """Leverage brackets of Binance futures (ccxt's map or the venue's answer, gzipped or not) into rule packs.

    Every `cum` is recomputed from floors and rates. Exit 0: all of them follow, and a pack that `--rules` takes is
    written for each kind of futures; 1: some do not, nothing is written; 2: a file that is no such table.
    """
    from datetime import UTC, datetime
    from pathlib import Path

    from plimsoll.cli._common import write_text
    from plimsoll.documents import parse_day, refuse
    from plimsoll.margin import margin_model
    from plimsoll.margin.venues.binance.brackets import read_brackets

    today = datetime.now(UTC).date()
    try:
        day = today if effective is None else parse_day(effective)
    except ValueError as error:
        raise refuse("--effective", effective, str(error)) from None
    if not 1.0 <= leverage <= 1000.0:
        raise refuse("--leverage", leverage, "a number from 1 to 1000")
    brackets = read_brackets(file)
    worst, wrong = brackets.checked()
    written = []
    if not wrong:
        folder = Path(output)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refuse("--output", f"{output} ({error.strerror})", "a folder that can be made") from None
        for pack in brackets.packs(day, today, reference or Path(file).name, leverage):
            margin_model(pack)
            written.append(str(folder / f"{pack.label}.json"))
            write_text(written[-1], pack.to_json())
    if as_json:
        mismatches = [
            {"symbol": w.symbol, "bracket": w.bracket, "cum": float(w.published), "follows": float(w.follows)}
            for w in wrong
        ]
        content = {"symbols": brackets.symbols, "brackets": brackets.count, "worst_error": float(worst)}
        print_json(content | {"mismatches": mismatches, "packs": written})
        return 1 if wrong else 0
    click.echo(f"{brackets.symbols} symbols, {brackets.count} brackets, worst error {worst.normalize():f}")
    for w in wrong:
        click.echo(f"  {w.symbol} bracket {w.bracket}: cum {w.published}, but {w.follows.normalize():f} follows")
    for path in written:
        click.echo(path)
    return 1 if wrong else 0


@imports.command("span", epilog="Example: plimsoll rules import span cme.20260130.s.spn -o packs")
@click.argument("file", metavar="FILE")
@click.option("--output", "-o", required=True, metavar="DIR", help="Folder for the pack; made if it is not there.")
@click.option("--reference", default="", metavar="TEXT", help="Where the file is from; default: its name.")
@json_option
def span(file: str, output: str, reference: str, as_json: bool) -> None:
    """Risk arrays of a clearing house (spanFile in XML, or our JSON form) into a rule pack of that day.

    Positions under it are in the contracts of the file, by its names; see the page of the rules of SPAN.
    """
    from pathlib import Path

    from plimsoll.cli._common import write_text
    from plimsoll.documents import refuse
    from plimsoll.margin import margin_model
    from plimsoll.margin.house.span_file import read_span

    pack = read_span(file, reference)
    parameters = margin_model(pack).parameters
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refuse("--output", f"{output} ({error.strerror})", "a folder that can be made") from None
    written = str(folder / f"{pack.label}.json")
    write_text(written, pack.to_json())
    counts = {"commodities": len(parameters.commodities), "contracts": len(parameters.contracts)}
    if as_json:
        print_json({"date": pack.effective.isoformat(), "currency": pack.currency, **counts, "pack": written})
        return
    click.echo(f"{counts['commodities']} combined commodities, {counts['contracts']} contracts of {pack.effective}")
    click.echo(written)
