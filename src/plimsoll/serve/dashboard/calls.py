"""Margin calls on the fleet page: who is called, for how much, until when; acknowledged by those who operate."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from plimsoll.documents import DocumentError, refuse
from plimsoll.live import Engine
from plimsoll.live.events import Acknowledge
from plimsoll.serve.dashboard.forms import form_of
from plimsoll.serve.dashboard.shell import part, piece

if TYPE_CHECKING:
    from plimsoll.serve.dashboard.board import Board
    from plimsoll.serve.dashboard.desk import Desk
    from plimsoll.serve.dashboard.visitors import Visitor

SOURCE = "dashboard"
"""The source of the acknowledgements that are given here."""

SHOWN = 30
"""Calls on the page."""


@dataclass(frozen=True)
class OpenCall:
    """A call that is running; `amount` in `currency`, times as ISO 8601."""

    account: str
    call: str
    amount: float
    currency: str
    raised: str
    deadline: str
    acknowledged: str | None


@dataclass(frozen=True)
class Calls:
    """The open calls, nearest deadline first, of an engine with a desk for calls."""

    open: tuple[OpenCall, ...]
    states: dict[str, int]
    asked: dict[str, float]
    overdue: int
    handed: tuple[str, ...]

    @classmethod
    def of(cls, engine: Engine) -> Calls | None:
        """The calls as they stand; `None` where the engine has no desk for them."""
        if engine.desk is None:
            return None
        found = engine.desk.read(engine.currency.tolist())
        rows = tuple(OpenCall(account, **own) for account, own in found.open.items())
        return cls(rows, found.states, found.asked, found.overdue, tuple(found.handed))


def add(board: Board) -> None:
    """The acknowledgement."""
    turn = asyncio.Lock()

    async def acknowledge(request: Request, visitor: Visitor, desk: Desk) -> Response:
        """One at a time, so that the numbers of the source have no gap; recorded with who it was."""
        fields = await form_of(request)
        account, call = fields.get("account", ""), fields.get("call", "")
        told: dict[str, Any] = {
            "operation": "dashboard-acknowledge", "token": visitor.token, "name": visitor.name, "account": account,
            "call": call,
        }  # fmt: skip
        # the record of the call goes before what it does
        await desk.engaged.called(told)
        async with turn:
            last, time = await desk.ask(lambda e: (e.gate.sources().get(SOURCE, (0, None))[0], e.prices.time))
            event = Acknowledge(SOURCE, last + 1, time, account, call)
            outcome = await asyncio.wrap_future(desk.engaged.submit(event))
        refused = bool(outcome.problems or outcome.refusals)
        if refused:
            await desk.engaged.called(told | {"status": 422})
        if outcome.problems:
            raise DocumentError(list(outcome.problems))
        if outcome.refusals:
            raise refuse("acknowledgement", outcome.refusals[0].got, outcome.refusals[0].allowed)
        view = await desk.fleet(fresh=True)
        return piece(calls_part(view.calls, visitor))

    board.post("/dashboard/calls/acknowledge", acknowledge, "operate")


def calls_part(calls: Calls | None, visitor: Visitor) -> str:
    """The panel."""
    return part("calls.html.j2", calls=calls, may=visitor.may("operate"), most=SHOWN)
