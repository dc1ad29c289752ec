"""From a model's form in floats to a statement in integers, held to the engine before anything is certified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from plimsoll.certify import (
    GUARD,
    Certificate,
    Statement,
    UncertifiedError,
    certify,
    curves,
    worsts,
)
from plimsoll.documents import DocumentError, exact_decimal, refuse
from plimsoll.margin import Account, MarginModel, Requirement
from plimsoll.margin.forms import Expression, Form, Sum, Tail, Worst
from plimsoll.margin.forms.expression import F64
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.quantised import NoTwinError, ratio_of
from plimsoll.margin.quantised import quantised as integers_of
from plimsoll.market import Market
from plimsoll.risk import pnl_array
from plimsoll.scenarios import Scenarios

UNIT = 1
"""By how many units of the currency the integers may differ from the engine, which rounds a float."""


@dataclass(frozen=True)
class Certified:
    """The statement of a requirement, and what it comes to."""

    statement: Statement
    certificate: Certificate


def quantised(expression: Expression, decimals: int) -> dict[str, Any]:
    """See `plimsoll.margin.quantised`; raises `UncertifiedError` for an expression that has no integer twin."""
    try:
        return integers_of(expression, decimals)
    except NoTwinError as error:
        kind = error.problems[0].got
        raise UncertifiedError(f"an expression of the kind {kind} has no integer twin") from None


def statement_of(model: MarginModel, account: Account, market: Market) -> Statement:
    """The quantised array of the positions of an account under a model whose form is exact there.

    Raises `UncertifiedError` with the reason where the model, the market or the account has no such form.
    """
    held = [p for p in account.positions if p.quantity != 0.0]
    names = tuple(p.instrument for p in held)
    if len(set(names)) != len(names):
        raise UncertifiedError("both legs of one instrument are held: the form is of net positions")
    quantity = np.array([p.quantity for p in held], dtype=np.float64)
    label, decimals, part = model.rules.label, model.rules.decimals, model.maintenance_part
    head = _Head(account.name, label, model.MODEL, market.time, model.rules.currency, decimals, part)
    if not names:
        return head.over((), (), Sum(()))
    try:
        universe = Universe.as_listed(model, names, market)
        form = model.form_at(universe, quantity)
        head = replace(head, currency=model.forms_currency(universe))
    except DocumentError as error:
        raise UncertifiedError(str(error)) from None
    return head.over(names, quantity.tolist(), _exact(form, quantity), form.within)


def shortfall_statement(
    account: Account, market: Market, scenarios: Scenarios, level: float, decimals: int = 6
) -> Statement:
    """The expected shortfall of the positions at `level` over equally likely scenarios, USD, as a statement.

    Raises `DocumentError` for contracts that cannot be valued and a level outside of 0 to 1.
    """
    if not 0.0 <= level < 1.0:
        raise refuse("level", level, "at least 0 and below 1")
    held = [p for p in account.positions if p.quantity != 0.0]
    names = tuple(p.instrument for p in held)
    missing = [n for n in names if n not in market.contracts]
    if missing:
        raise refuse("account.positions", missing[0], "instruments that market.instruments lists")
    gains = pnl_array([market.contracts[n] for n in names], market, scenarios, "usd")
    head = _Head(account.name, f"expected shortfall at {level:g}", "es", market.time, "USD", decimals, None)
    tail = Tail(Worst.signed(range(len(names)), -gains.T), (1.0 - level) * gains.shape[1])
    return head.over(names, [p.quantity for p in held], tail)


def _exact(form: Form, quantity: F64) -> Expression:
    """The expression where it is the rule at these positions."""
    if form.expression is None or form.standing == "refused":
        raise UncertifiedError(form.why)
    if form.standing != "exact" and form.within is None:
        raise UncertifiedError(f"the form is a bound, not the rule: {form.why}")
    if not form.holds(quantity):
        raise UncertifiedError(f"the positions lie outside of the range in which the form is the rule: {form.why}")
    return form.expression


@dataclass(frozen=True)
class _Head:
    """What a statement says besides its array."""

    account: str
    rules: str
    model: str
    time: datetime
    currency: str
    decimals: int
    part: float | None

    def over(
        self, names: Sequence[str], quantity: Sequence[float], expression: Expression, within: Expression | None = None
    ) -> Statement:
        """The statement of positions in `names`."""
        digits = [exact_decimal(q) for q in quantity]
        fine = max((d for _, d in digits), default=0)
        decimals = self.decimals + GUARD
        content = {
            "schema": Statement.SCHEMA,
            "schema_version": Statement.VERSION,
            "account": self.account,
            "rules": self.rules,
            "model": self.model,
            "time": self.time,
            "currency": self.currency,
            "decimals": self.decimals,
            "array_decimals": decimals,
            "quantity_decimals": fine,
            "instruments": list(names),
            "quantities": [n * 10 ** (fine - d) for n, d in digits],
            "requirement": quantised(expression, decimals),
            "within": None if within is None else quantised(within, decimals),
            "maintenance": None if self.part is None else ratio_of(self.part),
        }
        return Statement.from_dict(content, "statement")


def certified(model: MarginModel, account: Account, market: Market, found: Requirement) -> Certified:
    """The statement of an account and its certificate, held to the engine's charge.

    Raises `UncertifiedError` where the two lie further apart than one unit: the account then has something that is
    charged and is no position of the form (orders, a reported amount, a chosen leverage).
    """
    try:
        statement = statement_of(model, account, market)
    except DocumentError as error:
        raise UncertifiedError(str(error)) from None
    if (statement.currency, statement.decimals) != (found.currency, found.charged.decimals):
        raise UncertifiedError(f"the engine charges in {found.currency}, the form is in {statement.currency}")
    certificate = certify(statement)
    pairs = [("initial", certificate.initial, found.charged.initial)]
    if certificate.maintenance is not None:
        pairs.append(("maintenance", certificate.maintenance, found.charged.maintenance))
    for name, own, charged in pairs:
        if abs(own - charged) > UNIT:
            raise UncertifiedError(
                f"{name}: the integers come to {own} units, the engine charges {charged}: the account has more than "
                "the positions of the form"
            )
    return Certified(statement, certificate)


def furthest(mine: Statement, other: Statement) -> int | None:
    """How far two arrays lie apart at most, units of `10**-array_decimals`; `None` where anything else differs."""
    first, second = mine.to_dict(), other.to_dict()
    pairs = (*zip(worsts(mine.requirement), worsts(other.requirement), strict=False),)
    apart = 0
    for (path, a), (there, b) in pairs:
        if path != there or a.items != b.items or len(a.constant) != len(b.constant):
            return None
    if [(p, c.items) for p, c in curves(mine.requirement)] != [(p, c.items) for p, c in curves(other.requirement)]:
        return None
    for one, two in _leaves(first, second):
        if isinstance(one, bool) or type(one) is not type(two):
            return None
        if one == two:
            continue
        if not isinstance(one, int):
            return None
        apart = max(apart, abs(one - two))
    fixed = ("instruments", "quantities", "quantity_decimals", "array_decimals", "decimals", "currency", "rules")
    return None if any(first[f] != second[f] for f in fixed) else apart


def _leaves(one: Any, two: Any) -> Any:
    """Pairs of leaves of two JSON values; a pair that is not alike where their shapes differ."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        for key in one:
            # a ratio is compared as a number: its two integers have no unit
            if key in ("factor", "count", "maintenance", "move", "down", "up") and one[key] and two[key]:
                yield from _ratios(one[key], two[key])
            else:
                yield from _leaves(one[key], two[key])
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for a, b in zip(one, two, strict=True):
            yield from _leaves(a, b)
    else:
        yield one, two


def _ratios(one: dict[str, int], two: dict[str, int]) -> Any:
    a, b = one["numerator"] * two["denominator"], two["numerator"] * one["denominator"]
    alike = abs(a - b) * 10**12 <= max(a, b)
    yield (0, 0) if alike else ("ratio", 0)
