"""The monitors over all shards: what each says of its own accounts, read as one engine's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from plimsoll.ledger import LedgerError
from plimsoll.live.calls.desk import CallsReading
from plimsoll.live.monitors.block import Block
from plimsoll.live.monitors.density import Answer, Question
from plimsoll.live.monitors.manipulation import SourceBooks
from plimsoll.live.monitors.readings import Readings, read_block
from plimsoll.live.monitors.rule import MonitorRule

if TYPE_CHECKING:
    from plimsoll.live.shards.coordinator import Coordinator


@dataclass(frozen=True, eq=False)
class ShardReading:
    """One shard as the monitors see it: its accounts, its desk if it has one, its events and the hash of its market."""

    block: Block
    calls: CallsReading | None
    position: int
    market: str


def read_shards(
    shards: Coordinator,
    rule: MonitorRule | None = None,
    *,
    with_density: bool = True,
    books: SourceBooks | None = None,
) -> Readings:
    """Every monitor of the accounts of all shards: the numbers of one engine over all of them, bit for bit.

    Oracle and feeds are those of the coordinator, which judges every message as each shard does. Coverage is `None`: it
    is watched over time, and a shard watches nothing by itself. `books` as for `read`.

    Errors: `LedgerError` where a shard is not where the coordinator has sent it, as after a batch that failed.
    """
    rule = rule or MonitorRule()
    router, names = shards.router, shards.names
    market = router.prices.snapshot().hash()
    parts: list[ShardReading] = shards.all("watched")
    for s, (part, sent) in enumerate(zip(parts, router.sent, strict=True)):
        if part.position != sent or part.market != market:
            raise LedgerError(f"shard {s} is at event {part.position} of {sent}, or sees another market")
    block = Block.joined(names, [p.block for p in parts])
    desks = [p.calls for p in parts if p.calls is not None]
    return read_block(
        block,
        rule,
        router.gate,
        router.prices,
        lambda asked: _answers(shards, parts, names, asked),
        events=shards.events,
        rules=router.model.rules.label,
        with_density=with_density,
        books=books,
        calls=CallsReading.joined(names, desks) if desks else None,
    )


def _answers(
    shards: Coordinator, parts: Sequence[ShardReading], names: Sequence[str], asked: Sequence[Question]
) -> list[Answer]:
    """Each question put to the shards that have accounts in it, which all answer at once."""
    owner = np.zeros(len(names), dtype=np.int64)
    within = np.zeros(len(names), dtype=np.int64)
    order = {name: a for a, name in enumerate(names)}
    for s, part in enumerate(parts):
        for k, name in enumerate(part.block.names):
            owner[order[name]], within[order[name]] = s, k
    shares = [
        [replace(q, accounts=within[q.accounts[owner[q.accounts] == s]]) for q in asked] for s in range(len(parts))
    ]
    answered: list[list[Answer]] = shards.all("answers", [(share,) for share in shares])
    return [_joined(q, owner[q.accounts], [own[n] for own in answered]) for n, q in enumerate(asked)]


def _joined(question: Question, owner: np.ndarray, answered: Sequence[Answer]) -> Answer:
    below = np.zeros((question.accounts.size, question.multipliers.size), dtype=bool)
    silent = np.zeros(question.accounts.size, dtype=bool)
    for s, (own, quiet) in enumerate(answered):
        below[owner == s], silent[owner == s] = own, quiet
    return below, silent
