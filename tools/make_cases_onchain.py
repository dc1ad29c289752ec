"""Write the numbers of the tests of Drift, Synthetix, Opyn and GMX, and of dYdX's pages, as `plimsoll.case` documents.

    python tools/make_cases_onchain.py [--check]

Each case says where its number was printed: the venue's own tests, or the printed formula multiplied out by hand.
Nothing here calls the margin model. With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

from typing import Any

from case_files import keep

Doc = dict[str, Any]
OWN = ("drift-", "synthetix-", "opyn-", "gmx-", "dydx-v4-page-")
DRIFT = "project specification, venues-onchain 3.2: programs/drift/src/math/margin/tests.rs"


def market(time: str, prices: dict[str, float], instruments: list[Doc], **fields: Any) -> Doc:
    """A market document; every perpetual is marked at the price of its coin."""
    marks = {r["name"]: {"price": prices[r["underlying"]]} for r in instruments if r["kind"] == "perpetual"}
    return {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": time,
        "indices": {coin: {"price": price} for coin, price in prices.items()},
        "assets": {"USDC": {"price": 1.0}, "USD": {"price": 1.0}},
        "instruments": instruments,
        "marks": marks,
        **fields,
    }


def case(name: str, title: str, source: str, rules: Any, account: Doc, at: Doc, expected: Doc) -> Doc:
    """A case document."""
    head = {"schema": "plimsoll.case", "schema_version": 1, "id": name, "title": title, "source": source}
    document = {"schema": "plimsoll.account", "schema_version": 1, "name": name, **account}
    document = {"venue": name.partition("-")[0], **document}
    return {**head, "rules": rules, "account": document, "market": at, "expected": expected}


def rules(name: str, effective: str, currency: str, parameters: Doc, model: str | None = None) -> Doc:
    """A rules document of a test of the venue."""
    head = {"schema": "plimsoll.rules", "schema_version": 1, "name": name, "model": model or name}
    return {**head, "effective": effective, "currency": currency, "parameters": parameters}


def perpetual(name: str, coin: str, currency: str) -> Doc:
    """A linear perpetual."""
    return {"kind": "perpetual", "name": name, "underlying": coin, "settlement": "linear", "currency": currency}


def drift_rules(perp: Doc | None = None, spot: Doc | None = None) -> Doc:
    """Drift with the markets of one test."""
    market_rules: Doc = {"margin_ratio_initial": 1000, "margin_ratio_maintenance": 500, "imf_factor": 0}
    market_rules |= {"high_leverage_initial": 0, "high_leverage_maintenance": 0, "pnl_initial_weight": 10000}
    market_rules |= {"pnl_maintenance_weight": 10000, "pnl_imf_factor": 0, "pnl_max_imbalance": 0.0, **(perp or {})}
    token: Doc = {"decimals": 9, "initial_asset_weight": 9000, "maintenance_asset_weight": 9000}
    token |= {"initial_liability_weight": 11000, "maintenance_liability_weight": 11000, "imf_factor": 0}
    token |= {"scale_start": 0.0, **(spot or {})}
    quote = {"asset": "USDC", "decimals": 6}
    parameters = {"quote": quote, "perps": {"SOL": market_rules}, "spot": {"SOL": token}, "order_margin": 0.01}
    return rules("drift", "2026-01-01", "USD", {**parameters, "pnl_cap_initial": 100.0})


def drift() -> list[Doc]:
    """The 33 weights and ratios and the account sums of the venue's tests."""
    time = "2026-04-01T00:00:00Z"
    coin = [{"kind": "spot", "name": "SOL-SPOT", "underlying": "SOL"}, perpetual("SOL-PERP", "SOL", "USDC")]
    found: list[Doc] = []
    own: Doc
    expected: Doc
    weights = ((0, 9000, 11000), (10, 9000, 11000), (10_000, 8357, 11962), (100_000, 2642, 40422))
    for factor, asset, loan in weights:
        expected = {f"workings.SOL.asset_weight.{m}": asset for m in ("initial", "fill", "maintenance")}
        expected |= {f"workings.SOL.liability_weight.{m}": loan for m in ("initial", "fill", "maintenance")}
        title, own = f"Weights of 1,000 coins at a factor of {factor}", {"mode": "cross", "collateral": {"SOL": 1000.0}}
        at = market(time, {"SOL": 25.0}, coin)
        rule = drift_rules(spot={"imf_factor": factor})
        found.append(case(f"drift-weights-imf-{factor}", title, DRIFT, rule, own, at, expected))
    token = {"initial_asset_weight": 1500, "maintenance_asset_weight": 7500}
    by_type = {"initial": 1500, "fill": 4500, "maintenance": 7500}
    expected = {f"workings.SOL.asset_weight.{m}": w for m, w in by_type.items()}
    own = {"mode": "cross", "collateral": {"SOL": 100_000.0}}
    title = "A weight for each margin type"
    at = market(time, {"SOL": 25.0}, coin)
    found.append(case("drift-weights-types", title, DRIFT, drift_rules(spot=token), own, at, expected))
    for deposits, weight in ((1.0, 9000), (20_000.0, 9000), (40_000.0, 4500), (60_000.0, 3000)):
        own = {"mode": "cross", "collateral": {"SOL": 1.0}, "reported": {"deposits.SOL": deposits}}
        rule = drift_rules(spot={"scale_start": 500_000.0, "maintenance_asset_weight": 9000})
        title = f"Initial weight at {deposits:,.0f} coins deposited by all"
        expected = {"workings.SOL.asset_weight.initial": weight}
        found.append(case(f"drift-scaled-{deposits:.0f}", title, DRIFT, rule, own, at, expected))
    lows = {"high_leverage_initial": 200, "high_leverage_maintenance": 100}
    lower = {"high_leverage_initial": 100, "high_leverage_maintenance": 50, "imf_factor": 50}
    types = ("initial", "fill", "maintenance")
    ratios: list[tuple[str, Doc, float, bool, dict[str, float]]] = [
        ("types", {}, 1.0, False, dict(zip(types, (1000, 750, 500), strict=True))),
        ("types-high", lows, 1.0, True, dict(zip(types, (200, 150, 100), strict=True))),
        ("million", {"imf_factor": 50}, 1e6, False, {"initial": 1300}),
        ("high-0.1", lower, 0.1, True, {"initial": 100}),
        ("high-1", lower, 1.0, True, {"initial": 100}),
        ("high-10", lower, 10.0, True, {"initial": 104}),
        ("high-3000", lower, 3000.0, True, {"initial": 221}),
    ]
    for name, perp, size, high, wanted in ratios:
        own = {"mode": "cross", "positions": [{"instrument": "SOL-PERP", "quantity": size}]}
        own |= {"settings": {"high_leverage": high}}
        expected = {f"workings.SOL-PERP.ratio.{m}": r for m, r in wanted.items()}
        title = f"Margin ratio of a perpetual of {size:g} coins" + (" in high-leverage mode" if high else "")
        found.append(case(f"drift-ratio-{name}", title, DRIFT, drift_rules(perp), own, at, expected))
    at = market(time, {"SOL": 100.0}, coin)
    order = {"instrument": "SOL-SPOT", "quantity": 500.0, "price": 100.0}
    own = {"mode": "cross", "collateral": {"USDC": 10_000.0}, "orders": [order]}
    expected = {"workings.initial.requirement": "50000.010000", "workings.initial.collateral": "50000.000000"}
    title = "10,000 USDC and a bid for 500 coins at 100"
    found.append(case("drift-account-bid", title, DRIFT, "drift@2026-04-01", own, at, expected))
    order = {"instrument": "SOL-SPOT", "quantity": -3000.0, "price": 100.0}
    own = {"mode": "cross", "collateral": {"SOL": 500.0}, "orders": [order]}
    expected = {"workings.initial.requirement": "300000.010000", "workings.initial.collateral": "300000.000000"}
    title = "A deposit of 500 coins and an ask for 3,000"
    found.append(case("drift-account-ask", title, DRIFT, "drift@2026-04-01", own, at, expected))
    return found


