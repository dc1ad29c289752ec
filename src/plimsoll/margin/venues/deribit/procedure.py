"""How Deribit takes positions over: round after round, no longer than it has to."""

from __future__ import annotations

from collections.abc import Callable

from plimsoll.contracts import Settlement, is_option
from plimsoll.margin.account import Account
from plimsoll.margin.parts.delta_hedge import delta_hedge, largest_underlying
from plimsoll.margin.procedure import NOTHING, Assumed, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.deribit.liquidation import Liquidation
from plimsoll.market import Market


class DeribitProcedure(Procedure):
    """Source: venues-cex section 1.4.

    From the moment that maintenance is above `trigger` times the margin balance, `rounds_per_second` rounds each
    second, until it is not. A round tries the pack's `steps` in order and sends an order for the first that names one:

    ```
    reduce_positions             part of the position that adds most to maintenance and trades
    trade_futures                the same, of futures and perpetuals alone
    largest_, next_contributor   the same, of everything; one that did not trade is passed over for the next
    delta_hedge_with_perpetual   a perpetual that takes the delta out, even where that opens a position
    ```

    How much of a position goes in a round is not public: the assumed part. Fees are the pack's, by underlying.
    """

    assumed = "how much of a position goes in a round; that a bankrupt account goes to the insurance fund"

    def __init__(
        self,
        rules: Liquidation,
        shares: Callable[[Account, Market], dict[str, float]],
        supposed: Assumed,
        evidence: Evidence,
    ) -> None:
        self.rules, self.shares, self.supposed, self.evidence = rules, shares, supposed, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        if pool.maintenance <= self.rules.trigger * pool.equity:
            return NOTHING
        if pool.equity <= 0.0:
            return Decision("take over", why="nothing is left: the insurance fund takes it over")
        wait = 1.0 / self.rules.rounds_per_second
        adds = self.shares(pool.account, pool.market)
        for step in self.rules.steps:
            if step == "delta_hedge_with_perpetual":
                orders = self._hedge(pool)
            else:
                orders = self._largest(pool, adds, futures=step == "trade_futures")
            if orders:
                return Decision("orders", orders, wait=wait, partial=True, why=step.replace("_", " "))
        return Decision("orders", {}, wait=wait, why="nothing trades")

    def _largest(self, pool: PoolView, adds: dict[str, float], *, futures: bool) -> dict[str, float]:
        held = pool.held
        trading = {
            s: adds.get(s, 0.0)
            for s, p in held.items()
            if s not in pool.stuck and not (futures and is_option(pool.market.contracts[p.instrument]))
        }
        helping = {s: x for s, x in trading.items() if x > 0.0}
        if not helping:
            return {}
        largest = max(helping, key=lambda s: (helping[s], s))
        return pool.closing({largest: self.supposed.part})

    @staticmethod
    def _hedge(pool: PoolView) -> dict[str, float]:
        underlying = largest_underlying(pool.account, pool.market)
        found = None if underlying is None else delta_hedge(pool.account, pool.market, underlying)
        return {} if found is None else {found[0]: found[1]}

    def fee(self, pool: PoolView, subject: str, quantity: float, notional: float) -> float:
        """See `Procedure.fee`; of an option the part of its underlying, which in coin is so many coins."""
        held = pool.held.get(subject)
        contract = pool.market.contracts[subject if held is None else held.instrument]
        fees = self.rules.fees.get(contract.underlying)
        if fees is None:
            return 0.0
        if not is_option(contract):
            return fees.future * notional
        coins = abs(quantity) * contract.multiplier
        linear = contract.settlement is Settlement.LINEAR
        return fees.option * coins * (pool.market.indices[contract.underlying].price if linear else 1.0)


def shares_of(components: object) -> dict[str, float]:
    """What each position adds to maintenance, over all components."""
    found: dict[str, float] = {}
    for component in components:  # type: ignore[attr-defined]
        for share in component.shares:
            found[share.subject] = found.get(share.subject, 0.0) + share.maintenance
    return found
