"""API tokens: salted hashes in a file that only its owner reads, with a tenant, a scope, a rate and an expiry."""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from plimsoll.documents import Document, Instant, Name, Part, Positive, refuse

Scope = Literal["read", "trade-check", "operate", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "trade-check", "operate", "admin")
"""Each includes those before it."""

PREFIX = "plimsoll"
RATE = 100.0
"""Requests per second of a token, if nothing else is said."""

DAYS = 90.0
MOST = 1_000
"""Tokens of a tenant. One more takes the place of the oldest that no longer holds, so no tenant fills the file."""

LOOKS = 1.0
"""Seconds between two looks at whether the file has changed."""

KNOWN = 4_096
"""Tokens whose secret was compared once and is remembered, as a digest."""

TenantName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]+$")]


class Token(Part):
    """What is kept of a token: never its secret."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
    name: Name
    tenant: TenantName
    scope: Scope
    salt: Hex
    hash: Hex
    created: Instant
    expires: Instant
    revoked: Instant | None = None
    rate: Positive = RATE

    def may(self, scope: Scope) -> bool:
        """Whether its scope includes another."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


class Tokens(Document):
    """The file of tokens."""

    SCHEMA: ClassVar[str] = "plimsoll.tokens"

    tokens: Annotated[tuple[Token, ...], Field(max_length=100_000)] = ()


def _digest(secret: str, salt: str) -> str:
    # the secret has 256 bits, so nothing is gained by a hash that is slow
    return blake2b(secret.encode(), salt=bytes.fromhex(salt), person=b"plimsoll-token", digest_size=32).hexdigest()


def wall() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


class TokenFile:
    """The tokens of a service, in a file of mode 0600 or, without a path, in memory.

    `verify` gives the token of a secret, or `None` for one that is wrong, expired or revoked; a file that another
    process changed is read again within a second. A file that others may read is refused. For several threads.

    >>> tokens = TokenFile(None)
    >>> token, secret = tokens.create("desk", "read", name="screen")
    >>> tokens.verify(secret) == token, tokens.verify(secret[:-1]), token.may("operate")
    (True, None, False)
    """

    def __init__(self, path: str | Path | None, now: Callable[[], datetime] = wall) -> None:
        self.path = None if path is None else Path(path)
        self.now = now
        self._lock = threading.RLock()
        self._tokens: dict[str, Token] = {}
        self._known: OrderedDict[bytes, str] = OrderedDict()
        self._looked = 0.0
        self._stamp: tuple[int, int, int] | None = None
        self._read()

    def create(
        self, tenant: str, scope: Scope, *, name: str = "token", days: float = DAYS, rate: float = RATE
    ) -> tuple[Token, str]:
        """A new token and its text, which is known only now. Raises `DocumentError` for what a token cannot have."""
        if scope not in SCOPES:
            raise refuse("scope", scope, ", ".join(SCOPES))
        if not 0.0 < days <= 3_650.0:
            raise refuse("days", days, "more than 0 and at most 3650")
        with self._changing():
            own, secret, salt = secrets.token_hex(6), secrets.token_urlsafe(32), secrets.token_hex(16)
            now = self.now()
            token = Tokens.from_dict(
                {
                    "schema": Tokens.SCHEMA,
                    "schema_version": 1,
                    "tokens": [
                        {
                            "id": own,
                            "name": name,
                            "tenant": tenant,
                            "scope": scope,
                            "salt": salt,
                            "hash": _digest(secret, salt),
                            "created": now.isoformat(),
                            "expires": (now + timedelta(days=days)).isoformat(),
                            "rate": float(rate),
                        }
                    ],
                },
                "token",
            ).tokens[0]
            self._make_room(token.tenant, now)
            self._tokens[own] = token
        return token, f"{PREFIX}_{own}_{secret}"

    def _make_room(self, tenant: str, now: datetime) -> None:
        own = [t for t in self._tokens.values() if t.tenant == tenant]
        if len(own) < MOST:
            return
        gone = [t for t in own if t.revoked is not None or t.expires <= now]
        if not gone:
            raise refuse("tenant", f"{len(own):,} tokens of {tenant} that hold", f"at most {MOST:,}: revoke one")
        del self._tokens[min(gone, key=lambda t: t.created).id]

    def revoke(self, own: str) -> Token:
        """Make a token worthless at once. Raises `DocumentError` for an id that is none."""
        with self._changing():
            if own not in self._tokens:
                raise refuse("token", own, "the id of a token, as `plimsoll token list` shows it")
            token = self._tokens[own]
            if token.revoked is None:
                token = self._tokens[own] = token.model_copy(update={"revoked": self.now()})
        return token

    def all(self) -> tuple[Token, ...]:
        """Every token, oldest first."""
        with self._lock:
            self._look()
            return tuple(sorted(self._tokens.values(), key=lambda t: (t.created, t.id)))

    def verify(self, text: str) -> Token | None:
        """The token of a text that a caller sent, if it holds now."""
        parts = text.split("_", 2)
        if len(text) > 200 or len(parts) != 3 or parts[0] != PREFIX or not text.isascii():
            return None
        with self._lock:
            self._look()
            token = self._tokens.get(parts[1])
            if token is None:
                # as long as for one that is there
                hmac.compare_digest(_digest(parts[2], "00" * 16), "0" * 64)
                return None
            seen = blake2b(text.encode(), digest_size=32).digest()
            if self._known.get(seen) != token.id:
                if not hmac.compare_digest(_digest(parts[2], token.salt), token.hash):
                    return None
                self._known[seen] = token.id
                while len(self._known) > KNOWN:
                    self._known.popitem(last=False)
            if token.revoked is not None or token.expires <= self.now():
                return None
            return token

    def _look(self) -> None:
        now = time.monotonic()
        if self.path is not None and now - self._looked >= LOOKS:
            self._looked = now
            if self._stamp != self._stamp_now():
                self._read()

    def _stamp_now(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self.path) if self.path is not None else None
        except FileNotFoundError:
            return None
        return None if found is None else (found.st_ino, found.st_mtime_ns, found.st_size)

    def _read(self) -> None:
        if self.path is None:
            return
        self._stamp = self._stamp_now()
        if self._stamp is None:
            self._tokens = {}
            return
        mode = os.stat(self.path).st_mode & 0o777
        if mode & 0o077:
            raise refuse(
                "tokens", f"mode {mode:04o}", "a file of mode 0600, which nobody else can read", str(self.path)
            )
        self._tokens = {t.id: t for t in Tokens.load(self.path).tokens}
        self._known.clear()

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Read, change, write: one process at a time, and the file is whole at every moment."""
        with self._lock:
            if self.path is None:
                yield
                return
            guard = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(guard, fcntl.LOCK_EX)
                self._read()
                yield
                self._write()
            finally:
                os.close(guard)

    def _write(self) -> None:
        assert self.path is not None
        fresh = f"{self.path}.new"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(Tokens(tokens=self.all_unlooked()).to_json())
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.path)
        self._stamp = self._stamp_now()

    def all_unlooked(self) -> tuple[Token, ...]:
        """Every token as it is in memory."""
        return tuple(sorted(self._tokens.values(), key=lambda t: (t.created, t.id)))


__all__ = ["DAYS", "RATE", "SCOPES", "Scope", "Token", "TokenFile", "Tokens"]
