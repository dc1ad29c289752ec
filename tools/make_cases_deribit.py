"""Write what Deribit and others have published of its margins as `plimsoll.case` documents.

    python tools/make_cases_deribit.py [--check]

Inputs and expected numbers are the printed ones; a text holds as many digits as were printed, a number is exact. Where
a source prints a size in coin, the contracts that make it up follow from the mark. Nothing here calls a margin model.
With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

from case_files import keep

Doc = dict[str, Any]
Expected = dict[str, str | float]

SPEC = "project specification, venues-cex"
LINEAR = f"{SPEC} 1.1: support.deribit.com article 25944738177565, worked examples"
OPTION = f"{SPEC} 1.2: third-party test of the option margin, underlying 10,000, strike 9,000, mark 0.025"
API = "Deribit API reference"
SIMULATE = f"{API}, private/pme/simulate, answer of 2024-06-17"
CAPTURE = "live answer of private/pme/simulate, 2026-02-15, ETH (cross portfolio margin, no equity in the matrix)"

FACE = {"BTC": 10.0, "ETH": 1.0, "SOL": 1.0}
MOVES = ("-66", "-33", "+50", "+100", "+200", "+300", "+400", "+500")
VOLS = (" iv up", "", " iv down")


def printed(number: str) -> str:
    """The digits of a number as printed, without an exponent.

    >>> printed("8.9286e-05")
    '0.000089286'
    """
    return format(Decimal(number), "f")


def delta_one(name: str, underlying: str, settlement: str, expiry: str | None = None) -> Doc:
    """A perpetual, or a future with `expiry`."""
    inverse = settlement == "inverse"
    row: Doc = {"kind": "future" if expiry else "perpetual", "name": name, "underlying": underlying}
    row |= {"settlement": settlement, "currency": underlying if inverse else "USDC"}
    row["multiplier"] = FACE[underlying] if inverse else 1.0
    return row | ({"expiry": expiry} if expiry else {})


def option(name: str, underlying: str, strike: float, call: bool, expiry: str) -> Doc:
    """An inverse option on one coin."""
    row = {"kind": "option", "name": name, "underlying": underlying, "expiry": expiry, "strike": strike, "call": call}
    return row | {"settlement": "inverse", "currency": underlying}


def case(
    name: str,
    title: str,
    source: str,
    rules: str | Doc,
    time: str,
    index: dict[str, float],
    legs: list[tuple[Doc, Doc, float]],
    expected: Expected,
    **more: Any,
) -> Doc:
    """One case; a leg is an instrument, its mark and the quantity held; `more` goes into the account and the market."""
    account: Doc = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "venue": "deribit"}
    account["positions"] = [{"instrument": i["name"], "quantity": q} for i, _, q in legs if q != 0.0]
    market: Doc = {"schema": "plimsoll.market", "schema_version": 1, "time": time}
    market["indices"] = {u: {"price": p} for u, p in index.items()}
    market["assets"] = {"USDC": {"price": 1.0}}
    market["instruments"] = [i for i, _, _ in legs]
    market["marks"] = {i["name"]: mark for i, mark, _ in legs}
    for key, value in more.items():
        (market if key == "expiries" else account)[key] = value
    head = {"schema": "plimsoll.case", "schema_version": 1, "id": f"deribit-{name}", "title": title, "source": source}
    return {**head, "rules": rules, "account": account, "market": market, "expected": expected}


def inverse_leg(
    name: str, underlying: str, coins: float, mark: float, expiry: str | None = None
) -> tuple[Doc, Doc, float]:
    """A position of so many coins at its mark."""
    return delta_one(name, underlying, "inverse", expiry), {"price": mark}, coins * mark / FACE[underlying]


def linear_cases() -> list[Doc]:
    """The worked examples of linear perpetuals, BTC_USDC at 100,000 and SOL_USDC at 200."""
    rows: list[tuple[str, float, float, Expected]] = [
        ("BTC", 25.0, 100_000.0, {"initial": 53_125.0, "maintenance": 28_125.0}),
        ("BTC", 350.0, 100_000.0, {"initial": 1_312_500.0}),
        ("SOL", 25.0, 200.0, {"initial": 200.625, "maintenance": 100.625}),
        ("SOL", 6_000.0, 200.0, {"initial": 84_000.0}),
    ]
    found = []
    for coin, size, price, expected in rows:
        leg = (delta_one(f"{coin}_USDC-PERPETUAL", coin, "linear"), {"price": price}, size)
        title = f"{size:g} {coin} of linear perpetual"
        name = f"sm-linear-{coin.lower()}-{size:g}"
        both = {**expected, "currency": "USDC"}
        time = "2025-01-01T00:00:00Z"
        found.append(case(name, title, LINEAR, "deribit-sm@2025-01-01", time, {coin: price}, [leg], both))
    return found


def inverse_cases() -> list[Doc]:
    """Inverse futures: the docs' 25 BTC and positions that were seen live."""
    btc = case(
        "sm-inverse-btc-25",
        "25 BTC of inverse perpetual",
        f"{SPEC} 1.1: test.deribit.com/pages/docs/futures",
        "deribit-sm@2025-01-01",
        "2025-01-01T00:00:00Z",
        {"BTC": 100_000.0},
        [inverse_leg("BTC-PERPETUAL", "BTC", 25.0, 100_000.0)],
        {"initial": 0.53125, "currency": "BTC"},
    )
    eth = case(
        "sm-live-eth-2026",
        "One dollar of ETH perpetual, live in February 2026",
        f"{SPEC} 1.1: live position of February 2026; the index is not printed and takes no part",
        "deribit-sm@2026-02-15",
        "2026-02-15T00:00:00Z",
        {"ETH": 1963.31},
        [(delta_one("ETH-PERPETUAL", "ETH", "inverse"), {"price": 1963.31}, 1.0)],
        {"initial": "0.000010187", "maintenance": "0.000005093", "currency": "ETH"},
    )
    sol = case(
        "sm-live-sol-2022",
        "Thirty dollars of SOL perpetual, live in May 2022",
        "position payload of ccxt pull request 13374; the mark is size over size in coin, for it is printed as 49.72",
        "deribit-sm@2022-05-21",
        "2022-05-21T06:34:06.676Z",
        {"SOL": 49.72},
        [(delta_one("SOL-PERPETUAL", "SOL", "inverse"), {"price": round(30.0 / 0.603420186, 8)}, 30.0)],
        {"initial": "0.024138628", "maintenance": "0.012070224", "currency": "SOL"},
    )
    return [btc, eth, sol]


