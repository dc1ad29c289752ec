"""Alerts of the service: rules and a webhook of a tenant's own, said once, recorded, and refused before it starts."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from live_books import engine_of, small_accounts
from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.ledger import Ledger
from plimsoll.ledger.verify import verify
from plimsoll.live import Transfer
from plimsoll.live.alerts import AlertRules, Webhook, default_rules
from plimsoll.live.alerts.sinks import said_before
from plimsoll.serve.config import ServiceConfig, tenants_of
from plimsoll.serve.state import Tenant
from served import MARKET

SECRET = "PLIMSOLL_WEBHOOK_SECRET"


@dataclass
class Heard:
    """What a webhook's receiver was sent."""

    url: str = ""
    posts: list[tuple[str, str, bytes]] = field(default_factory=list)

    def wait(self, count: int) -> list[dict[str, Any]]:
        until = time.monotonic() + 30.0
        while len(self.posts) < count:
            assert time.monotonic() < until, self.posts
            time.sleep(0.01)
        return [json.loads(body) for _, _, body in self.posts]


@contextmanager
def receiver(answer: int = 204) -> Iterator[Heard]:
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            head = self.headers.get("X-Plimsoll-Signature", "")
            heard.posts.append((self.headers["Idempotency-Key"], head, body))
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    heard.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def rules(*rows: dict[str, Any]) -> dict[str, Any]:
    own = rows or ({"name": "lost", "reading": "health.steps.partial.accounts", "raise_at": 0.0, "clear_at": 0.0},)
    return {"schema": "plimsoll.alert-rules", "schema_version": 1, "rules": list(own)}


def look(tenant: Tenant) -> None:
    """A new reading at once."""
    tenant.monitors._at = float("-inf")
    asyncio.run(tenant.monitors.readings())


def drained(tenant: Tenant, number: int, account: str, part: float) -> None:
    """Leave an account with a part of its maintenance margin."""
    engine = tenant.live.engine
    own = engine.holdings.number[account]
    _, need, equity = (float(x) / 1e6 for x in engine.charged(own))
    tenant.submit(Transfer("bank", number, engine.prices.time, account, "USDC", part * need - equity)).result(30.0)