def synthetix() -> list[Doc]:
    """The five positions of Liquidation.margin.test.ts at four sets of prices."""
    source = "project specification, venues-onchain 3.3: markets/perps-market Liquidation.margin.test.ts"
    sizes = {"BTC": -1.0, "ETH": 20.0, "LINK": 2000.0, "ARB": 5000.0, "OP": 5000.0}
    # opened from zero skew: oracle times one plus half the size over the skew scale
    fills = {"BTC": 29850.0, "ETH": 2020.0, "LINK": 5.05, "ARB": 2.05, "OP": 2.05}
    scales = {"BTC": 100.0, "ETH": 1000.0, "LINK": 100_000.0, "ARB": 100_000.0, "OP": 100_000.0}
    markets = {}
    for coin, scale in scales.items():
        growth, least = (1.5, 0.035) if coin in ("ARB", "OP") else (2.0, 0.01)
        markets[coin] = {"skew_scale": scale, "initial_margin_ratio": growth, "minimum_initial_margin_ratio": least}
        markets[coin] |= {"maintenance_margin_scalar": 0.5, "minimum_position_margin": 0.0, "flag_reward_ratio": 0.05}
        markets[coin] |= {"maker_fee": 0.0, "taker_fee": 0.0, "liquidation_multiplier": 1.0, "window_seconds": 10.0}
    keepers = {"min_reward": 0.0, "max_reward": 0.0, "min_profit_ratio": 0.0, "max_scaling": 0.0}
    keepers |= {"collateral_reward_ratio": 0.0, "flag_cost": 0.0, "liquidate_cost": 0.0}
    rule = rules("synthetix-v3", "2023-01-01", "USD", {"markets": markets, "collateral": {}, "keepers": keepers})
    swaps = [perpetual(coin, coin, "USD") for coin in sizes]
    own: Doc = {"mode": "cross", "collateral": {"USD": 20_000.0}}
    own["positions"] = [{"instrument": c, "quantity": q, "entry_price": fills[c]} for c, q in sizes.items()]
    states: list[tuple[str, tuple[float, ...], tuple[float, ...], float]] = [
        ("opened", (30_000.0, 2000.0, 5.0, 2.0, 2.0), (-150.0, -400.0, -100.0, -250.0, -250.0), 18_850.0),
        ("down", (28_000.0, 1900.0, 4.6, 1.9, 1.8), (1850.0, -2400.0, -900.0, -750.0, -1250.0), 16_550.0),
        ("nothing-left", (31_000.0, 1775.0, 3.0, 1.0, 1.13), (-1150.0, -4900.0, -4100.0, -5250.0, -4600.0), 0.0),
        ("liquidatable", (31_000.0, 1820.0, 3.0, 1.0, 1.0), (-1150.0, -4000.0, -4100.0, -5250.0, -5250.0), 250.0),
    ]
    found = []
    for name, prices, profits, available in states:
        expected: Doc = {f"workings.{c}.profit": f"{x:.6f}" for c, x in zip(sizes, profits, strict=True)}
        expected["net_equity"] = expected["workings.available_margin"] = f"{available:.6f}"
        if name == "opened":
            expected |= {"workings.required_initial": "5600.000000", "workings.required_maintenance": "2800.000000"}
        at = market("2025-01-01T00:00:00Z", dict(zip(sizes, prices, strict=True)), swaps)
        title = f"Five positions on 20,000 of margin, {name.replace('-', ' ')}"
        found.append(case(f"synthetix-margin-{name}", title, source, rule, own, at, expected))
    return found


