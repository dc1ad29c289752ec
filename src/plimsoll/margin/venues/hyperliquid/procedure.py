"""Hyperliquid's staged liquidation as a procedure; the rule itself is `liquidation`."""

from __future__ import annotations

from plimsoll.margin.procedure import NOTHING, Assumed, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.hyperliquid.liquidation import Liquidation, share_sent, stage


class HyperliquidProcedure(Procedure):
    """Source: venues-cex section 5.1.

    Below maintenance, market orders: a fifth of a position that is worth more than 100,000, the whole of others and of
    any within the cooldown after a part; below two thirds of maintenance the backstop vault takes positions and
    margin. No fee is charged. The next look follows after the assumed seconds.
    """

    assumed = "seconds from one look to the next; that market orders have no limit"

    def __init__(self, rules: Liquidation, supposed: Assumed, evidence: Evidence) -> None:
        self.rules, self.supposed, self.evidence = rules, supposed, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        now = stage(self.rules, pool.equity, pool.maintenance)
        if now == "none":
            return NOTHING
        worth = pool.notionals()
        if now == "backstop" or (worth and pool.stuck >= set(worth)):
            why = "below the backstop's part of maintenance" if now == "backstop" else "nobody on the book"
            return Decision("take over", taker="backstop vault", why=why)
        parts = {s: share_sent(self.rules, v, pool.since_partial) for s, v in worth.items()}
        partial = any(part < 1.0 for part in parts.values())
        why = "a part of the large ones" if partial else "market orders"
        return Decision("orders", pool.closing(parts), wait=self.supposed.seconds, partial=partial, why=why)
