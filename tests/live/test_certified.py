"""Integer certificates for accounts of a live stream, out of its record alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import plimsoll as pl
from live_books import engine_of, small_accounts, small_market
from plimsoll.certify import audit
from plimsoll.cli.audit import command
from plimsoll.ledger import GroupCommit, Ledger, LedgerError
from plimsoll.ledger.margins import KIND, check_margins, extract_of
from plimsoll.ledger.replay import replay
from plimsoll.ledger.verify import verify
from plimsoll.live import Engine, Event, Fill
from plimsoll.live.calls import CallRule
from plimsoll.live.certified import certify_account, certify_calls
from plimsoll.live.generated import DayRule, disturbed, generated_day
from plimsoll.live.record import Recorder

pytest.importorskip("sqlalchemy")

MARKET = small_market()
ACCOUNTS = small_accounts(MARKET, 6, cash=5e3)
NAMES = [a.name for a in ACCOUNTS]
EVERY = 40


def day(events: int) -> list[Event]:
    """A day rough enough that some accounts are called."""
    return list(disturbed(generated_day(MARKET, NAMES, 150, 1, DayRule(daily_vol=4.0)), 1, 0.2))[:events]


def recorded(place: Path, events: list[Event], since: int = 0, **options: Any) -> int:
    """Record events in a ledger, whatever stands in it before; how often an account was called."""
    engine = engine_of(MARKET, ACCOUNTS, **options)
    called = 0
    with Ledger.open(place) as ledger, GroupCommit(ledger) as commits:
        for event in events[:since]:
            engine.apply(event)
            if engine.events % EVERY == 0:
                engine.full_pass()
        recorder = Recorder(engine, commits, every=EVERY)
        for event in events[since:]:
            outcome = engine.apply(event)
            last = {d.account: d.after for d in outcome.decisions}
            names = {name for name, status in last.items() if status == "called"}
            called += len(names | {s.account for s in outcome.calls if s.kind.startswith("raised")})
            recorder.write(event, outcome)
    return called


def test_every_margin_call_of_a_stream_gets_a_certificate_once(tmp_path: Path) -> None:
    place, events = tmp_path / "a.db", day(150)
    first = recorded(place, events[:90])
    assert first > 0
    with Ledger.open(place) as ledger:
        found = certify_calls(ledger, ledger)
        assert (found.events, found.calls, found.certified, found.before) == (90, first, first, 0)
        assert (found.furthest, found.differences, found.without) == (0, [], {})
        head = ledger.head()
        again = certify_calls(ledger, ledger)
        assert (again.calls, again.before, again.certified) == (first, first, 0)
        assert ledger.head() == head
    alone = 0
    # the stream goes on behind the margins, and the next run adds what came since
    later = recorded(place, events, since=90)
    assert later > 0
    with Ledger.open(place) as ledger:
        found = certify_calls(ledger, ledger)
        assert (found.calls, found.before, found.certified) == (first + later, first, later)
        checked = check_margins(ledger)
        assert (checked.integers, checked.identical, checked.faults) == (first + later, first + later, ())
        assert verify(ledger).faults == ()
        assert replay(ledger).same
        for entry in ledger.entries(kind=KIND):
            assert audit(extract_of(ledger, entry.seq), ledger.head()[1]).faults == ()
            about = entry.content["of"]
            told = ledger.entry(about["record"])
            assert (told.hash, told.position) == (about["hash"], about["event"])
            (decided,) = [d for d in told.content["outcome"]["decisions"] if d["account"] == entry.content["account"]]
            certificate = entry.content["certificate"]
            # of several facts that a gap held back the later ones may have moved what an earlier one decided on
            if told.content["outcome"]["applied"] == 1:
                alone += 1
                assert certificate["initial"] == decided["initial"]
                assert certificate["maintenance"] == decided["maintenance"]
    assert alone > 0


@pytest.mark.parametrize("event", [0, 7, EVERY, EVERY + 9, 100])
def test_any_account_behind_any_event_is_what_the_engine_was_there(event: int, tmp_path: Path) -> None:
    place, events = tmp_path / "a.db", day(100)
    recorded(place, events)
    engine = engine_of(MARKET, ACCOUNTS)
    for one in events[:event]:
        engine.apply(one)
    with Ledger.existing(place) as ledger, Ledger.open(tmp_path / "auditor.db") as own:
        for a, name in enumerate(NAMES):
            found = certify_account(ledger, name, event=event)
            assert (found.furthest, found.differences) == (0, ())
            (entry,) = own.append([found.margin.event])
            margin, charged = found.margin, found.margin.requirement.charged
            assert (charged.initial, charged.maintenance, charged.equity) == engine.charged(a)
            assert margin.certificate is not None
            assert margin.certificate.initial == charged.initial
            assert entry.content["of"]["event"] == event
        assert check_margins(own).faults == ()
        # nobody wrote to what was audited
        assert not list(ledger.entries(kind=KIND))


def test_ledgers_and_shards_whose_streams_have_one_name_go_into_one(tmp_path: Path) -> None:
    seen: list[int] = []
    with Ledger.open(tmp_path / "auditor.db") as own:
        for n, part in enumerate((day(150)[:90], day(150)[20:], day(150))):
            place = tmp_path / f"{n}.db"
            calls = recorded(place, part)
            with Ledger.existing(place) as ledger:
                found = certify_calls(ledger, own)
                again = certify_calls(ledger, own)
            assert found.calls == found.before + found.certified == again.before == calls
            seen.append(found.certified)
        # the third begins as the first did, record for record, and goes on
        assert len(list(own.entries(kind=KIND))) == sum(seen)
        assert seen[0] > 0
        assert seen[2] > 0
        assert check_margins(own).faults == ()


def test_calls_that_the_desk_raises_are_certified_too(tmp_path: Path) -> None:
    place = tmp_path / "a.db"
    calls = recorded(place, day(150), calls=CallRule())
    with Ledger.open(place) as ledger:
        found = certify_calls(ledger, ledger)
        assert found.calls == found.certified == calls
        raised = {
            (e.position, s["account"])
            for e in ledger.entries(kind="live")
            for s in e.content["outcome"].get("calls", ())
            if s["kind"] == "raised"
        }
        certified = {(e.content["of"]["event"], e.content["account"]) for e in ledger.entries(kind=KIND)}
        assert raised
        assert raised <= certified


def test_a_record_of_another_outcome_certifies_nothing(tmp_path: Path) -> None:
    place, events = tmp_path / "a.db", day(60)
    engine = engine_of(MARKET, ACCOUNTS)
    with Ledger.open(place) as ledger:
        with GroupCommit(ledger) as commits:
            recorder = Recorder(engine, commits)
            for event in events:
                wrong = replace(event, quantity=event.quantity * 400.0) if isinstance(event, Fill) else event
                recorder.write(event, engine.apply(wrong))
        with pytest.raises(LedgerError, match=r"record \d+: event \d+ comes to another outcome than recorded"):
            certify_calls(ledger, ledger)


def test_a_live_engine_that_is_off_the_rules_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "a.db"
    calls = recorded(place, day(90))
    charged = Engine.charged
    monkeypatch.setattr(Engine, "charged", lambda self, a: (charged(self, a)[0] - 2, *charged(self, a)[1:]))
    with Ledger.open(place) as ledger:
        found = certify_calls(ledger, ledger)
    assert (len(found.differences), found.furthest) == (calls, 2)
    assert "in the live engine" in found.differences[0]
    # what was recorded is what the rules come to
    assert run(["certify", str(place), "--json"]).return_value == 0


def test_the_command_certifies_calls_and_accounts(tmp_path: Path) -> None:
    place = str(tmp_path / "a.db")
    calls = recorded(Path(place), day(90))
    found = run(["certify", place])
    assert f"90 events applied again, {calls} margin calls\n{calls} certified now" in found.stdout
    assert f"{calls} recorded before" in run(["certify", place]).stdout
    shown = json.loads(run(["certify", place, "--account", NAMES[2], "--event", "41", "--json"]).stdout)
    assert (shown["account"], shown["of"]["event"], shown["uncertified"]) == (NAMES[2], 41, None)
    assert "behind event 90" in run(["certify", place, "--account", NAMES[2]]).stdout
    other = str(tmp_path / "other.db")
    assert run(["certify", place, "--into", other]).return_value == 0
    assert run(["verify", other]).return_value == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--account", "nobody"], "account: got 'nobody'; allowed: one of the 6 accounts"),
        (["--account", NAMES[0], "--event", "21"], "event: got 21; allowed: 0 to 20"),
        (["--event", "3"], "--event: got 3; allowed: nothing without --account"),
        (["--stream", "other"], "stream: got 'other'"),
        (["--stream", "other", "--account", NAMES[0]], "stream: got 'other'"),
    ],
)
def test_what_cannot_be_certified_is_refused(options: list[str], words: str, tmp_path: Path) -> None:
    place = tmp_path / "a.db"
    recorded(place, day(20))
    with pytest.raises(pl.DocumentError) as refused:
        CliRunner().invoke(command, ["certify", str(place), *options], standalone_mode=False, catch_exceptions=False)
    assert words in str(refused.value)
    with Ledger.existing(place) as ledger:
        assert not list(ledger.entries(kind=KIND))


def run(arguments: list[str]) -> Result:
    """The command, which has to end without an exception."""
    shown = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert shown.exception is None, shown.exception
    return shown
