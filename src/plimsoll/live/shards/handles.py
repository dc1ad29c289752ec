"""How a coordinator speaks to a shard, wherever it runs."""

from __future__ import annotations

from typing import Any, Protocol

from plimsoll.documents import PlimsollError
from plimsoll.live.shards.opening import Opening
from plimsoll.live.shards.shard import EVERY, Shard


class LostShardError(PlimsollError):
    """The process of a shard is gone. What it acknowledged is in its record."""


class Handle(Protocol):
    """A shard that runs somewhere. `ask` begins a call of one of its methods, `answer` waits for what it gives.

    Both raise `LostShardError` where its process is gone; `start` then makes it anew from its record.
    """

    def start(self) -> None: ...
    def ask(self, method: str, *arguments: Any) -> Any: ...
    def answer(self, asked: Any) -> Any: ...
    def close(self) -> None: ...


class Local:
    """A shard in this process, for tests and for one machine without further processes."""

    def __init__(self, number: int, opening: Opening, folder: str, every: int = EVERY) -> None:
        self.made = (number, opening, folder, every)
        self.shard: Shard | None = None

    def start(self) -> None:
        """See `Handle`."""
        self.shard = Shard(*self.made)

    def ask(self, method: str, *arguments: Any) -> Any:
        """See `Handle`."""
        if self.shard is None:
            raise LostShardError(f"shard {self.made[0]} does not run")
        return getattr(self.shard, method)(*arguments)

    def answer(self, asked: Any) -> Any:
        """See `Handle`."""
        return asked

    def close(self) -> None:
        """See `Handle`."""
        if self.shard is not None:
            self.shard.close()
        self.shard = None
