"""Who looks at the dashboard: sessions behind a cookie, opened by an API token, ended by logout or with the token."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

COOKIE = "plimsoll_session"
IDLE_SECONDS = 8 * 3600.0
"""A session that nobody used for so long is over."""

MOST = 1_000
"""Sessions kept at once; the one unused for longest makes room."""


@dataclass(frozen=True)
class Visitor:
    """The holder of a token: its name, the tenant it sees and what it may do."""

    token: str
    name: str
    tenant: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether a scope was given; every token that is admitted may read."""
        return scope in self.scopes or "admin" in self.scopes


class Admits(Protocol):
    """What the server knows about tokens."""

    def admit(self, token: str) -> Visitor | None:
        """Who holds this secret; `None` where nobody does, or it has expired or was revoked."""

    def holds(self, visitor: Visitor) -> bool:
        """Whether the visitor's token is still good."""


@dataclass
class _Open:
    visitor: Visitor
    used: float


class Sessions:
    """Sessions by the hash of their secret, in memory: a restart ends them all.

    The cookie has a secret of 256 bits that stands nowhere else, so neither the token nor anything that opens a session
    can be read out of the server's memory by its key, or out of a page.
    """

    def __init__(self, admits: Admits, idle: float = IDLE_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self.admits, self.idle, self.clock = admits, idle, clock
        self._open: dict[str, _Open] = {}

    def __len__(self) -> int:
        return len(self._open)

    def login(self, token: str) -> str | None:
        """Open a session for a token; the secret of the cookie, or `None` where the token opens none."""
        visitor = self.admits.admit(token)
        if visitor is None:
            return None
        self._tidy()
        secret = secrets.token_urlsafe(32)
        self._open[_key(secret)] = _Open(visitor, self.clock())
        return secret

    def visitor(self, secret: str | None) -> Visitor | None:
        """Who has this session; `None` where it is over."""
        found = None if not secret else self._open.get(_key(secret))
        if secret is None or found is None:
            return None
        if self.clock() - found.used > self.idle or not self.admits.holds(found.visitor):
            del self._open[_key(secret)]
            return None
        found.used = self.clock()
        return found.visitor

    def logout(self, secret: str | None) -> None:
        """End a session, if there is one."""
        if secret:
            self._open.pop(_key(secret), None)

    def _tidy(self) -> None:
        now = self.clock()
        for key in [k for k, s in self._open.items() if now - s.used > self.idle]:
            del self._open[key]
        while len(self._open) >= MOST:
            del self._open[min(self._open, key=lambda k: self._open[k].used)]


def _key(secret: str) -> str:
    return hashlib.blake2b(secret.encode()).hexdigest()
