"""How OKX closes an account: hedges first in portfolio margin, then tier by tier."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.margin.account import Account
from plimsoll.margin.parts.delta_hedge import delta_hedge, largest_underlying
from plimsoll.margin.procedure import NOTHING, Assumed, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.market import Market


class OkxProcedure(Procedure):
    """Source: venues-cex sections 2.1 (portfolio margin) and 2.3.

    At a margin ratio of `line` orders are cancelled. Where the pack's `steps` have it, a perpetual or future takes the
    delta out of the underlying of which the account holds most (`hedge_delta`, once); then positions come down tier by
    tier, the largest first, until the account is safe. The hedge of a stable coin is an exchange of money and is left
    out. What nobody takes, or has nothing left, goes to the insurance fund.
    """

    assumed = "the size of the hedge (the whole delta) and of each reduction (to the tier below, else the assumed part)"

    def __init__(
        self,
        line: float,
        steps: tuple[str, ...],
        tiers: Callable[[Account, Market], dict[str, float]],
        supposed: Assumed,
        evidence: Evidence,
    ) -> None:
        self.line, self.steps, self.tiers, self.supposed, self.evidence = line, steps, tiers, supposed, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        safe = pool.equity > self.line * pool.maintenance
        if safe or pool.maintenance <= 0.0 <= pool.equity:
            return NOTHING
        if pool.equity <= 0.0:
            return Decision("take over", why="nothing is left: the insurance fund takes it over")
        if "hedge_delta" in self.steps and not pool.tried:
            underlying = largest_underlying(pool.account, pool.market)
            hedge = None if underlying is None else delta_hedge(pool.account, pool.market, underlying)
            if hedge is not None:
                return Decision("orders", dict([hedge]), wait=self.supposed.seconds, why="hedge delta")
        worth = {s: v for s, v in pool.notionals().items() if s not in pool.stuck}
        if not worth:
            return Decision("take over", why="nobody on the book: the insurance fund takes it over")
        largest = max(worth, key=lambda s: (worth[s], s))
        part = self.tiers(pool.account, pool.market).get(largest, self.supposed.part)
        why = f"{largest}: to the tier below"
        return Decision("orders", pool.closing({largest: part}), wait=self.supposed.seconds, bankruptcy=True, why=why)
