"""The probability that an account is liquidated within a horizon, for the limit of an order: from above, and fast."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import DocumentError, refuse
from plimsoll.liquidation.passage import Estimate, passage
from plimsoll.liquidation.passage.laws import Law, of_history, of_market
from plimsoll.liquidation.path import underlyings_of
from plimsoll.liquidation.sigma import at_the_money
from plimsoll.margin import Account, MarginModel
from plimsoll.market import Market
from plimsoll.scenarios.factors import FactorHistory

FIRST = 500
"""Paths of the first look."""

KEPT = 8
"""Laws of paths that are kept."""


class Chance:
    """Asks `liquidation.passage` how likely equity is to come below the maintenance margin within `days`.

    What comes back is `Estimate.at_most`, the one-sided bound of 95 %, not the value: a limit is kept with that
    certainty or the order is refused. The first look is at `FIRST` paths. Where its bound is below `limit`, or the
    value less 1.645 errors above it, that is the answer; only what lies between is asked of all `paths`. The signs of
    an account with options come from a surface whose error is bounded and checked (`passage.surface`).

    Paths are those of `plimsoll liquidation --probability`: filtered history where one is given, else one underlying
    at its at-the-money volatility, in steps of an hour for three days, four hours for two weeks, else a day. They are
    drawn once for each set of underlyings and volatility and moved to where the market is. An account without a price
    has the probability zero; one for which nothing can be said (several underlyings without a history, an expiry that
    the rules cannot cross) gives NaN, which keeps no limit, and `words` say why.
    """

    def __init__(
        self,
        model: MarginModel,
        days: float,
        limit: float,
        *,
        history: FactorHistory | None = None,
        paths: int = 4_000,
        seed: int = 1,
    ) -> None:
        if not days > 0.0:
            raise refuse("horizon", days, "a number of days above zero")
        if paths < FIRST:
            raise refuse("paths", paths, f"at least {FIRST}")
        self.model, self.days, self.limit = model, days, limit
        self.history, self.paths, self.seed = history, paths, seed
        self.words = ""
        self._laws: dict[tuple[object, ...], Law] = {}

    def __call__(self, account: Account, market: Market) -> float:
        """The bound, from zero to one; NaN where nothing can be said."""
        if not underlyings_of(account, market):
            self.words = "nothing that depends on a price"
            return 0.0
        try:
            found = self._asked(account, market, FIRST)
            if found.at_most > self.limit >= found.value - 1.645 * found.error and self.paths > FIRST:
                found = self._asked(account, market, self.paths)
        except DocumentError as error:
            self.words = f"not computed: {error.problems[0]}"
            return float(np.nan)
        self.words = f"at most {found.at_most:.3g} within {self.days:g} days (95 %, {found.paths:,} paths)"
        return found.at_most

    def _asked(self, account: Account, market: Market, size: int) -> Estimate:
        law = self._law(account, market, size)
        return passage(self.model, account, market, law.paths, seed=self.seed).probability()

    def _law(self, account: Account, market: Market, size: int) -> Law:
        names = underlyings_of(account, market)
        sigma = None if len(names) != 1 else at_the_money(names[0], market)
        key = (names, size, None if self.history is not None or sigma is None else sigma[0])
        law = self._laws.pop(key, None)
        if law is None and self.history is not None:
            law = of_history(self.history, account, market, self.days, size=size, seed=self.seed)
        elif law is None:
            step = min(self.days, _step(self.days))
            law = of_market(account, market, self.days, size=size, seed=self.seed, step_days=step)
        while len(self._laws) >= KEPT:
            self._laws.pop(next(iter(self._laws)))
        self._laws[key] = law
        return law


def _step(days: float) -> float:
    """An hour for three days, four for two weeks, else a day."""
    return 1.0 / 24.0 if days <= 3.0 else 1.0 / 6.0 if days <= 14.0 else 1.0
