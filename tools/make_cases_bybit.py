"""Write what Bybit has published of its margins as `plimsoll.case` documents.

    python tools/make_cases_bybit.py [--check]

Inputs and expected numbers are the printed ones; a text holds as many digits as were printed, a number is exact. What a
source does not print and a market needs (a stable coin at one USD, a volatility where only the mark counts) is set here
and enters no expected number. Nothing here calls a margin model. With --check nothing is written and a stale file
fails.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from case_files import FOLDER, keep

Doc = dict[str, Any]

SPEC = "project specification, venues-cex"
API = "Bybit API reference v5, asset/portfolio-margin, answer of 2026-03-24"
HELP = "Bybit help centre, Initial and Maintenance Margin Calculation (Options), 4 December 2023"
EARLY, TIERS, PM = "bybit-uta@2023-08-09", "bybit-uta@2025-09-05", "bybit-pm@2026-03-24"


def perpetual(name: str, coin: str, currency: str = "USDT", multiplier: float = 1.0) -> Doc:
    """A perpetual; one settled in its own coin is inverse."""
    settlement = "inverse" if currency == coin else "linear"
    row: Doc = {"kind": "perpetual", "name": name, "underlying": coin, "settlement": settlement}
    return row | {"currency": currency, "multiplier": multiplier}


def option(name: str, strike: float, call: bool, expiry: str, currency: str = "USDC") -> Doc:
    """A linear option on one BTC."""
    row: Doc = {"kind": "option", "name": name, "underlying": "BTC", "expiry": expiry, "strike": strike, "call": call}
    return row | {"settlement": "linear", "currency": currency}


def case(
    name: str, title: str, source: str, rules: Any, time: str, index: dict[str, float], legs: list[Any], **more: Any
) -> Doc:
    """One case; a leg is an instrument, its mark and a position; `more` goes into account, market and expectations."""
    account: Doc = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "venue": "bybit", "mode": "cross"}
    account["positions"] = [{"instrument": i["name"], **p} for i, _, p in legs if p]
    market: Doc = {"schema": "plimsoll.market", "schema_version": 1, "time": time}
    market["indices"] = {u: {"price": p} for u, p in index.items()}
    market["assets"] = {a: {"price": p} for a, p in more.pop("assets", {"USDC": 1.0, "USDT": 1.0}).items()}
    once = {i["name"]: i for i, _, _ in legs}
    market["instruments"] = list(once.values())
    market["marks"] = {i["name"]: mark for i, mark, _ in legs}
    expected = more.pop("expected")
    for key, value in more.items():
        (market if key == "expiries" else account)[key] = value
    head = {"schema": "plimsoll.case", "schema_version": 1, "id": f"bybit-{name}", "title": title, "source": source}
    return {**head, "rules": rules, "account": account, "market": market, "expected": expected}


def toy() -> Doc:
    """The tiers of the worked example of a symbol that has no name, as rules of their own."""
    file = FOLDER.parent.parent / "margin" / "venues" / "bybit" / "packs" / f"{TIERS}.json"
    rules: Doc = json.loads(file.read_text(encoding="utf-8"))
    steps = [0.02, 0.025, 0.03, 0.035, 0.04]
    tiers = [{"upto": 1000.0 * (n + 1), "maintenance": m, "initial": 2.0 * m} for n, m in enumerate(steps)]
    rules["parameters"]["futures"] = {"XYZUSDT": {"counted": "notional", "tiers": tiers}}
    rules["name"], rules["title"] = "bybit-example", "Tiers of the example of the help centre"
    rules["evidence"] = {"*": "assumed"}
    return rules


# limit in USDT, highest leverage, maintenance margin rate in per cent and deduction, as printed
BTCUSDT = (
    (2.0e6, 100.0, "0.5", 0.0),
    (2.6e6, 90.0, "0.56", 1_200.0),
    (3.2e6, 80.0, "0.63", 3_020.0),
    (3.8e6, 75.0, "0.67", 4_300.0),
    (4.4e6, 70.0, "0.71", 5_820.0),
    (5.0e6, 65.0, "0.77", 8_460.0),
    (5.6e6, 55.0, "0.91", 15_460.0),
    (8.5e6, 50.0, "1", 20_500.0),
    (10e6, 45.0, "1.3", 46_000.0),
    (14e6, 40.0, "1.5", 66_000.0),
    (20e6, 35.0, "1.6", 80_000.0),
    (28e6, 30.0, "2", 160_000.0),
    (38e6, 25.0, "2.5", 300_000.0),
    (50e6, 20.0, "2.9", 452_000.0),
    (55e6, 19.0, "3", 502_000.0),
    (60e6, 18.0, "3.5", 777_000.0),
    (65e6, 17.0, "3.6", 837_000.0),
    (70e6, 16.0, "3.8", 967_000.0),
    (75e6, 15.0, "4", 1_107_000.0),
    (80e6, 14.0, "4.5", 1_482_000.0),
)


def every_tier() -> Doc:
    """A position at the limit of each of the twenty tiers, at its highest leverage: contracts of one symbol's tiers."""
    rows = []
    expected: Doc = {}
    for n, (limit, leverage, rate, deduction) in enumerate(BTCUSDT):
        position = {"quantity": limit / 50_000.0, "entry_price": 50_000.0, "leverage": leverage}
        rows.append((perpetual(f"BTCUSDT-{n + 1}", "BTC"), {"price": 50_000.0}, position))
        shares = f"components.positions.shares.{n}"
        expected[f"{shares}.maintenance"] = float(Decimal(limit) * Decimal(rate) / 100 - Decimal(deduction))
        expected[f"{shares}.initial"] = f"{limit / leverage:.2f}"
    return case(
        "uta-tiers-btcusdt",
        "Each of the twenty tiers of BTCUSDT at its limit",
        f"{SPEC} 4.1: margin parameters of BTCUSDT, limits, leverages, rates and deductions, multiplied out",
        TIERS,
        "2025-09-05T00:00:00Z",
        {"BTC": 50_000.0},
        rows,
        expected=expected,
    )


