"""Verdicts are the engine's, events are booked once, and what was acknowledged survives a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from plimsoll.live import Candidates, Clock, Fill, Order, Prices, Transfer
from plimsoll.serve import wire
from plimsoll.serve.client import Client, ServiceError
from served import MARKET, Served, free_port, served

PERP = "BTC-PERP-linear"


def order(account: str, quantity: float, *more: tuple[str, float]) -> wire.OrderIn:
    legs = [wire.LegIn(instrument=n, quantity=q) for n, q in ((PERP, quantity), *more)]
    return wire.OrderIn(account=account, legs=tuple(legs))


def test_verdicts_are_the_engines(house: Served) -> None:
    client, engine = house.client("north trade-check"), house.north.live.engine
    for name, quantity in (("account 0", 1.0), ("account 1", -2.5), ("account 2", 500.0)):
        found, own = client.what_if(order(name, quantity)), engine.check(Order.of(name, PERP, quantity))
        assert (found.allowed, found.reasons, found.binding) == (own.allowed, own.reasons, own.binding)
        for mine, theirs in ((found.before, own.before), (found.after, own.after)):
            assert (mine.initial, mine.maintenance, mine.equity, mine.excess) == (
                theirs.initial, theirs.maintenance, theirs.equity, theirs.excess,
            )  # fmt: skip
    assert not client.what_if(order("account 2", 500.0)).allowed
    two = client.what_if(order("account 0", 1.0, ("BTC-PERP-inverse", -100.0)))
    assert two.allowed in (True, False)


def test_many_at_once_are_the_same_as_one_after_the_other(house: Served) -> None:
    engine = house.north.live.engine
    asks = [(f"account {k % 5}", float(1 + k) * (-1.0) ** k) for k in range(60)]
    bad = [("account 1", 0.0)] * 5
    client = house.client("north trade-check")

    def one(ask: tuple[str, float]) -> wire.WhatIf | ServiceError:
        try:
            return client.what_if(order(*ask))
        except ServiceError as error:
            return error

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(one, [*asks, *bad]))
    for (name, quantity), answer in zip(asks, found, strict=False):
        own = engine.check(Order.of(name, PERP, quantity))
        assert isinstance(answer, wire.WhatIf)
        assert answer.allowed == own.allowed
        assert answer.after.initial == pytest.approx(own.after.initial, rel=1e-12)
        assert answer.after.equity == pytest.approx(own.after.equity, rel=1e-12)
        assert answer.binding == own.binding
    assert all(isinstance(a, ServiceError) and a.status == 422 for a in found[60:])


def test_a_batch_is_the_engines_and_takes_turns(house: Served) -> None:
    client, engine = house.client("north trade-check"), house.north.live.engine
    size = 5_000
    quantities = tuple(float(k % 41 - 20) or 1.0 for k in range(size))
    accounts = tuple(f"account {k % 5}" for k in range(size))
    prices = tuple(None if k % 3 else 70_000.0 + k % 7 for k in range(size))
    found = client.what_if_batch(
        wire.CandidatesIn(account=accounts, instrument=PERP, quantity=quantities, price=prices)
    )
    numbers = [k % 5 for k in range(size)]
    import numpy as np

    paid = np.array([np.nan if p is None else p for p in prices])
    own = engine.check_many(Candidates.single(engine.holdings, numbers, PERP, np.array(quantities), paid))
    assert found.allowed == tuple(own.allowed.tolist())
    np.testing.assert_allclose(np.array(found.after).T, own.after, rtol=1e-12)
    np.testing.assert_allclose(np.array(found.before).T, own.before, rtol=1e-12)
    assert [tuple(found.reasons[r] for r in row) for row in found.broken] == [own.reasons(k) for k in range(size)]
    assert found.binding == tuple(own.binding)


def test_events_are_booked_and_come_to_what_the_engine_says(house: Served) -> None:
    client, engine = house.client("north operate"), house.north.live.engine
    before = client.get_account("account 3")
    now = MARKET.time
    found = client.send_events(
        [
            Transfer("treasury", 1, now, "account 3", "USDC", 250.0),
            Fill("matching", 1, now, "account 3", PERP, 2.0, 70_000.0, 1.5),
            Prices("feed", 1, now, indices={"BTC": 70_010.0}),
            Fill("matching", 2, now, "nobody", PERP, 2.0, 70_000.0),
            Fill("matching", 2, now, "account 3", PERP, 2.0, 70_000.0),
        ]
    )
    assert found.durable
    first, second, _, unknown, contradictory = found.outcomes
    assert (first.applied, second.applied) == (1, 1)
    assert unknown.problems[0].path == "fill.account"
    assert contradictory.set_apart[0].fault == "contradictory"
    after = client.get_account("account 3")
    assert after.collateral["USDC"] == pytest.approx(before.collateral["USDC"] + 250.0 - 1.5)
    held = {p.instrument: p.quantity for p in before.positions}
    assert {p.instrument: p.quantity for p in after.positions}[PERP] == held.get(PERP, 0.0) + 2.0
    assert engine.account(3) == after


def test_a_key_is_done_once_however_many_come_at_once(house: Served) -> None:
    client = house.client("north operate")
    before = client.get_account("account 4").collateral["USDC"]
    events_before = house.north.live.engine.events
    barrier = threading.Barrier(12)

    def send(_: int) -> wire.EventsOut:
        barrier.wait()
        return client.send_events([Transfer("bank", 1, MARKET.time, "account 4", "USDC", 10.0)], key="pay-1")

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(send, range(12)))
    assert all(a == answers[0] for a in answers)
    assert house.north.live.engine.events == events_before + 1
    assert client.get_account("account 4").collateral["USDC"] == pytest.approx(before + 10.0)
    with pytest.raises(ServiceError, match="422: this idempotency key was used for another request"):
        client.send_events([Transfer("bank", 2, MARKET.time, "account 4", "USDC", 10.0)], key="pay-1")
    # another token's key is another key
    house.client("north admin").send_events([Transfer("bank", 2, MARKET.time, "account 4", "USDC", 1.0)], key="pay-1")
    assert house.north.live.engine.events == events_before + 2


def test_a_refused_call_leaves_its_key_free(house: Served) -> None:
    client = house.client("north operate")
    with pytest.raises(ServiceError, match="422"):
        client.send_events(wire.EventsIn.model_construct(events=()), key="free")
    assert client.send_events([Clock("clock", 1, MARKET.time)], key="free").outcomes[0].applied == 1


def test_a_restart_gives_the_answer_of_a_key_again(tmp_path: Path) -> None:
    event = [Transfer("bank", 1, MARKET.time, "account 0", "USDC", 10.0)]
    with served(tmp_path) as house:
        secret = house.secrets["north operate"]
        first = house.client("north operate").send_events(event, key="pay-1")
        standing = house.client("north operate").get_standing("account 0")
    with served(tmp_path) as house:
        assert house.north.resumed
        client = Client(house.url, secret)
        house.clients.append(client)
        assert client.get_standing("account 0") == standing
        events = house.north.live.engine.events
        assert client.send_events(event, key="pay-1") == first
        assert house.north.live.engine.events == events
        # without the key the number of its source says that it was booked
        again = client.send_events(event)
        assert again.outcomes[0].set_apart[0].fault == "duplicate"
        assert client.get_standing("account 0") == standing


def _started(folder: Path, port: int) -> tuple[subprocess.Popen[str], list[str]]:
    command = [sys.executable, "-m", "plimsoll", "serve", "--demo", "--sample", "4", "--speed", "0"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--ledger", str(folder / "demo.db")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    while not (lines and lines[-1].startswith("http")):
        line = process.stdout.readline()
        assert line, f"it ended with {process.wait()}"
        lines.append(line.strip())
    until = time.monotonic() + 60.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.05)
        else:
            return process, lines


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    port = free_port()
    process, lines = _started(tmp_path, port)
    started = [process]
    try:
        secret = next(line for line in lines if line.startswith("plimsoll_"))
        with Client(f"http://127.0.0.1:{port}", secret) as client:
            now = client.get_market().time
            answered = 0
            stop = threading.Event()

            def pay() -> None:
                nonlocal answered
                number = 0
                while not stop.is_set():
                    number += 1
                    try:
                        client.send_events([Transfer("bank", number, now, "account 1", "USDC", 1.0)], key=f"k{number}")
                    except Exception:  # noqa: BLE001  it was killed meanwhile
                        return
                    answered = number

            before = client.get_account("account 1").collateral.get("USDC", 0.0)
            job = client.start_job(wire.StressIn(kind="stress", account="account 1", generate=5_000, exact=50))
            while client.get_job(job.id).state == "waiting":
                time.sleep(0.02)
            children = _children(process.pid)
            thread = threading.Thread(target=pay)
            thread.start()
            while answered < 20:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            stop.set()
            thread.join(60.0)
        assert process.wait() == -signal.SIGKILL
        assert answered >= 20
        # the worker of the job ends with the service that asked for it
        until = time.monotonic() + 30.0
        while any(_alive(child) for child in children):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert children
        process, lines = _started(tmp_path, port)
        started.append(process)
        assert not [line for line in lines if line.startswith("plimsoll_")]
        with Client(f"http://127.0.0.1:{port}", secret) as client:
            paid = client.get_account("account 1").collateral["USDC"] - before
            assert answered <= round(paid) <= answered + 1
            again = client.send_events([Transfer("bank", answered, now, "account 1", "USDC", 1.0)], key=f"k{answered}")
            assert again.outcomes[0].applied == 1
            assert client.get_account("account 1").collateral["USDC"] - before == pytest.approx(paid)
            assert client.verify_records(anew=False).good
        process.send_signal(signal.SIGINT)
        assert process.wait(60.0) == 0
    finally:
        for one in started:
            if one.poll() is None:
                one.kill()
            one.communicate()


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    threads = [p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/children")]
    return sorted({int(c) for c in " ".join([text, *threads]).split()})


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_an_engine_that_failed_says_so(tmp_path: Path) -> None:
    with served(tmp_path) as house:
        tenant = house.service.tenants["south"]

        class Broken(Exception):
            pass

        def fail(_: Any) -> None:
            raise Broken

        tenant.live.engine.apply = fail  # type: ignore[method-assign,assignment]
        client = house.client("south operate")
        with pytest.raises(ServiceError, match="500"):
            client.send_events([Clock("clock", 1, MARKET.time)])
        with pytest.raises(ServiceError, match="503: the engine or its ledger has stopped"):
            client.send_events([Clock("clock", 2, MARKET.time)])
        health = house.http.get(house.url + "/v1/health")
        assert (health.status_code, json.loads(health.text)["status"]) == (503, "failed")
        assert house.client("north read").fleet().statuses
