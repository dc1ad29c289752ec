"""The strict base of every schema: errors with paths, failure reasons, canonical bytes, money, UTC instants."""

from plimsoll.documents.base import (
    Asset,
    Count,
    Document,
    Flag,
    Fraction,
    Name,
    NonNegative,
    Number,
    Part,
    Positive,
    parse_json,
    problems_of,
    read_bytes,
)
from plimsoll.documents.canonical import canonical_bytes, content_hash
from plimsoll.documents.errors import DocumentError, PlimsollError, Problem, refuse, shorten
from plimsoll.documents.failures import Failure, Reason
from plimsoll.documents.instants import (
    DAY_SECONDS,
    YEAR_SECONDS,
    Day,
    Instant,
    format_instant,
    parse_day,
    parse_instant,
    seconds_between,
)
from plimsoll.documents.money import to_units

__all__ = [
    "DAY_SECONDS",
    "YEAR_SECONDS",
    "Asset",
    "Count",
    "Day",
    "Document",
    "DocumentError",
    "Failure",
    "Flag",
    "Fraction",
    "Instant",
    "Name",
    "NonNegative",
    "Number",
    "Part",
    "PlimsollError",
    "Positive",
    "Problem",
    "Reason",
    "canonical_bytes",
    "content_hash",
    "format_instant",
    "parse_day",
    "parse_instant",
    "parse_json",
    "problems_of",
    "read_bytes",
    "refuse",
    "seconds_between",
    "shorten",
    "to_units",
]
