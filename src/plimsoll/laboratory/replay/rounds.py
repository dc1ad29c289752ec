"""Auto-deleveraging round by round down a fall: what is asked of the winners, and what each rule takes from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from plimsoll.laboratory.replay.positions import F64, I64

CloseAt = Literal["bankruptcy", "oracle"]
Horizon = Literal["round", "low", "end"]


@dataclass(frozen=True, eq=False)
class Asked:
    """What goes under at each step `[steps]` of a fall: `lots`, the `deficit` that these accounts owe at the mark of
    the step (USD, from zero up), and the mark `before` and `at` the step. A round is `steps_in_round` steps."""

    lots: F64
    deficit: F64
    before: F64
    at: F64
    steps_in_round: int


def asked(bankruptcy: F64, lots: F64, path: F64) -> Asked:
    """Long accounts `[m]` with a `bankruptcy` price and `lots` on a falling `path` `[rounds, steps + 1]`.

    An account goes under at the first step whose mark is below its bankruptcy price, and owes its lots times the
    distance. Those whose price is below the lowest mark never do.
    """
    before, at = path[:, :-1].ravel(), path[:, 1:].ravel()
    # the steps fall, so the first mark below b is found in the reversed, growing sequence
    step = at.size - np.searchsorted(at[::-1], bankruptcy, side="left")
    under = step < at.size
    where = step[under]
    owed = lots[under] * (bankruptcy[under] - at[where])
    return Asked(
        lots=np.bincount(where, lots[under], at.size).astype(float),
        deficit=np.bincount(where, owed, at.size).astype(float),
        before=before,
        at=at,
        steps_in_round=path.shape[1] - 1,
    )


@dataclass(frozen=True, eq=False)
class Winners:
    """Short accounts `[n]`: `lots` from zero up, `entry` in USD, and `leverage` (multiples of equity) at `start`."""

    lots: F64
    entry: F64
    leverage: F64
    start: float

    def score(self, mark: float) -> F64:
        """The rank at a mark: profit over entry value times leverage, and over leverage for losers. Higher goes first.

        The equity moves with the mark: `L(p) = L p / (s (1 + L (1 - p / s)))` for a short with leverage `L` at `s`.
        """
        gain = (self.entry - mark) / self.entry
        equity = 1.0 + self.leverage * (1.0 - mark / self.start)
        now = self.leverage * (mark / self.start) / np.maximum(equity, 1e-9)
        return np.where(gain > 0.0, gain * now, gain / np.maximum(now, 1e-9))


@dataclass(frozen=True, eq=False)
class Taken:
    """What one rule did, in USD from zero up.

    ```
    notional   closed against winners, at the marks of the steps
    needed     what the accounts that went under owed at these marks, as far as their lots found a winner
    taken      what winners lost against not having been closed, at the horizon; never below zero for a step
    left       what the venue loses to the horizon on positions that it kept instead of closing them
    missing    lots that were asked and that no winner held
    burden     [n] what each winner lost
    closed     [n] lots of each winner closed
    ```
    """

    notional: float
    needed: float
    taken: float
    left: float
    missing: float
    burden: F64
    closed: F64

    @property
    def overshoot(self) -> float:
        """What was taken beyond what was needed; below zero where the horizon favours those who were closed."""
        return self.taken - self.needed


def queue(
    winners: Winners,
    ask: Asked,
    *,
    whole: bool = True,
    close_at: CloseAt = "bankruptcy",
    horizon: Horizon = "round",
    end: float = float("nan"),
    orders: Sequence[I64] | None = None,
) -> Taken:
    """The venue's way: the queue by profit and leverage, ranked anew each round, `whole` positions or only the lots
    asked, closed at the price at which those who went under have nothing left, or at the oracle's price of the step
    before.

    `orders` are those of `orders_of`, where they are known already.

    What the last whole position has more than was asked is closed too, at the mark, against positions that the venue
    had taken over and that owed nothing: nobody needed it.
    """
    left = winners.lots.copy()
    burden, closed = np.zeros(left.size), np.zeros(left.size)
    notional = needed = taken = missing = 0.0
    ranks = orders_of(winners, ask) if orders is None else orders
    order = ranks[0]
    final = evaluation(ask, horizon, end)
    for k in range(ask.lots.size):
        if k % ask.steps_in_round == 0:
            order = ranks[k // ask.steps_in_round]
            order = order[left[order] > 0.0]
        wanted = float(ask.lots[k])
        if wanted <= 0.0:
            continue
        count = _enough(left, order, wanted * (1.0 - 1e-12))
        chosen = order[:count]
        part = left[chosen].copy()
        if not whole and count:
            part[-1] = min(part[-1], wanted - float(part[:-1].sum()))
        lots = float(part.sum())
        missing += max(wanted - lots, 0.0)
        if lots <= 0.0:
            continue
        at = float(ask.at[k])
        price = float(ask.before[k]) if close_at == "oracle" else at + float(ask.deficit[k]) / wanted
        # one price for all who are closed in this step, so that they pay in proportion to their lots
        matched = min(wanted, lots)
        paid = matched * (price - at) / lots
        needed += float(ask.deficit[k]) * matched / wanted
        each = part * max(paid + at - float(final[k]), 0.0)
        burden[chosen] += each
        closed[chosen] += part
        left[chosen] -= part
        notional += lots * at
        taken += float(each.sum())
        # whoever was closed stood first, and of them the last alone can have something left
        order = order[count - 1 if left[chosen[-1]] > 0.0 else count :]
    return Taken(notional, needed, taken, 0.0, missing, burden, closed)


def _enough(left: F64, order: I64, wanted: float) -> int:
    """How many of `order`, from the first on, hold `wanted` lots together; all where they do not.

    Few are enough at most steps, so sums are formed of more and more of the queue until one is.
    """
    look = 64
    while True:
        count = int(left[order[:look]].cumsum().searchsorted(wanted)) + 1
        if count <= look or look >= order.size:
            return min(count, order.size)
        look *= 8


def orders_of(winners: Winners, ask: Asked) -> list[I64]:
    """The queue at the first mark of each round, whoever is first goes first: `orders` of `queue`, for one path."""
    firsts = ask.before[:: ask.steps_in_round].tolist()
    return [np.argsort(-winners.score(mark), kind="stable") for mark in firsts]


def evaluation(ask: Asked, horizon: Horizon, end: float) -> F64:
    """The mark `[steps]` at which what a step took is judged: that of its round's end, the lowest, or the window's."""
    if horizon == "round":
        return np.repeat(ask.at[ask.steps_in_round - 1 :: ask.steps_in_round], ask.steps_in_round)
    return np.full(ask.at.size, float(ask.at[-1]) if horizon == "low" else end)


def in_proportion(winners: Winners, ask: Asked, *, horizon: Horizon = "round", end: float = float("nan")) -> Taken:
    """Ours by lots: exactly what is asked, from every holder in proportion to its lots; they pay what is owed."""
    final = evaluation(ask, horizon, end)
    held = float(winners.lots.sum())
    done = np.minimum(np.cumsum(ask.lots), held)
    lots = np.diff(done, prepend=0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        paid = np.where(lots > 0.0, ask.deficit / ask.lots, 0.0)
    each = lots * np.maximum(paid + ask.at - final, 0.0)
    share = winners.lots / held if held > 0.0 else np.zeros(winners.lots.size)
    return Taken(
        notional=float(lots @ ask.at),
        needed=float(paid @ lots),
        taken=float(each.sum()),
        left=0.0,
        missing=float(ask.lots.sum() - lots.sum()),
        burden=share * float(each.sum()),
        closed=share * float(lots.sum()),
    )


def profits_only(winners: Winners, ask: Asked, *, horizon: Horizon = "round", end: float = float("nan")) -> Taken:
    """Ours by profits: no position is closed; what is owed is taken from the profits of the winners in proportion.

    Nothing is taken beyond what is owed. The positions of those who went under stay with the venue, which bears what
    they lose to the horizon: `left`.
    """
    final = evaluation(ask, horizon, end)
    profit = winners.lots * np.maximum(winners.entry - float(ask.at[-1]), 0.0)
    pot = float(profit.sum())
    paid = min(float(ask.deficit.sum()), pot)
    return Taken(
        notional=0.0,
        needed=paid,
        taken=paid,
        left=float(ask.lots @ np.maximum(ask.at - final, 0.0)),
        missing=0.0,
        burden=profit * (paid / pot) if pot > 0.0 else np.zeros(profit.size),
        closed=np.zeros(profit.size),
    )