def option(name: str, strike: float, call: bool, expiry: str) -> Doc:
    """An option on ETH as a vault takes it: a call settles in its coin, a put in USDC."""
    row = {"kind": "option", "name": name, "underlying": "ETH", "expiry": expiry, "strike": strike, "call": call}
    return {**row, "settlement": "inverse" if call else "linear", "currency": "ETH" if call else "USDC"}


def opyn() -> list[Doc]:
    """The naked vaults of the venue's test, and spreads multiplied out by hand."""
    source = "project specification, venues-onchain 3.1: marginCalculatorNakedMargin.test.ts"
    time, week = "2022-09-01T08:00:00Z", "2022-09-08T08:00:00Z"
    naked: list[tuple[str, str, Doc, float, Doc, Doc]] = [
        (
            "put",
            "One put at 100 with ETH at 150, seven days, 30 USDC posted",
            option("P", 100.0, False, week),
            150.0,
            {"USDC": 30.0},
            {"initial": "16.78", "maintenance": "16.78", "workings.excess": "13.22"},
        ),
        (
            "call",
            "One call at 2,500 with ETH at 1,800, seven days",
            option("C", 2500.0, True, week),
            1800.0,
            {"ETH": 1.0},
            {"initial": "0.1678", "maintenance": "0.1678", "currency": "ETH"},
        ),
    ]
    found = []
    for name, title, row, price, collateral, expected in naked:
        own = {"mode": "cross", "positions": [{"instrument": row["name"], "quantity": -1.0}], "collateral": collateral}
        at = market(time, {"ETH": price}, [row])
        found.append(case(f"opyn-naked-{name}", title, source, "opyn-naked@2022-08-22", own, at, expected))
    formula = "project specification, venues-onchain 3.1: the printed formula, multiplied out by hand"
    spreads: list[tuple[str, str, bool, list[tuple[float, float]], str]] = [
        ("put", "Two puts sold at 100, one bought at 90: 200 less 90", False, [(100.0, -2.0), (90.0, 1.0)], "110.00"),
        ("put-credit", "A put bought above the sold one needs nothing", False, [(100.0, -1.0), (120.0, 1.0)], "0.00"),
        (
            "call",
            "A call sold at 100, one bought at 125: a fifth of a coin",
            True,
            [(100.0, -1.0), (125.0, 1.0)],
            "0.20",
        ),
        ("call-bare", "Two calls sold, one bought below: one coin", True, [(100.0, -2.0), (80.0, 1.0)], "1.00"),
    ]
    for name, title, call, legs, needed in spreads:
        rows = [option(f"{'C' if call else 'P'}{strike:.0f}", strike, call, week) for strike, _ in legs]
        positions = [{"instrument": r["name"], "quantity": q} for r, (_, q) in zip(rows, legs, strict=True)]
        own = {"mode": "cross", "positions": positions, "collateral": {"ETH" if call else "USDC": 200.0}}
        at = market(time, {"ETH": 105.0}, rows)
        expected = {"initial": needed, "maintenance": needed}
        found.append(case(f"opyn-spread-{name}", title, formula, "opyn-spread@2022-08-22", own, at, expected))
    return found


