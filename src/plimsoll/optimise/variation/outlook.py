"""Joint paths, transfer times and what was worked out on them: what `capital(venue, p)` of the algebra looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from plimsoll.margin.account import Account
from plimsoll.margin.model import MarginModel
from plimsoll.market import Market
from plimsoll.optimise.variation.quantile import Least, checked_breach, least, tail_mean
from plimsoll.optimise.variation.shortfalls import Running, running
from plimsoll.optimise.variation.terms import TransferTerms
from plimsoll.scenarios.paths import JointPaths

KEPT = 64
"""Accounts whose shortfalls are remembered."""


@dataclass(frozen=True, eq=False)
class Outlook:
    """`paths` of everything that moves, and the `transfers` that cannot arrive sooner.

    Shortfalls are remembered by the contents of account, market and rules: the same question has the same answer.
    """

    paths: JointPaths
    transfers: TransferTerms
    told: Callable[[str, int, int], None] | None = None
    memo: dict[tuple[str, ...], Running] = field(default_factory=dict, repr=False)

    def hours(self, name: str, market: Market, hours: float | None = None) -> float:
        """Hours until a transfer that is asked for now counts at the account called `name`, unless `hours` says it."""
        return self.transfers.hours_to(name, market.time) if hours is None else hours

    def running(self, name: str, account: Account, model: MarginModel, market: Market, hours: float) -> Running:
        """See `plimsoll.optimise.variation.shortfalls.running`."""
        key = (account.hash(), market.hash(), model.rules.hash(), repr(hours))
        if key not in self.memo:
            while len(self.memo) >= KEPT:
                self.memo.pop(next(iter(self.memo)))
            tell = self.told
            told = None if tell is None else (lambda done, total: tell(f"{name}: margin along the paths", done, total))
            self.memo[key] = running(model, account, market, self.paths, hours, told)
        return self.memo[key]

    def least(self, found: Running, p: float) -> Least:
        """The equity that is enough but for probability `p`, in the currency of the requirement."""
        return least(found.worst, self.paths.weight, p, self.paths.clusters)

    def tail(self, found: Running, p: float) -> float:
        """Mean of the worst part `p` of the shortfalls: never below `least`."""
        checked_breach(p, found.worst.size)
        return tail_mean(found.worst, self.paths.weight, p)

    def telling(self, told: Callable[[str, int, int], None]) -> Outlook:
        """The same, its memory shared, that tells how far it is."""
        return replace(self, told=told)

    def on(self, paths: JointPaths) -> Outlook:
        """The same on other paths."""
        return replace(self, paths=paths, memo={})


def breached(found: Running, equity: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """`[P]` one where `equity` now would not have been enough."""
    return (found.worst > equity + 1e-9 * max(1.0, abs(equity))).astype(np.float64)
