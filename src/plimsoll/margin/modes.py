"""The same account in another margin mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account, Mode, Position
from plimsoll.market import Market

if TYPE_CHECKING:
    from plimsoll.margin.model import MarginModel


def in_mode(model: MarginModel, account: Account, market: Market, mode: Mode) -> Account:
    """`account` as the rules of `model` would hold it in `mode`.

    Isolated, every position without money of its own gets the initial margin that it needs alone, at its leverage, in
    the currency in which it settles; it comes out of the account's balance, which may fall below zero where it cannot
    pay for all of them. In the other modes nothing is set apart. Raises `DocumentError` for a mode that the rules do
    not have, and what the model raises.
    """
    if mode not in model.MODES:
        got = f"{mode!r} ({Reason.UNSUPPORTED_MODE.value})"
        raise DocumentError(Problem("mode", got, " or ".join(repr(m) for m in model.MODES)))
    if mode != "isolated":
        return pooled(account, mode)
    if "cross" not in model.MODES:
        return account.model_copy(update={"mode": mode})
    shared = pooled(account, "cross")
    rows = [
        row if own.isolated_margin is None else row.model_copy(update={"isolated_margin": own.isolated_margin})
        for row, own in zip(shared.positions, account.positions, strict=True)
    ]
    rows = [row if row.isolated_margin is not None else _apart(model, shared, row, market) for row in rows]
    return shared.model_copy(update={"mode": mode, "positions": tuple(rows)})


def pooled(account: Account, mode: Mode) -> Account:
    """`account` in `mode` with nothing set apart for any position."""
    rows = tuple(
        p if p.isolated_margin is None else p.model_copy(update={"isolated_margin": None}) for p in account.positions
    )
    return account.model_copy(update={"mode": mode, "positions": rows})


def _apart(model: MarginModel, account: Account, position: Position, market: Market) -> Position:
    empty: dict[str, float] = {}
    alone = {"positions": (position,), "orders": (), "collateral": empty, "borrowed": empty, "reported": empty}
    found = model.assess(account.model_copy(update=alone), market, "refuse")
    needed = max(0.0, sum(c.initial for c in found.components))
    settled = market.contracts[position.instrument].currency
    rate = _rate(found.currency or model.rules.currency, settled, market)
    return position.model_copy(update={"isolated_margin": needed * rate})


def _rate(one: str, other: str, market: Market) -> float:
    """What one unit of a currency is in the other."""
    if one == other:
        return 1.0
    prices = {name: market.price_of(name) for name in (one, other)}
    for name, price in prices.items():
        if price is None or price.price <= 0.0:
            got = "nothing" if price is None else repr(price.price)
            raise DocumentError(Problem(f"market.assets.{name}", got, "a USD price above zero of this currency"))
    first, second = (price.price for price in prices.values() if price is not None)
    return first / second
