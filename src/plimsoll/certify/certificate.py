"""The certificate: what a statement comes to in units of its currency, with the row that decided every array."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from plimsoll.certify.calculator import ratio, rows_of, value_of
from plimsoll.certify.statement import Statement, Whole, worsts
from plimsoll.documents import Count, Document, Name, Part, PlimsollError, ceiling


class UncertifiedError(PlimsollError):
    """No certificate: `reason` says why these rules, or this account under them, are not of the form."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not certified: {reason}")


class Decided(Part):
    """The first largest row of one array, and what it comes to in `10**-(array_decimals + quantity_decimals)`."""

    path: Name
    row: Count
    value: Whole


class Certificate(Document):
    """What a statement charges, as integers of `10**-decimals` of its currency, rounded up once, at the end.

    `statement` is its hash. `maintenance` is `null` where the statement names no part for it. `decided` has the row
    that decides each array, in the order of the expression.
    """

    SCHEMA: ClassVar[str] = "plimsoll.certificate"

    statement: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    decimals: Count
    initial: Whole
    maintenance: Whole | None
    decided: tuple[Decided, ...]


def certify(statement: Statement) -> Certificate:
    """Compute what a statement charges, in integers.

    Raises `UncertifiedError` where the positions lie outside of the range in which the expression is the rule.

    >>> statement = Statement.from_dict({
    ...     "schema": "plimsoll.statement", "schema_version": 1, "account": "a", "rules": "r@2026-01-01", "model": "m",
    ...     "time": "2026-01-01T00:00:00Z", "currency": "USD", "decimals": 2, "array_decimals": 3,
    ...     "quantity_decimals": 1, "instruments": ["X"], "quantities": [-25],
    ...     "requirement": {"kind": "worst", "items": [0], "long": [[0], [1001]], "short": [[0], [-1001]],
    ...                     "constant": [0, 5000]}})
    >>> certify(statement).initial  # 5.000 - 2.5 * 1.001 = 2.4975
    250
    """
    scale = 10**statement.quantity_decimals
    unit = 10 ** (statement.array_decimals - statement.decimals) * scale
    quantities = statement.quantities
    if statement.within is not None and value_of(statement.within, quantities, scale) > 0:
        raise UncertifiedError("the positions lie outside of the range in which the expression is the rule")
    kept: dict[int, list[int]] = {}
    exact = value_of(statement.requirement, quantities, scale, kept) / unit
    part = statement.maintenance
    decided = []
    for path, worst in worsts(statement.requirement):
        rows = rows_of(worst, quantities, scale, kept)
        decided.append(Decided(path=path, row=rows.index(max(rows)), value=max(rows)))
    return Certificate(
        statement=statement.hash(),
        decimals=statement.decimals,
        initial=ceiling(exact),
        maintenance=None if part is None else ceiling(exact * ratio(part)),
        decided=tuple(decided),
    )


def charged_apart(charged: Any, certificate: Certificate) -> list[tuple[str, Any, int]]:
    """Field, recorded and computed amount wherever what was charged is not what a certificate comes to.

    The charge is the engine's number, which rounds a float to the same unit: it may lie one unit away.
    """
    told = charged if isinstance(charged, dict) else {}
    own = {"initial": certificate.initial, "maintenance": certificate.maintenance}
    faults = [
        (field, told.get(field), amount)
        for field, amount in own.items()
        if amount is not None and not (type(told.get(field)) is int and abs(told[field] - amount) <= 1)
    ]
    if told.get("decimals") != certificate.decimals:
        faults.append(("decimals", told.get("decimals"), certificate.decimals))
    return faults
