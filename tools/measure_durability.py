"""Engines killed two hundred times with the power lost under them: docs/validation/durability.md and its numbers.

    python tools/measure_durability.py run sqlite|postgres [--events 100000] [--kills 200] [--work FOLDER]
    python tools/measure_durability.py note sqlite|postgres [--work FOLDER]
    python tools/measure_durability.py page [--check]

`run` plays one noisy day into a record, kills the process that writes it, loses the power under its database after each
`POWER[database]`th kill (tests/ledger/power.py says what that does to its files), and goes on from what is left. It can
be stopped at any time: with the same folder it goes on. `note` keeps how far a run has come. `page` is made from
`tools/measured/durability.json` alone.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from page_files import keep

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "tools/measured/durability.json"
PAGE = ROOT / "docs/validation/durability.md"
POWER = {"sqlite": 1, "postgres": 4}
"""The power is lost after every so many kills: a server has to come up again each time."""

SEED = {"sqlite": 11, "postgres": 12}


def run(database: str, events: int, kills: int, work: Path) -> dict[str, Any]:
    """One stream to its end; what was found, for the page."""
    sys.path[:0] = [str(ROOT / "tests")]
    # the tests' own modules, of which the types know nothing here
    power, servers, killed = (import_module(name) for name in ("ledger.power", "ledger.servers", "live.killed"))
    from plimsoll.ledger import Ledger
    from plimsoll.live.record import resumed

    work.mkdir(parents=True, exist_ok=True)
    day, state, seed = work / "day", work / "state.json", SEED[database]
    if not day.exists():
        killed.write_day(day, events, seed)
    found = killed.Killed(**json.loads(state.read_text())) if state.exists() else killed.Killed()
    began, server = time.monotonic(), None
    with ExitStack() as stack:
        if database == "postgres":
            tools, who = servers.binaries(), servers.unprivileged()
            assert tools is not None, "no PostgreSQL"
            folder = work / "server"
            folder.mkdir(exist_ok=True)
            if who:
                os.chown(folder, who["user"], who["group"])
            server = servers.Server(folder, tools)
            server.start()
            stack.callback(server.kill)
        place = str(work / "book.db") if server is None else server.url

        def disturb(kill: int, synced: tuple[bytes, int]) -> None:
            choice = random.Random(f"power {seed} {kill}")
            if (kill + 1) % POWER[database] == 0:
                if server is None:
                    found.lost += power.cut_sqlite(Path(place), synced, choice)
                else:
                    found.lost += power.cut_postgres(server, choice)
                    server.start()
                found.cuts += 1
            state.write_text(json.dumps(asdict(found)))
            print(f"{database}: {kill + 1} kills, {found.acknowledged:,} of {events:,} events", flush=True)

        killed.killed_engines(place, day, events, kills, seed, disturb, found)
        seconds = time.monotonic() - began
        quiet, head = killed.expected(day)
        with Ledger.existing(place) as ledger:
            again = resumed(ledger, every=killed.EVERY)
            records = ledger.head()[0]
        same = [np.array_equal(x, y) for x, y in
                zip(quiet.amounts(quiet.everyone), again.amounts(again.everyone), strict=True)]  # fmt: skip
        plimsoll = [sys.executable, "-m", "plimsoll", "audit", "verify", place, "--head", head, "--json"]
        said = subprocess.run(plimsoll, capture_output=True, text=True, check=False)
        verified = json.loads(said.stdout)
    return {
        **asdict(found),
        "events": events,
        "records": records,
        "recorded": again.events,
        "head": verified["head"],
        "expected": head,
        "audit_exit": said.returncode,
        "faults": len(verified["faults"]),
        "margins_same": all(same) and quiet.events == again.events and bool((quiet.level == again.level).all()),
        "accounts": len(quiet.holdings),
        "seconds": round(seconds),
    }


INTRODUCTION = """# Killed two hundred times

An engine plays one noisy day (2 % of the messages repeated, late, contradictory or no price at all) into its record.
Its process is ended by SIGKILL at random moments, in the middle of writing, and goes on from the record. The power is
lost too: the files of the database are left as the last fsync had them, what was written since is garbled, missing or
there, sector by sector, and pages are torn in halves that the log has to make good.
"""

END = """
Every writer that came back had to know every event that was acknowledged before, or the run would have ended. With
PostgreSQL the server is killed with all its processes whenever the power goes, in the middle of what another session
writes without waiting for the disk. SQLite's file and log are cut after each kill.