def option_cases() -> list[Doc]:
    """Options: the worked example of both kinds and an order, and a long call that was seen live."""
    expiry, time, index = "2025-03-28T08:00:00Z", "2025-01-01T00:00:00Z", {"BTC": 10_000.0}
    row = {"underlying": "BTC", "expiry": expiry, "forward": {"variable": 10_000.0}}
    call, put = (option(f"BTC-28MAR25-9000-{'C' if c else 'P'}", "BTC", 9_000.0, c, expiry) for c in (True, False))
    order = {"orders": [{"instrument": call["name"], "quantity": 1.0, "price": 0.025}]}
    worked: list[tuple[str, str, Doc, float, float, float, Doc]] = [
        ("sm-short-call", "Short call in the money", call, -1.0, 0.175, 0.1, {}),
        ("sm-short-put", "Short put out of the money by a tenth", put, -1.0, 0.125, 0.1, {}),
        ("sm-buy-order", "Order to buy a call: it reserves the premium", call, 0.0, 0.025, 0.0, order),
    ]
    found = []
    for name, title, contract, quantity, initial, maintenance, more in worked:
        leg = (contract, {"price": 0.025}, quantity)
        both: Expected = {"initial": initial, "maintenance": maintenance, "currency": "BTC"}
        rules = "deribit-sm@2025-01-01"
        found.append(case(name, title, OPTION, rules, time, index, [leg], both, expiries=[row], **more))
    long = option("ETH-9JAN22-3200-C", "ETH", 3_200.0, True, "2022-01-09T08:00:00Z")
    live = case(
        "sm-live-long-call-2022",
        "A long call needs no margin, live in January 2022",
        "position payload of ccxt pull request 11173; the forward is not printed and takes no part",
        "deribit-sm@2022-01-08",
        "2022-01-08T09:28:46.185Z",
        {"ETH": 3220.99},
        [(long, {"price": 0.016574}, 1.0)],
        {"initial": 0.0, "maintenance": 0.0, "currency": "ETH"},
        expiries=[{"underlying": "ETH", "expiry": long["expiry"], "forward": {"variable": 3220.99}}],
    )
    return [*found, live]


