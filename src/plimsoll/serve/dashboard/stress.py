"""The stress page: a book under scenarios, where the fleet is liquidated, a crash that feeds itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from plimsoll.documents import refuse
from plimsoll.live import Engine
from plimsoll.serve.dashboard import jobs
from plimsoll.serve.dashboard.forms import form_of, number
from plimsoll.serve.dashboard.shell import page

if TYPE_CHECKING:
    from plimsoll.serve.dashboard.board import Board
    from plimsoll.serve.dashboard.desk import Desk
    from plimsoll.serve.dashboard.visitors import Visitor

MAPPED = 5_000
"""Accounts of a map at most, those nearest to their line first."""


def add(board: Board) -> None:
    """The page and its three jobs."""
    board.get("/dashboard/stress", _page)
    board.post("/dashboard/stress/scenarios", _scenarios, jobs.SCOPE)
    board.post("/dashboard/stress/density", _density, jobs.SCOPE)
    board.post("/dashboard/stress/cascade", _cascade, jobs.SCOPE)


async def _page(request: Request, visitor: Visitor, desk: Desk) -> Response:
    from plimsoll.scenarios.stress import shipped_scenarios

    view = await desk.fleet()
    worst = [r.account for r in view.select()[0]][:2000]
    return page(
        request, visitor, "stress", names=worst, coins=sorted(view.indices), scenarios=shipped_scenarios().scenarios
    )


async def _scenarios(request: Request, _visitor: Visitor, desk: Desk) -> Response:
    fields = await form_of(request)
    held = await desk.held(fields.get("name", ""))
    generate = int(number(fields, "generated", 0, 5_000, whole=True))
    task = {
        "market": held.market.to_dict(),
        "accounts": {held.account.name: held.account.to_dict()},
        "rules": held.pack.to_dict(),
        "options": {
            "generate": generate or None,
            "seed": 7,
            "exact": int(number(fields, "exact", 0, 50, whole=True)),
        },
    }
    return await jobs.start(desk, "stress", task, held.events)


async def _density(request: Request, _visitor: Visitor, desk: Desk) -> Response:
    fields = await form_of(request)
    underlying = fields.get("underlying", "")
    most = int(number(fields, "accounts", 1, MAPPED, whole=True))
    view = await desk.fleet()
    if underlying not in view.indices:
        raise refuse("underlying", underlying, ", ".join(sorted(view.indices)))
    chosen = np.argsort(np.nan_to_num(view.health, nan=np.inf), kind="stable")[:most].tolist()

    def question(engine: Engine) -> tuple[dict[str, Any], int]:
        return {
            "market": engine.market().to_dict(),
            "accounts": {engine.holdings.names[a]: engine.account(a).to_dict() for a in chosen},
            "rules": engine.model.rules.to_dict(),
        }, engine.events

    task, events = await desk.ask(question)
    return await jobs.start(desk, "density", task | {"options": {"underlying": underlying}}, events)


async def _cascade(request: Request, _visitor: Visitor, desk: Desk) -> Response:
    fields = await form_of(request)
    options = {
        "accounts": int(number(fields, "accounts", 10, 100_000, whole=True)),
        "shock": number(fields, "shock", -95, 300) / 100.0,
        "minutes": number(fields, "minutes", 1, 1_440),
        "seed": int(number(fields, "seed", 0, 2**31 - 1, whole=True)),
    }
    view = await desk.fleet()
    return await jobs.start(desk, "cascade", {"options": options}, view.events)
