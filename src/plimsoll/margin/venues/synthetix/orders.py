"""Orders at Synthetix: what the initial margin rises by, their fee and what they lose at once."""

from __future__ import annotations

from plimsoll.margin.account import Account
from plimsoll.margin.parts.orders import resting
from plimsoll.margin.venues.synthetix.parameters import SynthetixParameters
from plimsoll.margin.venues.synthetix.ratios import fill_price, margin_ratios, order_fee
from plimsoll.market import Market


def order_charges(p: SynthetixParameters, account: Account, market: Market) -> list[tuple[str, float]]:
    """Instrument and amount for each one with orders: the dearer of all buys and all sells filled, at least nothing.

    Filled at the oracle price moved by the skew; a fill that gains at once counts no gain.
    """
    held = {x.instrument: x.quantity for x in account.positions}
    found = []
    for (name, _), orders in resting(account.orders, market.contracts).items():
        contract, mark = market.contracts[name], market.marks.get(name)
        rule, price = p.markets[contract.underlying], 0.0 if mark is None or mark.price is None else mark.price
        size = float(getattr(contract, "multiplier", 1.0))
        base, skew = held.get(name, 0.0) * size, account.reported.get(f"skew.{name}", 0.0)
        before = _initial(p, contract.underlying, base, price)
        added = [0.0]
        for filled in (orders.bought * size, -orders.sold * size):
            if filled != 0.0:
                fill = fill_price(price, skew, filled, rule.skew_scale)
                lost = max(0.0, filled * (fill - price))
                fee = order_fee(rule, skew, filled, fill)
                added.append(_initial(p, contract.underlying, base + filled, price) - before + lost + fee)
        found.append((name, max(added)))
    return found


def _initial(p: SynthetixParameters, underlying: str, size: float, price: float) -> float:
    rule = p.markets[underlying]
    return 0.0 if size == 0.0 else abs(size) * price * margin_ratios(rule, size)[0] + rule.minimum_position_margin
