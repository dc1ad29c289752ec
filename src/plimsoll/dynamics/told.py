"""What a solved surface is told as: per expiry its slice, its distance from the quotes, the checks and the remarks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from plimsoll.documents import Failure, Reason, format_instant
from plimsoll.dynamics.arbitrage import FAR, butterflies, butterfly, calendar, calendars, least, rise_grid
from plimsoll.dynamics.quotes import USABLE_DOUBT, Quotes
from plimsoll.dynamics.result import Alone, ExpiryFit, FitError, Method
from plimsoll.dynamics.solve import Solved
from plimsoll.dynamics.surface import Surface
from plimsoll.dynamics.svi_fit import LEAST_STRIKES
from plimsoll.dynamics.wings import Wings, density_factor, shape

F64 = npt.NDArray[np.float64]


def fit_error(quotes: Quotes, variance: F64) -> FitError:
    """How far fitted total variances (one per strike, not below zero) are from the quotes."""
    vol = np.sqrt(variance / quotes.tau)
    error = vol - quotes.vol
    good = error[quotes.doubt <= USABLE_DOUBT]
    inside = quotes.two_sided & (vol >= quotes.bid_vol) & (vol <= quotes.ask_vol)
    return FitError(
        strikes=quotes.size,
        usable=int(good.size),
        weighted=float(np.sqrt(np.average(error**2, weights=1.0 / quotes.doubt**2))),
        rms=float(np.sqrt(np.mean(good**2))) if good.size else None,
        largest=float(np.abs(good).max()) if good.size else None,
        two_sided=int(quotes.two_sided.sum()),
        inside=int(inside.sum()),
    )


def expiry_fits(quotes: Sequence[Quotes], solved: Solved) -> list[ExpiryFit]:
    """One entry for each of `quotes`, earliest first: those that were solved, and the rest from between them."""
    surface = Surface(tuple(q.tau for q in solved.quotes), solved.slices)
    position = {q.expiry: i for i, q in enumerate(solved.quotes)}
    alone = _alone(solved)
    ssvi = solved.ssvi.slices() if solved.ssvi is not None else []
    fits: list[ExpiryFit] = []
    before: Quotes | None = None
    for one in quotes:
        i = position.get(one.expiry)
        density, rise = _checks(solved, surface, one, before)
        told: list[tuple[Reason, str]] = []
        if i is None:
            few = (
                f"{one.known} of {LEAST_STRIKES} strikes whose price fixes a volatility: taken from the other expiries"
            )
            told.append((Reason.TOO_FEW_STRIKES, few))
        elif alone:
            told += _remarks(alone[i], i in solved.unsettled)
        fits.append(
            ExpiryFit(
                expiry=one.expiry,
                tau=one.tau,
                forward=one.forward,
                method=Method.INTERPOLATED if i is None else solved.method,
                svi=None if i is None else solved.slices[i].raw(one.forward, one.tau),
                error=fit_error(one, surface.total_variance(one.k, one.tau)),
                least_density=density,
                least_rise=rise,
                ssvi_error=fit_error(one, shape(ssvi[i], one.k).w).weighted if i is not None and ssvi else None,
                alone=alone[i] if i is not None and alone else None,
                failures=tuple(
                    Failure(
                        reason=reason,
                        subject=f"{one.underlying} {format_instant(one.expiry)}",
                        message=message,
                        effect="notice",
                    )
                    for reason, message in told
                ),
            )
        )
        before = one
    return fits


def _checks(solved: Solved, surface: Surface, one: Quotes, before: Quotes | None) -> tuple[float, float | None]:
    """The least density factor at an expiry, and the least rise of total variance from the expiry before.

    Between two slices the checks of the fit itself; where an expiry is interpolated, the same on the grids of the
    slices around it.
    """
    own = {q.expiry: s for q, s in zip(solved.quotes, solved.slices, strict=True)}
    early = one.tau if before is None else before.tau
    first, last = np.searchsorted(surface.taus, (early, one.tau))
    grid = rise_grid(*surface.slices[max(0, first - 1) : last + 1])
    if one.expiry in own:
        density = butterfly(own[one.expiry])
    else:
        density = least(lambda k: density_factor(k, surface.shape(k, one.tau)), grid[np.abs(grid) <= FAR])
    if before is None:
        return density.least, None
    if one.expiry in own and before.expiry in own:
        return density.least, calendar(own[before.expiry], own[one.expiry]).least
    return density.least, least(lambda k: surface.shape(k, one.tau).w - surface.shape(k, early).w, grid).least


def _alone(solved: Solved) -> list[Alone]:
    """The slices by themselves: their error and whether they, and they with their neighbours, have arbitrage."""
    slices: Sequence[Wings] = solved.alone
    crossing = [found.least < 0.0 for found in calendars(slices)]
    sides = zip([False, *crossing], [*crossing, False], strict=True) if slices else ()
    return [
        Alone(
            error=fit_error(q, np.maximum(shape(s, q.k).w, 0.0)),
            butterfly_free=found.least >= 0.0,
            calendar_free=not (before or after),
        )
        for q, s, found, (before, after) in zip(
            solved.quotes if slices else (), slices, butterflies(slices), sides, strict=True
        )
    ]


def _remarks(alone: Alone, unsettled: bool) -> list[tuple[Reason, str]]:
    told = []
    if not alone.butterfly_free:
        told.append(
            (Reason.BUTTERFLY_VIOLATED, "fitted alone its density is negative somewhere: moved until it is not")
        )
    if not alone.calendar_free:
        told.append((Reason.CALENDAR_VIOLATED, "fitted alone it crosses a neighbour's total variance: both were moved"))
    if unsettled:
        told.append((Reason.NO_CONVERGENCE, "the search for its slice alone had not settled"))
    return told
