"""Alerts: levels with hysteresis, said once, the same after a restart; a webhook whose server fails, waits, returns."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live_books import TIME, engine_of, small_accounts, small_market
from plimsoll.documents import DocumentError
from plimsoll.live import Clock
from plimsoll.live.alerts import Alert, AlertLog, AlertRecord, AlertRules, AlertWatch, Webhook, default_rules
from plimsoll.live.alerts.sinks import said_before
from plimsoll.live.monitors import SUBJECTS, read
from plimsoll.live.monitors.station import Station


def rules(**options: Any) -> AlertRules:
    """One rule on a utilisation."""
    row = {"name": "used", "reading": "utilisation.total", "raise_at": 0.8, "clear_at": 0.6, **options}
    return AlertRules.from_dict({"schema": "plimsoll.alert-rules", "schema_version": 1, "rules": [row]})


def looked(watch: AlertWatch, values: list[float | None], seconds: float = 10.0, start: int = 0) -> list[str]:
    """What is said of one value after the other."""
    said = []
    for k, value in enumerate(values):
        alerts = watch.look({"utilisation": {"total": value}}, TIME + timedelta(seconds=seconds * (start + k)))
        said.append(" ".join(a.said for a in alerts))
    return said


def test_between_the_levels_nothing_changes_and_nothing_is_said_twice() -> None:
    watch = AlertWatch(rules())
    values = [0.7, 0.81, 0.9, 0.7, 0.79, 0.81, 0.6, 0.7, 0.79, 0.85]
    assert looked(watch, values) == ["", "raised", "", "", "", "", "cleared", "", "", "raised"]


def test_it_has_to_hold_and_a_missing_value_changes_nothing() -> None:
    watch = AlertWatch(rules(hold_seconds=20.0, clear_seconds=10.0))
    values = [0.9, 0.9, 0.7, 0.9, 0.9, None, 0.9, 0.5, 0.7, 0.5, None, 0.5]
    expected = ["", "", "", "", "", "", "raised", "", "", "", "", "cleared"]
    assert looked(watch, values) == expected
    below = AlertWatch(rules(when="below", raise_at=0.2, clear_at=0.3))
    assert looked(below, [0.25, 0.1, 0.25, 0.3]) == ["", "raised", "", "cleared"]
    again = AlertWatch(rules(repeat_hours=0.01))
    assert looked(again, [0.9] * 9) == ["raised", "", "", "", "repeated", "", "", "", "repeated"]


@given(values=st.lists(st.sampled_from([0.1, 0.6, 0.7, 0.8, 0.81, 0.9, None]), max_size=30), cut=st.integers(0, 30))
def test_a_restart_says_nothing_twice_and_misses_nothing(values: list[float | None], cut: int) -> None:
    whole, first = AlertWatch(rules()), AlertWatch(rules())
    alerts: list[Alert] = []
    for k, value in enumerate(values[:cut]):
        alerts += first.look({"utilisation": {"total": value}}, TIME + timedelta(seconds=10 * k))
    second = AlertWatch(rules())
    second.restore([Alert.from_dict(json.loads(json.dumps(a.to_dict()))) for a in alerts])
    said = looked(whole, values)
    assert looked(second, values[cut:], start=len(values[:cut])) == said[cut:]
    # raised and cleared take turns
    told = [w for w in said if w]
    assert told == ["raised", "cleared"] * (len(told) // 2) + ["raised"] * (len(told) % 2)


def test_a_star_is_an_alert_for_each_key_and_a_key_that_has_gone_is_over() -> None:
    watch = AlertWatch(rules(reading="oracle.indices.*.furthest", raise_at=1.0, clear_at=0.5))

    def look(indices: dict[str, float], k: int) -> list[tuple[str, str]]:
        content = {"oracle": {"indices": {u: {"furthest": x} for u, x in indices.items()}}}
        return [(a.key, a.said) for a in watch.look(content, TIME + timedelta(seconds=k))]

    assert look({"BTC": 2.0, "ETH": 0.1}, 0) == [("BTC", "raised")]
    assert look({"BTC": 2.0, "ETH": 3.0}, 1) == [("ETH", "raised")]
    assert look({"ETH": 3.0}, 2) == [("BTC", "cleared")]
    assert list(watch.standing["used"]) == ["ETH"]


def test_a_path_that_has_gone_is_over_and_the_other_rules_go_on() -> None:
    named = [
        {"name": "asked", "reading": "calls.asked.BTC", "raise_at": 1.0, "clear_at": 0.5},
        {"name": "used", "reading": "utilisation.total", "raise_at": 0.8, "clear_at": 0.6},
    ]
    watch = AlertWatch(AlertRules.from_dict({"schema": "plimsoll.alert-rules", "schema_version": 1, "rules": named}))
    here = {"calls": {"asked": {"BTC": 2.0}}, "utilisation": {"total": 0.7}}
    gone = {"calls": {"asked": {"USD": 0.0}}, "utilisation": {"total": 0.9}}
    assert [(a.rule, a.said) for a in watch.look(here, TIME)] == [("asked", "raised")]
    later = watch.look(gone, TIME + timedelta(seconds=10))
    assert [(a.rule, a.said) for a in later] == [("asked", "cleared"), ("used", "raised")]
    # one that never led anywhere is a mistake in the rules
    with pytest.raises(DocumentError, match=r"calls\.asked\.BTC"):
        AlertWatch(watch.rules).look(gone, TIME)


def test_the_shipped_rules_lead_to_numbers_of_every_reading() -> None:
    from plimsoll.live.calls import CallRule
    from plimsoll.live.monitors import CoverageWatch, MonitorRule

    engine = engine_of(small_market(), small_accounts(small_market(), 3), calls=CallRule())
    found = read(engine, coverage=CoverageWatch(engine, MonitorRule()), with_density=False).to_dict()
    shipped = default_rules()
    AlertWatch(shipped).look(found, TIME)
    assert {r.reading.partition(".")[0] for r in shipped.rules} <= set(SUBJECTS)
    with pytest.raises(DocumentError, match="reading"):
        AlertWatch(rules(reading="utilisation.totals")).look(found, TIME)
    with pytest.raises(DocumentError, match="a path to a number"):
        AlertWatch(rules(reading="utilisation.quantiles")).look(found, TIME)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"clear_at": 0.9}, "at most raise_at"),
        ({"when": "below", "clear_at": 0.5}, "at least raise_at"),
        ({"reading": "weather.today"}, "begins with utilisation"),
        ({"raise_at": "much"}, "raise_at"),
    ],
)
def test_rules_that_cannot_be_are_refused(change: dict[str, Any], match: str) -> None:
    with pytest.raises(DocumentError, match=match):
        rules(**change)


def test_a_station_says_what_it_finds_to_log_and_ledger_once(tmp_path: Path, caplog: Any) -> None:
    pytest.importorskip("sqlalchemy")
    from plimsoll.ledger import GroupCommit, Ledger

    row = {"name": "any", "reading": "health.steps.healthy.accounts", "raise_at": 0, "clear_at": 0}
    own = AlertRules.from_dict({"schema": "plimsoll.alert-rules", "schema_version": 1, "rules": [row]})
    accounts = small_accounts(small_market(), 3)
    caplog.set_level(logging.INFO, "plimsoll.alerts")
    with Ledger.open(str(tmp_path / "a.db")) as ledger:
        for _ in range(2):
            engine = engine_of(small_market(), accounts)
            with GroupCommit(ledger) as commits:
                sinks = [AlertLog(), AlertRecord(commits)]
                station = Station(engine, alerts=own, sinks=sinks, said=said_before(ledger))
                for k in range(3):
                    engine.apply(Clock("clock", k + 1, TIME + timedelta(minutes=k)))
                    station.heard()
        assert [a.id for a in said_before(ledger)] == ["any::1:raised"]
        assert ledger.damage() == []
    assert [r.levelname for r in caplog.records] == ["WARNING"]


class Answers:
    """What a server answers, one try after the other; `times` and `bodies` are what came."""

    def __init__(self, plan: Callable[[int], tuple[int, dict[str, str], float]]) -> None:
        self.plan = plan
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.guard = threading.Lock()


@contextmanager
def server(answers: Answers, port: int = 0) -> Iterator[str]:
    """A real HTTP server on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with answers.guard:
                number = len(answers.came)
                answers.came.append((dict(self.headers), body))
            code, headers, wait = answers.plan(number)
            time.sleep(wait)
            try:
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # whoever asked has gone

        def log_message(self, *_args: object) -> None:
            """Nothing on the screen."""

    found = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{found.server_address[1]}/hook"
    finally:
        found.shutdown()
        found.server_close()
        thread.join()