def future_cases() -> list[Doc]:
    """Positions and worked examples of futures."""
    contract = perpetual("XYZUSDT", "XYZ")
    example = case(
        "uta-tiers",
        "100 contracts over four tiers",
        f"{SPEC} 4.1 (Y-1): help centre, Maintenance Margin (USDT Contract), inputs",
        toy(),
        "2025-09-05T00:00:00Z",
        {"XYZ": 35.0},
        [(contract, {"price": 35.0}, {"quantity": 100.0, "entry_price": 35.0, "leverage": 10.0})],
        expected={"components.positions.maintenance": 92.5, "components.positions.initial": 350.0},
    )
    inverse = case(
        "uta-inverse-isolated",
        "60,000 USD short in coin, isolated",
        f"{SPEC} 4.1 (Y-2): help centre, liquidation price under isolated margin, inputs",
        TIERS,
        "2025-09-05T00:00:00Z",
        {"BTC": 50_000.0},
        [
            (
                perpetual("BTCUSD", "BTC", "BTC"),
                {"price": 50_000.0},
                {"quantity": -60_000.0, "entry_price": 50_000.0, "leverage": 10.0, "isolated_margin": 0.12},
            )
        ],
        mode="isolated",
        collateral={"BTC": 0.12},
        expected={
            "workings.BTCUSD.value": "1.2",
            "workings.BTCUSD.initial": "0.12",
            "workings.BTCUSD.maintenance": "0.006",
        },
    )
    ada = {"quantity": 16.0, "entry_price": 4.78886875 / 16.0, "leverage": 4.0}
    live = case(
        "uta-live-ada-2023",
        "16 ADAUSDT long, as the API gave it",
        "ccxt pull request 18841, v5/position/list, 2023-08-09 (test network)",
        EARLY,
        "2023-08-09T18:36:21Z",
        {"ADA": 0.2995},
        [(perpetual("ADAUSDT", "ADA"), {"price": 0.2995}, ada)],
        expected={
            "workings.ADAUSDT.value": "4.78886875",
            "initial": "1.1991926",
            "maintenance": 0.0378919247,
            "workings.margin_balance": "0.0031313",
        },
    )
    legs = [
        {"quantity": q, "entry_price": 37_416.5, "leverage": 10.0, "leg": leg}
        for q, leg in ((0.003, "long"), (-0.003, "short"))
    ]
    hedged = case(
        "uta-live-hedge-2023",
        "The short leg of a hedge in BTCUSDT, as the API gave it",
        "ccxt pull request 18712, v5/position/list, 2023-11-21; the long leg is not in the excerpt and taken as large",
        EARLY,
        "2023-11-21T08:54:20Z",
        {"BTC": 37_414.4},
        [(perpetual("BTCUSDT", "BTC"), {"price": 37_414.4}, leg) for leg in legs],
        expected={
            "workings.BTCUSDT short.value": "112.2495",
            "workings.BTCUSDT short.close_fee": "0.1358219",
            "workings.BTCUSDT short.maintenance": 0.0,
            "shares.1.initial": "11.3607719",
            "shares.1.maintenance": "0.1358219",
        },
    )
    return [example, every_tier(), inverse, live, hedged]


