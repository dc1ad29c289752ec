"""Small books under Deribit's rules: a desk with inverse BTC contracts by default."""

from __future__ import annotations

from typing import Any

import plimsoll as pl
from plimsoll.margin import Account, Requirement, Rules, with_parameter
from rule_books import DAY, Desk

SM, PM = "deribit-sm@2025-01-01", "deribit-pm@2024-06-17"
PAGE, DECK = "deribit-pm@2019-06-01", "deribit-pm@2023-09-01"
"""The two rules of portfolio margin before 2024, by what they were read in."""
INVERSE = {"settlement": "inverse", "currency": "BTC"}
LINEAR = {"settlement": "linear", "currency": "USDC"}
WEEK = 7.5 * DAY


def desk(spot: float = 100.0, **balances: float) -> Desk:
    """An empty desk with a balance of ten coins unless told otherwise."""
    found = Desk(spot)
    found.collateral = balances or {"BTC": 10.0}
    return found


def coins(found: Desk, amount: float, price: float = 100.0, **terms: Any) -> str:
    """So many coins of inverse perpetual at its mark."""
    return found.add_perpetual(amount * price, price, **{**INVERSE, **terms})


def future_coins(found: Desk, amount: float, seconds: float, price: float = 100.0, **terms: Any) -> str:
    """So many coins of an inverse future."""
    return found.add_future(amount * price, seconds, price, **{**INVERSE, **terms})


def option(
    found: Desk,
    quantity: float,
    strike: float,
    call: bool,
    seconds: float = WEEK,
    vol: float | None = 0.5,
    **terms: Any,
) -> str:
    """An inverse option; `mark` is its quoted price in coin."""
    mark = terms.pop("mark", None)
    name = found.add_option(quantity, strike, call, seconds, vol, **{**INVERSE, **terms})
    if mark is not None:
        found.marks.setdefault(name, {})["price"] = mark
    return name


def chain(*rows: tuple[float, float], seconds: float = WEEK, found: Desk | None = None, **terms: Any) -> Desk:
    """A desk of inverse options given as `(strike, coins)`, calls above 100 and puts below, worth next to nothing."""
    book = found or desk()
    book.add_expiry(seconds)
    for strike, quantity in rows:
        option(book, quantity, strike, strike > 100.0, seconds, 0.05, **terms)
    return book


def pack(reference: str, **changes: Any) -> Rules:
    """A shipped pack with leaves at dotted paths (`__` for a dot) replaced."""
    rules = pl.find_rules(reference)
    for path, value in changes.items():
        rules = with_parameter(rules, path.replace("__", "."), value)
    return rules


def require(found: Desk, reference: str = SM, account: dict[str, Any] | None = None, **changes: Any) -> Requirement:
    """The requirement of the desk; `account` replaces fields of the account document."""
    document = Account.from_dict({**found.account.to_dict(), **(account or {})})
    return pl.margin_model(pack(reference, **changes)).requirement(document, found.market)


def reason(found: Desk, reference: str = SM, **account: Any) -> str | None:
    """Why the rules cannot take the desk."""
    document = Account.from_dict({**found.account.to_dict(), **account})
    return pl.margin_model(reference).applies_to(document, found.market)