def alert(number: int) -> Alert:
    """An alert of a number."""
    return Alert("used", "", "raised", number, TIME, TIME, "warning", "utilisation.total", 0.9, 0.8)


def hook(url: str, **options: Any) -> Webhook:
    """A webhook that does not wait long."""
    return Webhook(url, **{"pause": 0.01, "longest": 0.05, "timeout": 5.0, **options})


def test_a_post_arrives_signed_and_in_order() -> None:
    answers = Answers(lambda _: (204, {}, 0.0))
    with server(answers) as url:
        own = hook(url, secret=b"key")
        assert all(own.send(alert(n)) for n in range(3))
        assert own.close()
    assert dict(own.counts) == {"sent": 3, "retried": 0, "failed": 0, "dropped": 0}
    assert [json.loads(body)["number"] for _, body in answers.came] == [0, 1, 2]
    headers, body = answers.came[0]
    seconds, digest = (part.split("=")[1] for part in headers["X-Plimsoll-Signature"].split(","))
    expected = hmac.new(b"key", seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(digest, expected)
    assert headers["Idempotency-Key"] == json.loads(body)["id"] == "used::0:raised"
    assert not own.send(alert(9))


def test_a_server_that_fails_is_tried_again_and_one_that_refuses_is_not() -> None:
    codes = [500, 429, 200, 404, 302, 200]
    answers = Answers(lambda n: (codes[n], {"Retry-After": "0"} if codes[n] == 429 else {"Location": "/else"}, 0.0))
    with server(answers) as url:
        own = hook(url)
        for n in range(4):
            own.send(alert(n))
        assert own.close()
    assert [json.loads(body)["number"] for _, body in answers.came] == [0, 0, 0, 1, 2, 3]
    assert dict(own.counts) == {"sent": 2, "retried": 2, "failed": 2, "dropped": 0}


def test_a_slow_server_holds_nobody_up_and_a_full_queue_drops() -> None:
    release = threading.Event()
    answers = Answers(lambda _: (200 if release.wait(20.0) else 500, {}, 0.0))
    with server(answers) as url:
        own = hook(url, most=2, timeout=30.0)
        own.send(alert(0))
        while not answers.came:
            time.sleep(0.005)
        # the first is on its way: two wait, the rest is dropped, and nobody has waited for the server
        assert [own.send(alert(n)) for n in range(1, 6)] == [True, True, False, False, False]
        release.set()
        assert own.close()
    assert dict(own.counts) == {"sent": 3, "retried": 0, "failed": 0, "dropped": 3}


def test_a_server_that_does_not_answer_in_time_is_asked_again() -> None:
    answers = Answers(lambda n: (200, {}, 0.6 if n == 0 else 0.0))
    with server(answers) as url:
        own = hook(url, timeout=0.2)
        own.send(alert(0))
        assert own.close()
    assert own.counts["sent"] == 1
    assert own.counts["retried"] >= 1
    # the same id: the receiver can tell that it is the same alert
    assert len({headers["Idempotency-Key"] for headers, _ in answers.came}) == 1


def test_a_server_that_is_away_comes_back() -> None:
    answers = Answers(lambda _: (200, {}, 0.0))
    with server(answers) as url:
        port = int(url.rsplit(":", 1)[1].partition("/")[0])
    own = hook(url, attempts=2_000)
    own.send(alert(0))
    while not own.counts["retried"]:
        time.sleep(0.005)
    with server(answers, port):
        assert own.close(60.0)
    assert own.counts["sent"] == 1
    assert "refused" in own.last
    gone = hook(url, attempts=2)
    gone.send(alert(0))
    assert gone.close()
    assert dict(gone.counts) == {"sent": 0, "retried": 1, "failed": 1, "dropped": 0}


@pytest.mark.parametrize("url", ["ftp://a/b", "file:///etc/passwd", "http://", "http://user:word@host/"])
def test_urls_that_are_no_webhook_are_refused(url: str) -> None:
    with pytest.raises(DocumentError, match="webhook"):
        Webhook(url)
