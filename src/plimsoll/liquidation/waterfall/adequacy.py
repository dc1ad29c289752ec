"""Capital adequacy: can a venue, or a trader, pay what it owes; and if not, is it money or time that is missing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from plimsoll.documents import Document, Fraction, Name, NonNegative, Part

Verdict = Literal["sound", "illiquid but solvent", "liquid but insolvent", "insolvent"]


class Holdings(Part):
    """An asset: `value` at the mark in USD; what selling all of it at once costs, `impact`, as a part of the value;
    and the `hours` over which it can be sold evenly at that cost, zero for cash."""

    name: Name
    value: NonNegative
    impact: Fraction = 0.0
    hours: NonNegative = 0.0


class Obligation(Part):
    """An amount in USD that falls due in so many hours."""

    name: Name
    amount: NonNegative
    due: NonNegative = 0.0


class BalanceSheet(Document):
    """What there is and what is owed."""

    SCHEMA: ClassVar[str] = "plimsoll.balance-sheet"

    assets: tuple[Holdings, ...]
    obligations: tuple[Obligation, ...]


@dataclass(frozen=True)
class Adequacy:
    """`value` of the assets at marks, `liquidation` value after impact, `owed` in all; USD.

    `adequacy` is liquidation value over obligations and has to be one at least. `coverage` is the smallest, over the
    due times, of what can have been sold by then over what has fallen due by then. `shortfall` is the largest gap in
    money at a due time, `short_at` that time in hours (`None`: no gap). `hours` is the time to sell everything.
    `None` stands for a ratio without anything owed.
    """

    value: float
    liquidation: float
    owed: float
    adequacy: float | None
    coverage: float | None
    shortfall: float
    short_at: float | None
    hours: float
    verdict: Verdict


def adequacy(assets: Sequence[Holdings], obligations: Sequence[Obligation]) -> Adequacy:
    """Solvency and liquidity told apart.

    ```
    liquidation   sum of value * (1 - impact)
    solvent       liquidation >= sum of obligations
    by time t     sum of value * (1 - impact) * min(1, t / hours)
    liquid        by every due time at least as much can be sold as has fallen due
    ```

    Solvent and not liquid is *illiquid but solvent*: time is missing. Liquid and not solvent is *liquid but
    insolvent*: it can pay now what falls due, and the last will not be paid, which needs obligations beyond the
    times that are looked at; a balance whose obligations are all counted and that is not solvent fails at its last
    due time, so liquidity is judged at the due times before that one.
    """
    value = sum(a.value for a in assets)
    worth = sum(a.value * (1.0 - a.impact) for a in assets)
    owed = sum(o.amount for o in obligations)
    times = sorted({o.due for o in obligations if o.amount > 0})
    solvent = worth >= owed
    looked = times if solvent else times[:-1]
    gaps = [(t, _due(obligations, t), _sold(assets, t)) for t in looked]
    short = max(gaps, key=lambda g: (g[1] - g[2], -g[0]), default=None)
    liquid = short is None or short[1] <= short[2]
    # an insolvent balance whose obligations all fall due together is not liquid either
    liquid = liquid and (solvent or len(times) > 1)
    every = [(t, _due(obligations, t), _sold(assets, t)) for t in times]
    worst = max(every, key=lambda g: (g[1] - g[2], -g[0]), default=None)
    missing = 0.0 if worst is None else max(0.0, worst[1] - worst[2])
    verdicts: dict[tuple[bool, bool], Verdict] = {
        (True, True): "sound",
        (True, False): "illiquid but solvent",
        (False, True): "liquid but insolvent",
        (False, False): "insolvent",
    }
    return Adequacy(
        value=value,
        liquidation=worth,
        owed=owed,
        adequacy=worth / owed if owed else None,
        coverage=min((sold / due for _, due, sold in every), default=None),
        shortfall=missing,
        short_at=None if worst is None or missing == 0.0 else worst[0],
        hours=max((a.hours for a in assets if a.value > 0), default=0.0),
        verdict=verdicts[solvent, liquid],
    )


def _due(obligations: Sequence[Obligation], time: float) -> float:
    return sum(o.amount for o in obligations if o.due <= time)


def _sold(assets: Sequence[Holdings], time: float) -> float:
    """What can have been sold by a time: cash at once, the rest evenly over its hours."""
    return sum(
        a.value * (1.0 - a.impact) * (1.0 if a.hours == 0.0 else min(1.0, time / a.hours)) for a in assets if a.value
    )
