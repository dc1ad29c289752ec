"""How GMX closes a position below its least collateral: whole, at the oracle price, for its fees and its impact."""

from __future__ import annotations

from plimsoll.margin.book import open_book
from plimsoll.margin.procedure import NOTHING, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.gmx.parameters import GmxParameters
from plimsoll.margin.venues.gmx.state import rows_of


class GmxProcedure(Procedure):
    """Source: venues-onchain section 3.4.

    A keeper closes the whole position against the pool at the oracle's price. Out of the collateral go the fee of
    closing, borrowing and the price impact, the latter no more than the market's largest part; what is then left is
    the holder's, and a position that has less than they come to pays all it has. The keeper's gas is not its rule.
    """

    assumed = "that the pool of the market gets fee, borrowing and impact"

    def __init__(self, parameters: GmxParameters, evidence: Evidence) -> None:
        self.parameters, self.evidence = parameters, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        if pool.equity >= pool.maintenance:
            return NOTHING
        book = open_book(pool.account.model_copy(update={"orders": ()}), pool.market, "refuse")
        held = pool.held
        mine = [r for r in rows_of(self.parameters, pool.account, pool.market, book) if r.subject in held]
        costs = sum(min(r.costs, max(0.0, r.margin + r.profit)) for r in mine)
        return Decision(
            "orders",
            pool.closing(dict.fromkeys(held, 1.0)),
            against="mark",
            charges={"venue": costs},
            why="closed whole at the oracle's price",
        )
