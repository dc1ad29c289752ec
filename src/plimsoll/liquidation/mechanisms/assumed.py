"""The house's own procedure, for venues that publish none."""

from __future__ import annotations

from plimsoll.liquidation.mechanisms.terms import CloseTerms
from plimsoll.margin.procedure import NOTHING, Decision, PoolView, Procedure


class AssumedProcedure(Procedure):
    """`part` of every position each `round`, the whole once that is less than a twentieth of what there was, until
    equity is `target` times maintenance; the insurance fund takes over what is worth nothing any more.

    No public rule says so: everything here is `assumed`, and an ordinary trading fee is charged.
    """

    evidence = "assumed"
    assumed = "no public rule: equal parts of every position, round after round, until the target is met"

    def __init__(self, terms: CloseTerms) -> None:
        self.terms = terms

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        terms, held = self.terms, pool.held
        begun = pool.since_partial is not None
        if pool.maintenance <= 0.0 or pool.equity >= (terms.target if begun else 1.0) * pool.maintenance:
            return NOTHING
        if pool.equity <= 0.0 or (held and pool.stuck >= set(held)):
            why = "nothing is left" if pool.equity <= 0.0 else "nobody on the book"
            return Decision("take over", taker="insurance fund", why=why)
        orders = pool.closing(dict.fromkeys(held, terms.part))
        return Decision("orders", orders, wait=terms.round, bankruptcy=True, partial=True, why="parts of everything")

    def fee(self, pool: PoolView, subject: str, quantity: float, notional: float) -> float:
        """See `Procedure.fee`."""
        return self.terms.fee * notional