def option_cases() -> list[Doc]:
    """Worked examples of options in cross margin."""
    expiry = "2022-06-30T08:00:00Z"
    call = option("BTC-30JUN22-31000-C", 31_000.0, True, expiry)
    forward = [{"underlying": "BTC", "expiry": expiry, "forward": {"variable": 30_000.0}}]
    short = case(
        "uta-short-call",
        "Short call out of the money",
        f"{SPEC} 4.2 (Y-3): {HELP}",
        EARLY,
        "2022-06-01T00:00:00Z",
        {"BTC": 30_000.0},
        [(call, {"price": 300.0}, {"quantity": -1.0})],
        expiries=forward,
        collateral={"USDC": 10_000.0},
        expected={"maintenance": 1260.0, "workings.account_mm_rate": "0.126", "net_equity": 10_000.0},
    )
    expiry = "2021-12-31T08:00:00Z"
    bought = option("BTC-31DEC21-48000-C", 48_000.0, True, expiry)
    order = {"instrument": bought["name"], "quantity": 0.3, "price": 3_500.0}
    buy = case(
        "uta-buy-order",
        "Order to buy a call",
        f"{SPEC} 4.2 (Y-5): {HELP}",
        EARLY,
        "2021-12-01T00:00:00Z",
        {"BTC": 42_000.0},
        [(bought, {"price": 3_500.0}, {})],
        expiries=[{"underlying": "BTC", "expiry": expiry, "forward": {"variable": 42_000.0}}],
        orders=[order],
        collateral={"USDC": 10_000.0},
        expected={"initial": "1053.78", "maintenance": 0.0},
    )
    expiry = "2022-07-22T08:00:00Z"
    low, high = (option(f"BTC-22JUL22-{k}-P", float(k), False, expiry, "USDT") for k in (18_500, 20_000))
    spread = case(
        "uta-put-spread",
        "Bear put spread: nothing is netted in cross margin",
        "Bybit help centre, Comparison of Spread Strategies in Cross Margin and Portfolio Margin, 18 September 2025",
        TIERS,
        "2022-07-15T00:00:00Z",
        {"BTC": 20_250.0},
        [
            (low, {"price": 290.0}, {"quantity": -1.0, "entry_price": 280.0}),
            (high, {"price": 750.0}, {"quantity": 1.0, "entry_price": 760.0}),
        ],
        expiries=[{"underlying": "BTC", "expiry": expiry, "forward": {"variable": 20_250.0}}],
        collateral={"USDT": 10_000.0},
        expected={"initial": 2315.0, "maintenance": 938.0},
    )
    return [short, buy, spread]


