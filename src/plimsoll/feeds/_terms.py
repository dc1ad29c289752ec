"""How Deribit names its coin-settled contracts, and how large one is."""

from __future__ import annotations

from datetime import date, datetime

from plimsoll.contracts import Settlement
from plimsoll.documents import refuse

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

FUTURE_USD = {"BTC": 10.0, "ETH": 1.0}
"""USD of one inverse future or perpetual, by coin; options are on one coin."""


def day_code(expiry: date | datetime) -> str:
    """The day as it stands in an instrument name.

    >>> day_code(date(2026, 3, 6))
    '6MAR26'
    """
    return f"{expiry.day}{_MONTHS[expiry.month - 1]}{expiry.year % 100:02d}"


def strike_code(strike: float) -> str:
    """The strike as it stands in an instrument name: no decimal point, a `d` for it.

    >>> strike_code(70000.0), strike_code(0.75)
    ('70000', '0d75')
    """
    return f"{strike:.10g}".replace(".", "d")


def family(underlying: str, settlement: Settlement) -> str:
    """The first part of the names of one underlying: `BTC` for inverse, `BTC_USDC` for linear contracts."""
    return underlying if settlement is Settlement.INVERSE else f"{underlying}_USDC"


def future_usd(coin: str, path: str) -> float:
    """USD of one inverse future of `coin`; raises `DocumentError` at `path` for a coin without known terms."""
    if coin not in FUTURE_USD:
        raise refuse(path, coin, "a coin with known inverse contracts: " + ", ".join(FUTURE_USD))
    return FUTURE_USD[coin]
