"""Write what Binance and others have published of its margins as `plimsoll.case` documents.

    python tools/make_cases_binance.py [--check]

Inputs and expected numbers are the printed ones; a text holds as many digits as were printed, a number is exact. The
FAQ's examples use brackets older than any pack: those whose `cum` is the printed one go into the case. Nothing here
calls a margin model. With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

import sys
from typing import Any

from case_files import keep

Doc = dict[str, Any]

SPEC = "project specification, venues-cex"
FAQ = f"{SPEC} 3.2: example of the Binance FAQ, as in freqtrade tests/exchange/test_binance.py @c9ae5e1e"
LEVEL = f"{SPEC} 3.1: example of Binance FAQ b3c689c1f50a44cabb3a84e663b81d93"
TABLE = f"{SPEC} 3.1: brackets of 24 October 2024 with the cum that the venue publishes"
COIN = f"{SPEC} 3.3: example of the Binance FAQ"
PORTFOLIO = f"{SPEC} 3.4: example of Binance FAQ 5e33af8e6ac04d57a1d0a3398e0a0752, the part that was captured"
THREAD = "position of a portfolio margin account pasted in ccxt pull request 21180, 2024-02-09"

# end, maintenance rate, highest leverage; the cum of 250,000 is the printed 1,300, and 16,300 and 135,365 follow
BTC_2021 = ((50e3, 0.004, 125.0), (250e3, 0.005, 100.0), (1e6, 0.01, 50.0), (7.5e6, 0.025, 20.0), (20e6, 0.05, 10.0))
ETH_2021 = (
    (10e3, 0.005, 100.0),
    (100e3, 0.0065, 75.0),
    (500e3, 0.01, 50.0),
    (1e6, 0.02, 25.0),
    (2e6, 0.05, 10.0),
    (5e6, 0.10, 5.0),
    (10e6, 0.125, 4.0),
)


def table(rows: tuple[tuple[float | None, float, float], ...]) -> Doc:
    """Brackets whose `cum` follows."""
    return {"tiers": [{"upto": u, "maintenance": m, "initial": 1.0 / leverage} for u, m, leverage in rows]}


def rules(name: str, effective: str, currency: str, parameters: Doc) -> Doc:
    """A rules document of the case's own."""
    content = {"schema": "plimsoll.rules", "schema_version": 1, "name": f"{name}-example", "model": name}
    content |= {"title": "Brackets of the example", "effective": effective, "currency": currency, "decimals": 8}
    return content | {"evidence": {"*": "assumed"}, "parameters": parameters}


OLDER = rules(
    "binance-usdm",
    "2021-01-01",
    "USDT",
    {"default_leverage": 20.0, "symbols": {"BTCUSDT": table(BTC_2021), "ETHUSDT": table(ETH_2021)}},
)


def swap(name: str, underlying: str, **changes: Any) -> Doc:
    """A linear perpetual in USDT."""
    row = {"kind": "perpetual", "name": name, "underlying": underlying, "settlement": "linear", "currency": "USDT"}
    return row | {"multiplier": 1.0} | changes


def market(time: str, prices: dict[str, float], legs: dict[str, tuple[Doc, float]]) -> Doc:
    """Indices, USDT at a dollar, and the contracts with their marks."""
    return {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": time,
        "indices": {u: {"price": p} for u, p in prices.items()},
        "assets": {"USDT": {"price": 1.0}},
        "instruments": [terms for terms, _ in legs.values()],
        "marks": {name: {"price": mark} for name, (_, mark) in legs.items()},
    }


def case(name: str, title: str, source: str, rule_set: str | Doc, account: Doc, where: Doc, expected: Doc) -> Doc:
    """One case document."""
    head = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "venue": "binance"}
    return {
        "schema": "plimsoll.case",
        "schema_version": 1,
        "id": f"binance-{name}",
        "title": title,
        "source": source,
        "rules": rule_set,
        "account": head | account,
        "market": where,
        "expected": expected,
    }


