"""From a market snapshot to a volatility surface for each underlying, and the slices back into the market."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import get_args

from plimsoll.contracts import Option
from plimsoll.documents import Failure, Reason, format_instant, refuse
from plimsoll.dynamics.quotes import Quotes, read_quotes
from plimsoll.dynamics.result import SsviNumbers, SurfaceFit
from plimsoll.dynamics.solve import Wanted, solve
from plimsoll.dynamics.told import expiry_fits
from plimsoll.market import Market

Progress = Callable[[str, int, int], None]


def fit_market(
    market: Market,
    underlyings: Collection[str] | None = None,
    *,
    method: Wanted = "svi",
    progress: Progress | None = None,
) -> tuple[SurfaceFit, ...]:
    """A surface for each underlying with live options, or for those named, in the order of their names.

    Quotes are mark volatilities, weighted by bid-ask spread over vega (`plimsoll.dynamics.quotes`). Every slice is
    free of butterfly arbitrage and no slice crosses another; `method="ssvi"` keeps the SSVI surface instead of the
    slices that are fitted from it. The result does not depend on the order of the market's instruments, and the same
    market gives the same bits. `progress` is told the underlying and how many of how many are done.

    Raises `DocumentError` for an underlying without live options and for an unknown method. What is wrong with one
    expiry is a failure in its surface.
    """
    if method not in get_args(Wanted):
        raise refuse("method", method, " or ".join(get_args(Wanted)))
    known = sorted({c.underlying for c in market.instruments if isinstance(c, Option) and c.expiry > market.time})
    wanted = known if underlyings is None else sorted(set(underlyings))
    for name in wanted:
        if name not in known:
            raise refuse("underlyings", name, "one with live options: " + (", ".join(known) or "the market has none"))
    content, fits = market.hash(), []
    for i, name in enumerate(wanted):
        if progress is not None:
            progress(name, i, len(wanted))
        fits.append(_fit(market, name, method, content))
    return tuple(fits)


def fit_surface(market: Market, underlying: str, *, method: Wanted = "svi") -> SurfaceFit:
    """The surface of one underlying; arguments and errors as `fit_market`."""
    return fit_market(market, [underlying], method=method)[0]


def with_smiles(market: Market, fits: Collection[SurfaceFit]) -> Market:
    """`market` with the fitted slices in its expiries; an expiry without one keeps what it has.

    A mark volatility goes before the smile, so the slices serve the options that have no mark.
    """
    found = {(f.underlying, e.expiry): e.svi for f in fits for e in f.expiries if e.svi is not None}
    return market.model_copy(
        update={
            "expiries": tuple(
                row.model_copy(update={"svi": found.get((row.underlying, row.expiry), row.svi)})
                for row in market.expiries
            )
        }
    )


def _fit(market: Market, underlying: str, method: Wanted, content: str) -> SurfaceFit:
    quotes, failures = _quotes_of(market, underlying)
    solved = solve(quotes, method) if quotes else None
    if solved is not None:
        failures += [
            Failure(reason=reason, subject=underlying, message=message, effect="notice")
            for reason, message in solved.remarks
        ]
    ssvi = None if solved is None else solved.ssvi
    return SurfaceFit(
        underlying=underlying,
        time=market.time,
        market=content,
        expiries=() if solved is None else tuple(expiry_fits(quotes, solved)),
        ssvi=None if ssvi is None else SsviNumbers(rho=ssvi.rho, eta=ssvi.eta, gamma=ssvi.gamma),
        failures=tuple(failures),
    )


def _quotes_of(market: Market, underlying: str) -> tuple[list[Quotes], list[Failure]]:
    """The quotes of every live expiry, earliest first, and a failure for each that has none."""
    dated = {c.expiry for c in market.instruments if isinstance(c, Option) and c.underlying == underlying}
    quotes, failures = [], []
    for expiry in sorted(e for e in dated if e > market.time):
        row = market.expiry_table.get((underlying, expiry))
        found = None if row is None else read_quotes(market, row)
        if found is not None:
            quotes.append(found)
            continue
        without = row is None or row.forward is None or row.forward.price <= 0.0
        reason = Reason.MISSING_FORWARD if without else Reason.MISSING_VOL
        what = "no forward" if without else "no option with a volatility"
        subject = f"{underlying} {format_instant(expiry)}"
        failures.append(Failure(reason=reason, subject=subject, message=f"{what}: it has no slice", effect="refused"))
    return quotes, failures
