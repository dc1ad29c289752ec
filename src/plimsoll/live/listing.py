"""Contracts that are listed while an engine runs: the market with them."""

from __future__ import annotations

import math
from typing import Any

from plimsoll.contracts import is_dated
from plimsoll.documents import DocumentError, Problem, format_instant
from plimsoll.live.events import Listing
from plimsoll.live.gate_rule import GateRule
from plimsoll.market import Market


def listed(market: Market, event: Listing, rule: GateRule | None = None) -> Market:
    """The market with the contracts of a listing. Raises `DocumentError` for what it lists already, or cannot be.

    Nothing that is known changes: a price comes with `Prices`, not with a listing. A contract needs what its price
    follows, for later messages are only believed of what has a price already: an index, a forward where it expires, a
    volatility of an option and a mark of a perpetual. None of them may be further off than `rule` ever believes.
    """
    names = {c.name for c in market.instruments}
    problems = []
    if not event.contracts:
        problems.append(Problem("listing.contracts", "none", "one contract or more"))
    for i, contract in enumerate(event.contracts):
        name = contract.get("name")
        if name in names:
            problems.append(Problem(f"listing.contracts[{i}].name", repr(name), "a contract that is not listed"))
        names.add(str(name))
    fresh = {str(c.get("name")) for c in event.contracts}
    problems += [
        Problem(f"listing.quotes.{name}", "a mark", "marks of the contracts that are listed by it")
        for name in event.quotes
        if name not in fresh
    ]
    problems += [
        Problem(f"listing.underlyings.{name}", "an index", "underlyings that have none yet")
        for name in event.underlyings
        if name in market.indices
    ]
    if problems:
        raise DocumentError(problems)
    # what is listed already is in it as the parts that were read, which costs a tenth of reading it again
    whole: dict[str, Any] = {
        "schema": Market.SCHEMA,
        "schema_version": Market.VERSION,
        **{field: getattr(market, field) for field in Market.model_fields},
        "instruments": [*market.instruments, *(dict(c) for c in event.contracts)],
        "expiries": [*market.expiries, *(dict(e) for e in event.terms)],
        "marks": {**market.marks, **{n: dict(m) for n, m in event.quotes.items()}},
        "indices": {**market.indices, **{n: dict(m) for n, m in event.underlyings.items()}},
    }
    try:
        made = Market.from_dict(whole, "listing")
    except DocumentError as error:
        named = [Problem(f"listing: {p.path}", p.got, p.allowed) for p in error.problems]
        raise DocumentError(named) from None
    for i, row in enumerate(made.expiries[len(market.expiries) :]):
        if row.expiry <= market.time:
            allowed = f"after {market.time.isoformat()}"
            raise DocumentError(Problem(f"listing.terms[{i}].expiry", row.expiry.isoformat(), allowed))
    problems = _unpriced(made, len(market.instruments)) or _far_off(made, market, rule or GateRule())
    if problems:
        raise DocumentError(problems)
    return made


def _far_off(made: Market, market: Market, rule: GateRule) -> list[Problem]:
    """Prices that come with a listing and that the gate would not take as a tick, at any time."""
    told: list[tuple[str, str, float]] = [
        (f"listing.terms[{i}].forward", row.underlying, row.forward.price)
        for i, row in enumerate(made.expiries[len(market.expiries) :])
        if row.forward is not None
    ]
    problems = []
    for contract in made.instruments[len(market.instruments) :]:
        mark = made.marks.get(contract.name)
        here = f"listing.quotes.{contract.name}"
        if mark is None:
            continue
        if mark.vol is not None and mark.vol > rule.vol_most:
            problems.append(Problem(f"{here}.vol", repr(mark.vol), f"at most {rule.vol_most:g}"))
        if mark.price is not None and contract.kind in ("future", "perpetual"):
            told.append((f"{here}.price", contract.underlying, mark.price))
    for path, underlying, price in told:
        if underlying not in made.indices:
            continue
        index = made.indices[underlying].price
        if not (price > 0.0 and abs(math.log(price) - math.log(index)) <= rule.basis):
            problems.append(Problem(path, repr(price), f"at most {rule.basis:g} (log) off the index {index:g}"))
    return problems


def _unpriced(market: Market, first: int) -> list[Problem]:
    """What the contracts from number `first` on lack to be priced."""
    forwards = {(e.underlying, e.expiry) for e in market.expiries if e.forward is not None and e.settlement is None}
    problems = []
    for i, contract in enumerate(market.instruments[first:]):
        here, mark = f"listing.contracts[{i}]", market.marks.get(contract.name)
        if contract.underlying not in market.indices:
            allowed = "an underlying that has an index, or gets one in `underlyings`"
            problems.append(Problem(f"{here}.underlying", repr(contract.underlying), allowed))
        if is_dated(contract) and (contract.underlying, contract.expiry) not in forwards:
            allowed = "an expiry that has a forward and is not settled, or gets one in `terms`"
            problems.append(Problem(f"{here}.expiry", format_instant(contract.expiry), allowed))
        if contract.kind == "option" and (mark is None or not mark.vol):
            problems.append(Problem(f"listing.quotes.{contract.name}", "no volatility", "a `vol` above zero"))
        if contract.kind == "perpetual" and (mark is None or not mark.price):
            problems.append(Problem(f"listing.quotes.{contract.name}", "no price", "a `price` above zero"))
    return problems