## How a loss of power is made

| | what is kept | what is spoilt |
| --- | --- | --- |
| SQLite | the log up to the end of the last commit that returned | what stands behind it: each sector as it is, zeros
 or noise, then cut at random; eight pages of the file that the log holds are torn; the shared index is gone |
| PostgreSQL | the log up to `pg_current_wal_flush_lsn()`, or as far as any page of the tables shows that it was
 synced | the log behind that in the same way; eight pages of the tables that were changed since the last checkpoint
 are torn |

What this cannot show: a disk that says it has written what it has not. Files that a checkpoint has synced are believed
to be there; so are the control file and the commit log of PostgreSQL.

Made by `python tools/measure_durability.py run sqlite` and `run postgres`. Every run of CI does the same with 10,000
events and 20 kills on each database (`tests/ledger/test_killed_engines.py`).
"""

ROWS = (
    ("events", "events"),
    ("writers killed by SIGKILL", "kills"),
    ("times it was started", "resumes"),
    ("losses of power", "cuts"),
    ("bytes of logs behind the last fsync, garbled or cut", "lost"),
    ("events acknowledged", "acknowledged"),
    ("events in the record", "recorded"),
    ("records, states of the engine among them", "records"),
    ("faults of `plimsoll audit verify --head`", "faults"),
    ("accounts whose margins are held to an engine that nobody killed", "accounts"),
)


def page(measured: dict[str, Any]) -> str:
    """The page. A run that has not come to its end says so."""
    lines = ["| | " + " | ".join(measured) + " |", "| --- |" + " --- |" * len(measured)]

    def row(words: str, cell: Callable[[dict[str, Any]], str]) -> None:
        lines.append(f"| {words} | " + " | ".join(cell(m) for m in measured.values()) + " |")

    def told(m: dict[str, Any], key: str) -> str:
        return f"{m[key]:,}" if key in m else "the run is not at its end"

    for words, key in ROWS:
        row(words, lambda m, key=key: told(m, key))  # type: ignore[misc]
    row("same margins and statuses", lambda m: yes(m, m.get("margins_same"), "yes, bit for bit"))
    same = {k: m.get("head") == m.get("expected") and m.get("audit_exit") == 0 for k, m in measured.items()}
    lines.append(
        "| the hash of a record that nobody disturbed | "
        + " | ".join(yes(m, same[k], "yes") for k, m in measured.items())
        + " |"
    )
    # rows of a table are one line each
    return INTRODUCTION + "\n" + "\n".join(lines) + "\n" + END.replace("\n ", " ")


def yes(m: dict[str, Any], found: object, words: str) -> str:
    """What a run that came to its end found."""
    if "head" not in m:
        return "the run is not at its end"
    return words if found else "NO"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a stream, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser("run")
    runs.add_argument("database", choices=sorted(POWER))
    runs.add_argument("--events", type=int, default=100_000)
    runs.add_argument("--kills", type=int, default=200)
    runs.add_argument("--work", type=Path, help="folder of the run; it goes on there")
    notes = commands.add_parser("note")
    notes.add_argument("database", choices=sorted(POWER))
    notes.add_argument("--work", type=Path, help="folder of the run")
    commands.add_parser("page").add_argument("--check", action="store_true")
    chosen = parser.parse_args(arguments)
    measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    if chosen.command == "page":
        return keep({PAGE: page(measured)}, check=chosen.check)
    work = chosen.work or Path("/tmp") / f"plimsoll-durability-{chosen.database}"
    if chosen.command == "note":
        state: dict[str, Any] = json.loads((work / "state.json").read_text())
        found = state | {"events": sum(1 for _ in (work / "day").open())}
    else:
        found = run(chosen.database, chosen.events, chosen.kills, work)
    print(json.dumps(found, indent=2))
    # two runs may end side by side
    measured = json.loads(MEASURED.read_text()) if MEASURED.exists() else {}
    name = {"sqlite": "SQLite", "postgres": "PostgreSQL"}[chosen.database]
    measured[name] = found
    MEASURED.write_text(json.dumps(dict(sorted(measured.items(), reverse=True)), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
