"""Accounts that fall together: connected groups by common positions and common collateral."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.live.monitors.block import Block, number
from plimsoll.margin.many.positions import I64

MEASURE = (
    "two accounts are linked when both hold at least the stated part of their gross notional long (or short) delta of "
    "the same underlying, and at least the stated part of their positive balances in the same asset; a group is what "
    "such links connect"
)


@dataclass(frozen=True)
class Group:
    """Accounts that links connect: `common` says by what. USD sums; `health` is their equity over their maintenance
    margin, `delta` by underlying, `share` their part of everybody's gross notional, `tight` those below the call level.
    """

    accounts: int
    common: tuple[str, ...]
    notional: float
    share: float
    equity: float
    maintenance: float
    health: float | None
    tight: int
    delta: dict[str, float]
    members: tuple[str, ...]


@dataclass(frozen=True)
class Linked:
    """`groups` of two and more, the largest notional first, of `count` such groups; `alone` accounts are in none."""

    measure: str
    link_positions: float
    link_collateral: float
    count: int
    alone: int
    largest_share: float
    groups: tuple[Group, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = [
            dict(vars(g)) | {"common": list(g.common), "delta": dict(g.delta), "members": list(g.members)}
            for g in self.groups
        ]
        return dict(vars(self)) | {"groups": rows}


def linked(block: Block, positions: float, collateral: float, call: float, worst: int, members: int = 20) -> Linked:
    """The groups of a block. `positions` and `collateral` are the least parts, `call` the health below which an account
    is tight; `worst` groups are given, `members` of each by name, largest notional first."""
    nodes, words = _nodes(block, positions, collateral)
    of = _components(len(block.names), nodes)
    gross, delta = block.gross, block.by_underlying(block.delta)
    everybody = float(gross.sum())
    health = block.health
    groups = []
    sizes = np.bincount(of, minlength=of.max() + 1 if of.size else 0)
    common: dict[int, set[int]] = {}
    for account, node in nodes.tolist():
        common.setdefault(int(of[account]), set()).add(node)
    # a node that one account alone has links nobody
    shared = set(np.flatnonzero(np.bincount(nodes[:, 1], minlength=len(words)) > 1).tolist()) if len(nodes) else set()
    for g in np.flatnonzero(sizes > 1).tolist():
        mine = np.flatnonzero(of == g)
        own = float(gross[mine].sum())
        equity, maintenance = float(np.nansum(block.equity[mine])), float(np.nansum(block.maintenance[mine]))
        order = mine[np.lexsort((mine, -gross[mine]))][:members]
        sums = delta[mine].sum(axis=0)
        groups.append(
            Group(
                accounts=int(mine.size),
                common=tuple(words[n] for n in sorted(common[g] & shared)),
                notional=own,
                share=own / everybody if everybody > 0.0 else 0.0,
                equity=equity,
                maintenance=maintenance,
                health=number(equity / maintenance) if maintenance > 0.0 else None,
                tight=int((health[mine] < call).sum()),
                delta={u: float(x) for u, x in zip(block.underlyings, sums.tolist(), strict=True) if x != 0.0},
                members=tuple(block.names[a] for a in order.tolist()),
            )
        )
    groups.sort(key=lambda g: (-g.notional, g.members))
    return Linked(
        MEASURE,
        positions,
        collateral,
        len(groups),
        len(block.names) - sum(g.accounts for g in groups),
        max((g.share for g in groups), default=0.0),
        tuple(groups[:worst]),
    )


def _nodes(block: Block, positions: float, collateral: float) -> tuple[I64, list[str]]:
    """`[E, 2]` accounts and the pairs of a side of an underlying and an asset that each is attached to."""
    gross = block.gross
    usd = block.quantity * block.delta[block.item]
    size, count = len(block.names), len(block.underlyings)
    parts = np.zeros((size, 2 * count))
    for s, sign in enumerate((1.0, -1.0)):
        mine = sign * usd > 0.0
        place = block.account[mine] * 2 * count + 2 * block.underlying[block.item[mine]] + s
        parts += np.bincount(place, sign * usd[mine], parts.size).reshape(parts.shape)
    # parts of the gross notional, so that an option with little delta weighs little
    near = parts >= positions * np.where(gross > 0.0, gross, np.inf)[:, None]
    near &= parts > 0.0
    owned, assets = block.owned, block.assets
    total = owned.sum(axis=1, keepdims=True)
    backed = (owned > 0.0) & (owned >= collateral * np.where(total > 0.0, total, np.inf))
    words = [f"{side} {u}, {asset}" for u in block.underlyings for side in ("long", "short") for asset in assets]
    both = near[:, :, None] & backed[:, None, :]
    account, side, asset = np.nonzero(both)
    return np.column_stack([account, side * len(assets) + asset]).astype(np.int64), words


def _components(size: int, nodes: I64) -> I64:
    """`[A]` number of the component of each account, by union and find over the nodes that it is attached to."""
    parent = list(range(size))

    def root(a: int) -> int:
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        return a

    first: dict[int, int] = {}
    for account, node in nodes.tolist():
        if node in first:
            one, other = root(first[node]), root(account)
            parent[max(one, other)] = min(one, other)
        else:
            first[node] = account
    return np.array([root(a) for a in range(size)], dtype=np.int64)
