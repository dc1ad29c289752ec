"""The library of books that is backtested: what a book *is* on any day, in terms that do not age.

An option book changes its shape every day, so "the book" has to be defined: each day every leg is written anew at its
standard tenor and moneyness, in a size of one coin (or a stated part), and held for the horizon. What is backtested is
therefore always the same risk, and not the one that a book drifted into.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np

from plimsoll.contracts import Contract, Future, Option, Perpetual, Settlement
from plimsoll.documents import refuse
from plimsoll.dynamics.iv_proxy import IvProxy
from plimsoll.market import Market
from plimsoll.market.snapshot import AssetPrice, Expiry, Forward, Index, Mark
from plimsoll.risk.joint import JointBook, joint_book
from plimsoll.scenarios.moves import BASIS, IV
from plimsoll.validate.levels import YEAR_DAYS

STABLE = "USDC"


@dataclass(frozen=True)
class BookLeg:
    """One leg: `quantity` signed, in coins of `coin`.

    `kind` `cash` is the coin itself, `perpetual`, `future`, `call` or `put`. `tenor` in days; `z` the log-moneyness of
    the strike in standard deviations of the tenor (`ln(K/F) = z·iv·sqrt(tenor/365)`, `iv` the 30-day level), negative
    below the forward.
    `inverse` contracts settle in the coin, others in a stable dollar.
    """

    kind: Literal["cash", "perpetual", "future", "call", "put"]
    quantity: float
    coin: str = "BTC"
    tenor: float = 30.0
    z: float = 0.0
    inverse: bool = False


@dataclass(frozen=True)
class BookShape:
    """A book by its legs. `coins` are those whose prices it needs; `basis` whether it needs a history of the basis."""

    name: str
    title: str
    legs: tuple[BookLeg, ...]

    @property
    def coins(self) -> tuple[str, ...]:
        """Underlyings, in order of name."""
        return tuple(sorted({leg.coin for leg in self.legs}))

    @property
    def basis(self) -> bool:
        """Whether the forward moves apart from the price."""
        return any(leg.kind == "future" for leg in self.legs)

    @property
    def options(self) -> bool:
        """Whether implied volatility matters."""
        return any(leg.kind in ("call", "put") for leg in self.legs)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"name": self.name, "title": self.title, "legs": [asdict(leg) for leg in self.legs]}


def _maker() -> tuple[BookLeg, ...]:
    """Quotes filled on both sides of a grid of strikes and tenors: no view, many legs, hedged in deltas by hand."""
    rng = np.random.default_rng(2022)
    legs = [
        BookLeg("call" if z >= 0 else "put", float(np.round(rng.normal(0.0, 0.15), 3)), tenor=tenor, z=z)
        for tenor in (7.0, 30.0, 90.0)
        for z in (-1.5, -0.75, 0.0, 0.75, 1.5)
    ]
    return (*legs, BookLeg("perpetual", -0.05))


LIBRARY: tuple[BookShape, ...] = (
    BookShape("linear", "long one perpetual", (BookLeg("perpetual", 1.0),)),
    BookShape(
        "short-strangle",
        "short a call and a put one deviation out, 30 days",
        (BookLeg("call", -1.0, z=1.0), BookLeg("put", -1.0, z=-1.0)),
    ),
    BookShape(
        "call-spread",
        "short a call at the money, long one a deviation out, 30 days",
        (BookLeg("call", -1.0), BookLeg("call", 1.0, z=1.0)),
    ),
    BookShape(
        "calendar",
        "short a straddle of 14 days, long one of 60",
        (
            BookLeg("call", -1.0, tenor=14.0),
            BookLeg("put", -1.0, tenor=14.0),
            BookLeg("call", 1.0, tenor=60.0),
            BookLeg("put", 1.0, tenor=60.0),
        ),
    ),
    BookShape(
        "basis",
        "long the coin, short a future of 90 days",
        (BookLeg("cash", 1.0), BookLeg("future", -1.0, tenor=90.0)),
    ),
    BookShape("market-maker", "fifteen options of both signs, three tenors, part hedged", _maker()),
    BookShape(
        "coin-margined",
        "one coin as collateral, long an inverse perpetual, short inverse puts",
        (
            BookLeg("cash", 1.0),
            BookLeg("perpetual", 1.0, inverse=True),
            BookLeg("put", -0.5, z=-1.0, inverse=True),
        ),
    ),
    BookShape(
        "crowded-long",
        "long perpetuals and short puts on two coins",
        (
            BookLeg("perpetual", 1.0),
            BookLeg("put", -1.0, z=-1.0),
            BookLeg("perpetual", 15.0, coin="ETH"),
            BookLeg("put", -15.0, coin="ETH", z=-1.0),
        ),
    ),
)
"""Eight books, each of about one or two bitcoins of notional."""


def library(names: Sequence[str] | None = None, coin: str = "BTC") -> tuple[BookShape, ...]:
    """The books of these names, in their order, or all; those of one coin in `coin`.

    With another coin than BTC the books of several coins are as they are. Raises `DocumentError` for an unknown name.

    >>> library(["linear"], "ETH")[0].coins
    ('ETH',)
    """
    known = {shape.name: shape if len(shape.coins) > 1 else _in_coin(shape, coin) for shape in LIBRARY}
    for name in names or ():
        if name not in known:
            raise refuse("books", name, f"one of {', '.join(known)}")
    return tuple(known[name] for name in names or known)


def _in_coin(shape: BookShape, coin: str) -> BookShape:
    return replace(shape, legs=tuple(replace(leg, coin=coin) for leg in shape.legs))


def book_of(shape: BookShape, levels: Mapping[str, float], time: datetime) -> JointBook:
    """The book of a day: contracts at today's levels of `BTC`, `BTC iv`, `BTC basis`, compiled for the P&L array.

    Futures trade at the price times the basis level, options on the price itself. Each option has the volatility of the
    proxy's smile at its strike and tenor. Raises `DocumentError` for a level that is missing.
    """
    contracts: list[Contract] = []
    marks: dict[str, Mark] = {}
    expiries: dict[tuple[str, float], Expiry] = {}
    held: list[float] = []
    cash: dict[str, float] = {}
    for number, leg in enumerate(shape.legs):
        price = _level(levels, leg.coin)
        currency = leg.coin if leg.inverse else STABLE
        settlement = Settlement.INVERSE if leg.inverse else Settlement.LINEAR
        name = f"{number} {leg.kind}"
        if leg.kind == "cash":
            cash[leg.coin] = cash.get(leg.coin, 0.0) + leg.quantity
            continue
        if leg.kind == "perpetual":
            contracts.append(
                Perpetual(
                    name=name,
                    underlying=leg.coin,
                    settlement=settlement,
                    currency=currency,
                    multiplier=price if leg.inverse else 1.0,  # an inverse contract of as many dollars as a coin
                )
            )
            marks[name] = Mark(price=price)
            held.append(leg.quantity)
            continue
        expiry = time + timedelta(days=leg.tenor)
        forward = price * (levels.get(leg.coin + BASIS, 1.0) if leg.kind == "future" else 1.0)
        expiries[leg.coin, leg.tenor] = Expiry(underlying=leg.coin, expiry=expiry, forward=Forward(variable=forward))
        if leg.kind == "future":
            contracts.append(
                Future(name=name, underlying=leg.coin, expiry=expiry, settlement=settlement, currency=currency)
            )
            marks[name] = Mark(price=forward)
        else:
            level, years = _level(levels, leg.coin + IV), leg.tenor / YEAR_DAYS
            k = leg.z * level * float(np.sqrt(years))
            strike = price * float(np.exp(k))
            vol = float(IvProxy.load(leg.coin).vol(k, years, level))
            contracts.append(
                Option(
                    name=name,
                    underlying=leg.coin,
                    expiry=expiry,
                    strike=strike,
                    call=leg.kind == "call",
                    settlement=settlement,
                    currency=currency,
                )
            )
            marks[name] = Mark(vol=vol)
        held.append(leg.quantity)
    market = Market(
        time=time,
        indices={coin: Index(price=_level(levels, coin)) for coin in shape.coins},
        assets={STABLE: AssetPrice(price=1.0)},
        expiries=tuple(expiries.values()),
        instruments=tuple(contracts),
        marks=marks,
    )
    return joint_book(contracts, held, market, cash)


def _level(levels: Mapping[str, float], name: str) -> float:
    value = levels.get(name, float("nan"))
    if not np.isfinite(value):
        raise refuse(f"levels.{name}", value, "a level of that day")
    return float(value)
