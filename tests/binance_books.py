"""Random Binance accounts and their markets, as documents: futures of both kinds, loans, legs, orders, options."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Doc = dict[str, Any]

NOW = "2026-01-01T00:00:00Z"
MONTH = "2026-01-31T00:00:00Z"
INDEX = {"BTC": 70_000.0, "ETH": 2_500.0, "SOL": 150.0}


def perpetual(name: str, coin: str, **changes: Any) -> Doc:
    """A linear perpetual in USDT."""
    row = {"kind": "perpetual", "name": name, "underlying": coin, "settlement": "linear", "currency": "USDT"}
    return row | {"multiplier": 1.0} | changes


UM = [
    perpetual("BTCUSDT", "BTC"),
    perpetual("ETHUSDT", "ETH"),
    perpetual("SOLUSDT", "SOL"),
    perpetual("BTCUSDT_260131", "BTC", kind="future", expiry=MONTH),
]
CM = [
    perpetual("BTCUSD_PERP", "BTC", settlement="inverse", currency="BTC", multiplier=100.0),
    perpetual(
        "BTCUSD_260131", "BTC", settlement="inverse", currency="BTC", multiplier=100.0, kind="future", expiry=MONTH
    ),
]
OPTIONS = [
    {
        "kind": "option",
        "name": f"{coin}-260131-{strike:g}-{'C' if call else 'P'}",
        "underlying": coin,
        "expiry": MONTH,
        "strike": strike,
        "call": call,
        "settlement": "linear",
        "currency": "USDT",
        "multiplier": 1.0,
    }
    for coin, strikes in (("BTC", (50_000.0, 70_000.0, 76_000.0, 120_000.0)), ("ETH", (2_000.0, 2_500.0, 3_000.0)))
    for strike in strikes
    for call in (True, False)
]


def market_doc(instruments: list[Doc], marks: Doc, **changes: Any) -> Doc:
    """A market of these instruments at the indices above; USDT at a dollar."""
    content = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": NOW,
        "indices": {u: {"price": p} for u, p in INDEX.items()},
        "assets": {"USDT": {"price": 1.0}},
        "expiries": [
            {"underlying": u, "expiry": MONTH, "forward": {"variable": p * 1.01, "fixed": 0.0}}
            for u, p in INDEX.items()
        ],
        "instruments": instruments,
        "marks": marks,
    }
    return content | changes


def account_doc(positions: list[Doc], **changes: Any) -> Doc:
    """A cross account of these positions."""
    content = {"schema": "plimsoll.account", "schema_version": 1, "mode": "cross", "positions": positions}
    return content | changes


SIZE = st.floats(0.01, 1.0) | st.floats(1.0, 60.0) | st.sampled_from([500.0, 4_000.0, 30_000.0])
LEVERAGE = st.none() | st.sampled_from([1.0, 3.0, 20.0, 75.0, 125.0])


@st.composite
def positions_of(draw: st.DrawFn, contract: Doc, mark: float, apart: bool) -> list[Doc]:
    """One net position, or a long and a short leg, of a contract."""
    inverse = contract["settlement"] == "inverse"
    scale = 300.0 if inverse else 70_000.0 / mark
    legs = draw(st.sampled_from([("net",), ("long", "short"), ("long",)]))
    rows = []
    for leg in legs:
        size = round(draw(SIZE) * scale, 3)
        sign = {"long": 1.0, "short": -1.0, "net": draw(st.sampled_from([1.0, -1.0]))}[leg]
        row: Doc = {"instrument": contract["name"], "quantity": sign * size, "leg": leg, "leverage": draw(LEVERAGE)}
        how = draw(st.sampled_from(["entry", "profit", "none"]))
        notional = size * contract["multiplier"] * (1.0 / mark if inverse else mark)
        if how == "entry":
            row["entry_price"] = mark * draw(st.floats(0.8, 1.2))
        elif how == "profit":
            row["unrealised_pnl"] = notional * draw(st.floats(-0.1, 0.1))
        if contract["kind"] == "perpetual":
            row["unsettled_funding"] = notional * draw(st.sampled_from([0.0, -0.001, 0.002]))
        if apart or draw(st.sampled_from([False, False, False, None])) is None:
            row["isolated_margin"] = notional * draw(st.sampled_from([0.0, 0.01, 0.1, 1.0]))
        rows.append(row)
    return rows


@st.composite
def orders_of(draw: st.DrawFn, contracts: list[Doc], marks: Doc, legs: dict[str, str]) -> list[Doc]:
    """Up to four orders in what is listed; a leg where the contract is held in legs."""
    rows = []
    for _ in range(draw(st.integers(0, 4))):
        contract = draw(st.sampled_from(contracts))
        scale = 300.0 if contract["settlement"] == "inverse" else 70_000.0 / marks[contract["name"]]["price"]
        row: Doc = {"instrument": contract["name"], "reduce_only": draw(st.sampled_from([False, False, True]))}
        row["quantity"] = round(draw(SIZE) * scale, 3) * draw(st.sampled_from([1.0, -1.0]))
        row["price"] = marks[contract["name"]]["price"] * draw(st.floats(0.9, 1.1))
        row["leverage"] = draw(LEVERAGE)
        row["leg"] = "net" if legs.get(contract["name"], "net") == "net" else draw(st.sampled_from(["long", "short"]))
        rows.append(row)
    return rows


@st.composite
def futures_books(draw: st.DrawFn, contracts: list[Doc], orders: bool = True) -> tuple[Doc, Doc]:
    """An account in cross or isolated mode, and its market."""
    marks = {c["name"]: {"price": INDEX[c["underlying"]] * draw(st.floats(0.9, 1.1))} for c in contracts}
    mode = draw(st.sampled_from(["cross", "cross", "isolated"]))
    chosen = draw(st.lists(st.sampled_from(contracts), min_size=1, max_size=3, unique_by=lambda c: c["name"]))
    rows, legs = [], {}
    for contract in chosen:
        found = draw(positions_of(contract, marks[contract["name"]]["price"], mode == "isolated"))
        legs[contract["name"]] = found[0]["leg"]
        rows += found
    currency = contracts[0]["currency"]
    cash = draw(st.floats(-10.0, 1e3)) if currency == "BTC" else draw(st.floats(-1e5, 5e6))
    account = account_doc(rows, mode=mode, collateral={currency: cash})
    if orders:
        account["orders"] = draw(orders_of(contracts, marks, legs))
    return account, market_doc(contracts, marks)


@st.composite
def portfolios(draw: st.DrawFn) -> tuple[Doc, Doc]:
    """A Portfolio Margin account with futures of both kinds, balances, loans and orders."""
    account, market = draw(futures_books(UM + CM))
    for row in account["positions"]:
        row.pop("isolated_margin", None)
    account |= {"mode": "portfolio"}
    amount = st.sampled_from([0.0, 0.0, 1.0, -0.5, 30.0])
    account["collateral"] = {"USDT": draw(st.floats(-1e5, 1e6)), **{a: draw(amount) for a in ("BTC", "ETH")}}
    account["borrowed"] = {a: abs(draw(amount)) for a in draw(st.sampled_from([(), ("ETH",), ("BTC", "USDT")]))}
    setting = draw(st.sampled_from([None, "3x", "5x", "10x"]))
    account["settings"] = {} if setting is None else {f"margin_leverage_{setting}": True}
    market["assets"] = {"USDT": {"price": draw(st.sampled_from([1.0, 0.98, 1.01]))}}
    return account, market


@st.composite
def option_books(draw: st.DrawFn) -> tuple[Doc, Doc]:
    """An options account, some options quoted and some by volatility alone."""
    marks: Doc = {o["name"]: {"vol": draw(st.floats(0.2, 1.2))} for o in OPTIONS}
    for option in OPTIONS:
        if draw(st.booleans()):
            marks[option["name"]]["price"] = INDEX[option["underlying"]] * draw(st.floats(0.0, 0.2))
    chosen = draw(st.lists(st.sampled_from(OPTIONS), min_size=1, max_size=5, unique_by=lambda c: c["name"]))
    size = st.floats(0.01, 50.0)
    signed = st.tuples(size, st.sampled_from([1.0, -1.0])).map(lambda pair: pair[0] * pair[1])
    rows = [{"instrument": c["name"], "quantity": draw(signed)} for c in chosen]
    account = account_doc(rows, collateral={"USDT": draw(st.floats(-1e4, 1e6))})
    account["orders"] = [
        {
            "instrument": draw(st.sampled_from(OPTIONS))["name"],
            "quantity": draw(signed),
            "price": draw(st.floats(0.0, 5_000.0)),
            "reduce_only": draw(st.sampled_from([False, False, True])),
        }
        for _ in range(draw(st.integers(0, 3)))
    ]
    return account, market_doc(OPTIONS, marks)
