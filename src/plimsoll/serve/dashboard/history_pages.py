"""The pages that follow from a history of prices: rates as asked and in force, coverage and its traffic light."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from plimsoll.serve.dashboard.shell import page, part, piece
from plimsoll.serve.dashboard.venue_work import coverage_of, rates_of

if TYPE_CHECKING:
    from plimsoll.serve.dashboard.board import Board
    from plimsoll.serve.dashboard.desk import Desk
    from plimsoll.serve.dashboard.visitors import Visitor

FRESH = 3_600.0
"""Seconds for which an answer will do: a bar of the history is a day."""

AGAIN = 5.0
"""Seconds for which it will do where somebody asks for it again."""

PAGES: dict[str, Callable[..., Any]] = {"rates": rates_of, "coverage": coverage_of}
"""What the board's worker computes for each page."""


def add(board: Board) -> None:
    """Each page, and the piece that is computed for it."""
    for name, compute in PAGES.items():
        _add(board, name, compute)


def _add(board: Board, name: str, compute: Callable[..., Any]) -> None:
    async def shown(request: Request, visitor: Visitor, _desk: Desk) -> Response:
        return page(request, visitor, name)

    async def computed(request: Request, _visitor: Visitor, _desk: Desk) -> Response:
        fresh = AGAIN if request.query_params.get("again") else FRESH
        answer = await board.worker.ask(name, fresh, compute, board.history)
        return piece(part(f"{name}-part.html.j2", found=answer.value, answer=answer))

    board.get(f"/dashboard/{name}", shown)
    board.get(f"/dashboard/{name}/part", computed)
