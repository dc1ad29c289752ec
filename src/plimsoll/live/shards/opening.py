"""What every shard begins with: market, rules and all accounts, as arrays that processes share."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import canonical_bytes, parse_json, refuse
from plimsoll.live.calls import CallRule
from plimsoll.live.engine import Engine
from plimsoll.live.gate_rule import GateRule
from plimsoll.live.orders import Limits
from plimsoll.margin import Account, MarginModel, Rules
from plimsoll.margin.catalogue import margin_model
from plimsoll.market import Market

BYTES = npt.NDArray[np.uint8]


def shard_of(account: str, shards: int) -> int:
    """The shard that owns an account: by a hash of its name, the same in every process and at any time."""
    return int.from_bytes(hashlib.sha256(account.encode()).digest()[:8], "big") % shards


@dataclass(frozen=True, eq=False)
class Opening:
    """The state before any event. Account `a` is the JSON in `text[offsets[a]:offsets[a + 1]]` and belongs to shard
    `owner[a]` of `shards`; `head` is the JSON of rules, market, gate rule, limits and the
    rule of the calls.

    Only arrays, so that one copy in shared memory serves every process of a machine; a shard reads its own accounts.
    """

    shards: int
    head: BYTES
    text: BYTES
    offsets: npt.NDArray[np.int64]
    owner: npt.NDArray[np.int32]

    @classmethod
    def of(
        cls,
        model: MarginModel,
        market: Market,
        accounts: Sequence[Account],
        shards: int,
        *,
        gate: GateRule | None = None,
        limits: Limits | None = None,
        calls: CallRule | None = None,
    ) -> Opening:
        """Accounts spread over so many shards. Raises `DocumentError` where a shard would have none."""
        if not 1 <= shards <= max(1, len(accounts)):
            raise refuse("shards", shards, f"from 1 to the number of accounts, {len(accounts)}")
        owner = np.array([shard_of(a.name, shards) for a in accounts], dtype=np.int32)
        counts = np.bincount(owner, minlength=shards)
        if not counts.all():
            allowed = "so few that each has an account: names are spread by their hash"
            raise refuse("shards", f"{shards}, of which number {int(counts.argmin())} has no account", allowed)
        texts = [canonical_bytes(a.to_dict()) for a in accounts]
        content = {
            "rules": model.rules.to_dict(),
            "market": market.to_dict(),
            "gate": (gate or GateRule()).to_dict(),
            "limits": (limits or Limits()).to_dict(),
            "calls": None if calls is None else calls.to_dict(),
        }
        return cls(
            shards,
            _bytes(canonical_bytes(content)),
            _bytes(b"".join(texts)),
            np.concatenate([[0], np.cumsum([len(t) for t in texts])]).astype(np.int64),
            owner,
        )

    def accounts(self, shard: int | None = None) -> list[Account]:
        """The accounts of a shard in the order of all, or all of them."""
        chosen = range(self.owner.size) if shard is None else np.flatnonzero(self.owner == shard).tolist()
        return [
            Account.from_dict(parse_json(self.text[self.offsets[a] : self.offsets[a + 1]].tobytes(), "opening"))
            for a in chosen
        ]

    def engine(self, shard: int | None = None) -> Engine:
        """The engine of a shard before any event; of all accounts without a number."""
        content = parse_json(self.head.tobytes(), "opening")
        return Engine(
            margin_model(Rules.from_dict(content["rules"], "opening.rules")),
            Market.from_dict(content["market"], "opening.market"),
            self.accounts(shard),
            gate=GateRule.from_dict(content["gate"], "opening.gate"),
            limits=Limits.from_dict(content["limits"], "opening.limits"),
            calls=None if content["calls"] is None else CallRule.from_dict(content["calls"], "opening.calls"),
        )


def _bytes(data: bytes) -> BYTES:
    return np.frombuffer(data, dtype=np.uint8)
