"""Herfindahl's index of the open interest: by instrument, by underlying, on the long and on the short side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.live.monitors.block import Block
from plimsoll.margin.many.positions import F64, I64

SIDES = ("long", "short")


@dataclass(frozen=True)
class Held:
    """One side of one market: `notional` in USD, its `holders`, `herfindahl` (the sum of their squared shares, from one
    over the holders to one), the `largest` holder and its `share`."""

    notional: float
    holders: int
    herfindahl: float
    largest: str
    share: float


@dataclass(frozen=True)
class Concentration:
    """Who holds the open interest.

    `underlyings[name][side]` adds up what an account is long (or short) of contracts of an underlying, contract by
    contract: a spread is on both sides. `instruments[name][side]` the same of one contract, those with the most
    concentrated side first, weighted by their notional. `spread` is Herfindahl's index of the venue's open interest
    over its underlyings.
    """

    underlyings: dict[str, dict[str, Held]]
    instruments: dict[str, dict[str, Held]]
    spread: float | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "underlyings": {u: {s: dict(vars(h)) for s, h in own.items()} for u, own in self.underlyings.items()},
            "instruments": {u: {s: dict(vars(h)) for s, h in own.items()} for u, own in self.instruments.items()},
            "spread": self.spread,
        }


def concentration(block: Block, most: int | None = None) -> Concentration:
    """Herfindahl's indices of a block; of the instruments `most` are given, all of them for `None`."""
    usd = block.quantity * block.notional[block.item]
    numbers = range(len(block.contracts))
    underlyings: dict[str, dict[str, Held]] = {}
    instruments: dict[str, dict[str, Held]] = {}
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        mine = sign * usd > 0.0
        account, item, size = block.account[mine], block.item[mine], sign * usd[mine]
        for name, held in _held(block.names, account, block.underlying[item], size, block.underlyings).items():
            underlyings.setdefault(name, {})[side] = held
        for name, held in _held(block.names, account, item, size, [block.contracts[i] for i in numbers]).items():
            instruments.setdefault(name, {})[side] = held
    order = sorted(instruments, key=lambda n: (-max(h.notional * h.herfindahl for h in instruments[n].values()), n))
    sums = np.array([sum(h.notional for h in own.values()) for own in underlyings.values()])
    total = float(sums.sum())
    return Concentration(
        {u: underlyings[u] for u in sorted(underlyings)},
        {n: instruments[n] for n in order[:most]},
        float(((sums / total) ** 2).sum()) if total > 0.0 else None,
    )


def _held(names: tuple[str, ...], account: I64, market: I64, usd: F64, markets: Any) -> dict[str, Held]:
    """By market: what each account holds of it, and the sum of the squared shares."""
    if not usd.size:
        return {}
    size = len(names)
    pairs, place = np.unique(market * size + account, return_inverse=True)
    held = np.bincount(place, usd, pairs.size)
    of, who = pairs // size, pairs % size
    start = np.flatnonzero(np.diff(of, prepend=-1))
    found = {}
    for first, end in zip(start.tolist(), [*start[1:].tolist(), of.size], strict=True):
        own = held[first:end]
        total = float(own.sum())
        top = int(own.argmax())
        shares = own / total
        found[markets[int(of[first])]] = Held(
            total, end - first, float((shares**2).sum()), names[int(who[first + top])], float(shares[top])
        )
    return found