def gmx() -> list[Doc]:
    """The printed conditions multiplied out by hand: no test of the venue prints numbers of a position."""
    source = "project specification, venues-onchain 3.4: the printed formula, multiplied out by hand"
    swap = [perpetual("BTC", "BTC", "USDC")]
    numbers: Doc = {"min_collateral_factor": 0.01, "min_collateral_factor_liquidation": 0.005}
    numbers |= {"open_interest_multiplier_long": 2e-10, "open_interest_multiplier_short": 2e-10}
    numbers |= {"max_open_interest_long": 1e8, "max_open_interest_short": 1e8, "impact_factor_positive": 1e-9}
    numbers |= {"impact_factor_negative": 2e-9, "impact_exponent": 2.0, "max_impact_factor_liquidation": 0.01}
    numbers |= {"position_fee_positive": 0.0005, "position_fee_negative": 0.0007}
    rule = rules(
        "gmx-v2", "2025-01-01", "USD", {"collateral": "USDC", "markets": {"BTC": numbers}, "min_collateral_usd": 10.0}
    )
    interest = {"open_interest_long.BTC": 75e6, "open_interest_short.BTC": 76e6}
    cases: list[tuple[str, str, float, float, Doc, Doc, Doc]] = [
        (
            "long",
            "2 BTC long for 100,000, 4,000 of collateral, open interest of 75 million: 1.5 % to open",
            2.0,
            52_000.0,
            {"entry_price": 50_000.0, "isolated_margin": 4_000.0, "unsettled_funding": -20.0},
            {**interest, "borrowing_fee.BTC": 30.0},
            {
                "workings.BTC.size": "100000.00",
                # closing takes 100,000 from the smaller side: 2e-9 (1.1e6^2 - 1e6^2)
                "workings.BTC.price_impact": "-420.00",
                "workings.BTC.remaining": "7460.00",
                "maintenance": "1020.00",
                "net_equity": "7980.00",
                # 1.5 % of the size and the profit, which does not help
                "initial": "5480.00",
                "workings.liquidation_price.BTC": "48520.00",
            },
        ),
        (
            "short-balanced",
            "A short that closing balances: the gain of price impact does not count, the fee is the lower one",
            -1.0,
            50_000.0,
            {"entry_price": 50_000.0, "isolated_margin": 900.0},
            interest,
            {
                "workings.BTC.price_impact": "0.00",
                "maintenance": "275.00",
                "initial": "760.00",
                "workings.liquidation_price.BTC": "50625.00",
            },
        ),
        (
            "small",
            "A position of 500: ten dollars of collateral have to remain",
            0.01,
            50_000.0,
            {"entry_price": 50_000.0, "isolated_margin": 12.0},
            {**interest, "price_impact.BTC": -1e6},
            {"workings.BTC.price_impact": "-5.00", "maintenance": "15.35", "initial": "15.35"},
        ),
    ]
    found = []
    for name, title, size, price, terms, reported, expected in cases:
        own: Doc = {"mode": "isolated", "positions": [{"instrument": "BTC", "quantity": size, **terms}]}
        own |= {"collateral": {"USDC": terms["isolated_margin"]}, "reported": reported}
        at = market("2025-02-01T00:00:00Z", {"BTC": price}, swap)
        found.append(case(f"gmx-{name}", title, source, rule, own, at, expected))
    return found


