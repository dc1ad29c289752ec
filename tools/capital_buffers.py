"""Buffers by how long a transfer takes: option books under Deribit, and perpetuals on thin margin at other venues.

`books`: those of `recorded_books` on the option chain of a day, the first ten of each kind, 500 paths of filtered daily
closes (cut by the root of time where a transfer takes less than four days, assumed). `perpetuals`: seven million
dollars of a bitcoin perpetual under the newest pack of venues that ask for little of it, at a leverage of 40 where one
is chosen, long and short, at midnight of the first of each quarter of the recorded hours, 1,000 paths of the 180 days
before.
Capital is what keeps equity above maintenance margin but for one per cent until the transfer arrives; the buffer is
what of it is above initial margin.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import plimsoll as pl
from plimsoll.optimise.variation import Outlook, evaluate, same_time
from plimsoll.optimise.variation.drawing import transfer_paths
from plimsoll.optimise.variation.evaluation import VenueCapital
from plimsoll.scenarios.factors import FactorHistory
from recorded_books import KINDS, RULES, book, daily, snapshot

P = 0.01
HOURS = (4, 24, 48, 120)
BOOKS, BOOK_PATHS = 10, 500
PAST, PATHS, DOLLARS, PRICE = 180 * 24, 1_000, 7e6, 70_000.0
VENUES = (
    ("binance-usdm@2024-10-24", "USDT", 40),
    ("bybit-uta@2025-09-05", "USDT", 40),
    ("deribit-sm@2026-09-23", "USDC", None),
    ("derive-srm@2026-01-21", "USDC", None),
    ("drift@2026-04-01", "USDC", 40),
    ("dydx-v4@2026-03-05", "USDC", 40),
    ("hyperliquid-perps@2025-08-06", "USDC", 40),
    ("paradex-xm@2026-04-22", "USDC", None),
)
NAMES = {"USDT": "BTCUSDT", "USDC": "BTC"}
Row = list[str]


def hours_text(hours: int) -> str:
    """Hours, or days of them."""
    return f"{hours} h" if hours < 24 else f"{hours // 24} d"


def books(told: Callable[[str], None]) -> Iterator[Row]:
    """One row for each kind of book and transfer time."""
    market = snapshot()
    factors, model = daily(market), pl.margin_model(RULES)
    for kind in KINDS:
        held = [("book", book(kind, seed, market), model) for seed in range(BOOKS)]
        for hours in HOURS:
            outlook = Outlook(transfer_paths(factors, float(hours), BOOK_PATHS, 1)[0], same_time(float(hours)))
            found = [evaluate([h], market, outlook, P).venues[0] for h in held]
            told(f"{kind}, {hours} h")
            yield [kind, hours_text(hours), *_summary(found)]


def perpetuals(closes: np.ndarray, firsts: list[int], told: Callable[[str], None]) -> Iterator[Row]:
    """One row for each rule set and transfer time; `firsts` are the places of the last close known on each."""
    here = _market()
    for label, currency, leverage in VENUES:
        model = pl.margin_model(label)
        held = [_position(model, currency, leverage, side) for side in (1.0, -1.0)]
        for hours in HOURS:
            found = []
            for at in firsts:
                past = np.diff(np.log(closes[at - PAST : at + 1]))
                factors = FactorHistory.build(("BTC",), past[:, None], step_days=1.0 / 24.0)
                outlook = Outlook(transfer_paths(factors, float(hours), PATHS, at)[0], same_time(float(hours)))
                found += [evaluate([("book", a, model)], here, outlook, P).venues[0] for a in held]
            told(f"{label}, {hours} h")
            yield [f"`{label}`", hours_text(hours), *_summary(found, DOLLARS)]


def _summary(found: list[VenueCapital], unit: float | None = None) -> Row:
    """How many, with a buffer, mean margin and buffer (parts of `unit`, else US dollars), and capital over margin."""
    margin, buffer = (float(np.mean([getattr(v, name) for v in found])) for name in ("initial", "buffer"))
    amounts = [f"{x:,.0f}" if unit is None else f"{x / unit:.2%}" for x in (margin, buffer)]
    some = sum(v.buffer > 1e-6 * v.initial for v in found)
    times = float(np.mean([v.capital / v.initial for v in found]))
    return [f"{len(found)}", f"{some}", *amounts, f"{times:.2f}"]


def _market() -> pl.Market:
    listed = [
        {"kind": "perpetual", "name": n, "underlying": "BTC", "settlement": "linear", "currency": c}
        for c, n in NAMES.items()
    ]
    content: dict[str, Any] = {"schema": "plimsoll.market", "schema_version": 1, "time": "2026-03-02T00:00:00Z"}
    content |= {"indices": {"BTC": {"price": PRICE}}, "assets": {c: {"price": 1.0} for c in NAMES}}
    return pl.Market.from_dict(
        content | {"instruments": listed, "marks": {n: {"price": PRICE} for n in NAMES.values()}}
    )


def _position(model: pl.MarginModel, currency: str, leverage: int | None, side: float) -> pl.Account:
    position: dict[str, Any] = {"instrument": NAMES[currency], "quantity": side * DOLLARS / PRICE, "entry_price": PRICE}
    if leverage is not None:
        position["leverage"] = leverage
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": "book", "mode": model.MODES[0]}
    mode = {"mode": "cross"} if "cross" in model.MODES else {}
    return pl.Account.from_dict(content | mode | {"positions": [position], "collateral": {currency: DOLLARS}})
