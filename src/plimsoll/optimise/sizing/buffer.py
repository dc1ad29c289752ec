"""The least collateral, the least cut and the largest size for which a margin call is no likelier than a probability.

All are found by halving on the same paths (common random numbers), and a probability counts as kept only where its
upper limit of 95 % is at or below what is asked for: so the answer is on the safe side of the error of the paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.estimate import Estimate, chance_of
from plimsoll.margin import Account
from plimsoll.optimise.sizing.chance import Course, Tell, Watch
from plimsoll.optimise.sizing.trading import Trader, deposited, held

NEAR = 1e-3
"""Where halving ends, relative to the answer."""

WHOLE_CUTS = 8
"""Parts of a book that are tried before halving: a smaller cut of a hedged book can be worse than a larger one."""

MOST = 64.0
"""Times the book beyond which no size is looked at."""


@dataclass(frozen=True, eq=False)
class Found:
    """What was found: `amount` of what `unit` says, the chance of a call before and with it, its `cost` in US dollars
    and the `account` that has it. `initial` margin and `excess` over it are exact, in `currency`.
    """

    amount: float
    unit: str
    before: Estimate
    after: Estimate
    cost: float
    account: Account
    initial: float
    excess: float
    currency: str
    looked: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "amount": self.amount,
            "unit": self.unit,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "cost": self.cost,
            "initial": self.initial,
            "excess": self.excess,
            "currency": self.currency,
            "looked": self.looked,
            "notes": list(self.notes),
        }


class Looker:
    """Chances of accounts on the same paths, counted and told."""

    def __init__(self, watch: Watch, progress: Tell | None) -> None:
        self.watch, self.progress, self.count = watch, progress, 0

    def course(self, account: Account, what: str) -> Course:
        """The account on the paths."""
        if self.progress is not None:
            self.progress(what, self.count, max(20, self.count + 1))
        self.count += 1
        return self.watch.course(account)

    def found(self, amount: float, unit: str, before: Estimate, account: Account, cost: float, *notes: str) -> Found:
        """The answer, with its chance and its exact margin."""
        course = self.course(account, "the answer")
        exact = self.watch.model.requirement(account, self.watch.market)
        told = (*course.notes, *notes)
        return Found(
            amount,
            unit,
            before,
            course.chance(),
            cost,
            account,
            exact.initial,
            exact.excess_initial,
            exact.currency,
            self.count,
            told,
        )


def checked(most: float) -> float:
    """A probability to keep. Raises `DocumentError` outside of 0 and 1."""
    if not 0.0 < most < 1.0:
        raise refuse("called", most, "a probability above 0 and below 1")
    return most


def resolved(watch: Watch, most: float) -> None:
    """Refuse a probability that so few paths can never show to be kept: with none called the upper limit is above
    it."""
    none = chance_of(np.zeros(watch.paths.weight.size, dtype=bool), watch.paths)
    if none.at_most > most:
        needed = int(np.ceil(np.log(0.05) / np.log1p(-most)))
        raise refuse("paths", watch.paths.weight.size, f"at least {needed:,} of them to show a probability of {most:g}")


def carried(carry: float) -> float:
    """What a dollar of collateral costs a year. Raises `DocumentError` below zero or without a number."""
    if not 0.0 <= carry < float("inf"):
        raise refuse("carry", carry, "a yearly cost of a dollar of at least zero, such as 0.08")
    return carry


def priced(watch: Watch, asset: str) -> float:
    """US dollars of an asset. Raises `DocumentError` for one without a price."""
    price = watch.market.price_of(asset)
    if price is None:
        raise refuse("asset", asset, "one of " + ", ".join(sorted({*watch.market.assets, *watch.market.indices})))
    return price.price


def least_collateral(
    watch: Watch, account: Account, most: float, asset: str, carry: float, *, progress: Tell | None = None
) -> Found:
    """The least amount of `asset` to add for which a call has a probability of at most `most`; below zero, what may be
    taken out. Its cost is `carry` a year until the end of the paths, none for what is taken out.

    Raises `DocumentError` for an asset without a price, and where no amount helps, as a short squeeze of a pool that
    collateral does not reach.
    """
    checked(most)
    carried(carry)
    resolved(watch, most)
    price = priced(watch, asset)
    look = Looker(watch, progress)
    start = look.course(account, "the account as it is")
    unit = watch.market.price_of(start.currency)
    assert unit is not None  # else the model had no requirement
    guess = start.enough(most) * unit.price / price

    def keeps(amount: float) -> bool:
        return look.course(deposited(account, asset, amount), f"{amount:,.6g} {asset}").chance().at_most <= most

    if not np.isfinite(guess):
        raise refuse("paths", "states that the rules refuse", "paths on which the account has a margin")
    known = np.abs(start.missing[np.isfinite(start.missing)])
    scale = max(abs(guess), 1e-6 * float(known.max()) * unit.price / price, 1e-9)
    low, high = _bracket(keeps, guess, NEAR * scale, watch)
    while high - low > NEAR * scale:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if keeps(middle) else (middle, high)
    cost = max(0.0, high) * price * carry * float(watch.paths.days[-1]) / 365.0
    return look.found(high, asset, start.chance(), deposited(account, asset, high), cost)


def least_cut(
    watch: Watch, account: Account, most: float, trader: Trader, *, progress: Tell | None = None
) -> Found | None:
    """The least part of every position to close for which a call has a probability of at most `most`; `None` where not
    even an account without positions keeps it.
    """
    return least_close(watch, account, most, trader, held(account), "of every position", progress=progress)


def least_close(
    watch: Watch,
    account: Account,
    most: float,
    trader: Trader,
    positions: dict[str, float],
    unit: str,
    *,
    before: Estimate | None = None,
    progress: Tell | None = None,
) -> Found | None:
    """The least part of some positions to close, the same of each; see `least_cut`."""
    checked(most)
    resolved(watch, most)
    look = Looker(watch, progress)
    start = before or look.course(account, "the account as it is").chance()
    if start.at_most <= most:
        return look.found(0.0, unit, start, account, 0.0, "it is kept without")

    def keeps(part: float) -> bool:
        traded, _ = trader.after(account, {n: -part * q for n, q in positions.items()})
        return look.course(traded, f"closing {100 * part:.3g} %").chance().at_most <= most

    low = 0.0
    for high in np.linspace(0.0, 1.0, WHOLE_CUTS + 1)[1:].tolist():
        if keeps(high):
            break
        low = high
    else:
        return None
    while high - low > NEAR:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if keeps(middle) else (middle, high)
    after, cost = trader.after(account, {n: -high * q for n, q in positions.items()})
    return look.found(high, unit, start, after, cost)


def largest_multiple(
    watch: Watch, account: Account, most: float, trader: Trader, *, progress: Tell | None = None
) -> Found | None:
    """The largest multiple of a book, its collateral kept, for which a call has a probability of at most `most` and the
    exact initial margin is met; what trading it costs is paid. `None` where the book as it is does not keep it (see
    `least_cut`).

    Looked for by doubling up to 64 times the book, or to what there is to trade; larger sizes after one that breaks the
    limit are not looked at.
    """
    checked(most)
    resolved(watch, most)
    look, positions = Looker(watch, progress), held(account)
    start = look.course(account, "the account as it is").chance()
    if start.at_most > most:
        return None

    def keeps(multiple: float) -> bool:
        trades = {n: (multiple - 1.0) * q for n, q in positions.items()}
        if not np.isfinite(trader.cost(trades)):
            return False
        larger, _ = trader.after(account, trades)
        if watch.model.requirement(larger, watch.market).excess_initial < 0.0:
            return False
        return look.course(larger, f"{multiple:.4g} times").chance().at_most <= most

    low, high = 1.0, 2.0
    while high <= MOST and keeps(high):
        low, high = high, 2.0 * high
    while high - low > NEAR * low and low < MOST:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if keeps(middle) else (low, middle)
    after, cost = trader.after(account, {n: (low - 1.0) * q for n, q in positions.items()})
    notes = (f"no size up to {MOST:g} times breaks the limit",) if low >= MOST else ()
    return look.found(low, "times the book", start, after, cost, *notes)


def _bracket(keeps: Callable[[float], bool], guess: float, step: float, watch: Watch) -> tuple[float, float]:
    """An amount that breaks the limit and a larger one that keeps it, near a guess."""
    reach = step
    if keeps(guess + 0.5 * step):
        high = guess + 0.5 * step
        low = high - reach
        while keeps(low):
            high, reach = low, 4.0 * reach
            low = high - reach
            if reach > 1e12:
                raise refuse("called", "kept", "an account that collateral can be taken out of")
        return low, high
    low = guess + 0.5 * step
    high = low + reach
    while not keeps(high):
        low, reach = high, 4.0 * reach
        high = low + reach
        if reach > 1e9 * max(1.0, abs(guess)):
            raise refuse(
                "asset", f"{high:g} of it", f"collateral that {watch.model.rules.label} counts against the call"
            )
    return low, high
