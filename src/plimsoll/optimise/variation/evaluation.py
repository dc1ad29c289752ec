"""Capital of a desk by the exact rules: initial margin, what has to lie beside it, and what lies idle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.estimate import mean_error
from plimsoll.margin.account import Account
from plimsoll.margin.model import MarginModel
from plimsoll.market import Market
from plimsoll.optimise.variation.outlook import Outlook, breached
from plimsoll.optimise.variation.quantile import checked_breach
from plimsoll.optimise.variation.shortfalls import Running

STEPS = 40
"""Bisections of the common probability of a joint condition."""

Held = tuple[str, Account, MarginModel]
"""Name of a venue, the account there, its rules."""


@dataclass(frozen=True)
class VenueCapital:
    """One account; amounts in US dollars at today's prices, `rate` dollars of `currency`.

    ```
    capital = max(initial margin, least C with P(C < max over t of MM(t) - gain(t)) <= p)
    buffer  = capital - initial margin
    idle    = equity - capital,  below zero: what is missing
    ```
    `error` is the standard error of the least C; `p` the probability it was taken at, `breach` the estimated
    probability that `capital` is not enough, `breach_now` that the equity there is not.
    """

    name: str
    rules: str
    hours: float
    currency: str
    rate: float
    equity: float
    initial: float
    maintenance: float
    needed: float
    error: float
    p: float
    breach: float
    breach_error: float
    breach_now: float

    @property
    def capital(self) -> float:
        """What has to lie at the venue."""
        return max(self.initial, self.needed)

    @property
    def buffer(self) -> float:
        """Capital above initial margin."""
        return self.capital - self.initial

    @property
    def idle(self) -> float:
        """Equity above capital; below zero it is missing."""
        return self.equity - self.capital

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return vars(self) | {"capital": self.capital, "buffer": self.buffer, "idle": self.idle}


@dataclass(frozen=True, eq=False)
class DeskCapital:
    """Capital of every venue on the same paths. `joint`: `p` bounds a breach anywhere, else at each venue by itself.

    `anywhere` is the estimated probability that the capital of some venue is not enough.
    """

    p: float
    joint: bool
    venues: tuple[VenueCapital, ...]
    anywhere: float
    anywhere_error: float
    paths: int

    @property
    def capital(self) -> float:
        """Of all venues, US dollars."""
        return sum(v.capital for v in self.venues)

    @property
    def initial(self) -> float:
        """Initial margins of all venues, US dollars."""
        return sum(v.initial for v in self.venues)

    @property
    def buffer(self) -> float:
        """Buffers of all venues, US dollars."""
        return sum(v.buffer for v in self.venues)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        totals = {"capital": self.capital, "initial": self.initial, "buffer": self.buffer}
        own = {k: getattr(self, k) for k in ("p", "joint", "anywhere", "anywhere_error", "paths")}
        return own | totals | {"venues": [v.to_dict() for v in self.venues]}


def evaluate(
    held: Sequence[Held],
    market: Market,
    outlook: Outlook,
    p: float,
    *,
    hours: float | None = None,
    joint: bool = False,
) -> DeskCapital:
    """The least capital of accounts at several venues, each short of its maintenance margin with probability `p` or
    less before a transfer can reach it.

    Gains at one venue pay for nothing at another. Maintenance and equity are re-computed by each venue's exact engine
    at the instants of the joint paths. `hours` replaces the transfer times of the outlook. With `joint`, `p` bounds the
    probability of a breach at any of the venues: all are taken at the largest common probability that keeps it,
    which is one way of sharing it and not the cheapest. Raises `DocumentError`: no account, a name twice, fewer than
    `1 / p` paths, what `running` refuses.
    """
    checked_breach(p, outlook.paths.weight.size)
    if not held or len({n for n, _, _ in held}) != len(held):
        raise refuse("venues", ", ".join(n for n, _, _ in held) or "none", "one account or more, each name once")
    times = [outlook.hours(name, market, hours) for name, _, _ in held]
    runs = [
        outlook.running(name, account, model, market, h) for (name, account, model), h in zip(held, times, strict=True)
    ]
    each = _common(runs, outlook, p) if joint and len(runs) > 1 else p
    venues = tuple(
        _venue(name, model, h, run, outlook, each) for (name, _, model), h, run in zip(held, times, runs, strict=True)
    )
    hit = _anywhere(runs, [v.capital / v.rate for v in venues]) * outlook.paths.weight
    error = mean_error(hit, outlook.paths.clusters)
    return DeskCapital(p, joint, venues, float(hit.mean()), error, hit.size)


def _venue(name: str, model: MarginModel, hours: float, run: Running, outlook: Outlook, p: float) -> VenueCapital:
    found = outlook.least(run, p)
    weight, clusters = outlook.paths.weight, outlook.paths.clusters
    over = weight * breached(run, max(found.amount, run.initial))
    return VenueCapital(
        name=name,
        rules=model.rules.label,
        hours=hours,
        currency=run.currency,
        rate=run.rate,
        equity=run.rate * run.equity,
        initial=run.rate * run.initial,
        maintenance=run.rate * run.maintenance,
        needed=run.rate * found.amount,
        error=run.rate * found.error,
        p=p,
        breach=float(over.mean()),
        breach_error=mean_error(over, clusters),
        breach_now=float(np.mean(weight * breached(run, run.equity))),
    )


def _anywhere(runs: Sequence[Running], capital: Sequence[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    hit = np.zeros(runs[0].worst.size)
    for run, amount in zip(runs, capital, strict=True):
        hit = np.maximum(hit, breached(run, amount))
    return hit


def _common(runs: Sequence[Running], outlook: Outlook, p: float) -> float:
    """The largest probability for every venue alike at which a breach anywhere has probability `p` or less."""
    size = outlook.paths.weight.size

    def kept(q: float) -> bool:
        amounts = [max(run.initial, outlook.least(run, q).amount) for run in runs]
        return float(np.mean(outlook.paths.weight * _anywhere(runs, amounts))) <= p + 1e-12

    if kept(p):
        return p
    low, high = max(p / len(runs), 1.0 / size), p
    if not kept(low):
        raise refuse(
            "paths", f"{size} of them", f"at least {int(np.ceil(len(runs) / p))} for {len(runs)} venues at {p:g}"
        )
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low
