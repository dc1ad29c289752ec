"""`plimsoll audit`: a ledger verified, computed again, exported, and one account out of it checked by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from plimsoll.cli._common import console, json_option, print_json, write_text
from plimsoll.cli._progress import late_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plimsoll.ledger import Entry
    from plimsoll.ledger.verify import Fault
    from plimsoll.live.certified import CertifiedAccount

SHOWN = 20
"""Faults in a table; all of them with --json."""

PLACE = "FILE|postgresql://..."


@click.group()
def command() -> None:
    """Audit a ledger: what `plimsoll margin --record` wrote."""


def place_argument(function: Any) -> Any:
    """The ledger."""
    return click.argument("place", metavar=PLACE)(function)


@command.command(epilog="Example: plimsoll audit log book.db")
@place_argument
@click.option("--last", type=click.IntRange(1), default=20, show_default=True, help="How many records, the newest.")
@json_option
def log(place: str, last: int, as_json: bool) -> None:
    """The last records: number, time, kind, what was charged, hash."""
    from plimsoll.ledger import Ledger

    with Ledger.existing(place) as ledger:
        entries = list(ledger.entries(max(0, ledger.head()[0] - last)))
    if as_json:
        print_json([{"seq": e.seq, "hash": e.hash, "previous": e.previous, **e.read} for e in entries])
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table("#", box=SIMPLE_HEAD)
    for name in ("time", "what", "initial", "cert.", "hash"):
        table.add_column(name, no_wrap=name != "what")
    for entry in entries:
        content = entry.content
        charged = content.get("charged") or {}
        words = f"{content.get('account') or ''} {content.get('rules') or ''}".strip() or entry.stream
        certified = "" if not charged else "yes" if content["certificate"] else "no"
        amount = f"{charged['initial'] / 10 ** charged['decimals']:,.2f} {content['currency']}" if charged else ""
        time = entry.time[:16].replace("T", " ")
        words = words if charged else f"{entry.kind} {words}"
        table.add_row(str(entry.seq), time, words, amount, certified, entry.hash[:8])
    console().print(table)


@command.command(epilog="Example: plimsoll audit verify book.db --head 5b1c...")
@place_argument
@click.option("--head", metavar="HASH", help="The hash of the last record as it was published.")
@click.option(
    "--archive", "archives", multiple=True, metavar="FILE", help="Parquet of earlier records; may be given often."
)
@click.option(
    "--integers-only", is_flag=True, help="Leave out the arrays: no model is run, only the second calculator."
)
@json_option
def verify(place: str, head: str | None, archives: tuple[str, ...], integers_only: bool, as_json: bool) -> int:
    """Find a changed byte, and compute every certificate again.

    The chain and every column are held to the hashes; the integers are computed again from the recorded array, bit for
    bit; the arrays and charges again from the recorded account, market and rules, within one unit. Exit code 1 where
    anything differs, each fault with its table, record and field.
    """
    from plimsoll.ledger import Ledger
    from plimsoll.ledger.archive import Archive, Joined
    from plimsoll.ledger.margins import check_margins
    from plimsoll.ledger.verify import verify as verified

    with Ledger.existing(place) as ledger, late_bar() as bar:
        chain = verified(Joined(*map(Archive, archives), ledger) if archives else ledger, head)
        margins = check_margins(ledger, not integers_only, bar)
    faults = [*chain.faults, *margins.faults]
    if as_json:
        print_json(
            {
                "records": chain.records,
                "documents": chain.documents,
                "first": chain.first,
                "head": chain.head,
                "margins": margins.records,
                "integers": margins.integers,
                "arrays": margins.arrays,
                "identical": margins.identical,
                "furthest": margins.furthest,
                "faults": [vars(fault) for fault in faults],
            }
        )
        return 1 if faults else 0
    out = console()
    out.print(f"{chain.records:,} records from number {chain.first}, {chain.documents:,} documents", highlight=False)
    out.print(f"{margins.integers:,} of {margins.records:,} margins certified, computed again in integers")
    if not integers_only:
        apart = f"at most {margins.furthest:.3g} units apart" if margins.identical < margins.arrays else "bit for bit"
        out.print(f"{margins.arrays:,} arrays made again from account, market and rules: {apart}")
    out.print(f"head {chain.head}", soft_wrap=True)
    _print_faults(faults)
    return 1 if faults else 0


def _print_faults(faults: list[Fault]) -> None:
    out = console()
    if not faults:
        out.print("no fault")
        return
    _print_some([f"fault: {fault}" for fault in faults])


def _print_some(lines: Sequence[str]) -> None:
    out = console()
    for line in lines[:SHOWN]:
        out.print(line, soft_wrap=True, markup=False)
    if len(lines) > SHOWN:
        out.print(f"... and {len(lines) - SHOWN} more; --json has all of them")


@command.command(epilog="Example: plimsoll audit replay book.db")
@place_argument
@json_option
def replay(place: str, as_json: bool) -> int:
    """Compute every margin again from its inputs and chain the results from the first record on.

    The events of a live engine are applied again to the first state of their stream, each held to its recorded
    outcome. The same build on the same kind of machine gives the same hash. Exit code 1 where it does not, with what
    differs.
    """
    from plimsoll.ledger import Ledger
    from plimsoll.ledger.replay import replay as replayed
    from plimsoll.live.record import again, streams

    with Ledger.existing(place) as ledger, late_bar() as bar:
        found = replayed(ledger, bar)
        played = [again(ledger, stream, bar) for stream in streams(ledger)]
    same = found.same and not any(p.differences for p in played)
    if as_json:
        print_json({**vars(found), "streams": [vars(p) for p in played], "same": same})
        return 0 if same else 1
    out = console()
    out.print(f"{found.records:,} records, {found.margins:,} margins computed again")
    if found.builds:
        out.print(f"recorded by other sources: {', '.join(found.builds)}")
    out.print(f"recorded {found.recorded}\nreplayed {found.head}", soft_wrap=True)
    for one in played:
        made = f", recorded by other sources: {', '.join(one.builds)}" if one.builds else ""
        words = f"stream {one.stream}: {one.events:,} events applied again, {one.states:,} states made again{made}"
        out.print(words, soft_wrap=True, markup=False, highlight=False)
    for words in [*found.differences, *(w for p in played for w in p.differences)][:SHOWN]:
        out.print(words, soft_wrap=True, markup=False)
    out.print("the same" if same else "not the same")
    return 0 if same else 1


@command.command(epilog="Example: plimsoll audit certify day.db --account desk-7 --event 4000")
@place_argument
@click.option("--stream", default="live", show_default=True, help="The stream of a live engine.")
@click.option("--account", metavar="NAME", help="This account alone, not the margin calls of the stream.")
@click.option("--event", type=click.IntRange(0), metavar="N", help="Behind which event; by default the last.")
@click.option("--into", metavar=PLACE, help="The ledger that gets the margins; by default the same.")
@json_option
def certify(place: str, stream: str, account: str | None, event: int | None, into: str | None, as_json: bool) -> int:
    """Certified margins of a live stream: of every margin call, or of one account behind one event.

    The events are applied again, each held to its recorded outcome, and what the books then are is margined by the
    exact engine, quantised, computed again in integers and recorded. A later run adds the calls that came since. Exit
    code 1 where the live engine and the rules are more than one smallest unit apart.
    """
    from contextlib import ExitStack

    from plimsoll.documents import refuse
    from plimsoll.ledger import Ledger
    from plimsoll.live.certified import certify_account, certify_calls
    from plimsoll.live.record import check_stream

    if event is not None and account is None:
        raise refuse("--event", event, "nothing without --account: the calls are those of every event")
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger.existing(place))
        check_stream(ledger, stream)
        bar = stack.enter_context(late_bar())
        own = None if account is None else certify_account(ledger, account, stream, event, bar)
        target = ledger if into is None else stack.enter_context(Ledger.open(into))
        if own is not None:
            (entry,) = target.append([own.margin.event])
            return _print_certified(entry, own, as_json)
        found = certify_calls(ledger, target, stream, bar)
        head = target.head()[1]
    if as_json:
        print_json({**vars(found), "without": dict(found.without), "head": head})
        return 1 if found.differences else 0
    out = console()
    earlier = f", {found.before:,} recorded before" if found.before else ""
    out.print(f"{found.events:,} events applied again, {found.calls:,} margin calls{earlier}", highlight=False)
    if found.calls > found.before:
        out.print(f"{found.certified:,} certified now; live engine and rules at most {found.furthest} units apart")
    for reason, count in found.without.most_common():
        out.print(f"{count:,} without a certificate: {reason}", soft_wrap=True, markup=False)
    out.print(f"head {head}", soft_wrap=True)
    _print_some(found.differences)
    return 1 if found.differences else 0


def _print_certified(entry: Entry, own: CertifiedAccount, as_json: bool) -> int:
    margin = own.margin
    charged, content = margin.requirement.charged, margin.event.content
    if as_json:
        print_json({"record": entry.seq, "hash": entry.hash, **content, "differences": own.differences})
        return 1 if own.differences else 0
    out = console()
    certified = "certified" if margin.reason is None else f"not certified: {margin.reason}"
    out.print(f"record {entry.seq}, {entry.hash}: {certified}", soft_wrap=True, markup=False, highlight=False)
    unit = 10**charged.decimals
    amounts = ", ".join(
        f"{name} {getattr(charged, name) / unit:,.{charged.decimals}f}" for name in ("initial", "maintenance", "equity")
    )
    words = f"{content['account']} behind event {content['of']['event']:,}: {amounts} {content['currency']}"
    out.print(words, soft_wrap=True, markup=False, highlight=False)
    _print_some(own.differences)
    return 1 if own.differences else 0


@command.command(epilog="Example: plimsoll audit export book.db --record 7 -o account.json")
@place_argument
@click.option("--output", "-o", required=True, metavar="FILE", help="Parquet of the whole ledger, or JSON of a record.")
@click.option(
    "--record", type=click.IntRange(1), metavar="N", help="One margin record, for an auditor who has no ledger."
)
def export(place: str, output: str, record: int | None) -> None:
    """The whole ledger as Parquet, or one account's record with all that computes it again.

    The extract of a record holds no other account. `plimsoll audit check FILE`, or `python -m plimsoll.certify FILE`
    where nothing but the documents is at hand, computes it again.
    """
    from plimsoll.ledger import Ledger

    with Ledger.existing(place) as ledger:
        if record is None:
            from plimsoll.ledger.archive import write_archive

            count = write_archive(ledger, output)
            click.echo(f"{count:,} records to {output}")
            return
        from plimsoll.ledger.margins import extract_of

        extract = extract_of(ledger, record)
        write_text(output, extract.to_json(None))
        click.echo(f"record {record} to {output}; the head of the ledger is {ledger.head()[1]}")


@command.command(epilog="Example: plimsoll audit check account.json --head 5b1c...")
@click.argument("file", metavar="FILE")
@click.option("--head", metavar="HASH", help="The hash of the ledger's last record as it was published.")
def check(file: str, head: str | None) -> int:
    """Compute an extract again, in integers, from nothing but itself."""
    from plimsoll.certify.__main__ import main

    return main([file, *(["--head", head] if head else [])])


@command.command(epilog="Example: plimsoll audit compact book.db --through 100000 --archive old.parquet")
@place_argument
@click.option("--through", type=int, required=True, metavar="N", help="The last record that is moved.")
@click.option("--archive", required=True, metavar="FILE", help="The Parquet file to write; it must not be there yet.")
def compact(place: str, through: int, archive: str) -> None:
    """Move old records to a Parquet file; the ledger goes on after them, and says so in a record."""
    from datetime import UTC, datetime

    from plimsoll.ledger import Ledger
    from plimsoll.ledger.archive import compact as compacted

    with Ledger.existing(place) as ledger:
        entry = compacted(ledger, through, archive, datetime.now(UTC))
    click.echo(f"records up to {through} are in {archive}; record {entry.seq} says so, with the hash of the file")
