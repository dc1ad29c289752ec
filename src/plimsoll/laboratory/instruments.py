"""What is held in a cascade, and what a lot of each is worth at a price: linear, inverse, and options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.kernels import d1_d2, lognormal_value, normal_cdf

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Kind = Literal["linear", "inverse", "call", "put"]
KINDS: tuple[Kind, ...] = get_args(Kind)
DAYS, MINUTE = 365.0, 1.0 / 1440.0


@dataclass(frozen=True)
class Instrument:
    """One contract; `lot` is coins a lot, of an inverse contract USD a lot.

    A linear contract is worth its price and settles in the venue's currency, an inverse one is worth minus `lot` over
    the price in coins of its underlying. `strike` (USD), `days` to expiry at the start and `vol` (a year) belong to
    options, which settle in the venue's currency.
    """

    name: str
    underlying: str
    lot: float
    kind: Kind = "linear"
    strike: float = 0.0
    days: float = 0.0
    vol: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise refuse(f"instruments.{self.name}.kind", self.kind, f"one of {', '.join(KINDS)}")
        if not (np.isfinite(self.lot) and self.lot > 0.0):
            raise refuse(f"instruments.{self.name}.lot", self.lot, "a size above zero")
        if self.option and not (self.strike > 0.0 and self.days > 0.0 and self.vol > 0.0):
            got = f"strike {self.strike}, days {self.days}, vol {self.vol}"
            raise refuse(f"instruments.{self.name}", got, "all three above zero")

    @property
    def option(self) -> bool:
        """Whether its value bends with the price."""
        return self.kind in ("call", "put")


@dataclass(frozen=True, eq=False)
class Worth:
    """One lot of each of N instruments at one moment, whole units `[N]`.

    `price` in units of its settlement currency, `usd` in units of a USD, `size` the notional that tiers count (at least
    zero) and `delta` the signed notional that trading one lot sends to the order book, both in units of a USD.
    """

    price: I64
    usd: I64
    size: I64
    delta: I64


class Catalogue:
    """Instruments as arrays, and what their lots are worth.

    `underlying[N]` is the place of each in the path's prices; `coin[N]` whole units in one coin of the settlement
    currency (the venue's own for all but inverse contracts), `unit` those in one USD.
    """

    def __init__(self, instruments: Sequence[Instrument], underlying: I64, coin: F64, unit: float) -> None:
        self.instruments, self.underlying, self.coin, self.unit = tuple(instruments), underlying, coin, unit
        self.lot = np.array([i.lot for i in instruments])
        self.inverse = np.array([i.kind == "inverse" for i in instruments], dtype=np.bool_)
        self.option = np.array([i.option for i in instruments], dtype=np.bool_)
        self.call = np.array([i.kind == "call" for i in instruments], dtype=np.bool_)
        self.plain = not (self.inverse.any() or self.option.any())
        self.strike, self.days, self.vol = (
            np.array([getattr(i, f) for i in instruments], dtype=np.float64) for f in ("strike", "days", "vol")
        )

    def worth(self, price: F64, vol: F64, days: float) -> Worth:
        """At USD prices `price[U]` and `vol[U]` times their volatilities, `days` after the start.

        Expiry settles nothing here: an option has at least a minute left.
        """
        p = price[self.underlying]
        if self.plain:
            whole = np.rint(p * self.lot * self.unit).astype(np.int64)
            return Worth(whole, whole, whole, whole)
        size = np.where(self.inverse, self.lot * self.unit, p * self.lot * self.unit)
        own, delta = size.copy(), size.copy()
        i = self.inverse
        own[i] = -np.rint(self.lot[i] / p[i] * self.coin[i])
        usd = size.copy()
        usd[i] = own[i] / self.coin[i] * p[i] * self.unit
        o = self.option
        if o.any():
            total = self.vol[o] * vol[self.underlying][o] * np.sqrt(np.maximum(self.days[o] - days, MINUTE) / DAYS)
            value = lognormal_value(p[o], self.strike[o], total, self.call[o])
            upper, _ = d1_d2(p[o], self.strike[o], total)
            slope = normal_cdf(upper) - np.where(self.call[o], 0.0, 1.0)
            own[o] = usd[o] = value * self.lot[o] * self.unit
            delta[o] = slope * size[o]
        return Worth(*(np.rint(x).astype(np.int64) for x in (own, usd, size, delta)))

    def columns(self, price: F64, vol: F64, days: float, moves: F64, vols: F64) -> F64:
        """`[N, S]` units of a USD that a lot gains when all prices move by `moves[S]` and vols are times `vols[S]`."""
        now = self.worth(price, vol, days).usd.astype(np.float64)
        found = np.empty((now.size, moves.size))
        for s, (move, scale) in enumerate(zip(moves.tolist(), vols.tolist(), strict=True)):
            then = self.worth(price * (1.0 + move), vol * scale, days)
            # a coin that a holder of inverse contracts owes or owns is worth what it is after the move
            found[:, s] = then.usd.astype(np.float64) - now
        return found
