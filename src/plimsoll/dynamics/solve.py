"""From the quotes of one underlying to its slices: SVI, else SSVI, else one volatility per expiry; never nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from plimsoll.documents import Reason
from plimsoll.dynamics.arbitrage import free_of_arbitrage
from plimsoll.dynamics.joint import Misfit, pack
from plimsoll.dynamics.quotes import Quotes
from plimsoll.dynamics.result import Method
from plimsoll.dynamics.ssvi import Ssvi, fit_ssvi
from plimsoll.dynamics.svi_fit import LEAST_STRIKES, OneSlice, fit_alone, fit_together
from plimsoll.dynamics.wings import Wings

Wanted = Literal["svi", "ssvi"]


@dataclass(frozen=True)
class Solved:
    """Slices free of arbitrage, one for each of `quotes`, and how they came about.

    `alone` are the slices of least error of each expiry by itself and `unsettled` the positions of those whose search
    had not settled; both are empty without expiries of `LEAST_STRIKES` known strikes. `remarks` are about the whole
    surface.
    """

    quotes: tuple[Quotes, ...]
    slices: tuple[Wings, ...]
    method: Method
    ssvi: Ssvi | None = None
    alone: tuple[Wings, ...] = ()
    unsettled: frozenset[int] = frozenset()
    remarks: tuple[tuple[Reason, str], ...] = ()


def solve(quotes: Sequence[Quotes], wanted: Wanted = "svi") -> Solved:
    """Slices for the expiries with enough known strikes, or flat ones for all where no expiry has; earliest first.

    At least one expiry. With `wanted="ssvi"` the slices are those of the SSVI surface.
    """
    enough = tuple(q for q in quotes if q.known >= LEAST_STRIKES)
    if not enough:
        return _flat(
            quotes, Reason.TOO_FEW_STRIKES, f"no expiry has {LEAST_STRIKES} strikes whose prices fix a volatility"
        )
    alone = [fit_alone(q) for q in enough]
    ssvi, settled = fit_ssvi(enough)
    if wanted == "svi" and free_of_arbitrage([a.slice for a in alone]):
        return _solved(enough, [a.slice for a in alone], Method.SVI, ssvi, alone, [])
    start = tuple(ssvi.slices())
    if not free_of_arbitrage(start):
        return _flat(enough, Reason.NO_CONVERGENCE, "no SSVI surface free of arbitrage was found")
    remarks = [] if settled else [(Reason.NO_CONVERGENCE, "the SSVI surface had not settled")]
    slices, method = start, Method.SSVI
    if wanted == "svi":
        found = fit_together(enough, start, sum(a.misfit for a in alone))
        alone = [_no_worse(q, a, s) for q, a, s in zip(enough, alone, found.slices, strict=True)]
        if found.misfit < Misfit(enough).cost(pack(start)) and free_of_arbitrage(found.slices):
            slices, method = found.slices, Method.SVI
            if not found.settled:
                told = "the slices are free of arbitrage, but the search for closer ones had not settled"
                remarks.append((Reason.NO_CONVERGENCE, told))
        else:
            remarks.append((Reason.NO_CONVERGENCE, "no SVI slices closer than the SSVI surface were found"))
    return _solved(enough, slices, method, ssvi, alone, remarks)


def _no_worse(quotes: Quotes, alone: OneSlice, together: Wings) -> OneSlice:
    """The slice alone, looked for again where the one without arbitrage is closer: the first search ended too early."""
    if Misfit([quotes]).cost(pack([together])) >= alone.misfit:
        return alone
    return min(alone, fit_alone(quotes, together), key=lambda found: found.misfit)


def _solved(
    quotes: tuple[Quotes, ...],
    slices: Sequence[Wings],
    method: Method,
    ssvi: Ssvi,
    alone: Sequence[OneSlice],
    remarks: Sequence[tuple[Reason, str]],
) -> Solved:
    unsettled = frozenset(i for i, a in enumerate(alone) if not a.settled)
    return Solved(quotes, tuple(slices), method, ssvi, tuple(a.slice for a in alone), unsettled, tuple(remarks))


def _flat(quotes: Sequence[Quotes], reason: Reason, why: str) -> Solved:
    """One volatility per expiry, the weighted mean of its quotes, raised where total variance would fall."""
    slices, level = [], 0.0
    for one in quotes:
        level = max(level, float(np.average(one.variance, weights=1.0 / one.doubt**2)))
        slices.append(Wings(level, 0.0, 0.0, 0.0, 1.0))
    return Solved(tuple(quotes), tuple(slices), Method.FLAT, remarks=((reason, f"{why}: one volatility per expiry"),))
