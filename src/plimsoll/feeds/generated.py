"""A market made up by a seeded generator: realistic in shape, of no venue and no day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Settlement
from plimsoll.documents import YEAR_SECONDS, parse_instant, refuse, seconds_between
from plimsoll.feeds._terms import day_code, family, future_usd, strike_code
from plimsoll.market import Market
from plimsoll.pricing import inverse_price, price, svi_vol

F64 = npt.NDArray[np.float64]

DEFAULT_TIME = datetime(2026, 3, 27, 8, 30, tzinfo=UTC)

EXPIRY_HOUR = 8


@dataclass(frozen=True)
class CoinShape:
    """Where a generated coin starts from, before the seed moves it.

    `price` USD; `short_vol` and `long_vol` at-the-money volatilities at zero and infinite time; `rho` and `eta`
    the tilt and the curvature of the smile; `carry` the annual growth of the forward.
    """

    price: float
    short_vol: float
    long_vol: float
    rho: float
    eta: float
    carry: float


SHAPES = {
    "BTC": CoinShape(price=70_000.0, short_vol=0.44, long_vol=0.52, rho=-0.28, eta=1.05, carry=0.045),
    "ETH": CoinShape(price=2_100.0, short_vol=0.62, long_vol=0.70, rho=-0.22, eta=1.0, carry=0.035),
}
"""Coins that can be generated."""

_REVERSION_YEARS = 0.25
_WIDTH = 3.2  # strikes reach this many standard deviations to both sides
_STEPS = ((3.0, 0.007), (14.0, 0.014), (60.0, 0.028), (200.0, 0.07), (1e9, 0.14))  # days, step over price


def generated_market(
    seed: int = 7,
    time: datetime | str | None = None,
    underlyings: Sequence[str] = ("BTC", "ETH"),
    settlement: Literal["inverse", "linear"] = "inverse",
) -> Market:
    """A market with index, eight expiries, smiles, options, dated futures and a perpetual for each of `underlyings`.

    Same arguments, same market; the coins do not influence each other. `time` (default 27 March 2026, 08:30 UTC)
    decides the expiries: tomorrow, two Fridays, two ends of month, three ends of quarter, all at 08:00 UTC. Smiles
    are surface SVI (Gatheral and Jacquier 2014) with phi = eta / sqrt(theta (1 + theta)), without butterfly or
    calendar arbitrage before rounding; marks carry the volatility rounded to 0.01 points and the Black-76 price
    of it, in coin (`inverse`) or USDC (`linear`). Inverse futures are 10 USD (BTC) or 1 USD (ETH), linear ones one
    coin; linear names start with `BTC_USDC-`. USD, USDC and USDT are worth one dollar.

    Raises `DocumentError` for an unknown coin or settlement, a negative seed and a time without an offset.
    """
    given: object = seed
    if isinstance(given, bool) or not isinstance(given, int) or given < 0:
        raise refuse("seed", seed, "a whole number, 0 or more")
    if settlement not in ("inverse", "linear"):
        raise refuse("settlement", settlement, "'inverse' or 'linear'")
    try:
        now = parse_instant(DEFAULT_TIME if time is None else time)
    except ValueError as error:
        raise refuse("time", time, str(error)) from None
    content: dict[str, Any] = {
        "schema": Market.SCHEMA,
        "schema_version": Market.VERSION,
        "time": now,
        "source": f"generated with seed {seed}: no venue's data",
        "indices": {},
        "assets": {asset: {"price": 1.0} for asset in ("USD", "USDC", "USDT")},
        "expiries": [],
        "instruments": [],
        "marks": {},
    }
    for coin in underlyings:
        if coin not in SHAPES:
            raise refuse("underlyings", coin, "some of " + ", ".join(SHAPES))
        _Coin(coin, seed, now, Settlement(settlement)).add_to(content)
    return Market.from_dict(content, "generated market")


def expiries_after(now: datetime) -> list[tuple[datetime, bool]]:
    """Eight expiries later than an hour after `now`, ascending, and whether a dated future is listed for each."""
    first = now + timedelta(hours=1)
    day = now.replace(hour=EXPIRY_HOUR, minute=0, second=0, microsecond=0)
    days = [d for d in (day + timedelta(days=i) for i in range(430)) if d > first]
    fridays = [d for d in days if d.weekday() == 4]
    month_ends = [d for d in fridays if (d + timedelta(days=7)).month != d.month]
    quarter_ends = [d for d in month_ends if d.month % 3 == 0]
    chosen = {days[0]: False}
    for kind, count in ((quarter_ends, 3), (month_ends, 2), (fridays, 2)):
        fresh = [d for d in kind if d not in chosen]
        chosen.update(dict.fromkeys(fresh[:count], True))
    return sorted(chosen.items())


class _Coin:
    """One coin of a generated market."""

    def __init__(self, coin: str, seed: int, now: datetime, settlement: Settlement) -> None:
        self.coin, self.now, self.settlement = coin, now, settlement
        self.rng = np.random.Generator(np.random.PCG64([seed, *coin.encode()]))
        shape, draw = SHAPES[coin], self.rng.standard_normal
        self.index = round(shape.price * float(np.exp(0.02 * draw())), 2)
        self.short_vol = shape.short_vol * float(np.exp(0.06 * draw()))
        self.long_vol = shape.long_vol * float(np.exp(0.04 * draw()))
        self.rho = float(np.clip(shape.rho + 0.04 * draw(), -0.6, 0.3))
        self.eta = shape.eta * float(np.exp(0.05 * draw()))
        self.carry = shape.carry + 0.005 * float(draw())
        self.inverse = settlement is Settlement.INVERSE
        self.prefix = family(coin, settlement)
        self.common = {
            "underlying": coin,
            "settlement": settlement.value,
            "currency": coin if self.inverse else "USDC",
        }

    def add_to(self, content: dict[str, Any]) -> None:
        """Index, expiries, instruments and marks into the fields of a market."""
        multiplier = future_usd(self.coin, "underlyings") if self.inverse else 1.0
        content["indices"][self.coin] = {"price": self.index}
        name = f"{self.prefix}-PERPETUAL"
        content["instruments"].append({**self.common, "kind": "perpetual", "name": name, "multiplier": multiplier})
        basis, funding = 0.0002 * self.rng.standard_normal(2)
        content["marks"][name] = {
            "price": round(self.index * (1.0 + float(basis)), 2),
            "funding_rate": round(float(funding) / 2.0 + 0.0001, 6),
        }
        for expiry, has_future in expiries_after(self.now):
            years = seconds_between(self.now, expiry) / YEAR_SECONDS
            wobble = 0.0003 * float(self.rng.standard_normal())
            forward = round(self.index * float(np.exp(self.carry * years + wobble * np.sqrt(years))), 2)
            slice_ = self.smile(forward, years)
            content["expiries"].append(
                {"underlying": self.coin, "expiry": expiry, "forward": {"variable": forward}, "svi": slice_}
            )
            if has_future:
                name = f"{self.prefix}-{day_code(expiry)}"
                future = {"kind": "future", "name": name, "expiry": expiry, "multiplier": multiplier}
                content["instruments"].append({**self.common, **future})
                content["marks"][name] = {"price": forward}
            for option, mark in self.options(expiry, forward, years, slice_):
                content["instruments"].append(option)
                content["marks"][option["name"]] = mark

    def smile(self, forward: float, years: float) -> dict[str, float]:
        """Raw SVI of one expiry from the surface."""
        near = float(np.exp(-years / _REVERSION_YEARS))
        theta = (self.long_vol + (self.short_vol - self.long_vol) * near) ** 2 * years
        phi = self.eta / np.sqrt(theta * (1.0 + theta))
        root = float(np.sqrt(1.0 - self.rho**2))
        raw = {
            "a": theta / 2.0 * root**2,
            "b": theta * float(phi) / 2.0,
            "rho": self.rho,
            "m": -self.rho / float(phi),
            "sigma": root / float(phi),
        }
        # rounding hides the last bits, in which machines may differ
        return {k: round(v, 10) for k, v in raw.items()} | {"forward": forward, "tau": years}

    def strikes(self, forward: float, years: float, theta: float) -> list[float]:
        """A ladder of round strikes around the forward."""
        days = years * 365.0
        step = _round_step(forward * next(share for limit, share in _STEPS if days <= limit))
        reach = _WIDTH * float(np.sqrt(theta))
        low, high = forward * np.exp(-reach), forward * np.exp(reach)
        return [step * n for n in range(max(1, round(low / step)), round(high / step) + 1)]

    def options(
        self, expiry: datetime, forward: float, years: float, smile: dict[str, float]
    ) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
        """Calls and puts of one expiry with their marks."""
        theta = 2.0 * smile["a"] / (1.0 - self.rho**2)
        ladder = self.strikes(forward, years, theta)
        strikes = np.repeat(np.array(ladder), 2)
        calls = np.tile(np.array([True, False]), len(ladder))
        vols = np.round(svi_vol(strikes, **smile), 4)
        value = inverse_price if self.inverse else price
        prices = np.round(value(forward, strikes, years, vols, calls), 8 if self.inverse else 4)
        distance = np.log(strikes / forward) / np.sqrt(theta)
        # open interest sits on out-of-the-money options near the money
        interest = 300.0 * np.exp(-0.5 * (distance / 1.2) ** 2 + 0.8 * self.rng.standard_normal(strikes.size))
        interest = interest * np.where(calls == (distance >= 0.0), 1.0, 0.3)
        for i, strike in enumerate(strikes.tolist()):
            side = "C" if calls[i] else "P"
            option = {
                **self.common,
                "kind": "option",
                "name": f"{self.prefix}-{day_code(expiry)}-{strike_code(strike)}-{side}",
                "expiry": expiry,
                "strike": strike,
                "call": bool(calls[i]),
                "multiplier": 1.0,
            }
            mark = {"price": float(prices[i]), "vol": float(vols[i]), "open_interest": round(float(interest[i]), 1)}
            yield option, mark


def _round_step(step: float) -> float:
    """The nearest of 1, 2, 2.5, 5 times a power of ten."""
    power = 10.0 ** np.floor(np.log10(step))
    choices = power * np.array([1.0, 2.0, 2.5, 5.0, 10.0])
    return float(choices[np.argmin(np.abs(choices - step))])