def liquidation_cases() -> list[Doc]:
    """B-1 to B-4: the wallet holds 1,535,443.01 USDT; marks are those at which the printed TMM and UPNL come out."""
    wallet, now = 1_535_443.01, "2021-07-01T00:00:00Z"
    ether = {"instrument": "ETHUSDT", "quantity": 3_683.979, "entry_price": 1_456.84}
    bitcoin = {"instrument": "BTCUSDT", "quantity": 109.488, "entry_price": 32_481.98}
    legs = {"ETHUSDT": (swap("ETHUSDT", "ETH"), 1_335.18), "BTCUSDT": (swap("BTCUSDT", "BTC"), 31_967.27)}
    where = market(now, {"BTC": 31_967.27, "ETH": 1_335.18}, legs)
    cross = {"mode": "cross", "positions": [ether, bitcoin], "collateral": {"USDT": wallet}}
    found = []
    for name, title, position, price in (
        ("b1-isolated-eth", "B-1: isolated long of ETHUSDT", ether, "1114.78"),
        ("b2-isolated-btc", "B-2: isolated long of BTCUSDT", bitcoin, "18778.73"),
    ):
        account: Doc = {"mode": "isolated", "positions": [position | {"isolated_margin": wallet}]}
        account |= {"collateral": {"USDT": wallet}}
        wanted: Doc = {f"workings.liquidation_price.{position['instrument']}": price}
        found.append(case(name, title, FAQ, OLDER, account, where, wanted))
    expected = {
        "workings.liquidation_price.ETHUSDT": "1153.26",
        "workings.liquidation_price.BTCUSDT": "26316.89",
        "components.positions.shares.1.maintenance": "71200.81144",
        "components.positions.shares.0.maintenance": "356512.508",
    }
    title = "B-3 and B-4: both longs in cross margin, each with the TMM and UPNL of the other"
    return [*found, case("b3-b4-cross", title, FAQ, OLDER, cross, where, expected)]


def bracket_cases() -> list[Doc]:
    """Sizes of the FAQs' brackets, margined at the printed rate less the printed cum."""
    legs = {"BTCUSDT": (swap("BTCUSDT", "BTC"), 40_000.0)}
    where = market("2021-07-01T00:00:00Z", {"BTC": 40_000.0}, legs)
    found = []
    for size, margin in ((264_000.0, 1_340.0), (500_000.0, 3_700.0)):
        account = {"mode": "cross", "positions": [{"instrument": "BTCUSDT", "quantity": size / 40_000.0}]}
        title = f"{size:,.0f} USDT of BTCUSDT at 1 % less 1,300"
        found.append(case(f"level-{size:.0f}", title, LEVEL, OLDER, account, where, {"maintenance": margin}))
    inverse = swap("BTCUSD_PERP", "BTC", settlement="inverse", currency="BTC", multiplier=100.0)
    where = market("2024-10-24T00:00:00Z", {"BTC": 50_000.0}, {"BTCUSD_PERP": (inverse, 50_000.0)})
    for coins, words, margin in ((300, "12.5 % less 11.81", 25.69), (60, "5 % less 1.81", 1.19)):
        account = {"mode": "cross", "positions": [{"instrument": "BTCUSD_PERP", "quantity": 500.0 * coins}]}
        wanted: Doc = {"maintenance": margin, "currency": "BTC"}
        title = f"{coins} BTC of BTCUSD at {words}"
        found.append(case(f"coin-{coins}-btc", title, COIN, "binance-coinm@2024-10-24", account, where, wanted))
    return [*found, last_brackets()]


def last_brackets() -> Doc:
    """A position in the last bracket of each symbol, whose cum is made of all the brackets below it."""
    prices = {"BTC": 50_000.0, "ETH": 2_500.0, "SOL": 200.0}
    sizes = {"BTC": (1.5e9, 421_481_450.0), "ETH": (1e9, 280_506_450.0), "SOL": (3e8, 66_728_380.0)}
    legs = {f"{c}USDT": (swap(f"{c}USDT", c), p) for c, p in prices.items()}
    where = market("2024-10-24T00:00:00Z", prices, legs)
    rows = [{"instrument": f"{c}USDT", "quantity": size / prices[c]} for c, (size, _) in sizes.items()]
    margins = [0.5 * size - cum for size, cum in sizes.values()]
    wanted: Doc = {f"components.positions.shares.{i}.maintenance": margin for i, margin in enumerate(margins)}
    account: Doc = {"mode": "cross", "positions": rows}
    title = "BTCUSDT, ETHUSDT and SOLUSDT in their last brackets: 50 % less the published cum"
    return case("last-brackets-2024", title, TABLE, "binance-usdm@2024-10-24", account, where, wanted)


