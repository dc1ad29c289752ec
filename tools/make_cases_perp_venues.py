"""Write the published numbers of Hyperliquid, Paradex and Aevo as `plimsoll.case` documents.

    python tools/make_cases_perp_venues.py [--check]

Positions are real payloads and examples of the venues' pages; each says where its number was printed, or that it is
the printed rate and deduction multiplied out. Nothing here calls the margin model. Cases whose names start with
`paradex-sdk` hold what the venue's own SDK computed and are not written here.
With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

from typing import Any

from case_files import keep
from make_cases import LOW_DELTA_STRIKE, SPOT, VOL

Doc = dict[str, Any]
OWN = ("hyperliquid-", "paradex-pm-", "paradex-xm-", "aevo-")
PERPS, PM, XM = "hyperliquid-perps@2025-08-06", "paradex-pm@2025-01-15", "paradex-xm@2024-12-01"
NOW, MONTH = "2025-01-15T08:00:00Z", "2025-02-14T08:00:00Z"
HL = "project specification, venues-cex 5.1"
PAGE = "project specification, venues-cex 5.3"
THREAD = "account payload of JKorf/HyperLiquid.Net issue 98"


def perpetual(coin: str) -> Doc:
    """A linear perpetual settled in USDC."""
    return {"kind": "perpetual", "name": coin, "underlying": coin, "settlement": "linear", "currency": "USDC"}


def option(kind: str, name: str, coin: str, strike: float, call: bool, **terms: Any) -> Doc:
    """A linear option settled in USDC, dated or perpetual."""
    row = {"kind": kind, "name": name, "underlying": coin, "strike": strike, "call": call}
    return {**row, "settlement": "linear", "currency": "USDC", **terms}


def market(time: str, indices: dict[str, float], instruments: list[Doc], marks: Doc, **fields: Any) -> Doc:
    """A market document."""
    return {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": time,
        "indices": {coin: {"price": price} for coin, price in indices.items()},
        "assets": {"USDC": {"price": 1.0}},
        "instruments": instruments,
        "marks": marks,
        **fields,
    }


def case(name: str, title: str, source: str, rules: Any, account: Doc, at: Doc, expected: Doc) -> Doc:
    """A case document."""
    head = {"schema": "plimsoll.case", "schema_version": 1, "id": name, "title": title, "source": source}
    document = {"schema": "plimsoll.account", "schema_version": 1, "name": name, **account}
    return {**head, "rules": rules, "account": document, "market": at, "expected": expected}


def one_perpetual(
    name: str, title: str, source: str, rules: Any, coin: str, price: float, held: Doc, **more: Any
) -> Doc:
    """A case of one perpetual at its mark."""
    account = {"venue": name.split("-", maxsplit=1)[0], "mode": more.pop("mode", "cross")}
    account |= {"positions": [{"instrument": coin, **held}], "collateral": more.pop("collateral", {})}
    at = market(more.pop("time", NOW), {coin: price}, [perpetual(coin)], {coin: {"price": price}})
    return case(name, title, source, rules, account, at, more.pop("expected"))


def hyperliquid() -> list[Doc]:
    """Real positions, and the published tiers and deductions multiplied out."""
    hype = {"quantity": 2.0, "entry_price": 37.829, "leverage": 10.0, "isolated_margin": 7.531754}
    testnet = {
        "schema": "plimsoll.rules",
        "schema_version": 1,
        "name": "hyperliquid-perps",
        "model": "hyperliquid-perps",
        "effective": "2025-01-01",
        "currency": "USDC",
        "parameters": {
            "tables": {
                "DOGE": [
                    {"lower_bound": 0.0, "max_leverage": 10.0},
                    {"lower_bound": 20_000.0, "max_leverage": 5.0},
                    {"lower_bound": 100_000.0, "max_leverage": 3.0},
                ]
            },
            "coins": {"DOGE": "DOGE"},
            "transfer_share": 0.1,
            "liquidation": {
                "partial_above": 10_000.0,
                "partial_share": 0.2,
                "cooldown_seconds": 30.0,
                "backstop": 0.6666666666666666,
            },
        },
    }
    found = [
        one_perpetual(
            "hyperliquid-perps-isolated-hype",
            "A real isolated position of 2 HYPE at 10x, 6 August 2025",
            "clearinghouseState of JKorf/HyperLiquid.Net; the isolated margin is marginUsed less unrealizedPnl",
            "hyperliquid-perps@2025-08-06",
            "HYPE",
            37.826,
            hype,
            mode="isolated",
            time="2025-08-06T08:00:16.357Z",
            # accountValue less the profit of the position
            collateral={"USDC": 83.313638},
            expected={
                "workings.liquidation_price.HYPE": "35.8559189474",
                "workings.notional": "75.652",
                "workings.profit": "-0.006",
                "workings.withdrawable": "75.781884",
                "net_equity": "83.307638",
                "pools.0.equity": "75.781884",
                "pools.1.equity": "7.525754",
            },
        ),
        one_perpetual(
            "hyperliquid-perps-btc-margin-used",
            "Margin used by a real BTC position at 10x",
            f"{THREAD}: szi 0.01948, positionValue 1256.3626, marginUsed 125.63626",
            "hyperliquid-perps@2026-07-22",
            "BTC",
            64_495.0,
            {"quantity": 0.01948, "unrealised_pnl": -7.54583, "leverage": 10.0},
            time="2026-07-22T00:00:00Z",
            expected={"initial": "125.63626", "workings.notional": "1256.3626"},
        ),
    ]
    tiers = [
        ("BTC", 100_000.0, 2_000.0, "3125000.00", "40x to 150m, then 20x, deduction 1,875,000: 200m at 2.5 %"),
        ("ETH", 3_000.0, -50_000.0, "3666666.67", "25x to 100m, then 15x, deduction 1,333,333.33: 150m at 1/30"),
        ("SOL", 200.0, 350_000.0, "1750000.00", "20x to 70m, the end of the first tier: 70m at 2.5 %"),
        ("XRP", 0.5, -160_000_000.0, "3000000.00", "20x to 40m, then 10x, deduction 1,000,000: 80m at 5 %"),
        ("SUI", 1.0, 25_000_000.0, "1500000.00", "10x to 20m, then 5x: 25m at 10 % less 1,000,000"),
        ("OP", 0.5, 12_000_000.0, "450000.00", "10x to 3m, then 5x, deduction 150,000: 6m at 10 %"),
        ("DOGE", 0.2, 150_000_000.0, "2000000.00", "10x to 20m, then 5x: 30m at 10 % less 1,000,000"),
    ]
    for coin, price, quantity, expected, words in tiers:
        found.append(
            one_perpetual(
                f"hyperliquid-perps-tiers-{coin.lower()}",
                f"Maintenance of a large {coin} position",
                f"{HL}: {words}, multiplied out by hand",
                PERPS,
                coin,
                price,
                {"quantity": quantity, "leverage": 5.0},
                time="2026-09-27T00:00:00Z",
                expected={"maintenance": expected},
            )
        )
    sizes = ((20_000.0, "1000.00"), (50_000.0, "4000.00"), (150_000.0, "17333.33"))
    for notional, expected in sizes:
        found.append(
            one_perpetual(
                f"hyperliquid-perps-testnet-{notional / 1000:g}k",
                f"The worked testnet table, DOGE for {notional:,.0f} USDC",
                "project specification, venues-onchain 3.5: rates 5, 10, 16.667 %, deductions 0, 1,000, 7,666.67",
                testnet,
                "DOGE",
                0.25,
                {"quantity": notional / 0.25},
                time="2025-06-01T00:00:00Z",
                expected={"maintenance": expected},
            )
        )
    return found


def paradex_pm() -> list[Doc]:
    """The printed minimum delta, and the printed table on one perpetual."""
    strike = f"BTC-USD-14FEB25-{LOW_DELTA_STRIKE:.1f}-C"
    call = option("option", strike, "BTC", LOW_DELTA_STRIKE, True, expiry=MONTH)
    expiry = {"underlying": "BTC", "expiry": MONTH, "forward": {"variable": SPOT}}
    marks = {"BTC": {"price": SPOT}, strike: {"vol": VOL}}
    at = market(NOW, {"BTC": SPOT}, [perpetual("BTC"), call], marks, expiries=[expiry])
    held = [{"instrument": "BTC", "quantity": 1.0}, {"instrument": strike, "quantity": -5.0}]
    moves = [16, 12, 12, 8, 8, 4, 4, 0, 0, -4, -4, -8, -8, -12, -12, -16]
    far = [(-66, 0.24), (-33, 0.48), (50, 0.32), (100, 0.16), (200, 0.08), (300, 0.0533), (400, 0.04), (500, 0.032)]
    rows = [(move, 1.0) for move in moves] + far
    table = {f"scenarios.{i}.pnl": round(SPOT * move / 100 * weight, 6) for i, (move, weight) in enumerate(rows)}
    return [
        case(
            "paradex-pm-minimum-delta",
            "One long perpetual against five short calls of delta 0.3: net -0.5, hedged 1.0",
            f"{PAGE}: S = 70,000, 1,400",
            PM,
            {"venue": "paradex", "positions": held},
            at,
            {"workings.BTC.min_delta": "1400"},
        ),
        one_perpetual(
            "paradex-pm-table",
            "The printed table, row by row, on one long perpetual",
            f"{PAGE}: moves and weights, multiplied out by hand",
            PM,
            "BTC",
            SPOT,
            {"quantity": 1.0},
            mode="portfolio",
            expected={"components.scan.initial": "11200", "components.scan.maintenance": "5600", **table},
        ),
    ]


def paradex_xm() -> list[Doc]:
    """The printed examples of cross margin, S = 100, under the rates that they were printed with."""
    rows = [
        ("short-call", 106.0, True, -1.0, None, (10.0, 5.0), "short K106 call: IM 10, MM 5"),
        ("short-put", 106.0, False, -1.0, None, (15.0, 7.5), "short K106 put: IM 15, MM 7.5"),
        ("long-cheap", 95.0, True, 1.0, 10.0, (10.0, 5.0), "long, mark 10: 10 and 5"),
        ("long-dear", 75.0, True, 1.0, 30.0, (20.0, 10.0), "long, mark 30: 20 and 10"),
        (
            "short-far-put",
            40.0,
            False,
            -1.0,
            None,
            (10.0, 5.0),
            "short K40 put: IM min(10, 20) = 10, MM by the same rule",
        ),
    ]
    found = []
    for name, strike, call, quantity, mark, (initial, maintenance), words in rows:
        instrument = f"BTC-USD-{strike:g}-{'C' if call else 'P'}"
        contract = option("perpetual_option", instrument, "BTC", strike, call, style="everlasting", holding_rate=365.0)
        at = market(NOW, {"BTC": 100.0}, [contract], {instrument: {"price": 1.0 if mark is None else mark}})
        found.append(
            case(
                f"paradex-xm-{name}",
                f"Perpetual option in cross margin: {words.split(':', maxsplit=1)[0]}",
                f"{PAGE}, parameters of launch: {words}",
                XM,
                {
                    "venue": "paradex",
                    "mode": "cross",
                    "positions": [{"instrument": instrument, "quantity": quantity}],
                },
                at,
                {"components.positions.initial": initial, "components.positions.maintenance": maintenance},
            )
        )
    return found


def aevo() -> list[Doc]:
    """The printed reach of ETH: 1,400 goes to 1,680 and 1,120."""
    labels = {
        "scenarios.0.label": "+20% iv +50 points",
        "scenarios.2.label": "+20% iv -25 points",
        "scenarios.7.label": "0%",
        "scenarios.12.label": "-20% iv +50 points",
        "scenarios.14.label": "-20% iv -25 points",
    }
    amounts = {
        "scenarios.0.pnl": "280",
        "scenarios.3.pnl": "140",
        "scenarios.10.pnl": "-140",
        "scenarios.14.pnl": "-280",
    }
    return [
        one_perpetual(
            "aevo-pm-reach",
            "One long ETH perpetual over the published range of prices",
            "project specification, venues-cex 5.4: 1,400 goes to 1,680 and 1,120",
            "aevo-pm@2023-04-07",
            "ETH",
            1_400.0,
            {"quantity": 1.0},
            mode="portfolio",
            expected={"initial": "280", **labels, **amounts},
        )
    ]


def main(arguments: list[str] | None = None) -> int:
    return keep(
        [*hyperliquid(), *paradex_pm(), *paradex_xm(), *aevo()], "make_cases_perp_venues.py", arguments, own=OWN
    )


if __name__ == "__main__":
    raise SystemExit(main())
