"""The strict base of every schema: errors with paths, failure reasons, canonical bytes, money, UTC instants."""

from plimsoll.documents.base import (
    Asset,
    Count,
    Document,
    Flag,
    Fraction,
    JsonObject,
    Name,
    NonNegative,
    Number,
    Part,
    Positive,
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
from plimsoll.documents.problems import fault, problems_of
from plimsoll.documents.rounding import ceiling, exact_decimal, exact_ratio, rounded_up
from plimsoll.documents.text import parse_json, read_bytes

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
    "JsonObject",
    "Name",
    "NonNegative",
    "Number",
    "Part",
    "PlimsollError",
    "Positive",
    "Problem",
    "Reason",
    "canonical_bytes",
    "ceiling",
    "content_hash",
    "exact_decimal",
    "exact_ratio",
    "fault",
    "format_instant",
    "parse_day",
    "parse_instant",
    "parse_json",
    "problems_of",
    "read_bytes",
    "refuse",
    "rounded_up",
    "seconds_between",
    "shorten",
    "to_units",
]