USDC = 0.99991216
USDT = 0.999708
"""USD of a USDC, and USDC of a USDT: what turns the marks of the example into its gains, and those into its margin."""

UP = "-24.06747339 -18.12509537 -11.36193138 -3.73852526 4.77766694 14.21190294 24.58198339 35.89827143 48.16388381"
UP += " 61.37503018 75.52147477"
SAME = "-33.15841013 -28.31048642 -22.62748031 -16.04846592 -8.52041879 0.00067229 9.54902598 20.14862960 31.81313064"
SAME += " 44.54603289 58.34116026"
DOWN = "-39.65273684 -35.80450518 -31.13352117 -25.55420042 -18.98866670 -11.36906857 -2.63944748 7.24291762"
DOWN += " 18.30672359 30.56641060 44.02244694"


def portfolio_cases() -> list[Doc]:
    """The API's own example of portfolio margin, whole and its option alone.

    Printed are marks, sizes and gains. The forward, a volatility of 27.74 % and USDT at 0.999708 USDC follow from the
    33 gains; the index follows from the future contingency, the price of spot from the gain of spot.
    """
    expiry, time = "2026-09-25T08:00:00Z", "2026-03-24T02:28:10Z"
    call = option("BTC-25SEP26-80000-C-USDT", 80_000.0, True, expiry, "USDT")
    mark = {"price": 2608.56395729, "vol": 0.2774}
    forward = [{"underlying": "BTC", "expiry": expiry, "forward": {"variable": 71_382.4}}]
    index, spot = 70_500.4035 * USDC, 70_500.5569 * USDC
    perp = perpetual("BTCUSDT", "BTC")
    hedge = 0.00100006
    whole = case(
        "pm-api-example",
        "Perpetual, call and spot that hedges",
        API,
        PM,
        time,
        {"BTC": index},
        [
            (perp, {"price": 255_902.31}, {"quantity": 0.038, "entry_price": 75_995.4295}),
            (call, mark, {"quantity": 0.02}),
        ],
        assets={"BTC": spot, "USDC": USDC, "USDT": USDT * USDC},
        expiries=forward,
        mode="portfolio",
        settings={"spot_hedging": True},
        collateral={"BTC": -hedge, "USDC": 45_000.0},
        expected={
            "workings.BTC.max_loss": "1004.747087",
            "workings.BTC.hedging_spot": "-0.00100006",
            "workings.BTC.option_contingency": 0.0,
            "workings.BTC.option_vega_contingency": 0.0,
            "workings.BTC.usdt_usdc_contingency": 0.0,
            "workings.BTC.future_delta_contingency": "56.89174",
            "workings.BTC.future_contingency": "0.8037046",
            "workings.BTC.contingency": "57.69545",
            "workings.BTC.maintenance": "1062.34921",
            "workings.BTC.initial": "1274.81905",
            "binding.0.label": "-10% iv down",
        },
    )
    printed = zip(UP.split(), SAME.split(), DOWN.split(), strict=True)
    gains = {f"scenarios.{3 * n + v}.pnl": row[v] for n, row in enumerate(printed) for v in range(3)}
    alone = case(
        "pm-api-option",
        "The call of the API example in its 33 scenarios",
        API,
        PM,
        time,
        {"BTC": 70_500.4035},
        [(call, mark, {"quantity": 0.02})],
        assets={"USDC": 1.0, "USDT": USDT},
        expiries=forward,
        mode="portfolio",
        collateral={"USDC": 1_000.0},
        expected={**gains, "workings.BTC.max_loss": DOWN.split()[0][1:]},
    )
    return [whole, alone]


def main(arguments: list[str] | None = None) -> int:
    return keep(
        [*future_cases(), *option_cases(), *portfolio_cases()], "make_cases_bybit.py", arguments, own=("bybit-",)
    )


if __name__ == "__main__":
    raise SystemExit(main())
