"""`plimsoll live monitor`: a replayed market under monitors, alerts and margin calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import console, json_option, print_json

if TYPE_CHECKING:
    from plimsoll.live.monitors.session import Shown

SECRET = "PLIMSOLL_WEBHOOK_SECRET"  # noqa: S105  where it is found, not what it is
EVENTS = 3_000


@click.command("monitor", epilog="Example: plimsoll live monitor --chain chain.parquet --alerts alerts.json")
@click.option("--chain", metavar="FILE", help="Play the snapshots of an option chain (Parquet).")
@click.option("--book", metavar="FILE", help="Play a recorded order book with its trades (jsonl, gzip or plain).")
@click.option("--rules", "-r", default="prbm@2026-01-30", show_default=True, metavar="NAME@DATE", help="The rule set.")
@click.option("--accounts", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="Sample accounts.")
@click.option("--events", type=click.IntRange(0), help=f"At most so many.  [default: {EVENTS}, of a file all]")
@click.option("--noise", type=click.FloatRange(0.0, 1.0), default=0.0, help="Part of the messages to spoil.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="The same seed gives the same day.")
@click.option("--speed", type=float, help="Times the speed of the recording; as fast as it goes, if left out.")
@click.option(
    "--every", type=click.FloatRange(0.0), default=60.0, show_default=True, help="Seconds of the day a reading."
)
@click.option(
    "--alerts", metavar="FILE", help="Alert rules (JSON, `plimsoll schema alert-rules`), not the shipped ones."
)
@click.option("--monitors", metavar="FILE", help="What is measured (JSON, `plimsoll schema monitor-rule`).")
@click.option("--calls", metavar="FILE", help="How calls are operated (JSON, `plimsoll schema call-rule`).")
@click.option("--source-books", metavar="FILE", help="Books of the sources: what a push of an index would cost (JSON).")
@click.option("--silent-holders", is_flag=True, help="Nobody answers a call, and nobody closes what is handed over.")
@click.option("--webhook", metavar="URL", help=f"Post every alert there, signed where ${SECRET} is set.")
@click.option("--ledger", metavar="FILE|postgresql://...", help="Record every event, step of a call and alert.")
@click.option("--stream", default="live", show_default=True, help="Its stream; one that is there goes on.")
@json_option
def command(
    chain: str | None,
    book: str | None,
    rules: str,
    accounts: int,
    events: int | None,
    noise: float,
    seed: int,
    speed: float | None,
    every: float,
    alerts: str | None,
    monitors: str | None,
    calls: str | None,
    source_books: str | None,
    silent_holders: bool,
    webhook: str | None,
    ledger: str | None,
    stream: str,
    as_json: bool,
) -> int:
    """Play a day of events under monitors: who stands where, where they are liquidated, what is called and said.

    Accounts are warned, called and handed over by the policy; made-up holders answer, and liquidation closes. Alerts
    are said by their rules. On a terminal a panel follows; the tables of the end are printed last. Exit code 1 where an
    alert could not be posted.
    """
    from contextlib import ExitStack

    from plimsoll.cli._progress import late_bar
    from plimsoll.cli.live import feed_of
    from plimsoll.live.alerts import AlertLog, AlertRecord, AlertRules, Webhook, default_rules, secret_of
    from plimsoll.live.alerts.sinks import Sink, said_before
    from plimsoll.live.calls import CallRule
    from plimsoll.live.calls.holders import Holders
    from plimsoll.live.engine import Engine
    from plimsoll.live.fleet import sample_accounts
    from plimsoll.live.generated import disturbed
    from plimsoll.live.monitors import MonitorRule, SourceBooks
    from plimsoll.live.monitors.session import watched
    from plimsoll.live.monitors.station import Station
    from plimsoll.live.replay import paced
    from plimsoll.margin.catalogue import margin_model

    told_rules = default_rules() if alerts is None else AlertRules.load(alerts)
    rule = MonitorRule() if monitors is None else MonitorRule.load(monitors)
    call_rule = CallRule() if calls is None else CallRule.load(calls)
    books = None if source_books is None else SourceBooks.load(source_books)
    count = EVENTS if events is None and chain is None and book is None else events
    hook = None if webhook is None else Webhook(webhook, secret=secret_of(SECRET))
    sinks: list[Sink] = [AlertLog()]
    if hook is not None:
        sinks.append(hook)
    with ExitStack() as stack:
        with late_bar() as bar:
            bar("market and accounts", 0, 0)
            feed = feed_of(chain, book, seed)
            engine, recorder, said = None, None, []
            if ledger is not None:
                from plimsoll.ledger import GroupCommit, Ledger
                from plimsoll.live.record import Recorder, resumed

                place = stack.enter_context(Ledger.open(ledger))
                if place.latest("live-state", f"{stream} state") is not None:
                    bar("the record again", 0, 0)
                    engine = resumed(place, stream)
                    said = said_before(place, stream)
            if engine is None:
                fleet = sample_accounts(feed.market, accounts, seed=seed)
                engine = Engine(margin_model(rules), feed.market, fleet, calls=call_rule)
            before = engine.events
            if ledger is not None:
                commits = stack.enter_context(GroupCommit(place))
                recorder = Recorder(engine, commits, stream)
                sinks.append(AlertRecord(commits, stream))
        told = feed.events(engine.holdings.names)
        told = disturbed(told, seed, noise) if noise else told
        # a stream that is there goes on after the events of the feed that it has
        for _, _event in zip(range(before - Holders.told(engine)), told, strict=False):
            pass
        station = Station(engine, rule, told_rules, sinks, every=every, said=said, books=books)
        holders = None if silent_holders or engine.desk is None else Holders(engine, seed)
        with late_bar() as bar:
            shown = _shown(as_json, stack, count, bar)
            found = watched(station, paced(told, speed), most=count, holders=holders, recorder=recorder, shown=shown)
    answered = hook is None or hook.close()
    notes = [*feed.notes]
    if before:
        notes.append(f"{before:,} events came from the record")
    if hook is not None:
        counts = hook.counts
        notes.append(
            f"webhook: {counts['sent']} sent, {counts['failed']} failed, {counts['dropped']} dropped {hook.last}"
        )
    if as_json:
        posted = None if hook is None else dict(hook.counts)
        print_json({**found.to_dict(), "webhook": posted, "notes": notes})
    else:
        from plimsoll.report.monitor_view import monitor_view

        console().print(monitor_view(found, tuple(notes)))
    failed = hook is not None and (not answered or hook.counts["failed"] + hook.counts["dropped"] > 0)
    return 1 if failed else 0


def _shown(as_json: bool, stack: object, count: int | None, bar: object) -> Shown:
    """What follows the readings: a panel on a terminal, else a late bar on standard error."""
    from contextlib import ExitStack

    from plimsoll.cli._progress import LateBar
    from plimsoll.live.monitors.session import Watched

    assert isinstance(stack, ExitStack)
    assert isinstance(bar, LateBar)
    screen = console()
    if as_json or not screen.is_terminal:
        return lambda found: bar("events", found.events, count or 0)
    from rich.live import Live as Panel

    from plimsoll.report.monitor_view import panel

    drawn = stack.enter_context(Panel(console=screen, refresh_per_second=4, transient=True))

    def show(found: Watched) -> None:
        drawn.update(panel(found))

    return show
