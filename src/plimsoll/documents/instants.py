"""UTC instants and the length of a year."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

YEAR_SECONDS = 31_536_000.0
"""Seconds of the 365-day year in which every venue of this package measures time to expiry."""

DAY_SECONDS = 86_400.0


def parse_instant(value: Any) -> datetime:
    """An aware UTC datetime from an ISO 8601 text or a datetime.

    A text or datetime without an offset is refused: local time would be a guess.

    >>> parse_instant("2026-01-30T08:00:00Z").isoformat()
    '2026-01-30T08:00:00+00:00'
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("an ISO 8601 instant with an offset, such as 2026-01-30T08:00:00Z") from error
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("an ISO 8601 instant with an offset, such as 2026-01-30T08:00:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("an instant between the years 1 and 9999 in UTC") from error


def format_instant(value: datetime) -> str:
    """ISO 8601 in UTC with a `Z`, microseconds only when there are some."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_day(value: Any) -> date:
    """A calendar day from `YYYY-MM-DD`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ValueError("a calendar day, such as 2025-04-18") from error
    raise ValueError("a calendar day, such as 2025-04-18")


def seconds_between(start: datetime, end: datetime) -> float:
    """Seconds from `start` to `end`, negative when `end` comes first."""
    return (end - start).total_seconds()


Instant = Annotated[datetime, BeforeValidator(parse_instant), PlainSerializer(format_instant, when_used="json")]
Day = Annotated[date, BeforeValidator(parse_day)]
