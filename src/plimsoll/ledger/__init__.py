"""The record: append-only and hash-chained, what was known, decided and charged, and how it is checked again."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from plimsoll.ledger.errors import ConflictError, LedgerError, UnavailableError
from plimsoll.ledger.records import Entry, Event

if TYPE_CHECKING:
    from plimsoll.ledger.group import GroupCommit
    from plimsoll.ledger.store import Ledger

# what needs the extra is imported when it is used
_HOMES = {"Ledger": "store", "GroupCommit": "group"}

__all__ = ["ConflictError", "Entry", "Event", "GroupCommit", "Ledger", "LedgerError", "UnavailableError"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'plimsoll.ledger' has no attribute {name!r}")
    return getattr(import_module(f"plimsoll.ledger.{_HOMES[name]}"), name)
