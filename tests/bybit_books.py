"""Random unified accounts at Bybit and their markets: futures of every kind, legs, loans, orders, options."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Doc = dict[str, Any]

GONE = "2026-01-01T00:00:00Z"
"""An expiry at the very instant of the markets, whose settlement is known."""

NOW = "2026-01-01T00:00:00Z"
WEEK, QUARTER = "2026-01-08T08:00:00Z", "2026-03-27T08:00:00Z"
INDEX = {"BTC": 70_000.0, "ETH": 2_500.0}
FORWARD = {WEEK: 1.002, QUARTER: 1.02}
USDT, USDC = 0.9991, 1.0003


def perpetual(name: str, coin: str, currency: str = "USDT", **changes: Any) -> Doc:
    """A perpetual; one settled in its own coin is inverse."""
    settlement = "inverse" if currency == coin else "linear"
    row = {"kind": "perpetual", "name": name, "underlying": coin, "settlement": settlement, "currency": currency}
    return row | {"multiplier": 1.0} | changes


FUTURES = [
    perpetual("BTCUSDT", "BTC"),
    perpetual("ETHUSDT", "ETH"),
    perpetual("BTCPERP", "BTC", "USDC"),
    perpetual("BTC-27MAR26", "BTC", "USDC", kind="future", expiry=QUARTER),
    perpetual("BTCUSD", "BTC", "BTC"),
    perpetual("ETHUSD", "ETH", "ETH"),
    perpetual("BTCUSDH26", "BTC", "BTC", kind="future", expiry=QUARTER),
    perpetual("BTC-1JAN26", "BTC", "USDC", kind="future", expiry=GONE),
]
OPTIONS = [
    {
        "kind": "option",
        "name": f"{coin}-{day[:10]}-{strike:g}-{'C' if call else 'P'}-{currency}",
        "underlying": coin,
        "expiry": day,
        "strike": strike,
        "call": call,
        "settlement": "linear",
        "currency": currency,
        "multiplier": 1.0,
    }
    for coin, strikes in (("BTC", (60_000.0, 70_000.0, 90_000.0)), ("ETH", (2_000.0, 2_600.0)))
    for day in (GONE, WEEK, QUARTER)
    for strike in strikes
    for call in (True, False)
    for currency in (("USDT", "USDC") if strike in (70_000.0, 2_600.0) else ("USDT",))
]


def market_doc(instruments: list[Doc], marks: Doc, **changes: Any) -> Doc:
    """A market of these instruments at the indices above."""
    content = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": NOW,
        "indices": {u: {"price": p} for u, p in INDEX.items()},
        "assets": {"USDT": {"price": USDT}, "USDC": {"price": USDC}},
        "expiries": [
            {"underlying": u, "expiry": day, "forward": {"variable": p * FORWARD[day]}}
            for u, p in INDEX.items()
            for day in FORWARD
        ],
        "instruments": instruments,
        "marks": marks,
    }
    return content | changes


def account_doc(**fields: Any) -> Doc:
    """An account document."""
    return {"schema": "plimsoll.account", "schema_version": 1, "venue": "bybit", "mode": "cross"} | fields


def forwards(share: float) -> list[Doc]:
    """Expiries of which a part of the forward still moves."""
    return [
        {
            "underlying": u,
            "expiry": day,
            "forward": {"variable": p * FORWARD[day] * share, "fixed": p * FORWARD[day] * (1.0 - share)},
        }
        for u, p in INDEX.items()
        for day in FORWARD
    ] + [{"underlying": u, "expiry": GONE, "settlement": p * 0.97} for u, p in INDEX.items()]


SHARES = st.sampled_from([1.0, 1.0, 0.6])
SIZES = st.sampled_from([1e-3, 0.1, 1.0, 7.0, 60.0, 900.0])
SIDES = st.sampled_from([1.0, -1.0])
NEAR = st.floats(0.7, 1.4, allow_nan=False)


@st.composite
def marks(draw: st.DrawFn, instruments: list[Doc]) -> Doc:
    """Marks near the index; an option shows its price now and then, and always a volatility."""
    found: Doc = {}
    for row in instruments:
        if row["kind"] == "option":
            found[row["name"]] = {"vol": draw(st.sampled_from([0.0, 0.3, 0.65, 1.2]))}
            if draw(st.booleans()):
                found[row["name"]]["price"] = INDEX[row["underlying"]] * draw(st.floats(0.0, 0.2))
        else:
            found[row["name"]] = {"price": INDEX[row["underlying"]] * draw(st.floats(0.9, 1.1))}
    return found


def quantity_of(draw: st.DrawFn, row: Doc) -> float:
    """A size in contracts: USD of an inverse one."""
    usd = row["settlement"] == "inverse"
    return float(draw(SIZES) * (INDEX[row["underlying"]] if usd else 1.0))


@st.composite
def balances(draw: st.DrawFn) -> Doc:
    """What is held or owed, and loans beside it."""
    assets = draw(st.lists(st.sampled_from(["USDT", "USDC", "BTC", "ETH"]), unique=True, max_size=4))
    unit = {"USDT": 70_000.0, "USDC": 70_000.0, "BTC": 1.0, "ETH": 20.0}
    collateral = {a: unit[a] * draw(st.floats(-3.0, 30.0)) for a in assets}
    borrowed = (
        {a: unit[a] * draw(st.floats(0.0, 2.0)) for a in draw(st.lists(st.sampled_from(assets), max_size=1))}
        if assets
        else {}
    )
    return {"collateral": collateral, "borrowed": borrowed}


@st.composite
def unified(draw: st.DrawFn, mode: str = "cross") -> tuple[Doc, Doc]:
    """An account in cross (with isolated positions now and then) or isolated margin, and its market."""
    kinds = FUTURES if mode == "isolated" else FUTURES + OPTIONS
    listed = draw(st.lists(st.sampled_from(kinds), unique_by=lambda r: r["name"], min_size=1, max_size=6))
    positions, orders = [], []
    for row in listed:
        option = row["kind"] == "option"
        legs = ["long", "short"] if not option and draw(st.integers(0, 2)) == 0 else ["net"]
        for leg in legs:
            side = {"long": 1.0, "short": -1.0}.get(leg) or draw(SIDES)
            position: Doc = {"instrument": row["name"], "quantity": side * quantity_of(draw, row), "leg": leg}
            if draw(st.booleans()):
                scale = 0.03 if option else 1.0
                position["entry_price"] = INDEX[row["underlying"]] * scale * draw(NEAR)
            elif not option and draw(st.booleans()):
                unit = 1.0 if row["settlement"] == "inverse" else INDEX[row["underlying"]]
                position["unrealised_pnl"] = unit * draw(st.floats(-1.0, 1.0))
            if row["kind"] == "perpetual" and draw(st.booleans()):
                position["unsettled_funding"] = 0.01 * draw(st.floats(-1.0, 1.0))
            if not option:
                position["leverage"] = draw(st.sampled_from([None, 1.0, 3.0, 25.0, 100.0]))
                if mode == "isolated" or draw(st.integers(0, 3)) == 0:
                    unit = 1.0 if row["settlement"] == "inverse" else INDEX[row["underlying"]]
                    position["isolated_margin"] = unit * draw(st.floats(0.0, 5.0))
            positions.append(position)
        for _ in range(draw(st.integers(0, 2))):
            scale = 0.03 if option else 1.0
            order = {"instrument": row["name"], "quantity": draw(SIDES) * quantity_of(draw, row)}
            order |= {"price": INDEX[row["underlying"]] * scale * draw(NEAR), "leg": draw(st.sampled_from(legs))}
            order |= {"reduce_only": draw(st.integers(0, 4)) == 0}
            orders.append(order | ({} if option else {"leverage": draw(st.sampled_from([None, 5.0]))}))
    account = account_doc(positions=positions, orders=orders, mode=mode, **draw(balances()))
    return account, market_doc(listed, draw(marks(listed)), expiries=forwards(draw(SHARES)))


@st.composite
def portfolios(draw: st.DrawFn) -> tuple[Doc, Doc]:
    """An account in portfolio margin and its market."""
    kinds = FUTURES + OPTIONS + OPTIONS
    listed = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=7))
    listed = list({r["name"]: r for r in listed}.values())
    positions, orders = [], []
    for row in listed:
        scale = 0.03 if row["kind"] == "option" else 1.0
        position: Doc = {"instrument": row["name"], "quantity": draw(SIDES) * quantity_of(draw, row)}
        if draw(st.booleans()):
            position["entry_price"] = INDEX[row["underlying"]] * scale * draw(NEAR)
        positions.append(position)
        if draw(st.integers(0, 3)) == 0:
            order = {"instrument": row["name"], "quantity": draw(SIDES) * quantity_of(draw, row)}
            orders.append(order | {"price": INDEX[row["underlying"]] * scale * draw(NEAR)})
    fields = {"settings": {"spot_hedging": draw(st.booleans())}, **draw(balances())}
    account = account_doc(positions=positions, orders=orders, mode="portfolio", **fields)
    return account, market_doc(listed, draw(marks(listed)), expiries=forwards(draw(SHARES)))


def notional(account: Doc, market: Doc) -> float:
    """USD that double precision may be about."""
    terms = {i["name"]: i for i in market["instruments"]}
    total = 0.0
    for row in [*account["positions"], *account["orders"]]:
        contract = terms[row["instrument"]]
        usd = contract["settlement"] == "inverse"
        total += abs(row["quantity"]) * (1.0 if usd else INDEX[contract["underlying"]])
    return total + sum(abs(v) * INDEX.get(a, 1.0) for a, v in account["collateral"].items())