def position_cases() -> list[Doc]:
    """A position as its holder saw it, by the futures' own rules and by those of portfolio margin."""
    mark = 46_315.48567
    where = market("2024-02-08T05:57:59Z", {"BTC": mark}, {"BTCUSDT": (swap("BTCUSDT", "BTC"), mark)})
    position = {"instrument": "BTCUSDT", "quantity": 0.01, "entry_price": 44_525.0, "leg": "long", "leverage": 100.0}
    account = {"positions": [position], "collateral": {"USDT": 30.78936488}}
    first = rules(
        "binance-usdm",
        "2024-02-01",
        "USDT",
        {"default_leverage": 20.0, "symbols": {"BTCUSDT": table(((50e3, 0.004, 125.0),))}},
    )
    # both margins were cut off, not rounded, after the eighth decimal: one digit less is what they say for certain
    wanted: Doc = {
        "initial": "4.6315486",
        "maintenance": "1.8526194",
        "net_equity": "48.69422158",
        "workings.profit": "17.9048567",
        "workings.liquidation_price.BTCUSDT": "41612.5",
    }
    title = "0.01 BTCUSDT long in hedge mode at 100x: margins, equity and liquidation price"
    found = [case("um-position-2024", title, THREAD, first, account | {"mode": "cross"}, where, wanted)]
    margins = {"components.um_futures.initial": "4.6315486", "components.um_futures.maintenance": "1.8526194"}
    title = "The same position, margins under portfolio margin"
    whole = account | {"mode": "portfolio"}
    return [*found, case("pm-position-2024", title, THREAD, "binance-pm@2024-02-08", whole, where, margins)]


def portfolio_case() -> Doc:
    """The example of the Portfolio Margin FAQ; its collateral rates, price of ETH and final ratio were not captured."""
    flat = table(((None, 0.005, 125.0),))
    parameters: Doc = {
        "default_leverage": 20.0,
        "default_margin_leverage": "3x",
        "open_loss": True,
        "collateral": {a: {"collateral_rate": r} for a, r in (("USDT", 1.0), ("BTC", 0.95), ("ETH", 0.95))},
        "loans": {"3x": {"margin_leverage": 3.0, "loan_maintenance": 0.10}},
        "statuses": {"any": {"uni_mmr_above": 0.0}},
        "um": {"BTCUSDT": flat},
        "cm": {"BTCUSD": flat},
    }
    inverse = swap("BTCUSD_PERP", "BTC", settlement="inverse", currency="BTC", multiplier=100.0)
    quarterly = swap("BTCUSDT_QUARTER", "BTC", kind="future", expiry="2022-03-25T08:00:00Z")
    legs = {
        "BTCUSDT": (swap("BTCUSDT", "BTC"), 40_000.0),
        "BTCUSDT_QUARTER": (quarterly, 42_000.0),
        "BTCUSD_PERP": (inverse, 40_000.0),
    }
    account = {
        "mode": "portfolio",
        "positions": [
            {"instrument": "BTCUSDT", "quantity": -0.05, "entry_price": 52_000.0},
            {"instrument": "BTCUSDT_QUARTER", "quantity": 0.04, "entry_price": 52_350.0},
            {"instrument": "BTCUSD_PERP", "quantity": 100.0, "entry_price": 50_000.0},
        ],
        "collateral": {"USDT": 6_000.0, "BTC": 0.2, "ETH": 20.0},
        "borrowed": {"BTC": 0.04, "ETH": 15.0},
    }
    expected = {
        "workings.futures_maintenance.USDT": 18.4,
        "workings.futures_maintenance.BTC": 0.00125,
        "workings.loan_maintenance.BTC": 0.004,
        "workings.loan_maintenance.ETH": 1.5,
        "workings.balance.USDT": 6_186.0,
        "workings.balance.BTC": 0.11,
        "workings.balance.ETH": 5.0,
    }
    where = market("2022-01-10T00:00:00Z", {"BTC": 40_000.0, "ETH": 3_000.0}, legs)
    own = rules("binance-pm", "2022-01-01", "USD", parameters)
    title = "Balances, loans and futures of three wallets: maintenance margin and X of each asset"
    return case("pm-example", title, PORTFOLIO, own, account, where, expected)


def main(arguments: list[str] | None = None) -> int:
    return keep(
        [*liquidation_cases(), *bracket_cases(), *position_cases(), portfolio_case()],
        "make_cases_binance.py",
        arguments,
        own=("binance-",),
    )


if __name__ == "__main__":
    sys.exit(main())
