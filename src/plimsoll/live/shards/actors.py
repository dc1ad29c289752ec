"""Shards as actors of Ray: processes on one machine or several, the opening shared through the object store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from plimsoll.documents import PlimsollError
from plimsoll.live.shards.handles import LostShardError
from plimsoll.live.shards.opening import Opening
from plimsoll.live.shards.shard import EVERY, Shard

STORE = 80 << 20
"""Bytes of the object store: it holds the opening and a batch of prices at a time."""


STARTS = 3
"""How often Ray is started where a busy machine keeps it waiting."""


class MissingRayError(PlimsollError):
    """Ray is not installed."""


def ray_library() -> ModuleType:
    """Ray, told to report nothing to anybody. Raises `MissingRayError` naming the extra that brings it."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # a worker that dies is ours to notice, and a small machine is no fault
    os.environ.setdefault("RAY_DISABLE_MEMORY_MONITOR", "1")
    try:
        import ray
    except ImportError:
        raise MissingRayError(
            "shards need Ray, which is not installed: pip install 'plimsoll-margin[scale,ledger]'"
        ) from None
    return ray


@contextmanager
def local_cluster(processors: int = 2, store: int = STORE) -> Iterator[ModuleType]:
    """Ray on this machine alone, without dashboard, ended at the end. One that was joined before is left alone."""
    ray = ray_library()
    if ray.is_initialized():
        yield ray
        return
    for left in reversed(range(STARTS)):
        try:
            ray.init(
                num_cpus=processors, object_store_memory=store, include_dashboard=False, log_to_driver=False,
                configure_logging=False,
            )  # fmt: skip
            break
        except Exception as error:
            ray.shutdown()
            if not left or "timed out during startup" not in str(error):
                raise
    try:
        yield ray
    finally:
        ray.shutdown()


class Actor:
    """A shard in a process of Ray. `opening` is a reference to the object store, put there once for all of them."""

    def __init__(self, ray: ModuleType, number: int, opening: Any, folder: str, every: int = EVERY) -> None:
        self.ray, self.number = ray, number
        self.made = (number, opening, folder, every)
        self.actor: Any = None
        self.starts = 0

    def start(self) -> None:
        """See `Handle`. Ray itself starts nothing anew: only the record says where the shard stands."""
        if self.actor is not None:
            self.ray.kill(self.actor)
        self.actor = self.ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(Shard).remote(*self.made)
        self.starts += 1

    def ask(self, method: str, *arguments: Any) -> Any:
        """See `Handle`."""
        try:
            return getattr(self.actor, method).remote(*arguments)
        except self.ray.exceptions.RayActorError as error:
            raise self._lost(error) from None

    def answer(self, asked: Any) -> Any:
        """See `Handle`. What the shard itself refused is raised as it was."""
        try:
            return self.ray.get(asked)
        except self.ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, PlimsollError) else error from None
        except self.ray.exceptions.RayActorError as error:
            raise self._lost(error) from None

    def close(self) -> None:
        """See `Handle`."""
        if self.actor is not None:
            with suppress(LostShardError):
                self.answer(self.ask("close"))
            self.ray.kill(self.actor)
        self.actor = None

    def _lost(self, error: Exception) -> LostShardError:
        return LostShardError(f"shard {self.number}: {str(error).splitlines()[0]}")


def actors(ray: ModuleType, opening: Opening, folder: str, every: int = EVERY) -> list[Actor]:
    """One actor for each shard of an opening, which is put into the object store once."""
    shared = ray.put(opening)
    return [Actor(ray, s, shared, folder, every) for s in range(opening.shards)]
