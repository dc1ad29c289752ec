"""The dashboard in the service: the same tokens, the same tenants, the same server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plimsoll.serve.dashboard.board import Board
from plimsoll.serve.dashboard.visitors import Visitor
from plimsoll.serve.tokens import SCOPES

if TYPE_CHECKING:
    from fastapi import FastAPI

    from plimsoll.serve.state import Service

LOOK = 1.0
"""Seconds after which a token that was revoked no longer holds a session."""


class ServiceTokens:
    """The tokens of a service as the dashboard asks for them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._good: frozenset[str] = frozenset()
        self._at = float("-inf")

    def admit(self, token: str) -> Visitor | None:
        """Who holds this secret, if it holds and its tenant is here."""
        found = self.service.tokens.verify(token)
        if found is None or found.tenant not in self.service.tenants:
            return None
        scopes = frozenset(s for s in SCOPES if found.may(s))
        self._at = float("-inf")
        return Visitor(found.id, found.name, found.tenant, scopes)

    def holds(self, visitor: Visitor) -> bool:
        """Whether the token was neither revoked nor has expired."""
        now = time.monotonic()
        if now - self._at >= LOOK:
            wall = self.service.tokens.now()
            good = (t for t in self.service.tokens.all() if t.revoked is None and t.expires > wall)
            self._good, self._at = frozenset(t.id for t in good), now
        return visitor.token in self._good


def attach(app: FastAPI, service: Service, history: str | None = None) -> Board:
    """Put the dashboard's routes beside those of the interface; `app.state.dashboard` then has it."""
    board = Board(ServiceTokens(service), lambda tenant: service.tenants[tenant], history)
    app.router.routes.extend(board.routes)
    app.state.dashboard = board
    return board
