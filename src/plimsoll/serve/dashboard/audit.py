"""The audit page: the last records, the state of the chain, the latest proof, and a verification of all of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from plimsoll.documents import refuse
from plimsoll.serve.dashboard import jobs
from plimsoll.serve.dashboard.shell import page, part
from plimsoll.serve.proof_work import KINDS
from plimsoll.serve.state import PROOF, PROOFS

if TYPE_CHECKING:
    from plimsoll.ledger import Entry, Ledger
    from plimsoll.serve.dashboard.board import Board
    from plimsoll.serve.dashboard.desk import Desk
    from plimsoll.serve.dashboard.visitors import Visitor

LAST = 40
"""Records on the page."""

LAST_JOBS = 10
"""Jobs about proofs on the page, newest first."""


@dataclass(frozen=True)
class Chain:
    """Where a ledger stands: its last number and hash, and its last records, newest first."""

    records: int
    head: str
    kind: str
    rows: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, ledger: Ledger) -> Chain:
        """Read from the database; on a thread of its own."""
        records, head = ledger.head()
        entries = list(ledger.entries(max(0, records - LAST)))
        # the place may hold a password: only what kind of database it is
        kind = "PostgreSQL" if ledger.engine.dialect.name == "postgresql" else "SQLite"
        return cls(records, head, kind, tuple(row_of(e) for e in reversed(entries)))


@dataclass(frozen=True)
class LastProof:
    """The latest proof that was made of this tenant's books, as the ledger keeps it: what it is about, and hashes."""

    seq: int
    time: str
    age: str
    said: dict[str, Any]

    @classmethod
    def of(cls, ledger: Ledger, now: datetime) -> LastProof | None:
        """Read from the database; on a thread of its own. `None` where none was made."""
        entry = ledger.latest(PROOF, PROOFS)
        if entry is None:
            return None
        made = datetime.fromisoformat(entry.time)
        return cls(entry.seq, entry.time[:19].replace("T", " "), age_words(now - made), dict(entry.content))


def age_words(age: timedelta) -> str:
    """How old something is, in the largest unit of which there are two.

    >>> age_words(timedelta(seconds=-1)), age_words(timedelta(seconds=150)), age_words(timedelta(hours=50))
    ('0 seconds', '2 minutes', '2 days')
    """
    seconds = max(0, int(age.total_seconds()))
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:,} {unit}"
    return f"{seconds} seconds"


def row_of(entry: Entry) -> dict[str, Any]:
    """A record in a line."""
    content = entry.content
    event = content.get("event") or {}
    words = [
        str(content.get(name) or event.get(name) or "")
        for name in ("account", "instrument", "rules", "operation", "words")
    ]
    kind = str(event.get("kind") or "")
    decisions = (content.get("outcome") or {}).get("decisions") or []
    told = [f"{d['account']}: {d['before']} → {d['after']}" for d in decisions[:2]]
    return {
        "seq": entry.seq,
        "time": entry.time[:19].replace("T", " "),
        "kind": f"{entry.kind} {kind}".strip(),
        "stream": entry.stream,
        "words": " ".join(w for w in words if w),
        "decisions": told + ([f"and {len(decisions) - 2} more"] if len(decisions) > 2 else []),
        "hash": entry.hash,
    }


def add(board: Board) -> None:
    """The page, its live part and the verification."""
    board.get("/dashboard/audit", _page)
    board.post("/dashboard/audit/verify", _verify, jobs.SCOPE)
    board.live["audit"] = audit_parts
    jobs.add(board)


async def _page(request: Request, visitor: Visitor, desk: Desk) -> Response:
    return page(
        request, visitor, "audit", parts=await audit_parts(desk, visitor, {}), kept=desk.engaged.ledger is not None
    )


async def audit_parts(desk: Desk, _visitor: Visitor, _query: dict[str, str]) -> dict[str, str]:
    """The chain, the latest proof with its age, jobs about proofs, and the last records."""
    ledger = desk.engaged.ledger
    kept = [job for job in reversed(desk.jobs.all.values()) if job.kind in KINDS][:LAST_JOBS]
    told = {"proof-jobs": part("proof-jobs.html.j2", jobs=kept)}
    if ledger is None:
        return told
    chain = await asyncio.to_thread(Chain.of, ledger)
    proof = await asyncio.to_thread(LastProof.of, ledger, datetime.now(UTC))
    return told | {
        "chain": part("chain.html.j2", chain=chain),
        "proof": part("proof.html.j2", proof=proof),
        "records": part("records.html.j2", chain=chain),
    }


async def _verify(_request: Request, _visitor: Visitor, desk: Desk) -> Response:
    ledger = desk.engaged.ledger
    if ledger is None:
        raise refuse("ledger", "none", "a server that keeps a record (--ledger)")
    view = await desk.fleet()
    return await jobs.start(desk, "verify", {"options": {"place": ledger.place}}, view.events)
