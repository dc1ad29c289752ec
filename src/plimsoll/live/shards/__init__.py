"""Accounts over several processes: a coordinator, shards with a record each, and the margins of all."""

from plimsoll.live.shards.coordinator import Combined, Coordinator, Standing
from plimsoll.live.shards.handles import Handle, Local, LostShardError
from plimsoll.live.shards.opening import Opening, shard_of
from plimsoll.live.shards.router import Router
from plimsoll.live.shards.shard import Shard

__all__ = [
    "Combined",
    "Coordinator",
    "Handle",
    "Local",
    "LostShardError",
    "Opening",
    "Router",
    "Shard",
    "Standing",
    "shard_of",
]