def reference_rules() -> Doc:
    """The rates of the positions in the API reference: no pack of the venue itself, so the cases carry them."""
    rates = {"initial": 0.0295, "maintenance": 0.0215, "slope": 0.00005}
    options = {"initial": 0.15, "initial_floor": 0.1, "maintenance": 0.075, "put_mark_rate": 0.075}
    liquidation = {"trigger": 1.0, "rounds_per_second": 1.0, "margin_call": False, "user_locked": True}
    parameters: Doc = {"futures": {"BTC": {"inverse": rates}}, "inverse_options": options, "haircuts": {}}
    parameters["liquidation"] = {**liquidation, "steps": ["reduce_positions"], "fees": {}}
    head = {"schema": "plimsoll.rules", "schema_version": 1, "name": "deribit-sm-api-reference", "model": "deribit-sm"}
    head |= {"title": "Rates of the positions in the API reference", "effective": "2019-01-01", "currency": "coin"}
    return {**head, "decimals": 9, "evidence": {"*": "assumed"}, "parameters": parameters}


def reference_cases() -> list[Doc]:
    """Positions in the API reference, on other rates than the venue's own: 2.95 % and 2.15 % with the known slope."""
    perpetual = delta_one("BTC-PERPETUAL", "BTC", "inverse")
    future = delta_one("BTC-3SEP21", "BTC", "inverse", "2021-09-03T08:00:00Z")
    call, other = "private/get_positions", "private/get_subaccounts_details"
    undated, august = "2019-12-20T00:00:00Z", "2021-08-31T00:00:00Z"
    rows: list[tuple[str, str, str, float, Doc, float, float, tuple[str, str], str | None]] = [
        ("position", call, undated, 7466.79, perpetual, 7476.65, 5.0, ("0.000197283", "0.000143783"), "0.000197288"),
        (
            "subaccount-perpetual",
            other,
            august,
            47897.12,
            perpetual,
            48160.55,
            20.0,
            ("0.000122508", "8.9286e-05"),
            None,
        ),
        ("subaccount-future", other, august, 47897.12, future, 45837.07, -6.0, ("3.8615e-05", "2.8143e-05"), None),
    ]
    found = []
    for name, method, time, index, instrument, mark, quantity, (initial, maintenance), orders in rows:
        expected: Expected = {
            "components.futures.initial": printed(initial),
            "components.futures.maintenance": printed(maintenance),
        }
        reported = {} if orders is None else {"open_orders_margin": float(orders)}
        if orders is not None:
            expected["components.orders.initial"] = orders
        source = f"{API}, {method}; rates found from the numbers themselves, one pair for all of them"
        title = f"Position of {method}, {time[:4] if time == august else 'undated, dated by its price'}"
        legs = [(instrument, {"price": mark}, quantity)]
        rules = reference_rules()
        found.append(
            case(f"sm-api-{name}", title, source, rules, time, {"BTC": index}, legs, expected, reported=reported)
        )
    return found


def standard(width: int, values: list[str], path: str) -> Expected:
    """The 27 standard entries of a vector from its nine different ones; `path` holds the label of the scenario."""
    found: Expected = {}
    for i, value in enumerate(values):
        move = f"{width * (i - 4) / 4:+g}%".replace("+0%", "0%")
        for vol in VOLS:
            found[path.format(move + vol)] = printed(value) if float(value) else 0.0
    return found


def extended(down: str, up: str, path: str) -> Expected:
    """The eight far entries, equal on each side for contracts without volatility."""
    values = [down, down, up, up, up, up, up, up]
    labels = [f"{move}% iv up (extended)" for move in MOVES]
    return {path.format(n): printed(v) if float(v) else 0.0 for n, v in zip(labels, values, strict=True)}


def in_order(values: list[str]) -> Expected:
    """The scenarios of the requirement: nine standard values, thrice each, and eight zeros."""
    tripled = [printed(v) if float(v) else 0.0 for v in values for _ in VOLS]
    return {f"scenarios.{i}.pnl": v for i, v in enumerate([*tripled, *[0.0] * len(MOVES)])}


