"""Whole numbers as the chain counts them: quote quantums, base quantums and parts per million, each rounding named.

A quote quantum is 1e-6 USDC, a base quantum `10**atomic_resolution` coins, a ppm one millionth. Every amount is a
Python `int` of any size, so nothing overflows and nothing is lost.

Source: venues-onchain section 2, own words. Rule codes `DYDX-nn` are in docs/rules/dydx-v4.md.
"""

from __future__ import annotations

from plimsoll.documents import refuse

QUOTE_RESOLUTION = -6
"""Ten to this is one quote quantum, in USDC."""

ONE_MILLION = 1_000_000
"""The whole in parts per million."""

EXPONENTS = 400
"""Largest power of ten, up or down, that a price and a resolution may come to."""


def whole(path: str, value: object, *, least: int | None = None, most: int | None = None) -> int:
    """`value` if it is a whole number (no float, no flag) within the bounds.

    Raises `DocumentError` with `path` otherwise: a float that happens to be whole has already lost what it was.
    """
    words = "a whole number"
    if least is not None or most is not None:
        words += f" from {least if least is not None else 'any'} to {most if most is not None else 'any'}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(path, value, words)
    if (least is not None and value < least) or (most is not None and value > most):
        raise refuse(path, value, words)
    return value


def scaled(value: int, exponent: int) -> int:
    """`value * 10**exponent`, truncated toward zero with its sign kept.

    >>> scaled(1999, -3), scaled(-1999, -3), scaled(12, 2)
    (1, -1, 1200)
    """
    if exponent >= 0:
        return int(value * 10**exponent)
    size = abs(value) // int(10**-exponent)
    return size if value >= 0 else -size


def notional_of(base_quantums: int, price: int, price_exponent: int, atomic_resolution: int) -> int:
    """Value of a position in quote quantums: `trunc(q * price * 10**(price_exponent + atomic_resolution + 6))`.

    `price * 10**price_exponent` is the oracle price of one coin in USDC. The sign is that of the position: truncation
    goes toward zero, so a long and a short of one size differ in nothing else.

    >>> notional_of(2_000_000_000, 6_120_050_000, -5, -10)  # 0.2 BTC at 61,200.5 USDC
    12240100000
    >>> notional_of(-7, 333_333, -1, -7)
    -23333
    """
    return scaled(base_quantums * price, price_exponent + atomic_resolution - QUOTE_RESOLUTION)


def divided_up(value: int, by: int) -> int:
    """`value / by` rounded up, toward positive infinity; `by` above zero.

    >>> divided_up(7, 2), divided_up(-7, 2)
    (4, -3)
    """
    return -(-value // by)


def ppm_up(value: int, ppm: int) -> int:
    """`value * ppm / 1e6` rounded up: margins.

    >>> ppm_up(1, 100_000)
    1
    """
    return divided_up(value * ppm, ONE_MILLION)


def ppm_down(value: int, ppm: int) -> int:
    """`value * ppm / 1e6` rounded down, toward negative infinity: rates and fees.

    >>> ppm_down(333_333, 600_000), ppm_down(-1, 1)
    (199999, -1)
    """
    return value * ppm // ONE_MILLION


def fill_quote(subticks: int, base_quantums: int, quantum_conversion_exponent: int) -> int:
    """Quote quantums of a fill of `base_quantums` at a price of the order book: `q * subticks * 10**exponent`,
    truncated.

    >>> fill_quote(60_250_000_000, 4_000_000, -8)
    2410000000
    """
    return scaled(base_quantums * subticks, quantum_conversion_exponent)
