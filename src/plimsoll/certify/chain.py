"""How records are chained: each one's hash covers its number, its body and the hash of the record before."""

from __future__ import annotations

import hashlib

FORMAT = "plimsoll-ledger-1"
START = "0" * 64
"""What stands for the hash before the first record."""


def body_hash(body: bytes) -> str:
    """SHA-256 of the bytes of a body, hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def link_hash(seq: int, previous: str, body: str) -> str:
    """SHA-256 over format, number, the hash of the record before and the hash of the body.

    >>> link_hash(1, START, body_hash(b"{}"))[:16]
    '54a765b6fb5ffe0a'
    """
    return hashlib.sha256(f"{FORMAT}\n{seq}\n{previous}\n{body}\n".encode()).hexdigest()
