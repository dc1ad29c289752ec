"""Durations as they are written in options: `90s`, `30m`, `12h`, `3d`."""

from __future__ import annotations

import math

DAYS = {"d": 1.0, "h": 1.0 / 24.0, "m": 1.0 / 1440.0}
SECONDS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def days_of(text: str, option: str = "--horizon") -> float:
    """Days in `1d`, `12h`, `30m`. Raises `DocumentError` naming the option.

    >>> days_of("3d"), days_of("12h")
    (3.0, 0.5)
    """
    return _in(DAYS, text, option, "a number above zero with d, h or m: 1d, 12h")


def horizon_days(text: str, option: str = "--horizon") -> float:
    """Days in `3d`, `12h`, or in a plain number of days. Raises `DocumentError` naming the option.

    >>> horizon_days("3d"), horizon_days("12h"), horizon_days("2.5")
    (3.0, 0.5, 2.5)
    """
    try:
        plain = float(text)
    except ValueError:
        return days_of(text, option)
    return days_of(f"{plain!r}d", option)


def seconds_of(text: str, option: str = "--schedule") -> float:
    """Seconds in `90s`, `30m`, `2h` or `1d`. Raises `DocumentError` naming the option.

    >>> seconds_of("90s"), seconds_of("1.5 d")
    (90.0, 129600.0)
    """
    return _in(SECONDS, text, option, "a time above zero such as 90s, 30m, 2h or 1d")


def _in(units: dict[str, float], text: str, option: str, allowed: str) -> float:
    from plimsoll.documents import refuse

    given = text.strip()
    try:
        value = float(given[:-1]) * units[given[-1:]]
    except (ValueError, KeyError):
        raise refuse(option, text, allowed) from None
    if not (math.isfinite(value) and value > 0.0):
        raise refuse(option, text, allowed)
    return value
