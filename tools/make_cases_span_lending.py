"""Write the hand-worked cases of SPAN and of the lending pool as `plimsoll.case` documents.

    python tools/make_cases_span_lending.py [--check]

The arithmetic stands on the rule pages (docs/rules/span.md, docs/rules/lending.md); the expected numbers are its
results. Nothing here calls a margin model. With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

from typing import Any

from case_files import keep

TIME = "2025-02-01T08:00:00Z"
SPOT = {"BTC": 100_000.0, "ETH": 2_500.0}
DAYS = {
    "2": "2025-02-03T08:00:00Z",
    "30": "2025-03-03T08:00:00Z",
    "90": "2025-05-02T08:00:00Z",
    "1": "2025-02-02T08:00:00Z",
}
SPAN = "docs/rules/span.md, worked by hand"
POOL = "docs/rules/lending.md, worked by hand"

Doc = dict[str, Any]


def instrument(name: str) -> Doc:
    """A linear contract by its name: `BTC-PERP`, `BTC-30` (days), `BTC-1-1000000-C`."""
    underlying, rest = name.split("-", 1)
    row: Doc = {"name": name, "underlying": underlying, "settlement": "linear", "currency": "USD"}
    if rest == "PERP":
        return {"kind": "perpetual", **row}
    days, *terms = rest.split("-")
    row["expiry"] = DAYS[days]
    if not terms:
        return {"kind": "future", **row}
    return {"kind": "option", **row, "strike": float(terms[0]), "call": terms[1] == "C"}


def span_case(name: str, title: str, legs: dict[str, float], expected: Doc) -> Doc:
    """One case under SPAN; futures and perpetuals are marked at the index, options at a volatility of 0.3."""
    rows = [instrument(n) for n in legs]
    dated = sorted({(r["underlying"], r["expiry"]) for r in rows if "expiry" in r})
    marks = {r["name"]: {"vol": 0.3} if r["kind"] == "option" else {"price": SPOT[r["underlying"]]} for r in rows}
    market = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": TIME,
        "indices": {u: {"price": SPOT[u]} for u in sorted({r["underlying"] for r in rows})},
        "assets": {"USD": {"price": 1.0}},
        "expiries": [{"underlying": u, "expiry": e, "forward": {"variable": SPOT[u]}} for u, e in dated],
        "instruments": rows,
        "marks": marks,
    }
    positions = [{"instrument": n, "quantity": q} for n, q in legs.items()]
    account = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "positions": positions}
    return document(name, title, SPAN, "span@2025-01-01", account, market, expected)


def file_case(name: str, title: str, legs: dict[str, float], expected: Doc) -> Doc:
    """One case under the example of a file of risk arrays; nothing of the market is used but its time."""
    market = {"schema": "plimsoll.market", "schema_version": 1, "time": "2024-12-25T16:00:00Z"}
    positions = [{"instrument": n, "quantity": q} for n, q in legs.items()]
    account = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "positions": positions}
    return document(name, title, SPAN, "span-arrays@2024-12-25", account, market, expected)


def pool_case(name: str, title: str, prices: Doc, loan: tuple[Doc, Doc], emode: bool, expected: Doc) -> Doc:
    """One case under the lending pool: prices, what is held and what is owed."""
    market = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": TIME,
        "assets": {a: {"price": p} for a, p in prices.items()},
    }
    account = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "mode": "cross"}
    account |= {"collateral": loan[0], "borrowed": loan[1], "settings": {"emode": True} if emode else {}}
    return document(name, title, POOL, "lending@2025-01-01", account, market, expected)


def document(name: str, title: str, source: str, rules: str, account: Doc, market: Doc, expected: Doc) -> Doc:
    """One case document."""
    head = {"schema": "plimsoll.case", "schema_version": 1, "id": name, "title": title, "source": source}
    return {**head, "rules": rules, "account": account, "market": market, "expected": expected}


def cases() -> list[Doc]:
    """Every case."""
    return [
        span_case(
            "span-spreads",
            "Two near futures against a later one, and ETH sold against it: a calendar charge and a credit",
            {"BTC-30": 2.0, "BTC-90": -1.0, "ETH-PERP": -40.0},
            {
                "workings.BTC.scan": "12000.000",
                "workings.BTC.calendar": "1200.000",
                "workings.BTC.spot": 0.0,
                "workings.BTC.composite_delta": "1.000",
                "workings.BTC.price_risk": "12000.000",
                "workings.BTC.credit": "6000.000",
                "workings.ETH.scan": "15000.000",
                "workings.ETH.composite_delta": "-40.000",
                "workings.ETH.credit": "7500.000",
                "maintenance": "14700.000",
                "initial": "16170.000",
                "binding.0.label": "price -1 ranges, vol up",
                "binding.1.label": "price +1 ranges, vol up",
            },
        ),
        span_case(
            "span-spot-month",
            "A future two days from its expiry against the perpetual: no scan, a spread and the spot month",
            {"BTC-2": 1.0, "BTC-PERP": -1.0},
            {
                "workings.BTC.calendar": "600.000",
                "workings.BTC.spot": "500.000",
                "maintenance": "1100.000",
                "initial": "1210.000",
            },
        ),
        span_case(
            "span-minimum",
            "Ten calls far out of reach, sold: the short-option minimum",
            {"BTC-1-1000000-C": -10.0},
            {
                "workings.BTC.short_option_minimum": "10000.000",
                "maintenance": "10000.000",
                "initial": "11000.000",
                "binding.0.label": "short-option minimum",
            },
        ),
        file_case(
            "span-arrays-spread",
            "Two months of a file of risk arrays against each other",
            {"XBT-202501": 1.0, "XBT-202503": -1.0},
            {
                "workings.XBT.scan": "30.00",
                "workings.XBT.calendar": "150.00",
                "workings.XBT.spot": "10.00",
                "maintenance": "190.00",
                "initial": "209.00",
                "charged.initial": 209.0,
            },
        ),
        file_case(
            "span-arrays-credit",
            "Two commodities of a file of risk arrays on opposite sides",
            {"XBT-202501": 1.0, "XET-202501": -2.0},
            {
                "workings.XBT.credit": "600.00",
                "workings.XET.credit": "600.00",
                "maintenance": "1220.00",
                "charged.initial": 1342.0,
            },
        ),
        pool_case(
            "lending-eth-usdc",
            "Ten ETH against 20,000 USDC",
            {"ETH": 3_000.0, "USDC": 1.0},
            ({"ETH": 10.0}, {"USDC": 20_000.0}),
            False,
            {"health": "1.245000", "excess_initial": "4000.000", "workings.available": "4000.000"},
        ),
        pool_case(
            "lending-correlated",
            "Staked ETH against ETH in the mode of correlated assets",
            {"WSTETH": 3_600.0, "ETH": 3_000.0},
            ({"WSTETH": 10.0}, {"ETH": 8.0}),
            True,
            {"health": "1.425000", "excess_initial": "9480.000"},
        ),
        pool_case(
            "lending-uncorrelated",
            "The same without that mode",
            {"WSTETH": 3_600.0, "ETH": 3_000.0},
            ({"WSTETH": 10.0}, {"ETH": 8.0}),
            False,
            {"health": "1.215000", "excess_initial": "4080.000"},
        ),
        pool_case(
            "lending-isolated",
            "An isolated asset up to the ceiling of its debt",
            {"LINK": 20.0, "USDC": 1.0},
            ({"LINK": 400_000.0}, {"USDC": 1_500_000.0}),
            False,
            {"health": "3.4667", "excess_initial": "500000.000", "workings.borrowing_power": "2000000.000"},
        ),
    ]


def main(arguments: list[str] | None = None) -> int:
    return keep(cases(), "make_cases_span_lending.py", arguments, own=("span-", "lending-"))


if __name__ == "__main__":
    raise SystemExit(main())