PERPETUAL = [
    "-0.05991206933333334", "-0.04289159509090909", "-0.027351162086956524", "-0.013105765166666668", "0",
    "0.012097629384615385", "0.023299138074074074", "0.033700538999999995", "0.043384601931034494",
]  # fmt: skip
FUTURE = [
    "0.0002261969523809524", "0.00016193645454545456", "0.00010326382608695652", "4.948058333333334e-05", "0",
    "-4.567438461538462e-05", "-8.796548148148148e-05", "-0.0001272357857142857", "-0.00016379779310344832",
]  # fmt: skip
BOTH = [
    "-0.05968587238095239", "-0.04272965863636364", "-0.02724789826086957", "-0.013056284583333334",
    "0", "0", "0", "0", "0",
]  # fmt: skip
ETHER = [
    "0.21939959699999997", "0.155989308849711", "0.09885036787912087", "0.04709624857068063", "0",
    "-0.04304011233014354", "-0.08252645391743119", "-0.11888171996035243", "-0.15246412672881357",
]  # fmt: skip
ETHER_OFFSET = [
    "0.13163975819999998", "0.09359358530982659", "0.05931022072747252", "0.028257749142408375", "0", *ETHER[5:],
]  # fmt: skip


def portfolio_cases() -> list[Doc]:
    """The official simulation of June 2024, whole and leg by leg, and a live one of February 2026."""
    rules, time, index = "deribit-pm@2024-06-17", "2024-06-17T10:22:20.501Z", {"BTC": 65666.19}
    perpetual = inverse_leg("BTC-PERPETUAL", "BTC", 0.314538364, 65910.57)
    future = inverse_leg("BTC-28JUN24", "BTC", -0.001187534, 67371.75, "2024-06-28T08:00:00Z")
    vector = "workings.pre_aggregated.BTC.{}"
    whole: Expected = {
        "currency": "BTC",
        "initial": "0.122861343",
        "maintenance": "0.050274504784",
        "workings.worst_case": "0.05968587238095239",
        "workings.roll_shock": "0.00315725898",
        "workings.delta_shock": 0.0,
        "workings.correlation_contingency": 0.0,
        "workings.risk_matrix_margin": "0.06284313098",
        "binding.0.label": "-16% iv up",
        "binding.0.kind": "standard",
        **in_order(BOTH),
    }
    reported = {"open_orders_margin": 0.000018212, "mmp_margin": 0.06, "spot_margin": 0.0}
    legs = [("perpetual", perpetual, PERPETUAL), ("future", future, FUTURE)]
    # the venue prints the last place of a far entry sometimes one unit beside that of the edge it equals
    far = {"perpetual": (PERPETUAL[0], "0.04338460193103449"), "future": (FUTURE[0], "-0.0001637977931034483")}
    ether: Expected = {
        "currency": "ETH",
        "initial": "0.157461562",
        "maintenance": "0.125969249812",
        "workings.worst_case": "0.15246412672881357",
        "workings.roll_shock": "0.004997435265",
        "workings.delta_shock": 0.0,
        "workings.risk_matrix_margin": "0.157461562265",
        "binding.0.label": "+18% iv up",
        "binding.0.kind": "standard",
        **standard(18, ETHER, "workings.pre_aggregated.ETH.{}"),
        **extended(ETHER[0], ETHER[-1], "workings.pre_aggregated.ETH.{}"),
        **in_order(ETHER_OFFSET),
    }
    title = "Perpetual and future, the whole answer: vectors, worst case, roll shock, both margins"
    found = [
        case("pm-simulate-2024", title, SIMULATE, rules, time, index, [perpetual, future], whole, reported=reported)
    ]
    for name, leg, values in legs:
        single = {**standard(16, values, vector), **extended(*far[name], vector)}
        words = f"The {name} alone: its initial risk vector"
        found.append(case(f"pm-simulate-2024-{name}", words, SIMULATE, rules, time, index, [leg], single))
    live = inverse_leg("ETH-PERPETUAL", "ETH", -0.999487053, 1949.49)
    at = "2026-02-15T23:20:09.587Z"
    words = "A short perpetual: vectors before and after offset and dampener, both margins"
    found.append(case("pm-live-2026", words, CAPTURE, "deribit-pm@2026-02-15", at, {"ETH": 1949.34}, [live], ether))
    return found


def main(arguments: list[str] | None = None) -> int:
    return keep(
        [*linear_cases(), *inverse_cases(), *option_cases(), *reference_cases(), *portfolio_cases()],
        "make_cases_deribit.py",
        arguments,
    )


if __name__ == "__main__":
    sys.exit(main())
