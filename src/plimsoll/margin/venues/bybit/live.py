"""Which contracts have been paid out."""

from __future__ import annotations

from plimsoll.contracts import Contract, is_dated
from plimsoll.market import Market


def settled(contract: Contract, market: Market) -> bool:
    """Whether a contract has been paid out: an order in it can no longer be filled."""
    if not is_dated(contract) or contract.expiry > market.time:
        return False
    row = market.expiry_table.get((contract.underlying, contract.expiry))
    return row is not None and row.settlement is not None
