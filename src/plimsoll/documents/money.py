"""From float analytics to the integers that are charged."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from plimsoll.documents.errors import refuse

_NOISE = Decimal("1e-9")


def to_units(amount: float, decimals: int, *, against: str) -> int:
    """`amount` as an integer number of the currency's smallest unit (`10**-decimals`), rounded against the account.

    `against="payer"` rounds a requirement up, `against="holder"` rounds equity down. An amount within 1e-9 units of
    an integer counts as that integer, so that floating noise never costs a unit.

    >>> to_units(1.0000001, 6, against="payer"), to_units(1.0000019, 6, against="holder")
    (1000001, 1000001)
    """
    if not math.isfinite(amount):
        raise refuse("amount", amount, "a finite number")
    if against not in ("payer", "holder"):
        raise refuse("against", against, "'payer' or 'holder'")
    scaled = Decimal(amount).scaleb(decimals)
    nearest = scaled.to_integral_value()
    # floats carry about 16 digits, so large amounts are noisier than a fixed part of a unit
    tolerance = _NOISE * max(Decimal(1), abs(scaled) * Decimal("1e-6"))
    if abs(scaled - nearest) <= tolerance:
        return int(nearest)
    mode = ROUND_CEILING if against == "payer" else ROUND_FLOOR
    return int(scaled.to_integral_value(rounding=mode))