def dydx() -> list[Doc]:
    """The liquidation prices of the venue's pages: one position, and one beside another."""
    time, source = "2026-09-01T00:00:00Z", "project specification, venues-cex 5.2: v4-documentation, liquidation price"
    tiers = {
        name: {"initial_margin_ppm": imf, "maintenance_fraction_ppm": 500_000}
        for name, imf in (("ether", 100_000), ("starknet", 200_000))
    }
    caps = {"open_interest_lower_cap": 0, "open_interest_upper_cap": 0}
    parameters: Doc = {
        "tiers": {name: {**tier, **caps} for name, tier in tiers.items()},
        "markets": {
            "ETH": {"tier": "ether", "atomic_resolution": -9},
            "STRK": {"tier": "starknet", "atomic_resolution": -6},
        },
        "liquidation": {
            "max_liquidation_fee_ppm": 15_000,
            "bankruptcy_adjustment_ppm": 1_000_000,
            "spread_to_maintenance_margin_ratio_ppm": 1_500_000,
            "min_position_notional": 1_000_000_000,
            "max_position_portion_ppm": 100_000,
            "max_notional": 100_000_000_000,
            "max_insurance_lost": 1_000_000_000_000,
        },
        "funding_clamp_factor_ppm": 6_000_000,
    }
    rule = rules("dydx-v4", "2026-01-01", "USDC", parameters)
    swaps = [perpetual("ETH-USD", "ETH", "USDC"), perpetual("STRK-USD", "STRK", "USDC")]
    at = market(time, {"ETH": 3_000.0, "STRK": 1.75}, swaps)
    books = (
        ("one", "Three ETH sold at 3,000 on 1,000 USDC, 5 % of maintenance", {"ETH-USD": -3.0}, "3174.60"),
        ("cross", "1.5 ETH sold beside 1,000 STRK at 10 %", {"ETH-USD": -1.5, "STRK-USD": 1_000.0}, "3380.95"),
    )
    found = []
    for name, title, held, line in books:
        positions = [{"instrument": n, "quantity": q} for n, q in held.items()]
        own: Doc = {"mode": "cross", "collateral": {"USDC": 1_000.0}, "positions": positions}
        expected = {"net_equity": "1000.000000", "workings.liquidation_price.ETH-USD": line}
        found.append(case(f"dydx-v4-page-{name}", title, source, rule, own, at, expected))
    return found


def main(arguments: list[str] | None = None) -> int:
    return keep([*drift(), *synthetix(), *opyn(), *gmx(), *dydx()], "make_cases_onchain.py", arguments, own=OWN)


if __name__ == "__main__":
    raise SystemExit(main())
