"""A part of Kelly's sizes within what a rule set and a limit on margin calls allow.

```
full     the x for which E log(1 + x @ gain) is largest, wealth 1
sized    c x, where x grows fastest among all with c x within leverage and initial margin
held     k c x, where k at most 1 is the largest part for which P(call before the horizon) is at most p
```
`c` is the fraction asked for times the one for means that are estimates (`shrinkage`). Sizes are held until the
horizon.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.liquidation.passage.estimate import Estimate
from plimsoll.margin import Account
from plimsoll.margin.account import Position
from plimsoll.optimise.sizing.bets import bets_of, with_means
from plimsoll.optimise.sizing.chance import Tell, Watch
from plimsoll.optimise.sizing.limits import Leverage, Limit, MarginLimit, grow_within
from plimsoll.optimise.sizing.shrinkage import Means
from plimsoll.risk.plan import F64

BOX = 100.0
"""Times wealth beyond which no size of one instrument is looked at."""

HALVINGS = 30
"""Of the part of the sizes that keeps a limit."""


@dataclass(frozen=True)
class KellyTerms:
    """`wealth` in US dollars. `fraction` of Kelly's sizes; `shrink` multiplies it by the fraction for estimated means.
    `leverage` caps the sum of absolute sizes, `margin` the initial margin over wealth, `called` the probability of a
    margin call before the horizon. `shorts`: whether sizes below zero are allowed. `currency` is what the wealth is
    held in: one that does not move, as a coin would be a position of its own.
    """

    wealth: float
    fraction: float = 0.5
    shrink: bool = True
    leverage: float = 10.0
    margin: float = 0.5
    called: float = 0.01
    shorts: bool = True
    currency: str = "USDC"

    def __post_init__(self) -> None:
        for name, most in (("wealth", 1e12), ("leverage", BOX), ("margin", 1.0), ("fraction", 1.0), ("called", 1.0)):
            value = getattr(self, name)
            if not 0.0 < value <= most:
                raise refuse(name, value, f"a number above 0 and at most {most:g}")


@dataclass(frozen=True, eq=False)
class Sizes:
    """Sizes in US dollars for each dollar of wealth, `[A]` by `names`, and what they are in `contracts`.

    `plain` is `Sigma^-1 mu` of the underlyings' means, `full` the growth-optimal size without limits, `sized` and
    `held` as at the head of the file. `growth` is expected log wealth over the horizon at `full` and at `held`, in the
    sample and on paths it was not made from (`growth_outside`). `gap` is how far the best growth within leverage and
    margin can be above that of the sizes before the fraction. `price` is growth of those for one unit more of a limit.
    `margin` is the exact initial margin of what is held, US dollars. `called` and `called_outside` are the
    probability of a call in the sample and outside. `part` is `k`.
    """

    names: tuple[str, ...]
    plain: F64
    full: F64
    sized: F64
    held: F64
    contracts: F64
    fraction: float
    part: float
    growth: tuple[float, float]
    growth_outside: float
    gap: float
    price: dict[str, float]
    margin: float
    called: Estimate
    called_outside: Estimate
    account: Account
    days: float
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = zip(self.names, self.plain, self.full, self.sized, self.held, self.contracts, strict=True)
        keys = ("instrument", "plain", "full", "sized", "held", "contracts")
        return {
            "sizes": [dict(zip(keys, (n, *(float(v) for v in r)), strict=True)) for n, *r in rows],
            "fraction": self.fraction,
            "part": self.part,
            "growth": {"full": self.growth[0], "held": self.growth[1], "held_outside": self.growth_outside},
            "gap": self.gap,
            "price": self.price,
            "initial_margin": self.margin,
            "called": self.called.to_dict(),
            "called_outside": self.called_outside.to_dict(),
            "days": self.days,
            "account": self.account.to_dict(),
            "notes": list(self.notes),
        }


def kelly(
    watch: Watch,
    outside: Watch,
    names: Sequence[str],
    means: Means,
    terms: KellyTerms,
    *,
    progress: Tell | None = None,
) -> Sizes:
    """Sizes of `names` under a model, see the head of this file. `outside` has other paths of the same law.

    Raises `DocumentError` naming the field: an underlying without paths or mean, a currency that moves or is unknown,
    and what the model raises for an account that it does not take.
    """
    watch, outside = (replace(w, paths=with_means(w.paths, means)) for w in (watch, outside))
    bets, each = bets_of(watch, names)
    further, _ = bets_of(outside, names)
    c = terms.fraction * (means.fraction if terms.shrink else 1.0)
    maker = _maker(watch, names, each, terms)
    _counted(watch, maker, len(names), terms)
    low, high = np.full(len(names), -BOX if terms.shorts else 0.0), np.full(len(names), BOX)
    full, _ = grow_within(bets, [], low, high)
    notes = []
    if (np.abs(full.size) > 0.99 * BOX).any():
        notes.append(f"a size of {BOX:g} times wealth is no limit of the paths: nothing in them loses enough")
    if c == 0.0:
        notes.append("the means are no larger than their errors: nothing is held")
    size, gap, price = np.zeros(len(names)), 0.0, dict[str, float]()
    if c > 0.0:
        limits: list[Limit] = [Leverage(terms.leverage, c)]
        charged, why = _margin_limit(watch, names, each * c, terms)
        limits += [] if charged is None else [charged]
        notes += [] if why is None else [why]
        found, price = grow_within(bets, limits, low, high)
        size, gap = c * found.size, found.gap
    account_rate = _rate(watch, maker(size))

    def charge(part: float) -> float:
        return watch.model.requirement(maker(part * size), watch.market).initial * account_rate

    within = largest_part(lambda part: charge(part) <= terms.margin * terms.wealth * (1.0 + 1e-9))
    if within < 1.0:
        notes.append("the exact rules ask more than the rows did: the sizes are scaled to their margin")
    sized = within * size
    part = largest_part(
        lambda part: watch.course(maker(part * sized)).chance().at_most <= terms.called,
        (lambda done: progress("the limit on calls", done, HALVINGS)) if progress is not None else None,
    )
    held = part * sized
    account = maker(held)
    if (np.abs(held) > 0.0).any():
        course, other = watch.course(account), outside.course(account)
        notes += course.notes
        called, called_outside = course.chance(), other.chance()
    else:
        called = called_outside = Estimate(0.0, 0.0, 0.0, 0, watch.paths.weight.size)
    plain = np.array([means.plain[means.names.index(watch.market.contracts[n].underlying)] for n in names])
    return Sizes(
        tuple(names),
        plain,
        full.size,
        sized,
        held,
        held * each * terms.wealth,
        c,
        part,
        (full.growth, bets.growth(held)),
        further.growth(held),
        gap,
        price,
        watch.model.requirement(account, watch.market).initial * account_rate,
        called,
        called_outside,
        account,
        float(watch.paths.days[-1]),
        tuple(notes),
    )


def largest_part(keeps: Callable[[float], bool], tell: Callable[[int], None] | None = None) -> float:
    """The largest part from 0 to 1 that keeps a limit, by halving; what is returned was seen to keep it, or is 0.

    Of a limit that is kept again beyond where it is broken, a part below the first break is found or not: the answer
    keeps it in either case.
    """
    if keeps(1.0):
        return 1.0
    low, high = 0.0, 1.0
    for done in range(HALVINGS):
        if tell is not None:
            tell(done)
        middle = 0.5 * (low + high)
        if keeps(middle):
            low = middle
        else:
            high = middle
        if high - low <= 1e-4 * high:
            break
    return low


def _maker(watch: Watch, names: Sequence[str], each: F64, terms: KellyTerms) -> Callable[[F64], Account]:
    """Accounts with sizes for each dollar of wealth, entered at the marks."""
    market, currency, wealth = watch.market, terms.currency, terms.wealth
    price = market.price_of(currency)
    if price is None or currency in market.indices:
        still = ", ".join(a for a in market.assets if a not in market.indices) or "none"
        raise refuse("currency", currency, f"an asset of the market that does not move: {still}")
    cash, mode = wealth / price.price, watch.model.MODES[0]

    def make(size: F64) -> Account:
        rows = tuple(
            Position(instrument=n, quantity=float(q))
            for n, q in zip(names, (size * each * wealth).tolist(), strict=True)
            if q
        )
        return Account(name="kelly", mode=mode, positions=rows, collateral={currency: cash})

    return make


def _counted(watch: Watch, maker: Callable[[F64], Account], count: int, terms: KellyTerms) -> None:
    """Refuse a currency that the rules do not count beside such positions: every size would be called."""
    account = maker(np.full(count, 1e-6))
    equity = watch.model.requirement(account, watch.market).net_equity * _rate(watch, account)
    if equity < 0.5 * terms.wealth:
        counted = f"{100.0 * equity / terms.wealth:.3g} % of it are equity under {watch.model.rules.label}"
        raise refuse(
            "currency", f"{terms.currency} ({counted})", "a currency in which the rules margin the instruments"
        )


def _rate(watch: Watch, account: Account) -> float:
    currency = watch.model.requirement(account, watch.market).currency
    price = watch.market.price_of(currency)
    if price is None:
        raise refuse(f"market.assets.{currency}", "nothing", "a USD price of the currency of the margin")
    return price.price


def _margin_limit(
    watch: Watch, names: Sequence[str], contracts: F64, terms: KellyTerms
) -> tuple[MarginLimit | None, str | None]:
    """Initial margin as rows, where the model has a convex form; else why sizes are scaled to it instead."""
    model, market = watch.model, watch.market
    if model.FORMS.solver == "refused":
        return None, f"{model.rules.label} has no form ({model.FORMS.solver_why}): sizes are scaled to its margin"
    forms = model.forms(names, market, np.maximum(BOX * contracts * terms.wealth, 1e-9))
    form = forms.solver if forms.solver.convex else forms.proof
    if not form.convex:
        return None, f"the form of {model.rules.label} is not convex: sizes are scaled to its margin"
    price = market.price_of(forms.currency)
    if price is None:
        raise refuse(f"market.assets.{forms.currency}", "nothing", "a USD price of the currency of the margin")
    limit = MarginLimit(form, contracts * terms.wealth, price.price / terms.wealth, terms.margin)
    return limit, None if form.standing == "exact" else f"rows of a bound on the margin: {form.why}"
