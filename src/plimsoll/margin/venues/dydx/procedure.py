"""dYdX's liquidation as a procedure: one position in a block, within its fillable price, insured by the fund."""

from __future__ import annotations

from fractions import Fraction

from plimsoll.margin.book import open_book
from plimsoll.margin.procedure import NOTHING, Assumed, Decision, PoolView, Procedure
from plimsoll.margin.requirement import Evidence
from plimsoll.margin.venues.dydx.documents import Rows, base_quantums, decimal, quote_down
from plimsoll.margin.venues.dydx.lines import per_coin
from plimsoll.margin.venues.dydx.liquidation import (
    bankruptcy_price,
    fillable_price,
    insurance_fund_delta,
    is_liquidatable,
    settled_risk,
)
from plimsoll.margin.venues.dydx.margin import Market, Subaccount
from plimsoll.margin.venues.dydx.parameters import DydxParameters
from plimsoll.margin.venues.dydx.sequence import BlockLimits, position_to_liquidate, size_to_liquidate
from plimsoll.margin.venues.dydx.units import ONE_MILLION


class DydxProcedure(Procedure):
    """Source: venues-onchain section 2; the exact parts are `liquidation` and `sequence`, in the chain's whole numbers.

    Each block the next position in order (the venue draws where it starts; here the first) goes to the book, within
    the limits of a block, at no worse than its fillable price. The insurance fund gets what a fill leaves above the
    bankruptcy price, up to its fee, and pays what is missing. A pool worth less than nothing that found nobody is
    deleveraged: opposite holders take it over.
    """

    assumed = "which position goes first and the seconds of a block; an insurance fund that can pay"

    def __init__(self, parameters: DydxParameters, currency: str, supposed: Assumed, evidence: Evidence) -> None:
        self.parameters, self.currency, self.supposed, self.evidence = parameters, currency, supposed, evidence

    def decide(self, pool: PoolView) -> Decision:
        """See `Procedure.decide`."""
        held, markets, names = self._read(pool)
        if not is_liquidatable(settled_risk(held, markets)):
            return NOTHING
        numbers = sorted(n for n, h in held.positions.items() if h.base_quantums)
        done = {n for n in numbers if names[n] in pool.stuck}
        number = position_to_liquidate(numbers, 0, done)
        if number is None and settled_risk(held, markets).nc < 0:
            return Decision("take over", taker="opposite holders", why="deleveraged at the bankruptcy price")
        if number is None:
            # the next block begins again with the first
            number = numbers[0]
        limits = self.parameters.liquidation
        block = BlockLimits(
            limits.min_position_notional,
            limits.max_position_portion_ppm,
            limits.max_notional,
            limits.max_insurance_lost,
        )
        delta = size_to_liquidate(held.positions[number].base_quantums, markets[number], 1, block)
        price = fillable_price(held, markets, number, delta, self.parameters.liquidation.config)
        whole = pool.held[names[number]].quantity
        size = -whole * abs(delta) / abs(held.positions[number].base_quantums)
        limit = max(0.0, per_coin(price, markets[number]))
        limits_of = {names[number]: limit}
        return Decision(
            "orders", {names[number]: size}, wait=self.supposed.seconds, limits=limits_of, why="one position"
        )

    def fund_delta(self, pool: PoolView, subject: str, quantity: float, proceeds: float) -> float | None:
        """See `Procedure.fund_delta`: of the pool as it was before the fill."""
        held, markets, names = self._read(pool)
        number = names.index(subject)
        position, market = held.positions[number], markets[number]
        coins = decimal(quantity) * decimal(self._multiplier(pool, subject))
        delta = base_quantums(coins, market.atomic_resolution)
        delta = max(-abs(position.base_quantums), min(abs(position.base_quantums), delta))
        if delta == 0:
            return 0.0
        quote = quote_down(decimal(proceeds))
        bankrupt = bankruptcy_price(held, markets, number, delta)
        return insurance_fund_delta(quote, bankrupt, self.parameters.liquidation.config) / ONE_MILLION

    @staticmethod
    def _multiplier(pool: PoolView, subject: str) -> float:
        contract = pool.market.contracts[pool.held[subject].instrument]
        return float(getattr(contract, "multiplier", 1.0))

    def _read(self, pool: PoolView) -> tuple[Subaccount, dict[int, Market], list[str]]:
        """The subaccount of the pool in whole numbers, its markets, and the subject of each position."""
        book = open_book(pool.account.model_copy(update={"orders": ()}), pool.market, "refuse")
        rows = Rows.of(book, self.parameters)
        held = pool.held
        mine = [i for i, p in enumerate(book.positions) if p.instrument in {x.instrument for x in held.values()}]
        apart = [p.isolated_margin for p in book.positions if p.isolated_margin is not None]
        if any(book.positions[i].isolated_margin is not None for i in mine):
            money = sum((decimal(book.positions[i].isolated_margin or 0.0) for i in mine), Fraction(0))
        else:
            balance = decimal(pool.account.collateral.get(self.currency, 0.0))
            money = balance - sum((decimal(x) for x in apart), Fraction(0))
        return rows.subaccount(money, mine), dict(enumerate(rows.markets)), list(book.names)
