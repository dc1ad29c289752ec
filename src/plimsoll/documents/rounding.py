"""From floats to integers: rounding up without a float, exact ratios, the decimals that a document writes."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from plimsoll.documents.errors import refuse


def rounded_up(value: float, decimals: int, path: str = "array") -> int:
    """The least integer number of `10**-decimals` that is not below `value`; exact, without floating arithmetic.

    What one contract adds to a loss is rounded this way, for one that is bought and for one that is sold apart: either
    is then charged no less than the float says. Raises `DocumentError` for what is not finite.

    >>> rounded_up(-0.25, 1), rounded_up(0.25, 1), rounded_up(0.5, 1)
    (-2, 3, 5)
    """
    if not math.isfinite(value):
        raise refuse(path, value, "a finite number")
    numerator, denominator = float(value).as_integer_ratio()
    scale: int = 10**decimals
    return -((-numerator * scale) // denominator)


def exact_ratio(value: float, path: str = "factor") -> tuple[int, int]:
    """Numerator and denominator of a float, which is one exactly."""
    if not math.isfinite(value):
        raise refuse(path, value, "a finite number")
    return float(value).as_integer_ratio()


def exact_decimal(value: float, path: str = "quantity") -> tuple[int, int]:
    """`(digits, decimals)` of the shortest decimal that reads back as `value`, the number that its document writes.

    >>> exact_decimal(-0.1), exact_decimal(1200.0), exact_decimal(1e-9)
    ((-1, 1), (1200, 0), (1, 9))
    """
    if not math.isfinite(value):
        raise refuse(path, value, "a finite number")
    numerator, decimals = Decimal(repr(float(value))), 0
    while numerator != numerator.to_integral_value():
        numerator, decimals = numerator.scaleb(1), decimals + 1
    return int(numerator), decimals


def ceiling(value: Fraction | int) -> int:
    """The least integer that is not below `value`."""
    exact = Fraction(value)
    return -((-exact.numerator) // exact.denominator)
