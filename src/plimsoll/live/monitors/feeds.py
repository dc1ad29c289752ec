"""Stale feeds: how old the prices are on which everybody is margined, and what the sources still owe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.live.gate import Gate
from plimsoll.live.prices import HotPrices

KINDS = {"indices": "index", "assets": "index", "forwards": "mark", "marks": "mark", "vols": "vol"}


@dataclass(frozen=True)
class Field:
    """Prices of one kind: `keys` that may still change, `stale` ones older than `limit` seconds, the `oldest` and its
    `age` in seconds."""

    keys: int
    stale: int
    limit: float
    oldest: str
    age: float


@dataclass(frozen=True)
class Source:
    """A source of messages: seconds since its newest price (`None`: it told none), and facts that wait behind a gap."""

    age: float | None
    last: int
    waiting: int
    missing: int | None


@dataclass(frozen=True)
class Feeds:
    """Ages against the newest of all prices and the clock. `refused` counts messages set apart, by fault."""

    fields: dict[str, Field]
    sources: dict[str, Source]
    stale: int
    refused: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "fields": {name: dict(vars(x)) for name, x in self.fields.items()},
            "sources": {name: dict(vars(x)) for name, x in self.sources.items()},
            "stale": self.stale,
            "refused": dict(self.refused),
        }


def feeds(gate: Gate, prices: HotPrices, limits: dict[str, float]) -> Feeds:
    """The prices that a gate let through; `limits` in seconds of `index`, `mark` and `vol`.

    A price that was never told since the gate began is as old as the market it began with. Prices of settled and
    expired contracts are not expected to change.
    """
    now = max(gate.clock, gate.newest)
    heard, start = gate.heard, gate.began
    fields = {}
    for name, kind in KINDS.items():
        keys = prices.expected(name)
        if not keys:
            continue
        ages = {key: max(0.0, now - heard.get(f"{name}.{key}", start)) for key in keys}
        oldest = max(ages, key=lambda k: (ages[k], k))
        stale = sum(age > limits[kind] for age in ages.values())
        fields[name] = Field(len(ages), stale, limits[kind], oldest, ages[oldest])
    gaps = gate.gaps()
    sources = {}
    for name, (last, newest) in gate.sources().items():
        age = None if newest is None else max(0.0, now - newest)
        missing, waiting = gaps.get(name, (None, 0))
        sources[name] = Source(age, last, waiting, missing)
    refused = {fault: int(n) for fault, n in sorted(gate.counts.items())}
    return Feeds(fields, sources, sum(x.stale for x in fields.values()), refused)
