"""An account after a trade at the mark."""

from __future__ import annotations

from typing import Any

from plimsoll.documents import DocumentError, Problem, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.book import unrealised_profit
from plimsoll.market import Market
from plimsoll.risk import compile_plan, unit_values
from plimsoll.scenarios import Scenarios


def traded(account: Account, market: Market, instrument: str, quantity: float) -> Account:
    """The account after buying (selling, if negative) `quantity` contracts of `instrument` at their mark.

    An option's premium leaves the balance of its settlement currency (undiscounted Black-76 at the mark volatility),
    spot is paid in dollars (`USD`) at its index. Profit so far and unsettled funding of the old position stay what they
    were, also when it is closed. So nothing is gained by the trade, but the equity of a rule set moves where it takes
    a haircut on the currency that pays, or discounts the option that was bought. Raises `DocumentError` for an
    instrument without a mark and beyond the size limits of a position.
    """
    contract = market.contracts.get(instrument)
    if contract is None:
        raise refuse("instrument", instrument, f"one of the {len(market.contracts)} instruments of the market")
    plan = compile_plan([contract], market)
    if plan.failures:
        raise DocumentError(Problem("instrument", instrument, plan.failures[0].message))
    row: dict[str, Any] = {"instrument": instrument, "quantity": quantity}
    others = [p.model_dump() for p in account.positions if p.instrument != instrument]
    for old in account.positions:
        if old.instrument == instrument:
            row = {
                "instrument": instrument,
                "quantity": old.quantity + quantity,
                "unrealised_pnl": unrealised_profit(plan, 0, old) or None,
                "unsettled_funding": old.unsettled_funding,
            }
    kept = row["quantity"] or row.get("unrealised_pnl") or row.get("unsettled_funding")
    content = account.to_dict()
    content["positions"] = [*others, row] if kept else others
    spot = contract.kind == "spot"
    paid_in = "USD" if spot else contract.currency
    cost = quantity * float(unit_values(plan, Scenarios.build([1.0]), "usd" if spot else "settlement")[0, 0])
    if cost:
        balances = content["collateral"]
        balances[paid_in] = balances.get(paid_in, 0.0) - cost
    return Account.from_dict(content)
