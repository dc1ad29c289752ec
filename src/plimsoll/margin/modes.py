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

    Isolated, every position without money of its own gets the initial margin that it needs alone, at its leverage;
    it comes out of the account's balance, which may fall below zero where it cannot pay for all of them. In the other
    modes nothing is set apart. Raises `DocumentError` for a mode that the rules do not have, and what the model raises.
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
    return position.model_copy(update={"isolated_margin": max(0.0, sum(c.initial for c in found.components))})