def test_a_tenants_rules_are_said_once_to_its_webhook_and_in_its_ledger(tmp_path: Path) -> None:
    """Raised, recorded and posted; after a restart not again, and the next raise has a number of its own."""
    place = tmp_path / "own.db"
    own = AlertRules.from_dict(rules())

    def started(heard: Heard) -> Tenant:
        return Tenant(
            "desk",
            lambda: engine_of(MARKET, small_accounts(MARKET, 3)),
            ledger=place,
            alerts=own,
            webhook=Webhook(heard.url, secret=b"hush", pause=0.01),
        )

    with receiver() as heard:
        tenant = started(heard)
        look(tenant)
        assert heard.posts == []
        drained(tenant, 1, "account 1", 0.5)
        look(tenant)
        look(tenant)
        (said,) = heard.wait(1)
        assert (said["rule"], said["said"], said["value"]) == ("lost", "raised", 1.0)
        assert [rule for rule, _, _, _ in tenant.monitors.standing] == ["lost"]
        key, head, body = heard.posts[0]
        seconds = head.removeprefix("t=").partition(",")[0]
        expected = hmac.new(b"hush", f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
        assert (key, head) == ("lost::1:raised", f"t={seconds},v1={expected}")
        until = time.monotonic() + 30.0
        while b'plimsoll_webhook_alerts{outcome="sent"} 1.0' not in tenant.measure():
            assert time.monotonic() < until
        tenant.close()
        again = started(heard)
        assert again.resumed
        look(again)
        assert [rule for rule, _, _, _ in again.monitors.standing] == ["lost"], "it stands, and nobody hears it twice"
        drained(again, 2, "account 1", 3.0)
        look(again)
        drained(again, 3, "account 1", 0.5)
        look(again)
        assert [s["id"] for s in heard.wait(3)] == ["lost::1:raised", "lost::1:cleared", "lost::2:raised"]
        again.close()
    with Ledger.existing(str(place)) as ledger:
        assert [a.id for a in said_before(ledger)] == ["lost::1:raised", "lost::1:cleared", "lost::2:raised"]
        assert not verify(ledger).faults


def test_a_rule_that_has_gone_from_the_file_stands_no_more_after_a_restart(tmp_path: Path) -> None:
    place = tmp_path / "own.db"

    def started(content: dict[str, Any]) -> Tenant:
        made = engine_of(MARKET, small_accounts(MARKET, 2))
        return Tenant("desk", lambda: made, ledger=place, alerts=AlertRules.from_dict(content))

    tenant = started(rules())
    drained(tenant, 1, "account 1", 0.5)
    look(tenant)
    assert len(tenant.monitors.standing) == 1
    tenant.close()
    other = {"name": "other", "reading": "utilisation.total", "raise_at": 1e9, "clear_at": 1e9}
    again = started(rules(other))
    look(again)
    assert again.monitors.standing == []
    again.close()


def tenants(folder: Path, **change: Any) -> ServiceConfig:
    """Two tenants, the second with changes."""
    MARKET.save(folder / "market.json")
    for k, account in enumerate(small_accounts(MARKET, 2)):
        account.save(folder / f"{k}.json")
    rows = [
        {"name": name, "rules": "prbm@2026-01-01", "market": "market.json", "accounts": [f"{k}.json"]}
        for k, name in enumerate(("north", "south"))
    ]
    rows[0]["webhook"] = "http://127.0.0.1:1/north"
    rows[1] |= change
    return ServiceConfig.from_dict({"schema": "plimsoll.service", "schema_version": 1, "tenants": rows})


def test_each_tenant_of_a_document_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "south.json").write_text(json.dumps(rules()))
    own = {"alerts": "south.json", "webhook": "http://127.0.0.1:1/south", "webhook_secret_variable": "SOUTH_SECRET"}
    monkeypatch.setenv("SOUTH_SECRET", "hush")
    found = tenants_of(tenants(tmp_path, **own), tmp_path)
    try:
        north, south = found["north"], found["south"]
        assert north.monitors.watch.rules == default_rules()
        assert [r.name for r in south.monitors.watch.rules.rules] == ["lost"]
        assert north.webhook is not None
        assert south.webhook is not None
        assert (north.webhook.secret, south.webhook.secret) == (None, b"hush")
    finally:
        for tenant in found.values():
            tenant.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"webhook": "http://127.0.0.1:1/north"}, r"tenants\.webhook: got .*north"),
        ({"webhook_secret_variable": "SECRET"}, r"tenants\[1\].*a webhook beside it"),
        ({"webhook": "http://x/", "webhook_secret_variable": "NOT_THERE_AT_ALL"}, "set and not empty"),
        ({"webhook": "http://x/", "webhook_secret_variable": "EMPTY_SECRET"}, "set and not empty"),
        ({"webhook": "ftp://x/"}, "http:// or https://"),
        ({"alerts": "none.json"}, r"none\.json"),
    ],
)
def test_a_document_whose_alerts_cannot_be_is_refused(
    tmp_path: Path, change: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMPTY_SECRET", "")
    with pytest.raises(DocumentError, match=words):
        tenants_of(tenants(tmp_path, **change), tmp_path)


LEVELS = {"raise_at": 1.0, "clear_at": 0.5}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "JSON"),
        (json.dumps(rules({"name": "x", "reading": "weather.total", **LEVELS})), "a path that begins with"),
        # a path that only the readings know to lead nowhere
        (json.dumps(rules({"name": "x", "reading": "utilisation.totl", **LEVELS})), "utilisation.totl"),
        (json.dumps(rules({"name": "x", "reading": "utilisation.total", "raise_at": 1.0, "clear_at": 2.0})), "at most"),
    ],
)
def test_a_broken_rule_file_ends_the_command_before_the_port_opens(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plimsoll.serve.run.run", lambda _server: pytest.fail("it was served"))
    path = tmp_path / "alerts.json"
    path.write_text(content)
    assert run(["serve", "--demo", "--sample", "1", "--alerts", str(path)]) == 2
    told = capsys.readouterr()
    assert message in " ".join(told.err.split())
    assert "http://" not in told.out


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://somewhere", "http:// or https://"),
        ("somewhere", "http:// or https://"),
        ("http://me:secret@somewhere/", "give a secret to sign"),
        ("http://somewhere:99999/", "1 to 65535"),
        ("http://[::1/", "1 to 65535"),
        ("http://somewhere/a b", "without a space"),
    ],
)
def test_a_webhook_that_is_none_ends_the_command_and_is_not_told_with_its_password(
    url: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plimsoll.serve.run.run", lambda _server: pytest.fail("it was served"))
    assert run(["serve", "--demo", "--sample", "1", "--webhook", url]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert message in told
    assert "me:secret" not in told
    assert run(["serve", "--config", "c.json", "--webhook", "http://x/"]) == 2
    assert "what the document says" in " ".join(capsys.readouterr().err.split())


def test_the_command_says_which_rules_it_does_not_read_and_signs_by_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped rules as a file: coverage and books of the sources are for `plimsoll live monitor`."""
    path = tmp_path / "alerts.json"
    default_rules().save(path)
    made: list[Webhook] = []
    kept = Webhook.__init__

    def noted(self: Webhook, *args: Any, **options: Any) -> None:
        kept(self, *args, **options)
        made.append(self)

    monkeypatch.setattr(Webhook, "__init__", noted)
    monkeypatch.setattr("plimsoll.serve.run.run", lambda _server: made[-1].counts.update(failed=1))
    command = ["serve", "--demo", "--sample", "1", "--speed", "0", "--alerts", str(path), "--webhook", "http://x/"]
    for value, secret in (("hush", b"hush"), ("", None)):
        monkeypatch.setenv(SECRET, value)
        assert run(command) == 0
        told = capsys.readouterr()
        assert "these alerts are for `plimsoll live monitor`: an index is cheap to push, coverage drifts" in told.out
        assert "demo: webhook: 0 alerts sent, 1 alerts failed" in told.err
        assert made[-1].secret == secret
