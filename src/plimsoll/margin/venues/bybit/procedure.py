"""How Bybit closes an account: from a rate of one, tier by tier, until the rate is low enough."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.margin.account import Account
from plimsoll.margin.procedure import NOTHING, Assumed, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.bybit.parameters import Liquidation
from plimsoll.market import Market


class BybitProcedure(Procedure):
    """Source: venues-cex section 4.3.

    At `trigger` (maintenance over balance) orders are cancelled and positions reduced until the rate is at most `stop`.
    How much at a time is not public: a future comes down to the tier below its own, out of the lowest tier whole, the
    one of the largest value first; an option, and a future in portfolio margin, by the assumed part.
    """

    assumed = "which position goes first and by how much; that a bankrupt pool goes to the insurance fund"

    def __init__(
        self,
        rules: Liquidation,
        steps: Callable[[Account, Market], dict[str, float]],
        supposed: Assumed,
        evidence: Evidence,
    ) -> None:
        self.rules, self.steps, self.supposed, self.evidence = rules, steps, supposed, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        line = self.rules.stop if pool.tried else self.rules.trigger
        safe = pool.maintenance <= line * pool.equity if pool.tried else pool.maintenance < line * pool.equity
        if safe or pool.maintenance <= 0.0 <= pool.equity:
            return NOTHING
        if pool.equity <= 0.0:
            return Decision("take over", why="nothing is left: the insurance fund takes it over")
        worth = {s: v for s, v in pool.notionals().items() if s not in pool.stuck}
        if not worth:
            return Decision("take over", why="nobody on the book: the insurance fund takes it over")
        largest = max(worth, key=lambda s: (worth[s], s))
        part = self.steps(pool.account, pool.market).get(largest, self.supposed.part)
        why = f"{largest}: to the tier below"
        return Decision("orders", pool.closing({largest: part}), wait=self.supposed.seconds, bankruptcy=True, why=why)
