"""How Binance closes a pool of futures: one large order for each position, then the insurance fund."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.contracts import Contract
from plimsoll.margin.procedure import NOTHING, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.binance.liquidation import Liquidation, clearance_fee


class BinanceProcedure(Procedure):
    """Source: venues-cex section 3.6.

    Open orders are cancelled. The largest position is closed by one order that takes what the book gives at once, no
    further than the bankruptcy price; where that is enough it ends, else the next follows. What is left goes to the
    insurance fund, which is how it gets a pool whose equity is gone, too. Every fill pays the clearance fee.
    """

    assumed = "which position goes first (the largest), and that the order's limit is the bankruptcy price"

    def __init__(self, rules: Liquidation, symbol: Callable[[Contract], str | None], evidence: Evidence) -> None:
        self.rules, self.symbol, self.evidence = rules, symbol, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        if pool.maintenance <= self.rules.trigger * pool.equity:
            return NOTHING
        if pool.equity <= 0.0:
            return Decision("take over", why="nothing is left: the insurance fund takes it over")
        worth = {s: v for s, v in pool.notionals().items() if s not in pool.tried}
        if "reduce_positions" not in self.rules.steps or not worth:
            return Decision("take over", why="the book did not take it: the insurance fund does")
        largest = max(worth, key=lambda s: (worth[s], s))
        return Decision(
            "orders", pool.closing({largest: 1.0}), bankruptcy=True, why="one order for the largest position"
        )

    def fee(self, pool: PoolView, subject: str, quantity: float, notional: float) -> float:
        """See `Procedure.fee`."""
        contract = pool.market.contracts[pool.held[subject].instrument]
        clearance = self.rules.fees.get(self.symbol(contract) or "")
        return 0.0 if clearance is None else clearance_fee(clearance.clearance_fee, notional, pool.equity)
