"""Small markets and accounts in perpetuals to be closed out: a mark, a book on both sides, money near the line."""

from __future__ import annotations

from typing import Any

import plimsoll as pl
from plimsoll.liquidation.mechanisms import CloseOut, CloseTerms
from plimsoll.margin import Account, Position

MARKS = {"BTC": 60_000.0, "ETH": 3_000.0}
LIQUID = {"BTC": {"volume": 7.4e8, "daily_vol": 0.06}, "ETH": {"volume": 5e8, "daily_vol": 0.075}}
Levels = list[list[float]]


def side(mark: float, sign: float, step: float, first: float, levels: int = 8) -> Levels:
    """Levels of one side, each `step` further from the mark and larger than the one before."""
    return [[mark + sign * step * (i + 0.5), first * (1 + i)] for i in range(levels)]


def market(
    currency: str = "USDT", *, first: float = 2.0, books: dict[str, dict[str, Levels]] | None = None, **more: Any
) -> pl.Market:
    """BTC-P and ETH-P, linear perpetuals in `currency`, with a book each."""
    swap = {"kind": "perpetual", "settlement": "linear", "currency": currency}
    depth = {
        f"{c}-P": {
            "bids": side(p, -1.0, p / 6_000.0, first * (1 if c == "BTC" else 10)),
            "asks": side(p, 1.0, p / 6_000.0, first * (1 if c == "BTC" else 10)),
        }
        for c, p in MARKS.items()
    }
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-10-01T00:00:00Z",
            "indices": {c: {"price": p} for c, p in MARKS.items()},
            "assets": {currency: {"price": 1.0}},
            "instruments": [{**swap, "name": f"{c}-P", "underlying": c} for c in MARKS],
            "marks": {f"{c}-P": {"price": p, "open_interest": 9_000.0} for c, p in MARKS.items()},
            "depth": depth | (books or {}),
            **more,
        }
    )


def one_level(mark: float, beside: float, coins: float = 1e6) -> dict[str, Levels]:
    """A book that has everything `beside` the mark."""
    return {"bids": [[mark - beside, coins]], "asks": [[mark + beside, coins]]}


def account(money: float, currency: str = "USDT", *, mode: str = "cross", **coins: float) -> Account:
    """Positions entered at the mark, so that `money` is the equity; isolated, it is the margin of each."""
    margin = money if mode == "isolated" else None
    rows = [(f"{c}-P", q, MARKS[c]) for c, q in coins.items()]
    positions = tuple(
        Position(instrument=name, quantity=q, entry_price=mark, isolated_margin=margin) for name, q, mark in rows
    )
    whole = money * (len(positions) if mode == "isolated" else 1)
    return Account(name="failing", mode=mode, positions=positions, collateral={currency: whole})  # type: ignore[arg-type]


def terms(**changes: Any) -> CloseTerms:
    """The house's terms with the liquidity of both coins."""
    content = {"schema": "plimsoll.close-terms", "schema_version": 1, "markets": LIQUID, **changes}
    return CloseTerms.from_dict(content)


def whole(found: CloseOut) -> None:
    """Money and lots add up to nothing in every column, by the record of fills and payments alone."""
    money: dict[tuple[str, str], int] = {}
    lots: dict[tuple[str, str], int] = {}

    def move(payer: str, payee: str, currency: str, units: int) -> None:
        money[payer, currency] = money.get((payer, currency), 0) - units
        money[payee, currency] = money.get((payee, currency), 0) + units

    for f in found.fills:
        move(f.taker, f.holder, f.currency, f.units)
        if f.fee:
            move(f.holder, f.fee_payee, f.currency, f.fee)
        lots[f.holder, f.subject] = lots.get((f.holder, f.subject), 0) + f.lots
        lots[f.taker, f.subject] = lots.get((f.taker, f.subject), 0) - f.lots
    for p in found.payments:
        assert p.units > 0
        move(p.payer, p.payee, p.currency, p.units)
    assert {k: n for k, n in money.items() if n} == found.money
    assert {k: n for k, n in lots.items() if n} == found.lots
    for column in (found.money, found.lots):
        for name in {n for _, n in column}:
            assert sum(n for (_, at), n in column.items() if at == name) == 0
    size = 1.0 + found.closed + abs(found.value_before)
    explained = found.value_before + found.drift - found.cost
    assert abs(found.value_after - explained) <= 1e-9 * size
    assert abs(sum(found.to.values()) - found.cost) <= 1e-9 * size
