"""What the dashboard shows of a tenant: its engine, asked on the engine's thread, and its ledger if it keeps one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from plimsoll.documents import refuse
from plimsoll.live import Engine
from plimsoll.margin import Account, Rules
from plimsoll.market import Market
from plimsoll.serve.dashboard.fleet_view import Changes, FleetView
from plimsoll.serve.monitors import BLOCK, Monitors, amounts_in_blocks

if TYPE_CHECKING:
    from plimsoll.ledger import Ledger
    from plimsoll.live.events import Event
    from plimsoll.live.orders import Order, Verdict
    from plimsoll.live.outcome import Outcome
    from plimsoll.live.runner import Live
    from plimsoll.serve.hub import Hub
    from plimsoll.serve.jobs import Jobs

T = TypeVar("T")
LOOK_SECONDS = 0.5
"""Pages that ask within so many seconds see the same look at the fleet."""

LEISURE = 5.0
"""Times what a look took until the next, so a large fleet is looked at less often."""

PATIENCE = 10.0
"""Seconds until a question to the engine is given up."""


class Engaged(Protocol):
    """What the server holds for a tenant."""

    @property
    def live(self) -> Live:
        """The engine on its thread."""

    @property
    def ledger(self) -> Ledger | None:
        """Its record, where it keeps one."""

    @property
    def jobs(self) -> Jobs:
        """Its long computations."""

    @property
    def hub(self) -> Hub:
        """Its news."""

    @property
    def monitors(self) -> Monitors:
        """What its monitors read."""

    def submit(self, event: Event, timeout: float | None = 0.0) -> Future[Outcome]:
        """Queue an event; the outcome once it is durable."""

    async def called(self, content: Mapping[str, Any]) -> None:
        """Record a privileged call."""


@dataclass(frozen=True)
class Held:
    """One account as it stands, with the market of the same moment and the numbers of the engine."""

    account: Account
    market: Market
    rules: str
    pack: Rules
    status: str
    initial: float
    maintenance: float
    equity: float
    currency: str
    events: int


class Desk:
    """A tenant's engine for the pages. One look at the fleet serves every page."""

    def __init__(self, engaged: Engaged) -> None:
        self.engaged = engaged
        self.changes = Changes()
        self._view: FleetView | None = None
        self._at = 0.0
        self._rest = LOOK_SECONDS
        self._looking: asyncio.Task[FleetView] | None = None

    @property
    def jobs(self) -> Jobs:
        """The tenant's long computations."""
        return self.engaged.jobs

    async def ask(self, question: Callable[[Engine], T]) -> T:
        """Any question, on the engine's thread. Raises what it raises, and `TimeoutError`."""
        return await asyncio.wait_for(asyncio.wrap_future(self.engaged.live.ask(question, PATIENCE)), PATIENCE)

    async def fleet(self, *, fresh: bool = False) -> FleetView:
        """Every account at this moment, or a little ago; `fresh` never before it was asked."""
        if fresh:
            return await self._look()
        if self._view is not None and time.monotonic() - self._at < self._rest:
            return self._view
        if self._looking is None:
            self._looking = asyncio.ensure_future(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> FleetView:
        began = time.monotonic()
        try:
            view = await self._view_now()
            self._rest = max(LOOK_SECONDS, LEISURE * (time.monotonic() - began))
            self.changes.look(view, self.engaged.hub.alerts)
            self._view, self._at = view, time.monotonic()
            return view
        finally:
            self._looking = None

    async def _view_now(self) -> FleetView:
        """A fleet of some size is margined block by block, so that orders to be checked go in between."""
        size = len(self.engaged.live.engine.holdings)
        if size <= BLOCK:
            return await self.ask(FleetView.of)
        amounts = await amounts_in_blocks(self.ask, size, BLOCK)
        return await self.ask(lambda engine: FleetView.of(engine, amounts))

    async def held(self, name: str) -> Held:
        """One account. Raises `DocumentError` for a name that is none."""

        def question(engine: Engine) -> Held:
            a = engine.holdings.number.get(name)
            if a is None:
                raise refuse("account", name, f"one of {len(engine.holdings)} accounts")
            initial, maintenance, equity = (float(x[0]) for x in engine.amounts([a]))
            return Held(
                engine.account(a), engine.market(), engine.model.rules.label, engine.model.rules, engine.status(a),
                initial, maintenance, equity, engine.model.rules.currency, engine.events,
            )  # fmt: skip

        return await self.ask(question)

    async def check(self, order: Order) -> Verdict:
        """A what-if: before, after, and why not. Nothing is filled."""
        return await self.ask(lambda engine: engine.check(order))

    async def contracts(self) -> tuple[str, ...]:
        """Names of everything that can be traded."""
        return await self.ask(lambda engine: tuple(sorted(engine.prices.row)))


class Desks:
    """The desk of each tenant, made when it is first looked at."""

    def __init__(self, engaged: Callable[[str], Any]) -> None:
        self._engaged = engaged
        self._desks: dict[str, Desk] = {}

    def of(self, tenant: str) -> Desk:
        """The desk of a tenant."""
        held = self._engaged(tenant)
        desk = self._desks.get(tenant)
        if desk is None or desk.engaged is not held:
            desk = self._desks[tenant] = Desk(held)
        return desk
