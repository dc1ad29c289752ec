"""What a fit says: per expiry the slice, how far it is from the quotes, the checks, and what went wrong by name."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from plimsoll.documents import (
    Asset,
    Count,
    Document,
    Failure,
    Flag,
    Fraction,
    Instant,
    NonNegative,
    Number,
    Part,
    Positive,
)
from plimsoll.market import SviSlice


class Method(StrEnum):
    """Where the volatilities of an expiry come from.

    * `svi`: a raw SVI slice fitted to its quotes, together with those of the other expiries.
    * `ssvi`: its slice of the SSVI surface, because that was asked for or because nothing better was found.
    * `interpolated`: too few strikes for a slice of its own; what the surface says between its neighbours.
    * `flat`: one volatility for all strikes, because no expiry has strikes enough or SSVI has no answer.
    """

    SVI = "svi"
    SSVI = "ssvi"
    INTERPOLATED = "interpolated"
    FLAT = "flat"


class FitError(Part):
    """Fit less quote over the strikes of an expiry; volatilities are decimals (0.01 = one point).

    `weighted` is the root mean square under the weights of the fit, one over the squared doubt of each strike.
    `rms` and `largest` run over the `usable` strikes, whose quotes fix the volatility to ten points; they are null
    where there is none. `inside` counts those of the `two_sided` strikes whose fitted volatility lies between
    the bid's and the ask's.
    """

    strikes: Count
    usable: Count
    weighted: NonNegative
    rms: NonNegative | None
    largest: NonNegative | None
    two_sided: Count
    inside: Count

    @property
    def share_inside(self) -> float | None:
        """Share of the two-sided strikes that are fitted inside their quotes; `None` without any."""
        return self.inside / self.two_sided if self.two_sided else None


class Alone(Part):
    """The slice of least error of one expiry by itself: what freedom from arbitrage costs is told against it."""

    error: FitError
    butterfly_free: Flag
    calendar_free: Flag


class ExpiryFit(Part):
    """One expiry.

    `tau` in years of 365 days, `forward` in USD. `least_density` is the smallest Durrleman g on the dense grid, at
    least zero where there is no butterfly arbitrage; `least_rise` the smallest rise of total variance from the expiry
    before (null for the first). `svi` is null for an interpolated expiry; a flat one has no wings. `ssvi_error` is the
    weighted error that the SSVI surface has here, `alone` the slice without regard to arbitrage. `calendar_free` of
    `alone` looks at the neighbours' slices alone on either side.
    """

    expiry: Instant
    tau: Positive
    forward: Positive
    method: Method
    svi: SviSlice | None
    error: FitError
    least_density: Number
    least_rise: Number | None
    ssvi_error: NonNegative | None = None
    alone: Alone | None = None
    failures: tuple[Failure, ...] = ()


class SsviNumbers(Part):
    """The SSVI surface: its three numbers, in the order of the module `plimsoll.dynamics.ssvi`."""

    rho: Number
    eta: Positive
    gamma: Fraction


class SurfaceFit(Document):
    """The volatility surface of one underlying at one instant, free of static arbitrage.

    `market` is the hash of the snapshot it was fitted to. `expiries` stand earliest first and hold every live expiry
    that has a quote; one that has none is named in `failures`, and past ones have no smile.
    """

    SCHEMA: ClassVar[str] = "plimsoll.surface"

    underlying: Asset
    time: Instant
    market: str
    expiries: tuple[ExpiryFit, ...]
    ssvi: SsviNumbers | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def every_failure(self) -> tuple[Failure, ...]:
        """Those of the surface and of each expiry."""
        return self.failures + tuple(f for e in self.expiries for f in e.failures)

    @property
    def arbitrage_free(self) -> bool:
        """Whether every check of every expiry passed."""
        return all(e.least_density >= 0.0 and (e.least_rise is None or e.least_rise >= 0.0) for e in self.expiries)
