"""What the options of one expiry say about its smile: a volatility per strike and how well it is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Option, Settlement
from plimsoll.documents import YEAR_SECONDS
from plimsoll.market import Expiry, Market
from plimsoll.pricing import greeks, implied_vol_status

F64 = npt.NDArray[np.float64]

LEAST_DOUBT = 0.005
"""No volatility counts as known better than half a point, so that one tight quote cannot rule a smile."""

MOST_DOUBT = 0.5
"""Nor worse than 50 points: a price below the tick still says on which side of the others its volatility lies."""

USABLE_DOUBT = 0.1
"""A strike known worse than ten points is fitted with its small weight, but says little about how good a fit is."""

GUESSED_HALF_SPREAD = 0.01
"""Half the bid-ask spread, in volatility at the money, of an expiry in which nobody quotes both sides."""


@dataclass(frozen=True)
class Quotes:
    """The strikes of one expiry in ascending order; arrays have one entry per strike.

    `k = ln(strike / forward)`; `vol` is the mark volatility of the option that is out of the money (of the other,
    where that one has none), a decimal; `doubt` is how far off it may be, in volatility: half the bid-ask spread
    over vega, from `LEAST_DOUBT` to `MOST_DOUBT`. `bid_vol` and `ask_vol` are implied by the quotes of the same
    option: 0 below every bid, infinite above every ask; `two_sided` tells where both are quoted. `tau` is in years of
    365 days, `forward` in USD.
    """

    underlying: str
    expiry: datetime
    tau: float
    forward: float
    k: F64
    vol: F64
    doubt: F64
    bid_vol: F64
    ask_vol: F64
    two_sided: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """How many strikes there are."""
        return int(self.k.size)

    @property
    def known(self) -> int:
        """How many strikes are known better than `MOST_DOUBT`; the others only repeat the venue's own curve."""
        return int(np.count_nonzero(self.doubt < MOST_DOUBT))

    @property
    def usable(self) -> int:
        """How many strikes are known to `USABLE_DOUBT`."""
        return int(np.count_nonzero(self.doubt <= USABLE_DOUBT))

    @property
    def variance(self) -> F64:
        """Total variance, `vol^2 tau`."""
        return np.asarray(self.vol**2 * self.tau, dtype=np.float64)

    @property
    def doubt_of_variance(self) -> F64:
        """`doubt` in total variance, to first order: `2 vol tau doubt`."""
        return np.asarray(2.0 * self.vol * self.tau * self.doubt, dtype=np.float64)


def read_quotes(market: Market, row: Expiry) -> Quotes | None:
    """The smile quotes of one expiry of `market`, or `None` without a forward, a volatility or time left.

    The order in which the market lists its options is irrelevant. Options in quanto settlement are left out: their
    volatility carries a correlation that the market does not hold. A volatility of zero counts as none.
    """
    tau = market.seconds_to(row.expiry) / YEAR_SECONDS
    if row.forward is None or row.forward.price <= 0.0 or tau <= 0.0:
        return None
    forward = row.forward.price
    chosen = _out_of_the_money(market, row, forward)
    if not chosen:
        return None
    strike = np.array([c.strike for c in chosen])
    call = np.array([c.call for c in chosen])
    marks = [market.marks[c.name] for c in chosen]
    vol = np.array([m.vol for m in marks], dtype=np.float64)
    # prices of coin-settled options are in coin
    unit = np.array([(forward if c.settlement is Settlement.INVERSE else 1.0) for c in chosen])
    bid = np.array([np.nan if not m.bid else m.bid for m in marks]) * unit
    ask = np.array([np.nan if not m.ask else m.ask for m in marks]) * unit
    vega = np.maximum(greeks(forward, strike, tau, vol, call).vega, 1e-300)
    crossed = bid > ask
    bid[crossed] = ask[crossed] = np.nan
    return Quotes(
        underlying=row.underlying,
        expiry=row.expiry,
        tau=tau,
        forward=forward,
        k=np.log(strike / forward),
        vol=vol,
        doubt=np.clip(_half_spread(bid, ask, vega) / vega, LEAST_DOUBT, MOST_DOUBT),
        bid_vol=_implied(bid, forward, strike, tau, call, 0.0),
        ask_vol=_implied(ask, forward, strike, tau, call, np.inf),
        two_sided=np.isfinite(bid) & np.isfinite(ask),
    )


def _out_of_the_money(market: Market, row: Expiry, forward: float) -> list[Option]:
    """One option with a volatility per strike, the one out of the money first, strikes ascending."""
    options: Iterable[Option] = (
        c
        for c in market.instruments
        if isinstance(c, Option)
        and (c.underlying, c.expiry) == (row.underlying, row.expiry)
        and c.settlement is not Settlement.QUANTO
        and c.strike > 0.0
        and c.name in market.marks
        and market.marks[c.name].vol
    )
    best: dict[float, tuple[bool, str, Option]] = {}
    for option in options:
        # names settle what is left, such as a linear and an inverse option at one strike
        rank = (option.call != (option.strike >= forward), option.name)
        if option.strike not in best or rank < best[option.strike][:2]:
            best[option.strike] = (*rank, option)
    return [best[strike][2] for strike in sorted(best)]


def _half_spread(bid: F64, ask: F64, vega: F64) -> F64:
    """Half the bid-ask spread in USD; half the ask where nobody bids, the widest of the expiry where nobody asks."""
    half = np.where(np.isfinite(bid), (ask - bid) / 2.0, ask / 2.0)
    known = np.isfinite(half)
    widest = float(half[known].max()) if known.any() else GUESSED_HALF_SPREAD * float(vega.max())
    return np.asarray(np.where(known, half, widest), dtype=np.float64)


def _implied(price: F64, forward: float, strike: F64, tau: float, call: npt.NDArray[np.bool_], missing: float) -> F64:
    """Volatility implied by each quote; `missing` where there is none or the quote implies none."""
    quoted = np.isfinite(price)
    vol = implied_vol_status(np.where(quoted, price, 0.0), forward, strike, tau, call).vol
    return np.asarray(np.where(quoted & np.isfinite(vol), vol, missing), dtype=np.float64)
