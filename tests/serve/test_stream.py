"""The WebSocket: numbered frames of the engine's own numbers, slow readers sent away, and no frame that breaks it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from plimsoll.live import Clock, Prices, Transfer
from plimsoll.serve.client import wire_ask
from served import MARKET, Served, served

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def opened(house: Served, who: str | None = "north read", **more: Any) -> ClientConnection:
    headers = {} if who is None else house.headers(who)
    address = house.url.replace("http", "ws") + "/v1/stream"
    return connect(address, additional_headers={**headers, **more.pop("headers", {})}, proxy=None, **more)


def said(line: ClientConnection, content: Any) -> dict[str, Any]:
    line.send(content if isinstance(content, (str, bytes)) else json.dumps(content))
    return heard(line)


def heard(line: ClientConnection) -> dict[str, Any]:
    found = json.loads(line.recv(30.0))
    assert isinstance(found, dict)
    return found


def reason(line: ClientConnection) -> tuple[int, str]:
    """Read until it is closed: the code and the reason."""
    try:
        while True:
            line.recv(30.0)
    except ConnectionClosed as closed:
        return (0, "no reason") if closed.rcvd is None else (closed.rcvd.code, closed.rcvd.reason)


def emptied(house: Served, account: str, back: bool = False) -> None:
    """Take nearly everything out of an account, or give it back: its status changes."""
    a = house.north.number[account]
    now = house.north.live.engine.prices.time
    amount = 1e6 if back else -float(house.north.live.engine.charged(a)[2]) / 10**6 * 0.999
    number = house.north.live.engine.gate.sources().get("drain", (0,))[0] + 1
    house.north.submit(Transfer("drain", number, now, account, "USDC", amount)).result(30.0)


def test_frames_are_the_engines_numbers_and_count_from_one(tmp_path: Path) -> None:
    with served(tmp_path) as house:
        engine = house.north.live.engine
        with opened(house) as line:
            first = said(line, wire_ask("fleet"))
            assert (first["channel"], first["sequence"], first["subscribed"]) == ("fleet", 0, True)
            assert sum(first["statuses"].values()) == 5
            own = said(line, wire_ask("account", "account 2"))
            assert own["channel"] == "account account 2"
            assert (own["initial"], own["maintenance"], own["equity"]) == engine.charged(2)
            assert said(line, wire_ask("alerts"))["channel"] == "alerts"
            emptied(house, "account 2")
            frames = [heard(line) for _ in range(3)]
            found = {f["channel"]: f for f in frames}
            assert found["alerts"]["sequence"] == 1
            assert (found["alerts"]["account"], found["alerts"]["before"]) == ("account 2", "healthy")
            assert found["alerts"]["after"] in ("called", "reduce only")
            assert found["fleet"]["sequence"] == 1
            assert found["fleet"]["worst"][0]["account"] == "account 2"
            assert found["account account 2"]["status"] == engine.status(2)
            emptied(house, "account 2", back=True)
            assert {heard(line)["sequence"] for _ in range(3)} == {2}
        # a reader that comes again gets the alerts that it has missed
        with opened(house) as line:
            head = said(line, wire_ask("alerts", after=1))
            assert (head["sequence"], head["missed"]) == (2, 0)
            assert heard(line)["sequence"] == 2
        with opened(house, "south read") as line:
            assert said(line, wire_ask("alerts", after=0))["sequence"] == 0
            there, nowhere = said(line, wire_ask("account", "account 2")), said(line, wire_ask("account", "nobody"))
            assert there == nowhere
            assert there["status"] == 404


def test_more_alerts_than_the_queue_holds_reach_a_reader_who_comes_back(house: Served) -> None:
    hub, most = house.north.hub, house.service.limits.backlog
    start = hub.numbers["alerts"]
    with opened(house) as line:
        assert said(line, wire_ask("alerts"))["sequence"] == start
        for k in range(2 * most):
            emptied(house, "account 3", back=bool(k % 2))
            assert heard(line)["sequence"] == start + k + 1
    with opened(house) as line:
        head = said(line, wire_ask("alerts", after=start))
        assert (head["sequence"], head["missed"]) == (start + 2 * most, 0)
        assert [heard(line)["sequence"] for _ in range(2 * most)] == list(range(start + 1, start + 2 * most + 1))
        # and goes on with what is new, each once
        emptied(house, "account 3")
        assert heard(line)["sequence"] == start + 2 * most + 1
    emptied(house, "account 3", back=True)


def test_a_token_in_the_first_frame(house: Served) -> None:
    with opened(house, None) as line:
        line.send(json.dumps({"token": house.secrets["south read"]}))
        assert said(line, wire_ask("fleet"))["channel"] == "fleet"
    for frame in ("{}", "x", json.dumps({"token": "plimsoll_0_0"}), "[" * 1_000, json.dumps({"token": "x" * 5_000})):
        with opened(house, None) as line:
            line.send(frame)
            assert reason(line)[0] == 1008


def test_another_origin_and_a_wrong_token_are_turned_away(house: Served) -> None:
    from websockets.exceptions import InvalidStatus

    with pytest.raises(InvalidStatus):
        opened(house, headers={"Origin": "http://elsewhere.example"})
    with opened(house, headers={"Origin": house.url}) as line:
        assert said(line, wire_ask("fleet"))["channel"] == "fleet"
    try:
        with opened(house, None, headers={"Authorization": "Bearer nonsense"}) as line:
            assert reason(line)[0] == 1008
    except InvalidStatus:
        pass


def test_a_token_that_is_revoked_ends_its_stream(house: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from plimsoll.serve.routes import stream

    monkeypatch.setattr(stream, "PATIENCE", 0.1)
    token, secret = house.service.tokens.create("north", "read")
    with opened(house, None, headers={"Authorization": f"Bearer {secret}"}) as line:
        assert said(line, wire_ask("fleet"))["channel"] == "fleet"
        house.service.tokens.revoke(token.id)
        assert reason(line) == (1008, "the token no longer holds")


def test_a_reader_that_does_not_read_is_sent_away(house: Served) -> None:
    dropped = house.north.measures.dropped._value.get()
    before = set(house.north.hub.clients)
    with opened(house, max_queue=1, ping_interval=None, close_timeout=1.0) as line:
        line.send(json.dumps(wire_ask("fleet")))
        # a reader who stops reading: the buffers between fill, then its queue
        until = time.monotonic() + 60.0
        while house.north.measures.dropped._value.get() == dropped:
            assert time.monotonic() < until
            for client in set(house.north.hub.clients) - before:
                loop_put(house, client, "x" * 200_000)
            time.sleep(0.005)
    while house.north.hub.clients - before:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert house.client("north read").fleet().statuses


def loop_put(house: Served, client: Any, frame: str) -> None:
    loop = house.north.hub.loop
    assert loop is not None
    loop.call_soon_threadsafe(client.put, frame)


BAD = [
    b"\x00\xff",
    "",
    "null",
    "[]",
    "7",
    '"x"',
    "{",
    "[" * 3_000,
    '{"do": "subscribe"}',
    '{"do": "subscribe", "channel": "fleet", "account": "account 0"}',
    '{"do": "subscribe", "channel": "account"}',
    '{"do": "shout", "channel": "fleet"}',
    '{"do": "subscribe", "channel": "alerts", "after": -1}',
    '{"do": "subscribe", "channel": "alerts", "after": 1e3}',
    '{"do": "subscribe", "channel": "account", "account": "\\u0000"}',
    '{"do": "subscribe", "channel": "account", "account": "\\ud800"}',
    '{"do": "subscribe", "do": "subscribe", "channel": "fleet"}',
    '{"a": {"a": {"a": {"a": {"a": 1}}}}}',
    "x" * 5_000,
]


def test_frames_that_are_none_are_refused_in_words(house: Served) -> None:
    with opened(house) as line:
        for frame in BAD:
            found = said(line, frame)
            assert (found["channel"], found["status"] in (400, 404, 413, 415, 422)) == ("problem", True), found
        assert said(line, wire_ask("fleet"))["channel"] == "fleet"


def test_fuzzed_frames_break_nothing(house: Served) -> None:
    rng = random.Random(7)
    good = json.dumps(wire_ask("account", "account 1"))
    sent = 0
    for _ in range(8):
        with opened(house) as line:
            try:
                for _ in range(60):
                    text = list(good)
                    for _ in range(rng.randrange(1, 6)):
                        k = rng.randrange(len(text))
                        text[k : k + rng.randrange(3)] = [chr(rng.choice([0, 34, 91, 123, 92, 0x202E, 0x1F600, 120]))]
                    frame: str | bytes = "".join(text)
                    said(line, frame.encode() if rng.random() < 0.2 else frame)
                    sent += 1
            except ConnectionClosed as closed:
                assert closed.rcvd is not None and closed.rcvd.code == 1008  # noqa: PT017, PT018  it may stay open
    assert sent > 300
    with opened(house) as line:
        assert said(line, wire_ask("fleet"))["channel"] == "fleet"
    assert not house.north.live.failure


def test_a_frame_that_is_too_large_closes_only_its_own_line(house: Served) -> None:
    with opened(house) as line:
        line.send("x" * 2**18)
        assert reason(line)[0] == 1009
    with opened(house) as line:
        assert said(line, wire_ask("fleet"))["channel"] == "fleet"


def test_readers_are_counted_and_bounded(house: Served) -> None:
    with ExitStack() as lines:
        for _ in range(8):
            line = lines.enter_context(opened(house))
            assert said(line, wire_ask("fleet"))["channel"] == "fleet"
        with opened(house) as line:
            assert reason(line) == (1013, "too many clients of the stream")


def test_the_clients_stream(house: Served) -> None:
    client = house.client("south read")
    frames = client.stream("fleet", "account south account 1", "alerts", timeout=30.0)
    names = [next(frames)["channel"] for _ in range(3)]
    assert names == ["fleet", "account south account 1", "alerts"]
    house.service.tenants["south"].submit(Clock("clock", 1, MARKET.time)).result(30.0)
    house.service.tenants["south"].submit(Prices("feed", 1, MARKET.time, indices={"BTC": 70_001.0})).result(30.0)
    assert next(frames)["sequence"] == 1
    frames.close()  # type: ignore[attr-defined]


def test_a_program_ends_while_its_streams_are_open(house: Served) -> None:
    """A generator that is left hanging would wait for a thread of its connection when Python ends."""
    words = (
        "from plimsoll.serve import Client\n"
        f"closed, forgotten = (Client({house.url!r}, {house.secrets['north read']!r}) for _ in range(2))\n"
        "one, two = closed.stream('alerts'), forgotten.stream('alerts')\n"
        "assert next(one)['subscribed'] and next(two)['subscribed']\n"
        "closed.close()\n"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, timeout=60.0, check=False)
    assert (done.returncode, done.stderr) == (0, "")
