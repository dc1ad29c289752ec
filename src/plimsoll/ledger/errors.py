"""What a ledger refuses, and what it says where its database is gone."""

from __future__ import annotations

from types import ModuleType

from plimsoll.documents import PlimsollError


class LedgerError(PlimsollError):
    """A ledger refused an event, or is not one."""


class ConflictError(LedgerError):
    """An event at a place of its stream where another one already stands."""


class UnavailableError(LedgerError):
    """The database could not be reached, written or read.

    Nothing of the batch was acknowledged, though it may have been written: appending the same events again, with their
    positions, settles it.
    """


def sqlalchemy() -> ModuleType:
    """The library behind the ledger. Raises `LedgerError` naming the extra where it is not installed."""
    try:
        import sqlalchemy
    except ModuleNotFoundError as error:
        raise LedgerError(
            f"the ledger needs {error.name}, which is not installed: pip install 'plimsoll-margin[ledger]'"
        ) from None
    return sqlalchemy
