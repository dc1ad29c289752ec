"""How Synthetix v3 liquidates an account: flagged by a keeper for a reward, then the venue's pool has it all."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.margin.account import Account
from plimsoll.margin.procedure import NOTHING, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.market import Market


class SynthetixProcedure(Procedure):
    """Source: venues-onchain section 3.3.

    The keepers' reward, between its guards, comes out of the account first; positions and what is left of the margin
    are the pool's. Liquidation in windows limits how fast the skew changes and not who has what in the end.
    """

    assumed = "that the pool takes positions at the oracle's price, and all that is left of the margin"

    def __init__(self, reward: Callable[[Account, Market], float], evidence: Evidence) -> None:
        self.reward, self.evidence = reward, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        if pool.equity >= pool.maintenance or not pool.held:
            return NOTHING
        reward = self.reward(pool.account, pool.market)
        why = "flagged: the pool takes it over"
        return Decision("take over", against="mark", taker="venue", charges={"keeper": reward}, why=why)
