"""A deterministic stream of fills, its writer as a process, and what must be there in the end."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from plimsoll.ledger import Entry, Event, GroupCommit, Ledger, UnavailableError
from plimsoll.ledger.archive import latest_snapshot, snapshot_event
from plimsoll.ledger.records import START, chained

START_TIME = datetime(2026, 1, 30, tzinfo=UTC)
STREAM, STATES = "fills", "positions"
EVERY = 500
"""Fills between two snapshots."""


def fill(position: int) -> Event:
    """Fill number `position` of the stream, the same in every process."""
    choice = random.Random(position)
    content = {"instrument": f"I{choice.randrange(20)}", "quantity": choice.randrange(-50, 51)}
    return Event("fill", STREAM, START_TIME + timedelta(milliseconds=position), content, position)


def book(positions: dict[str, int], content: Any) -> None:
    """One fill into the positions."""
    name = content["instrument"]
    positions[name] = positions.get(name, 0) + content["quantity"]


def written(count: int) -> list[Event]:
    """Every event of a whole stream with its snapshots, in order."""
    events, positions = [], dict[str, int]()
    for n in range(1, count + 1):
        events.append(fill(n))
        book(positions, events[-1].content)
        if n % EVERY == 0:
            events.append(snapshot(positions, n))
    return events


def snapshot(positions: dict[str, int], n: int) -> Event:
    """The positions after fill `n`, which is record `n` and the snapshots before it."""
    state = json.dumps(positions, sort_keys=True).encode()
    made = snapshot_event(STATES, state, n + n // EVERY - 1, START_TIME + timedelta(milliseconds=n))
    return Event(made.kind, made.stream, made.time, made.content, n // EVERY, made.attached)


def head_of(count: int) -> str:
    """The hash to which a whole stream must come, computed without any database."""
    entries = chained([(e, e.position or 0) for e in written(count)], 0, START)
    return entries[-1].hash


def recovered(ledger: Ledger) -> tuple[int, dict[str, int]]:
    """The last fill and the positions, from the last snapshot and the fills after it."""
    found = latest_snapshot(ledger, STATES)
    after, positions = (0, dict[str, int]()) if found is None else (found[0], json.loads(found[1]))
    for entry in ledger.entries(after, kind="fill"):
        book(positions, entry.content)
    return ledger.last(STREAM), positions


def write(place: str, count: int) -> None:
    """Go on where the ledger ends and say of every event on a line that it is durable."""
    with Ledger.open(place) as ledger, GroupCommit(ledger, most=50) as commits:
        last, positions = recovered(ledger)
        if last % EVERY == 0 and last > 0:
            ledger.append([snapshot(positions, last)])
        print(f"resumed {last}", flush=True)
        waiting: list[tuple[int, Future[Entry]]] = []
        for n in range(last + 1, count + 1):
            waiting.append((n, commits.submit(fill(n))))
            book(positions, fill(n).content)
            if n % EVERY == 0:
                waiting.append((n, commits.submit(snapshot(positions, n))))
            while len(waiting) > 120 or (n == count and waiting):
                at, future = waiting.pop(0)
                future.result()
                print(at, flush=True)


def killed_writers(place: str, count: int, kills: int, seed: int, disturb: Any = None) -> tuple[int, int]:
    """Writers one after the other, `kills` of them ended by SIGKILL; how many events were acknowledged, and resumes.

    `disturb(kill)` may do something else to the database after each kill. Every acknowledged event must be there
    when the next writer resumes.
    """
    choice = random.Random(seed)
    acknowledged = 0
    resumes = 0
    here = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "ledger.streams", place, str(count)]
    for kill in range(kills + 1):
        # each dies within its part of the stream, so that the last one still has something to write
        target = acknowledged + choice.randrange(1, max(2, (count - acknowledged) // (kills + 1 - kill)))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=here) as process:
            assert process.stdout is not None
            for line in process.stdout:
                word, _, number = line.strip().partition(" ")
                if word == "resumed":
                    assert int(number) >= acknowledged, "an acknowledged event is gone"
                    resumes += 1
                    continue
                # the last line of a killed writer may be cut: then it was not heard
                acknowledged = max(acknowledged, int(word)) if line.endswith("\n") else acknowledged
                if kill < kills and acknowledged >= target and process.poll() is None:
                    time.sleep(choice.random() * 0.01)
                    process.kill()
        assert kill < kills or process.returncode == 0
        if kill < kills and disturb is not None:
            disturb(kill)
    return acknowledged, resumes


if __name__ == "__main__":
    try:
        write(sys.argv[1], int(sys.argv[2]))
    except UnavailableError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
