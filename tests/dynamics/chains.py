"""Markets with chosen smiles, for the tests of the fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from plimsoll.market import Market
from plimsoll.pricing import inverse_price

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FORWARD = 50_000.0
Smile = Callable[[float], float]


def years(days: float) -> float:
    return days / 365.0


def market_of(
    smiles: dict[float, Smile],
    k: Sequence[float] = tuple(np.linspace(-0.5, 0.5, 21)),
    spread: float | None = 0.0004,
    underlying: str = "BTC",
    **changes: Any,
) -> Market:
    """Coin-settled calls and puts at `FORWARD exp(k)`; `smiles` maps days to a volatility of k.

    Bid and ask lie half a `spread` in coin around the Black-76 value, the bid is left out where it would be below
    half a thousandth of a coin; without a spread nothing is quoted.
    """
    expiries, instruments, marks = [], [], {}
    for days, smile in smiles.items():
        expiry = (NOW + timedelta(days=days)).isoformat()
        expiries.append({"underlying": underlying, "expiry": expiry, "forward": {"variable": FORWARD}})
        for x in k:
            strike, vol = FORWARD * float(np.exp(x)), float(smile(float(x)))
            for call in (True, False):
                name = f"{underlying}-{days:g}-{strike:.2f}-{'C' if call else 'P'}"
                terms = {"kind": "option", "name": name, "underlying": underlying, "expiry": expiry, "strike": strike}
                instruments.append({**terms, "call": call, "settlement": "inverse", "currency": underlying})
                value = float(inverse_price(FORWARD, strike, years(days), vol, call))
                mark: dict[str, Any] = {"vol": vol, "price": value}
                if spread is not None:
                    mark["ask"] = value + spread / 2.0
                    if value - spread / 2.0 > 0.0005:
                        mark["bid"] = value - spread / 2.0
                marks[name] = mark
    content = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": NOW.isoformat(),
        "indices": {underlying: {"price": FORWARD}},
        "expiries": expiries,
        "instruments": instruments,
        "marks": marks,
    }
    return Market.from_dict(content | changes)


def svi_smile(days: float, a: float, b: float, rho: float, m: float, sigma: float) -> Smile:
    """The volatility of a raw SVI slice, by its definition."""
    return lambda k: float(np.sqrt((a + b * (rho * (k - m) + np.hypot(k - m, sigma))) / years(days)))


def flat(vol: float) -> Smile:
    """The same volatility at every strike."""
    return lambda _: vol
