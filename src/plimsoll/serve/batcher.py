"""What-ifs that arrive while the engine is busy are judged together: the same verdicts, for a fraction of the time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from plimsoll.documents import DocumentError, Problem
from plimsoll.live.engine import Engine
from plimsoll.live.orders import Candidates, Order, Verdict
from plimsoll.live.runner import Live, OverloadedError

Answer = tuple[int, Verdict]
"""The number of events that the books had seen, and the verdict."""

TOGETHER = 1_024
WAITING = 20_000
"""Orders that may wait; beyond, they are refused."""


class Batcher:
    """Collects orders and puts all that wait to the engine in one question. Called on one event loop."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._waiting: list[tuple[Order, asyncio.Future[Answer]]] = []
        self._guard = threading.Lock()
        self._asked = False

    async def check(self, order: Order) -> Answer:
        """A verdict. Raises `DocumentError` for an order that is none."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        with self._guard:
            if len(self._waiting) >= WAITING:
                raise OverloadedError(f"{len(self._waiting)} orders wait")
            self._waiting.append((order, future))
        self._ask(loop)
        return await future

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._asked or not self._waiting:
            return
        self._asked = True
        taken: list[asyncio.Future[Answer]] = []

        def question(engine: Engine) -> list[Answer | Exception]:
            with self._guard:
                batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            taken.extend(future for _, future in batch)
            return judged(engine, [order for order, _ in batch])

        try:
            asked = self.live.ask(question, timeout=0.0, soon=True)
        except Exception as error:  # noqa: BLE001  whoever waits must hear of it
            with self._guard:
                batch, self._waiting = self._waiting, []
            self._asked = False
            for _, future in batch:
                _tell(future, error)
            return

        def done() -> None:
            self._asked = False
            error = asked.exception()
            if error is None:
                for future, answer in zip(taken, asked.result(), strict=True):
                    _tell(future, answer)
            else:
                if not taken:
                    with self._guard:
                        taken.extend(future for _, future in self._waiting)
                        self._waiting = []
                for future in taken:
                    _tell(future, error)
            self._ask(loop)

        asked.add_done_callback(lambda _: loop.call_soon_threadsafe(done))


def _tell(future: asyncio.Future[Answer], answer: Answer | BaseException) -> None:
    if future.done():
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)


def judged(engine: Engine, orders: Sequence[Order]) -> list[Answer | Exception]:
    """Verdicts on orders, each as `Engine.check` gives it; of one that is none, its error."""
    found: list[Answer | Exception | None] = [None] * len(orders)
    parts: list[Candidates] = []
    places: list[int] = []
    for k, order in enumerate(orders):
        try:
            parts.append(Candidates.of(engine.holdings, [order]))
        except DocumentError as error:
            found[k] = DocumentError([_of_one(p) for p in error.problems])
        else:
            places.append(k)
    if parts:
        verdicts = engine.check_many(joined(parts))
        for n, k in enumerate(places):
            found[k] = (engine.events, engine.verdict(verdicts, n))
    return [f for f in found if f is not None]


def joined(parts: Sequence[Candidates]) -> Candidates:
    """Candidates one after the other."""
    starts = np.cumsum([0, *(p.row.size for p in parts)])
    return Candidates(
        np.concatenate([p.account for p in parts]),
        np.concatenate([[0], *(p.indptr[1:] + start for p, start in zip(parts, starts, strict=False))]),
        np.concatenate([p.row for p in parts]),
        np.concatenate([p.quantity for p in parts]),
        np.concatenate([p.price for p in parts]),
    )


def _of_one(problem: Problem) -> Problem:
    return replace(problem, path=problem.path.removeprefix("orders[0]."))
