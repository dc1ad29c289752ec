"""`plimsoll live shards`: a generated day over actors of Ray, one of them killed, held to one engine."""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plimsoll.cli._progress import late_bar

if TYPE_CHECKING:
    from plimsoll.live.monitors import Readings
    from plimsoll.live.shards import Standing

BATCH = 50
"""Messages that are sent to the shards together."""


@dataclass(frozen=True)
class Shown:
    """What came of it: a row for each record, restarts by shard, and how the union compares with one engine."""

    accounts: tuple[int, ...]
    restarts: tuple[int, ...]
    heads: dict[str, tuple[int, str]]
    faults: int
    events: int
    standing: Standing
    readings: Readings
    same: bool
    killed: bool
    folder: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "events": self.events,
            "shards": [
                {"accounts": n, "restarts": r} for n, r in zip(self.accounts, self.restarts, strict=True)
            ],
            "records": {name: {"records": n, "head": head} for name, (n, head) in self.heads.items()},
            "faults": self.faults,
            "statuses": self.standing.counts(),
            "monitors": self.readings.to_dict(),
            "same_as_one_engine": self.same,
            "killed": self.killed,
        }  # fmt: skip


def shown(rules: str, workers: int, accounts: int, events: int, seed: int, kill: bool, folder: str | None) -> Shown:
    """Play the day. Raises `DocumentError` for a folder that has records already."""
    import numpy as np

    from plimsoll.documents import refuse
    from plimsoll.feeds.demo import demo_market
    from plimsoll.ledger import Ledger
    from plimsoll.ledger.verify import verify
    from plimsoll.live.fleet import sample_accounts
    from plimsoll.live.generated import disturbed, generated_day
    from plimsoll.live.monitors import read
    from plimsoll.live.shards import Coordinator, Opening
    from plimsoll.live.shards.actors import actors, local_cluster
    from plimsoll.margin.catalogue import margin_model

    with late_bar() as bar, ExitStack() as stack:
        where = folder or stack.enter_context(tempfile.TemporaryDirectory(prefix="plimsoll-shards-"))
        if any(Path(where).glob("*.db")):
            raise refuse("--folder", where, "a folder without records: this day begins anew")
        Path(where).mkdir(parents=True, exist_ok=True)
        market = demo_market()
        fleet = sample_accounts(market, accounts, seed=seed)
        opening = Opening.of(margin_model(rules), market, fleet, workers)
        day = list(disturbed(generated_day(market, [a.name for a in fleet], events, seed), seed, 0.05))
        bar("starting Ray", 0, len(day))
        single = opening.engine()
        with local_cluster() as ray, Coordinator(opening, actors(ray, opening, where), where) as shards:
            for n in range(0, len(day), BATCH):
                if kill and n <= len(day) // 2 < n + BATCH:
                    last = shards.handles[-1]
                    os.kill(last.answer(last.ask("process")), signal.SIGKILL)
                shards.apply(day[n : n + BATCH])
                for event in day[n : n + BATCH]:
                    single.apply(event)
                bar("messages", n + BATCH, len(day))
            bar("the monitors", len(day), len(day))
            standing, readings = shards.standing(), shards.monitors()
            heads, restarts = shards.heads(), tuple(shards.restarts)
        same = np.array_equal(standing.amounts, np.array(single.amounts(single.everyone)))
        same = same and standing.level == tuple(single.level.tolist())
        same = same and readings.to_dict() == read(single).to_dict()
        faults = 0
        for name, (_, head) in heads.items():
            with Ledger.existing(Path(where) / f"{name.replace(' ', '-')}.db") as ledger:
                faults += len(verify(ledger, head).faults)
        counts = tuple(np.bincount(opening.owner, minlength=workers).tolist())
        return Shown(counts, restarts, heads, faults, len(day), standing, readings, same, kill, folder)


def shards_view(found: Shown) -> Any:
    """A table of the records, and what was found."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table

    from plimsoll.report.monitor_view import reading_parts

    table = Table("record", box=SIMPLE_HEAD)
    for name in ("accounts", "started anew", "records", "head"):
        table.add_column(name, justify="right")
    for name, (number, head) in found.heads.items():
        s = int(name.split()[1]) if name.startswith("shard") else None
        own = ("", "") if s is None else (f"{found.accounts[s]:,}", f"{found.restarts[s]:,}")
        table.add_row(name, *own, f"{number:,}", head[:12])
    statuses = ", ".join(f"{n:,} {name}" for name, n in found.standing.counts().items() if n)
    lines = [
        f"{found.events:,} messages; {statuses}",
        "margins and monitors of the shards are those of one engine, bit for bit"
        if found.same
        else "THE UNION OF THE SHARDS IS NOT WHAT ONE ENGINE SAYS",
        "no fault in any record" if not found.faults else f"{found.faults} faults in the records",
    ]
    if found.folder is not None:
        lines.append(f"records: {found.folder}/*.db, for `plimsoll audit verify`")
    return Group(table, *reading_parts(found.readings), "", *lines)
