"""Money, percentages and labels as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SCALES = ((1e9, "bn"), (1e6, "m"), (1e3, "k"), (1.0, ""))
_LABEL = re.compile(
    r"(?:(?P<underlying>[A-Za-z][\w.-]*) )?(?P<move>[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)%"
    r"(?: iv (?P<vol>[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)%)?"
)


_DOLLARS = ("USD", "USDC", "USDT", "DAI")

COIN_DECIMALS = 4
"""Digits that an amount in a coin needs beyond those of dollars: a ten-thousandth of a coin is some dollars."""


def is_dollar(currency: str) -> bool:
    """Whether an amount in `currency` is read like dollars."""
    return currency in _DOLLARS


def signed(amount: float, currency: str) -> str:
    """`+1,234.50` dollars, `-0.122861` coins; what rounds to nothing has no sign.

    >>> signed(1234.5, "USD"), signed(-0.122861343, "BTC"), signed(-1e-10, "BTC")
    ('+1,234.50', '-0.122861', '0.000000')
    """
    text = number(abs(amount), currency, 2)
    return text if not text.strip("0.,") else ("-" if amount < 0 else "+") + text


def number(amount: float, currency: str, decimals: int = 0) -> str:
    """`1,235` dollars, `0.1229` coins; what rounds to nothing has no sign.

    >>> number(1234.5, "USDC"), number(0.122861343, "BTC"), number(0.122861343, "BTC", 2), number(-1e-10, "BTC")
    ('1,234', '0.1229', '0.122861', '0.0000')
    """
    text = f"{amount:,.{decimals if is_dollar(currency) else decimals + COIN_DECIMALS}f}"
    return text if text.strip("-0.,") else text.removeprefix("-")


def money(amount: float, currency: str, decimals: int = 0) -> str:
    """`$1,235`, `-$1,235`, `1,235 USDC` or `0.1229 BTC`.

    >>> money(-1234.5, "USD"), money(1234.5, "USDC", 2), money(-0.5, "BTC")
    ('-$1,234', '1,234.50 USDC', '-0.5000 BTC')
    """
    text = number(abs(amount), currency, decimals)
    sign = "-" if amount < 0 and text.strip("0.,") else ""
    return f"{sign}${text}" if currency == "USD" else f"{sign}{text} {currency}"


def short_money(amount: float, currency: str = "USD") -> str:
    """Three significant digits with a unit: `-$12.3k`.

    >>> short_money(-12345), short_money(0.0), short_money(999950), short_money(7.2e6, "USDC")
    ('-$12.3k', '$0', '$1.00m', '7.20m USDC')
    """
    size = abs(amount)
    step = next((s for s, _ in _SCALES if float(f"{size:.3g}") >= s), 1.0)
    unit = dict(_SCALES)[step]
    value = size / step
    places = 2 if value < 9.995 else 1 if value < 99.95 else 0
    text = "0" if float(f"{value:.2f}") == 0 else f"{value:.{places}f}"
    sign = "-" if amount < 0 and text != "0" else ""
    return f"{sign}${text}{unit}" if currency == "USD" else f"{sign}{text}{unit} {currency}"


def round_money(amount: float) -> str:
    """Dollars of a round number, as short as it goes: `-$80k`.

    >>> round_money(-80000), round_money(2500), round_money(0.0)
    ('-$80k', '$2.5k', '$0')
    """
    step, unit = next(((s, u) for s, u in _SCALES if abs(amount) >= s), (1.0, ""))
    return f"{'-' if amount < 0 else ''}${abs(amount) / step:.4g}{unit}"


def scale_of(amounts: Iterable[float]) -> tuple[float, str]:
    """A common unit for a column or an axis: `(1000.0, "k")` when the largest size is at least 10,000."""
    top = max((abs(a) for a in amounts), default=0.0)
    return next(((s, u) for s, u in _SCALES if top >= 10 * s), (1.0, ""))


def percent(fraction: float, decimals: int = 0) -> str:
    """`+12%`, `-3.5%` or `0%` from 0.12, -0.035 and 0.

    >>> percent(0.12), percent(-0.035, 1), percent(0.0)
    ('+12%', '-3.5%', '0%')
    """
    text = f"{fraction * 100:+.{decimals}f}%"
    return f"{0:.{decimals}f}%" if float(text[:-1]) == 0 else text


def exact_percent(fraction: float) -> str:
    """Like `percent` with as many decimals as the number has, up to four significant digits."""
    text = f"{round(fraction * 100, 6):+.4g}%"
    return "0%" if float(text[:-1]) == 0 else text


def health_words(health: float | None) -> str:
    """Health with what it means."""
    if health is None:
        return "nothing required"
    side = "above" if health > 1 else "on" if health == 1 else "below"
    return f"{health:,.2f} ({side} the line)"


def scenario_point(label: str) -> tuple[float, float] | None:
    """`(move, vol shock)` of a scenario label such as `-16% iv +40%`; `None` for a floor, a skew or a basis shock.

    >>> scenario_point("BTC -16% iv +40%"), scenario_point("+500%"), scenario_point("minimum delta charge")
    ((-0.16, 0.4), (5.0, 0.0), None)
    """
    found = _LABEL.fullmatch(label.strip())
    if found is None:
        return None
    return float(found["move"]) / 100, float(found["vol"] or 0.0) / 100
