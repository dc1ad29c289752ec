"""The embedded book of the demonstration: a strangle seller on a generated Bitcoin chain."""

from __future__ import annotations

from importlib.resources import files

from plimsoll.margin import Account
from plimsoll.market import Market

MARKET_FILE = "demo-market.json"
ACCOUNT_FILE = "demo-account.json"


def demo_market() -> Market:
    """The generated Bitcoin chain on which the demonstration's book stands. No venue's data.

    >>> sorted(demo_market().indices)
    ['BTC']
    """
    return Market.from_json(_read(MARKET_FILE), MARKET_FILE)


def demo_account() -> Account:
    """The demonstration's book: short strangles of several expiries with wings, calendars and a delta hedge.

    >>> len(demo_account().positions)
    25
    """
    return Account.from_json(_read(ACCOUNT_FILE), ACCOUNT_FILE)


def _read(name: str) -> bytes:
    return files("plimsoll.feeds").joinpath("data", name).read_bytes()
