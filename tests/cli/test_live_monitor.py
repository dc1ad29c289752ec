"""`plimsoll live monitor` and `plimsoll efficiency`: what they print, record, post and refuse."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from plimsoll.cli import run
from plimsoll.live.alerts import default_rules
from plimsoll.live.alerts.sinks import said_before

SMALL = ["live", "monitor", "--events", "60", "--accounts", "4"]
RULE = {"name": "any", "reading": "utilisation.accounts", "raise_at": 0.0, "clear_at": 0.0}


def rules(tmp_path: Path) -> str:
    """A rule that is raised at once."""
    path = tmp_path / "alerts.json"
    path.write_text(json.dumps({"schema": "plimsoll.alert-rules", "schema_version": 1, "rules": [RULE]}))
    return str(path)


def test_monitor_prints_the_ladder_the_map_and_the_alerts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(SMALL) == 0
    text = capsys.readouterr().out
    assert all(len(line) <= 80 for line in text.splitlines())
    for words in (
        "60 events",
        "utilisation, of everybody",
        "Herfindahl, BTC long",
        "alone",
    ):
        assert words in text


def test_monitor_records_posts_and_says_nothing_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sqlalchemy")
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["id"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing on the screen."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    place = str(tmp_path / "day.db")
    try:
        answers = 0
        for k in range(2):
            options = ["--alerts", rules(tmp_path), "--ledger", place, "--webhook", url, "--json"]
            assert run([*SMALL, *options]) == 0
            found = json.loads(capsys.readouterr().out)
            answers += found["answers"]
            assert found["readings"]["events"] == 60 * (k + 1) + answers
            assert found["readings"]["feeds"]["refused"] == {}
            assert found["webhook"] == {"sent": 1 - k, "retried": 0, "failed": 0, "dropped": 0}
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    # the alert stands since the first run
    assert came == ["any::1:raised"]
    assert run(["audit", "verify", place]) == 0
    from plimsoll.ledger import Ledger

    with Ledger.existing(place) as ledger:
        assert [a.id for a in said_before(ledger)] == came


def test_monitor_ends_with_one_where_nobody_takes_the_alert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Nothing on the screen."""

    server = HTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        assert run([*SMALL, "--alerts", rules(tmp_path), "--webhook", url, "--json"]) == 1
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert json.loads(capsys.readouterr().out)["webhook"]["failed"] == 1


def test_monitor_refuses_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--webhook", "ftp://somewhere"]) == 2
    assert "http" in capsys.readouterr().err
    wrong = tmp_path / "wrong.json"
    body = {**default_rules().to_dict(), "rules": [{**RULE, "reading": "weather.today"}]}
    wrong.write_text(json.dumps(body))
    assert run([*SMALL, "--alerts", str(wrong)]) == 2
    assert "rules[0]" in capsys.readouterr().err


def test_efficiency_lists_books_without_a_saving_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    few = ["efficiency", "--books", "4", "--positions", "3"]
    assert run([*few, "--html", str(page)]) == 0
    text = capsys.readouterr().out
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith("page:"))
    assert "no saving against cross" in text
    html = page.read_text(encoding="utf-8")
    assert "<svg" in html
    assert "Each way is multiplied by one factor for all books" in html
    assert run([*few, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["books"]) == 5
    assert any("1 position" in name for name in found["without_saving"]["cross"])
    assert max(found["exceptions"].values()) <= found["level"]
    assert run([*few, "--level", "0"]) == 2
