"""The fleet page: accounts by health, live; the health ladder; who changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from plimsoll.live.outcome import STATUSES
from plimsoll.serve.dashboard import calls
from plimsoll.serve.dashboard.calls import calls_part
from plimsoll.serve.dashboard.fleet_view import PAGE
from plimsoll.serve.dashboard.shell import page, part

if TYPE_CHECKING:
    from plimsoll.serve.dashboard.board import Board
    from plimsoll.serve.dashboard.desk import Desk
    from plimsoll.serve.dashboard.visitors import Visitor

COLUMNS = (
    ("account", "account", False),
    ("status", "status", False),
    ("health", "health", True),
    ("equity", "equity", True),
    ("initial", "initial margin", True),
    ("maintenance", "maintenance", True),
    ("excess", "excess", True),
    ("positions", "positions", True),
)
"""Key, heading and whether it is a number."""

SHOWN = 12
"""Changes on the page."""


def add(board: Board) -> None:
    """The page and its live parts."""
    board.get("/dashboard", _fleet)
    board.live["fleet"] = fleet_parts
    calls.add(board)


async def _fleet(request: Request, visitor: Visitor, desk: Desk) -> Response:
    query = dict(request.query_params)
    parts = await fleet_parts(desk, visitor, query)
    return page(request, visitor, "fleet", parts=parts, query=query, statuses=STATUSES)


async def fleet_parts(desk: Desk, visitor: Visitor, query: dict[str, str]) -> dict[str, str]:
    """Everything that moves: the headline, the table, the ladder, the changes."""
    view = await desk.fleet()
    monitors = desk.engaged.monitors
    readings = await monitors.readings()
    asked = _asked(query)
    rows, count = view.select(**asked)
    most = max(1, max(r.count for r in view.ladder()))
    pages = max(1, -(-count // PAGE))
    return {
        "head": part("fleet-head.html.j2", view=view, counts=view.counts()),
        "table": part(
            "fleet-table.html.j2", rows=rows, count=count, columns=COLUMNS, asked=asked, currency=view.currency,
            pages=pages, link=lambda **change: _link(asked, **change),
        ),
        "ladder": part("ladder.html.j2", ladder=view.ladder(), most=most, currency=view.currency),
        "calls": calls_part(view.calls, visitor),
        "monitors": part("monitors.html.j2", read=readings, standing=monitors.standing),
        "changes": part("changes.html.j2", changes=list(desk.changes.seen)[:SHOWN]),
    }  # fmt: skip


def _asked(query: dict[str, str]) -> dict[str, Any]:
    """Order and filter of a query; a page that is no number is the first."""
    number = query.get("n", "1")
    return {
        "sort": query.get("sort", "health"),
        "down": query.get("down", "") == "1",
        "text": query.get("text", "")[:100],
        "status": query.get("status", ""),
        "page": max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 8 else 1,
    }


def _link(asked: dict[str, Any], **change: Any) -> str:
    """The page with something changed in its order or filter."""
    now = {**asked, "page": 1, **change}
    told = {
        "sort": now["sort"],
        "down": "1" if now["down"] else "",
        "text": now["text"],
        "status": now["status"],
        "n": "" if now["page"] == 1 else now["page"],
    }
    return "/dashboard?" + urlencode({k: v for k, v in told.items() if v})
