"""What is computed from an account and its market when somebody asks: pure, on a thread beside the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin import Account, MarginModel, Rules, shipped_packs
from plimsoll.margin.catalogue import margin_model
from plimsoll.margin.rules import find_rules
from plimsoll.market import Market
from plimsoll.serve.state import Book


@cache
def packs() -> tuple[Rules, ...]:
    """Every shipped rule pack; read once."""
    return shipped_packs()


@lru_cache(maxsize=256)
def shipped(label: str) -> MarginModel:
    """The model of a rule set by name and day; never the name of a file. Raises `DocumentError`."""
    return margin_model(find_rules(label))


def requirement(book: Book, rules: str | None) -> dict[str, Any]:
    """The requirement document, under the tenant's rules or others."""
    model = book.model if rules is None else shipped(rules)
    return model.requirement(book.account, book.market).to_dict()


def requirement_of(account: Account, market: Market, rules: str, on_failure: Any) -> dict[str, Any]:
    """The requirement of documents that came with the request."""
    return shipped(rules).requirement(account, market, on_failure).to_dict()


def compare(book: Book, rules: Sequence[str]) -> dict[str, Any]:
    """The account under several rule sets; all in force on the market's day where none is named."""
    from plimsoll.margin.compare import compare as compared
    from plimsoll.margin.compare import rules_in_force

    named = [shipped(r).rules for r in rules] or list(rules_in_force(book.market))
    found: dict[str, Any] = compared(book.account, book.market, named).to_dict()
    return found


def surface(book: Book, moves: Sequence[float], vols: Sequence[float], days: Sequence[float]) -> dict[str, Any]:
    """Profit and loss over price, volatility (both in parts of one) and days, with the binding scenario."""
    from plimsoll.report.bundle import book_surface

    axes = [_axis(n, a) for n, a in (("moves", moves), ("vols", vols), ("days", days))]
    shape, found, remark = book_surface(book.account, book.market, book.model.rules.label, *axes)
    marked = [] if found is None else [b.model_dump(mode="json") for b in found.binding]
    return {**shape.to_dict(), "binding": marked, "note": remark or None}


def _axis(name: str, values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    axis = np.array(values, dtype=np.float64)
    if not 1 <= axis.size <= 101 or not np.isfinite(axis).all() or (np.diff(axis) <= 0).any():
        raise refuse(name, list(values), "1 to 101 numbers that increase")
    return axis


def liquidation(book: Book, underlying: str | None, low: float, high: float) -> dict[str, Any]:
    """Every liquidation line along a path: one underlying alone, or all together."""
    from plimsoll.liquidation import alone, together
    from plimsoll.liquidation import liquidation as lines

    if not -1.0 < low < 0.0 < high <= 100.0:
        raise refuse("low, high", f"{low:g}, {high:g}", "-1 < low < 0 < high, at most 100")
    account, market = book.account, book.market
    path = together(account, market) if underlying is None else alone(underlying, market)
    found: dict[str, Any] = lines(book.model, account, market, path, low=1.0 + low, high=1.0 + high).to_dict()
    return found


def probability(book: Book, days: float, paths: int, seed: int) -> dict[str, Any]:
    """How likely the line is reached within some days, on paths at the market's own volatility."""
    from plimsoll.liquidation.passage import laws, passage
    from plimsoll.liquidation.path import underlyings_of

    account, market = book.account, book.market
    lead = underlyings_of(account, market)
    if len(lead) > 1:
        allowed = "an account of one underlying: paths of several follow a history, of which the service has none"
        raise refuse("account", f"{account.name}, which holds {', '.join(sorted(lead))}", allowed)
    step = 1.0 / 24.0 if days <= 3.0 else 1.0 / 6.0 if days <= 14.0 else 1.0
    drawn = laws.of_market(account, market, days, size=paths, seed=seed, step_days=min(days, step), annual=None)
    found = passage(book.model, account, market, drawn.paths, seed=seed)
    return {**found.to_dict(), "law": list(drawn.words)}


def calendar(book: Book, days: float) -> dict[str, Any]:
    """Margin and health hour by hour through what is known to come."""
    from plimsoll.liquidation.calendar import calendar as hours

    found: dict[str, Any] = hours(book.model, book.account, book.market, days).to_dict()
    return found


def call(book: Book) -> dict[str, Any]:
    """Where the account stands in a margin call, and the smallest set of closes that would end it."""
    from plimsoll.liquidation.calls import called

    found: dict[str, Any] = called(book.model, book.account, book.market).to_dict()
    return found
