"""The monitors of a tenant: read again and again while the service runs, held to the rules of alerts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from plimsoll.documents import PlimsollError
from plimsoll.live.alerts import Alert, AlertRules, AlertWatch, default_rules
from plimsoll.live.alerts.sinks import Sink
from plimsoll.live.monitors import Readings, read
from plimsoll.live.monitors.block import Block

if TYPE_CHECKING:
    from plimsoll.live.engine import Engine
    from plimsoll.live.monitors.block import Amounts
    from plimsoll.serve.state import Tenant

REST = 10.0
"""Seconds between two readings, at least."""

LEISURE = 200.0
"""Times what a reading took until the next: orders to be checked wait for it half a per cent of the time at most."""

BLOCK = 1_024
"""Accounts that are margined in one turn of the engine."""

Ask = Callable[[Callable[["Engine"], Any]], Awaitable[Any]]


async def amounts_in_blocks(ask: Ask, accounts: int, most: int) -> Amounts:
    """Initial margin, maintenance margin and equity `[A]` of everybody, margined `most` at a time.

    Orders to be checked go in between, and what happens meanwhile is in the later blocks only.
    """
    parts = []
    for start in range(0, accounts, most):
        block = slice(start, start + most)
        parts.append(await ask(lambda engine, own=block: engine.amounts(engine.everyone[own])))  # type: ignore[misc]
    initial, maintenance, equity = (np.concatenate([p[k] for p in parts]) for k in range(3))
    return initial, maintenance, equity


class Monitors:
    """The last reading of a tenant's engine and the alerts that stand. On the event loop only.

    The clock of the alerts is the market's. What is said goes to the `sinks`; `said` are the alerts of before a
    restart. The density map and the watch of coverage, which look at every event or margin everybody many times, belong
    to `plimsoll live monitor`.
    """

    def __init__(
        self, tenant: Tenant, rules: AlertRules | None = None, sinks: Sequence[Sink] = (), said: Sequence[Alert] = ()
    ) -> None:
        self.tenant = tenant
        self.sinks = tuple(sinks)
        self.watch = AlertWatch(default_rules() if rules is None else rules)
        self.watch.restore(said)
        self.severity = {rule.name: rule.severity for rule in self.watch.rules.rules}
        self.latest: Readings | None = None
        self._at = float("-inf")
        self._rest = REST
        self._looking: asyncio.Task[Readings] | None = None

    async def run(self) -> None:
        """Read for as long as the service runs."""
        while True:
            await asyncio.sleep(self._rest)
            try:
                await self.readings()
            except PlimsollError:
                continue  # the engine is behind or has stopped: health says so

    async def readings(self) -> Readings:
        """Everything that the monitors say, of now or of a little ago. Raises `OverloadedError`, `StoppedError`."""
        if self.latest is not None and time.monotonic() - self._at < self._rest:
            return self.latest
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look())
            self._looking.add_done_callback(self._looked)
        return await asyncio.shield(self._looking)

    @property
    def standing(self) -> list[tuple[str, str, str, datetime]]:
        """Alerts that are raised: rule, what of it, severity, since when by the clock of the market."""
        return [
            (rule, key, self.severity[rule], since)
            for rule, keys in self.watch.standing.items()
            for key, since in keys.items()
        ]

    def _looked(self, done: asyncio.Task[Readings]) -> None:
        self._looking = None
        if not done.cancelled():
            done.exception()

    async def _look(self) -> Readings:
        began = time.monotonic()
        size = len(self.tenant.names)
        amounts = await amounts_in_blocks(self.tenant.ask, size, BLOCK) if size > BLOCK else None
        found = await self.tenant.ask(lambda engine: read(engine, with_density=False, block=Block.of(engine, amounts)))
        self._at = time.monotonic()
        self._rest = max(REST, LEISURE * (self._at - began))
        self.latest = found
        for alert in self.watch.look(found.to_dict(), found.time):
            for sink in self.sinks:
                sink.send(alert)
        return found


def check_rules(rules: AlertRules, engine: Engine) -> tuple[str, ...]:
    """Hold rules to a reading of this engine; the names of those on subjects that a service does not read.

    Raises `DocumentError` for a path that leads nowhere, which the watch would find out only when it looks.
    """
    found = read(engine, with_density=False)
    AlertWatch(rules).look(found.to_dict(), found.time)
    return tuple(r.name for r in rules.rules if getattr(found, r.reading.partition(".")[0]) is None)


__all__ = ["BLOCK", "Monitors", "amounts_in_blocks", "check_rules"]
