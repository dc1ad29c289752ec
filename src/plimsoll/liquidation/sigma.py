"""The daily standard deviation by which a move is measured: given, or from the options of the market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from plimsoll.contracts import Option
from plimsoll.documents import refuse
from plimsoll.liquidation.path import Path
from plimsoll.market import Expiry, Market
from plimsoll.risk import compile_plan

LEAST_DAYS = 7.0
"""The volatility is that of the first expiry at least so far away: nearer ones are about one day's news."""

DAYS_OF_A_YEAR = 365.0


@dataclass(frozen=True)
class Sigma:
    """Annual volatility of the move of a path, `None` where nothing says it, and where it is from, in words."""

    annual: float | None
    source: str

    def deviations(self, multiplier: float) -> float | None:
        """`|ln(1 + x)| / (sigma / sqrt(365))`: a half and a double are equally far."""
        return None if self.annual is None else abs(float(np.log(multiplier))) / (self.annual / DAYS_OF_A_YEAR**0.5)


def sigma_of(path: Path, market: Market, given: float | None = None) -> Sigma:
    """The volatility of the move: `given` (annual, 0.6 is 60 %), else the at-the-money volatility of the path's lead.

    The lead's volatility is divided by its beta, as the move is that of a beta of one.
    """
    if given is not None:
        if not 0 < given < 100:
            raise refuse("sigma", given, "an annual volatility above zero, such as 0.6 for 60 %")
        return Sigma(float(given), "given")
    if path.lead is None:
        return Sigma(None, "nothing held depends on a price that moves, so there is no standard deviation")
    found = at_the_money(path.lead, market)
    if found is None:
        return Sigma(None, f"the market holds no volatility of {path.lead} and none was given (sigma)")
    vol, expiry = found
    beta = abs(path.betas.get(path.lead, 1.0)) or 1.0
    days = market.seconds_to(expiry.expiry) / 86_400.0
    source = f"at-the-money volatility of {path.lead}, {expiry.expiry:%d %b %Y} ({days:.3g} days)"
    return Sigma(vol / beta, source if beta == 1.0 else f"{source}, over its beta {beta:g}")


def at_the_money(underlying: str, market: Market) -> tuple[float, Expiry] | None:
    """The volatility at the forward of the first expiry at least a week away, else of the longest before that.

    The smile of the expiry where it has one, else the marked volatilities of the strikes beside the forward, linear in
    the strike. `None` where the market has neither.
    """
    rows = [r for r in market.expiries if r.underlying == underlying and r.forward and r.expiry > market.time]
    late = market.time + timedelta(days=LEAST_DAYS)
    ordered = sorted((r for r in rows if r.expiry >= late), key=lambda r: r.expiry)
    ordered += sorted((r for r in rows if r.expiry < late), key=lambda r: r.expiry, reverse=True)
    for row in ordered:
        vol = _at_forward(row, market)
        if vol is not None:
            return vol, row
    return None


def _at_forward(row: Expiry, market: Market) -> float | None:
    assert row.forward is not None
    forward = row.forward.price
    own = [
        c
        for c in market.instruments
        if isinstance(c, Option) and (c.underlying, c.expiry) == (row.underlying, row.expiry)
    ]
    vols: dict[float, list[float]] = {}
    plan = compile_plan(list(own), market)
    for option, vol in zip(own, plan.vol.tolist(), strict=True):
        if np.isfinite(vol) and vol > 0:
            vols.setdefault(float(option.strike), []).append(vol)
    if vols and min(vols) <= forward <= max(vols):
        strikes = sorted(vols)
        return float(np.interp(forward, strikes, [float(np.mean(vols[k])) for k in strikes]))
    if row.svi is not None:
        s = row.svi
        variance = s.a + s.b * (-s.rho * s.m + float(np.hypot(s.m, s.sigma)))
        return float(np.sqrt(variance / s.tau)) if variance > 0 else None
    return None
