"""What a term of the algebra comes to, before and after trades, without a solver."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plimsoll.documents import refuse
from plimsoll.optimise import algebra as al
from plimsoll.optimise.beyond import outside_columns
from plimsoll.optimise.desk import Desk
from plimsoll.optimise.price_impact import Impact
from plimsoll.optimise.variation.capital import capital_of
from plimsoll.risk.plan import BOOL, F64
from plimsoll.scenarios import Scenarios

Trades = tuple[F64, ...]
"""Signed contracts bought of each instrument, one array `[N]` for each book."""


def columns_of(desk: Desk) -> Mapping[str, Scenarios]:
    """The scenarios of `es`. Raises `DocumentError` where the desk has none."""
    if desk.columns is None:
        raise refuse("desk.columns", "nothing", "scenarios, over which an expected shortfall is taken")
    missing = [u for u in desk.moving if u not in desk.columns]
    if missing:
        raise refuse(f"desk.columns.{missing[0]}", "nothing", "a column for every coin: " + ", ".join(desk.moving))
    return desk.columns


def tail_gains(desk: Desk) -> tuple[F64, list[F64]]:
    """Gains of the desk and of one contract in the scenarios of `es`. Raises what `columns_of` raises."""
    columns_of(desk)
    return desk.tail_rows


def outside_rows(desk: Desk, term: al.Loss) -> tuple[F64, list[F64], BOOL]:
    """Gains of the desk and of one contract in the scenarios outside the grids, and which of them the term is about."""
    if term.underlying is not None and term.underlying not in desk.moving:
        raise refuse("outside.underlying", term.underlying, "one of " + ", ".join(desk.moving))
    spot = outside_columns().spot
    chosen = {"down": spot < 1.0, "up": spot > 1.0, "both": np.ones(spot.size, dtype=bool)}[term.side]
    return (*desk.rows(desk.outside(term.underlying)), chosen)


def affine(desk: Desk, term: al.Term) -> tuple[float, tuple[F64, ...]]:
    """A term that is affine in the trades: its value today and for each book the slope `[N]`."""
    if isinstance(term, (al.Delta, al.Vega)):
        if term.underlying not in desk.underlyings:
            raise refuse(term.name.split()[0], term.underlying, "one of " + (", ".join(desk.underlyings) or "none"))
        wanted, today, slopes = term.underlying, 0.0, []
        for place in desk.places:
            e = place.exposures
            mine = np.array([c.underlying == wanted for c in e.plan.contracts], dtype=bool)
            slope = np.where(mine, e.delta if isinstance(term, al.Delta) else e.vega, 0.0)
            slopes.append(slope)
            today += float(slope @ place.quantity)
        return (desk.delta(wanted) if isinstance(term, al.Delta) else today), tuple(slopes)
    if isinstance(term, al.Trades):
        found = tuple(np.array([float(n == term.instrument) for n in p.names]) for p in desk.places)
        if not any(f.any() for f in found):
            raise refuse("trades", term.instrument, "an instrument that the desk holds or may trade")
        return 0.0, found
    raise TypeError(f"term: got {type(term).__name__}, must be one of those of plimsoll.optimise.algebra")


def start(desk: Desk, term: al.Term) -> float:
    """What a term comes to before any trade."""
    return measure(desk, term, tuple(np.zeros(len(p.names)) for p in desk.places))


def measure(desk: Desk, term: al.Term, trades: Trades, *, exact: Mapping[str, float] | None = None) -> float:
    """What a term comes to after trades. `exact` are margins in US dollars by book, instead of those of the forms."""
    total = 0.0
    for factor, leaf in term.leaves():
        total += factor * _measured(desk, leaf, trades, exact or {})
    return total


def _measured(desk: Desk, term: al.Term, trades: Trades, exact: Mapping[str, float]) -> float:
    if isinstance(term, al.Number):
        return term.value
    if isinstance(term, al.Capital):
        found = [(p, y) for p, y in zip(desk.places, trades, strict=True) if term.book in (None, p.name)]
        margins = [exact.get(p.name, p.rate * p.form.at(p.quantity + y)) for p, y in found]
        if term.breach is not None:
            margins = [capital_of(desk, p, y, term, m) for (p, y), m in zip(found, margins, strict=True)]
        return sum(margins)
    if isinstance(term, al.Cost):
        pairs = zip(desk.places, trades, strict=True)
        return float(sum(p.cost(y).sum() for p, y in pairs if term.book in (None, p.name)))
    if isinstance(term, al.Size):
        return abs(measure(desk, term.term, trades))
    if isinstance(term, al.Tickets):
        return float(sum(np.count_nonzero(y) for y in trades))
    if isinstance(term, Impact):
        total = dict.fromkeys(term.names, 0.0)
        for place, y in zip(desk.places, trades, strict=True):
            for name, size in zip(place.names, y.tolist(), strict=True):
                if name in total:
                    total[name] += size
        return term.of(total)
    if isinstance(term, (al.Loss, al.Shortfall)):
        if isinstance(term, al.Loss):
            base, rows, chosen = outside_rows(desk, term)
        else:
            base, rows = tail_gains(desk)
            chosen = np.ones(base.size, dtype=bool)
        losses = -(base + sum(y @ r for y, r in zip(trades, rows, strict=True)))[chosen]
        if isinstance(term, al.Loss):
            return float(losses.max())
        count = (1.0 - term.level) * losses.size
        falling = np.sort(losses)[::-1]
        return float(falling @ np.clip(count - np.arange(falling.size), 0.0, 1.0)) / count
    today, slopes = affine(desk, term)
    return today + float(sum(s @ y for s, y in zip(slopes, trades, strict=True)))
