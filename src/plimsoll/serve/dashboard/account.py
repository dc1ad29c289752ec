"""The account page: where it stands, why, how far the line is, what an order would do, what would be cheaper."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from plimsoll.documents import refuse
from plimsoll.live.orders import Leg, Order
from plimsoll.serve.dashboard import account_work as work
from plimsoll.serve.dashboard import jobs
from plimsoll.serve.dashboard.forms import form_of, number
from plimsoll.serve.dashboard.shell import HEADERS, page, part, piece

if TYPE_CHECKING:
    from plimsoll.serve.dashboard.board import Board
    from plimsoll.serve.dashboard.desk import Desk, Held
    from plimsoll.serve.dashboard.visitors import Visitor
    from plimsoll.serve.dashboard.worker import Answer

FRESH = 30.0
"""Seconds for which a picture of an account will do."""

LEGS = 4
"""Legs of the ticket."""


class Pages:
    """The account page and its pieces."""

    def __init__(self, board: Board) -> None:
        self.board = board

    async def page(self, request: Request, visitor: Visitor, desk: Desk) -> Response:
        """One account; without a name the one with the least health."""
        name = request.query_params.get("name", "")
        view = await desk.fleet()
        if not view.names:
            return page(request, visitor, "account", held=None, names=(), contracts=(), parts={}, legs=LEGS)
        if not name:
            worst = view.select()[0][0].account
            return RedirectResponse("/dashboard/account?" + urlencode({"name": worst}), 303, HEADERS)
        held = await desk.held(name)
        parts = await self.parts(desk, visitor, {"name": name})
        return page(
            request, visitor, "account", held=held, names=view.names, contracts=await desk.contracts(), parts=parts,
            legs=LEGS,
        )  # fmt: skip

    async def parts(self, desk: Desk, visitor: Visitor, query: dict[str, str]) -> dict[str, str]:
        """What moves: the headline and the positions."""
        held = await desk.held(query.get("name", ""))
        return {
            "head": part("account-head.html.j2", held=held, health=health_of(held)),
            "positions": part("positions.html.j2", rows=positions_of(held), held=held),
        }

    async def requirement(self, request: Request, _visitor: Visitor, desk: Desk) -> Response:
        """Components, what binds, and what each position adds."""
        answer = await self._asked(request, desk, "requirement", work.requirement_of)
        need = answer.value
        shares = sorted(need.shares, key=lambda s: (-abs(s.initial), s.subject))
        top = max((abs(s.initial) for s in shares), default=0.0) or 1.0
        return piece(part("requirement.html.j2", need=need, shares=shares, top=top, answer=answer))

    async def surface(self, request: Request, _visitor: Visitor, desk: Desk) -> Response:
        """The P&L surface."""
        answer = await self._asked(request, desk, "surface", work.surface_of_account)
        return piece(part("surface.html.j2", found=answer.value, answer=answer))

    async def line(self, request: Request, _visitor: Visitor, desk: Desk) -> Response:
        """The line against the price."""
        answer = await self._asked(request, desk, "line", work.line_of_account)
        return piece(part("line.html.j2", found=answer.value, answer=answer))

    async def venues(self, request: Request, _visitor: Visitor, desk: Desk) -> Response:
        """The same account under other rule sets."""
        answer = await self._asked(request, desk, "venues", work.venues_of_account)
        return piece(part("venues.html.j2", rows=answer.value, answer=answer))

    async def what_if(self, request: Request, visitor: Visitor, desk: Desk) -> Response:
        """An order checked: before, after, and every limit that it would break. Nothing is filled."""
        fields = await form_of(request)
        legs = legs_of(fields)
        if not legs:
            return piece(part("what-if.html.j2", verdict=None, held=None, health=()))
        held = await desk.held(fields.get("name", ""))
        verdict = await desk.check(Order(held.account.name, legs))
        health = tuple(s.equity / s.maintenance if s.maintenance > 0 else None for s in (verdict.before, verdict.after))
        return piece(part("what-if.html.j2", verdict=verdict, held=held, health=health))

    async def hedge(self, request: Request, visitor: Visitor, desk: Desk) -> Response:
        """Trades that need less margin, as a job."""
        fields = await form_of(request)
        held = await desk.held(fields.get("name", ""))
        options = {
            "candidates": [],
            "worth": number(fields, "worth", 0.0001, 1_000),
            "delta_band": 0.0,
            "vega_band": None,
            "budget": None,
            "most": None,
            "seconds": number(fields, "seconds", 1, 120),
        }
        task = {
            "market": held.market.to_dict(),
            "accounts": {held.account.name: held.account.to_dict()},
            "rules": held.pack.to_dict(),
            "options": options,
        }
        return await jobs.start(desk, "hedge", task, held.events)

    async def _asked(self, request: Request, desk: Desk, kind: str, function: Any) -> Answer:
        held = await desk.held(request.query_params.get("name", ""))
        fresh = 0.5 if request.query_params.get("again") else FRESH
        mark = f"{held.market.time:%H:%M:%S} of the market, after event {held.events:,}"
        key = (kind, held.account.name)
        worker = self.board.worker_of(desk)
        return await worker.ask(key, fresh, function, held.rules, held.account, held.market, mark=mark)


def add(board: Board) -> None:
    """The page, its live parts, its pieces and the ticket."""
    own = Pages(board)
    board.get("/dashboard/account", own.page)
    for name in ("requirement", "surface", "line", "venues"):
        board.get(f"/dashboard/account/{name}", getattr(own, name))
    board.post("/dashboard/account/what-if", own.what_if, "trade-check")
    board.post("/dashboard/account/hedge", own.hedge, jobs.SCOPE)
    board.live["account"] = own.parts


def health_of(held: Held) -> float | None:
    """Equity over maintenance margin."""
    return held.equity / held.maintenance if held.maintenance > 0.0 and math.isfinite(held.maintenance) else None


def positions_of(held: Held) -> list[dict[str, Any]]:
    """Positions with what the market says of each, largest notional first where it is known."""
    rows = []
    contracts = held.market.contracts
    for p in held.account.positions:
        contract = contracts.get(p.instrument)
        mark = held.market.marks.get(p.instrument)
        rows.append(
            {
                "instrument": p.instrument,
                "quantity": p.quantity,
                "kind": "" if contract is None else contract.kind.replace("_", " "),
                "mark": None if mark is None else mark.price,
                "vol": None if mark is None else mark.vol,
                "pnl": p.unrealised_pnl,
            }
        )
    return rows


def legs_of(fields: dict[str, str]) -> tuple[Leg, ...]:
    """The legs of the ticket; a row without an instrument is none. Raises `DocumentError` for what is no number."""
    legs = []
    for n in range(1, LEGS + 1):
        name = fields.get(f"instrument{n}", "").strip()
        size, price = fields.get(f"quantity{n}", "").strip(), fields.get(f"price{n}", "").strip()
        if not name or not size:
            continue
        numbers = []
        for field, text in (("quantity", size), ("price", price)):
            try:
                number = float(text.replace(",", "")) if text else None
            except ValueError:
                raise refuse(f"{field} of leg {n}", text, "a number") from None
            if number is not None and not math.isfinite(number):
                raise refuse(f"{field} of leg {n}", text, "a number")
            numbers.append(number)
        legs.append(Leg(name, numbers[0] or 0.0, numbers[1]))
    return tuple(legs)
