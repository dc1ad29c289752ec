"""`plimsoll live`: a market replayed through the real-time engine, and one order checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from plimsoll.cli import live_monitor
from plimsoll.cli._common import console, json_option, print_json

if TYPE_CHECKING:
    from plimsoll.live import Leg
    from plimsoll.live.chance import Chance
    from plimsoll.live.replay import Feed
    from plimsoll.margin import MarginModel
    from plimsoll.market import Market

RULES = "prbm@2026-01-30"
PLACE = "FILE|postgresql://..."
ENDLESS = 10**15
"""Events of a generated day, which `--events` cuts."""


@click.group(epilog="Example: plimsoll live replay --events 5000")
def command() -> None:
    """The real-time engine: margins that follow fills and prices, orders checked before they go."""


command.add_command(live_monitor.command)


@command.command(epilog="Example: plimsoll live replay --chain chain.parquet --noise 0.05 --ledger day.db")
@click.option("--chain", metavar="FILE", help="Play the snapshots of an option chain (Parquet).")
@click.option("--book", metavar="FILE", help="Play a recorded order book with its trades (jsonl, gzip or plain).")
@click.option("--rules", "-r", default=RULES, show_default=True, metavar="NAME@DATE", help="The rule set.")
@click.option("--accounts", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="Sample accounts.")
@click.option("--events", type=click.IntRange(0), help="At most so many.  [default: 5000, of a file all]")
@click.option("--speed", type=float, help="Times the speed of the recording; as fast as it goes, if left out.")
@click.option("--noise", type=click.FloatRange(0.0, 1.0), default=0.0, help="Part of the messages to spoil.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="The same seed gives the same day.")
@click.option("--full-every", type=click.IntRange(0), default=0, help="Margin everybody after so many events too.")
@click.option("--no-skip", is_flag=True, help="Margin every touched account, also one that the bound vouches for.")
@click.option("--ledger", metavar=PLACE, help="Record every event and decision; an outcome then is on the disk.")
@click.option("--stream", default="live", show_default=True, help="Its stream; one that is there goes on.")
@json_option
def replay(
    chain: str | None,
    book: str | None,
    rules: str,
    accounts: int,
    events: int | None,
    speed: float | None,
    noise: float,
    seed: int,
    full_every: int,
    no_skip: bool,
    ledger: str | None,
    stream: str,
    as_json: bool,
) -> int:
    """Play a day of events through the engine and show what it did.

    Without a file: a generated day on the embedded chain. At the end accounts are held to the exact engine; exit code 1
    where one is more than a unit away. Ctrl-C ends it cleanly.
    """
    from contextlib import ExitStack

    from plimsoll.cli._progress import late_bar
    from plimsoll.live.engine import Engine
    from plimsoll.live.fleet import sample_accounts
    from plimsoll.live.generated import disturbed
    from plimsoll.live.replay import paced
    from plimsoll.live.session import played
    from plimsoll.margin.catalogue import margin_model

    count = 5_000 if events is None and chain is None and book is None else events
    with late_bar() as bar, ExitStack() as stack:
        bar("market and accounts", 0, 0)
        feed = feed_of(chain, book, seed)
        model = margin_model(rules)
        fleet = sample_accounts(feed.market, accounts, seed=seed)
        engine, recorder = None, None
        if ledger is not None:
            from plimsoll.ledger import GroupCommit, Ledger
            from plimsoll.live.record import Recorder, resumed

            book_of = stack.enter_context(Ledger.open(ledger))
            if book_of.latest("live-state", f"{stream} state") is not None:
                bar("the record again", 0, 0)
                engine = resumed(book_of, stream)
        if engine is None:
            engine = Engine(model, feed.market, fleet, skip=not no_skip, full_every=full_every)
        before = engine.events
        if ledger is not None:
            recorder = Recorder(engine, stack.enter_context(GroupCommit(book_of)), stream)
        told = feed.events(engine.holdings.names)
        told = disturbed(told, seed, noise) if noise else told
        # a stream that is there goes on after the events that it has
        for _, _event in zip(range(before), told, strict=False):
            pass
        session = played(engine, paced(told, speed), most=count, recorder=recorder, told=bar)
    notes = (*feed.notes, f"{before:,} events came from the record") if before else feed.notes
    if as_json:
        print_json({**session.to_dict(), "notes": list(notes)})
    else:
        from plimsoll.report.live_view import replay_view

        console().print(replay_view(session, notes))
    return 1 if session.furthest > 1 else 0


def feed_of(chain: str | None, book: str | None, seed: int) -> Feed:
    """The feed that the options name."""
    from plimsoll.documents import refuse

    if chain is not None and book is not None:
        raise refuse("--book", book, "one of --chain and --book")
    from plimsoll.feeds.demo import demo_market
    from plimsoll.live.generated import generated_day
    from plimsoll.live.replay import Feed, book_feed, chain_feed

    if chain is not None:
        return chain_feed(chain, seed=seed)
    if book is not None:
        return book_feed(book, seed=seed)
    market = demo_market()
    note = "a generated day on the embedded chain, no venue's data"
    return Feed(market, lambda names: generated_day(market, names, ENDLESS, seed), (note,))


@command.command(epilog="Example: plimsoll live shards --workers 3 --kill")
@click.option("--workers", type=click.IntRange(1, 64), default=3, show_default=True, help="Shards, a process each.")
@click.option("--rules", "-r", default=RULES, show_default=True, metavar="NAME@DATE", help="The rule set.")
@click.option("--accounts", type=click.IntRange(1, 1_000_000), default=60, show_default=True, help="Sample accounts.")
@click.option("--events", type=click.IntRange(1), default=500, show_default=True, help="Messages of a generated day.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="The same seed gives the same day.")
@click.option("--kill", is_flag=True, help="Kill the last shard by SIGKILL in the middle of the day.")
@click.option("--folder", metavar="FOLDER", help="Keep the records there; they are removed, if left out.")
@json_option
def shards(
    workers: int, rules: str, accounts: int, events: int, seed: int, kill: bool, folder: str | None, as_json: bool
) -> int:
    """Accounts over several processes (Ray), each shard with a record of its own, held to one engine.

    A demonstration on this machine: no speed is claimed. Exit code 1 where the shards together are not the one engine,
    or a record has a fault.
    """
    from plimsoll.cli._shards import shards_view, shown

    found = shown(rules, workers, accounts, events, seed, kill, folder)
    if as_json:
        print_json(found.to_dict())
    else:
        console().print(shards_view(found), highlight=False)
    return 0 if found.same and not found.faults else 1


@command.command(epilog="Example: plimsoll live check BTC-PERPETUAL:-5000 --probability 0.01 --horizon 1d")
@click.argument("legs", nargs=-1, required=True, metavar="INSTRUMENT:QUANTITY[@PRICE]...")
@click.option("--account", "-a", metavar="FILE", help="Account document (JSON); the demonstration's, if left out.")
@click.option("--market", "-m", metavar="FILE", help="Market snapshot (JSON); the demonstration's, if left out.")
@click.option("--rules", "-r", default=RULES, show_default=True, metavar="NAME@DATE", help="The rule set.")
@click.option("--limits", metavar="FILE", help="Limits (JSON, `plimsoll schema limits`).")
@click.option("--excess", type=float, help="Equity that has to stay above the initial margin, in the rules' currency.")
@click.option("--probability", type=click.FloatRange(0.0, 1.0), help="Most that a liquidation may be likely.")
@click.option("--horizon", default="1d", show_default=True, metavar="TIME", help="Within which: 12h, 1d, 3d.")
@click.option("--history", multiple=True, metavar="FILE", help="History of an underlying for it, once for each.")
@json_option
def check(
    legs: tuple[str, ...],
    account: str | None,
    market: str | None,
    rules: str,
    limits: str | None,
    excess: float | None,
    probability: float | None,
    horizon: str,
    history: tuple[str, ...],
    as_json: bool,
) -> int:
    """May this order be sent? Margins before and after, what binds, and each limit that it would break.

    An order of several legs is filled together or not at all. Without a price a leg is filled at the mark. Exit code 1
    where the order is refused.
    """
    from plimsoll.cli._common import load_account, load_market
    from plimsoll.cli._progress import late_bar
    from plimsoll.feeds.demo import demo_account, demo_market
    from plimsoll.live import Engine, Limits, Order
    from plimsoll.margin.catalogue import margin_model

    held = load_account(account) if account is not None else demo_account()
    if not held.name:
        held = held.model_copy(update={"name": "account"})
    snapshot = load_market(market) if market is not None else demo_market()
    own = Limits.load(limits) if limits is not None else Limits()
    if excess is not None:
        own = Limits.from_dict({**own.to_dict(), "excess": excess})
    if probability is not None:
        own = Limits.from_dict({**own.to_dict(), "probability": probability})
    model = margin_model(rules)
    order = Order(held.name, tuple(_leg(text) for text in legs))
    with late_bar() as bar:
        bar("the account before and after", 0, 0)
        chance = None if own.probability is None else _chance(model, own.probability, horizon, history, snapshot)
        engine = Engine(model, snapshot, [held], limits=own, probability=chance)
        verdict = engine.check(order)
    from plimsoll.report.live_view import verdict_json, verdict_view

    if as_json:
        told = {} if chance is None or not chance.words else {"probability": chance.words}
        print_json({"order": list(legs), "rules": rules, **verdict_json(verdict), **told})
    else:
        currency = str(engine.currency[0])
        console().print(verdict_view(verdict, f"{held.name}: {', '.join(legs)}", currency))
        if chance is not None and chance.words:
            console().print(f"liquidation: {chance.words}", markup=False, highlight=False)
    return 0 if verdict.allowed else 1


def _chance(model: MarginModel, limit: float, horizon: str, history: tuple[str, ...], market: Market) -> Chance:
    from plimsoll.cli._durations import days_of
    from plimsoll.live.chance import Chance

    factors = None
    if history:
        from plimsoll.cli.risk import read_histories
        from plimsoll.scenarios.factors import FactorHistory

        known, _ = read_histories(history, market)
        factors = FactorHistory.of_levels(known, known.names)
    return Chance(model, days_of(horizon), limit, history=factors)


def _leg(text: str) -> Leg:
    from plimsoll.documents import refuse
    from plimsoll.live import Leg

    name, colon, rest = text.rpartition(":")
    size, at, price = rest.partition("@")
    try:
        if not colon:
            raise ValueError(text)
        return Leg(name, float(size), float(price) if at else None)
    except ValueError:
        raise refuse("legs", text, "INSTRUMENT:QUANTITY or INSTRUMENT:QUANTITY@PRICE, as BTC-PERPETUAL:-100") from None
