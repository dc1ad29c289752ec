"""Write what OKX and others have published of its margins as `plimsoll.case` documents.

    python tools/make_cases_okx.py [--check]

Inputs and expected numbers are the printed ones; a text holds as many digits as were printed, a number is exact. Where
an example gives amounts of a rule and no positions (1 and 3 of portfolio margin), a book is chosen that has them.
Nothing here calls a margin model. With --check nothing is written and a stale file fails.
"""

from __future__ import annotations

from typing import Any

from case_files import keep

Doc = dict[str, Any]
Expected = dict[str, str | float]

SPEC = "project specification, venues-cex"
BUILDER = f"OKX API reference, account/position-builder, answer of 2025-01-15; {SPEC} 2.1, O-2"
SCALING = f"OKX help 4417291853837; {SPEC} 2.1, O-1"
OPTION = f"rewrite of the venue's page on option margin; {SPEC} 2.2, O-4"
LIVE = "live answer of account/positions of 2023-01-15, ccxt/ccxt pull 16498 (data/margins)"
DEPEG = f"rewrite of the venue's page, pastorq.com/13690; {SPEC} 2.1, O-3"

USDT = 0.99954
"""USD price of USDT in the answer: cash delta over contracts, multiplier and mark, the same number for both units."""


def perpetual(underlying: str, currency: str, multiplier: float) -> Doc:
    """A swap; one that settles in its coin is inverse, with a face in USD."""
    inverse = currency == underlying
    name = f"{underlying}-{'USD' if inverse else currency}-SWAP"
    row: Doc = {"kind": "perpetual", "name": name, "underlying": underlying}
    return row | {"settlement": "inverse" if inverse else "linear", "currency": currency, "multiplier": multiplier}


def future(underlying: str, currency: str, multiplier: float, expiry: str) -> Doc:
    """A dated linear future."""
    name = f"{underlying}-{currency}-{expiry[2:10].replace('-', '')}"
    row: Doc = {"kind": "future", "name": name, "underlying": underlying, "expiry": expiry}
    return row | {"settlement": "linear", "currency": currency, "multiplier": multiplier}


def case(
    name: str,
    title: str,
    source: str,
    rules: str | Doc,
    time: str,
    index: dict[str, float],
    assets: dict[str, float],
    legs: list[tuple[Doc, Doc, Doc | None]],
    expected: Expected,
    **more: Any,
) -> Doc:
    """One case; a leg is an instrument, its mark and its position; `more` goes into the account and the market."""
    account: Doc = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "venue": "okx"}
    account["positions"] = [{"instrument": i["name"], **held} for i, _, held in legs if held is not None]
    market: Doc = {"schema": "plimsoll.market", "schema_version": 1, "time": time}
    market["indices"] = {u: {"price": p} for u, p in index.items()}
    market["assets"] = {a: {"price": p} for a, p in assets.items()}
    market["instruments"] = [i for i, _, _ in legs]
    market["marks"] = {i["name"]: mark for i, mark, _ in legs if mark}
    for key, value in more.items():
        (market if key == "expiries" else account)[key] = value
    head = {"schema": "plimsoll.case", "schema_version": 1, "id": f"okx-{name}", "title": title, "source": source}
    return {**head, "rules": rules, "account": account, "market": market, "expected": expected}


def builder_case() -> Doc:
    """The position builder's answer, whole: both risk units, borrowing, equity, totals and the margin ratio."""
    steps = {
        "BTC": ("-388.1369748240002", "-776.2739496480004", "-1164.4109244719994"),
        "LTC": ("61.168909352399936", "122.33781870480001", "183.50672805719995"),
    }
    # both directions gain and lose the same
    other = {coin: [s[1:] if s.startswith("-") else f"-{s}" for s in row] for coin, row in steps.items()}
    grid = {
        coin: ["0", *(s for pair in zip(row, other[coin], strict=True) for s in pair)] for coin, row in steps.items()
    }
    expected: Expected = {
        "BTC.cash_delta": "-9704.903689800001",
        "BTC.mr1": "1164.4109244719994",
        "BTC.mr2": "0",
        "BTC.mr3": "0",
        "BTC.mr4": "19.4098073796",
        "BTC.mr5": "0",
        "BTC.mr6": "1164.4109244720003",
        "BTC.mr7": "43.67206660410001",
        "BTC.mr9": "0",
        "BTC.mmr": "1183.8207318516002",
        "BTC.imr": "1538.9669514070802",
        "LTC.cash_delta": "1019.5308",
        "LTC.mr1": "183.50672805719995",
        "LTC.mr4": "8.1562464",
        "LTC.mr6": "183.5067280572",
        "LTC.mr7": "7.1367156",
        "LTC.mr9": "0",
        "LTC.mmr": "191.6629744572",
        "LTC.imr": "249.16186679436",
        "equity.USDT": "-78589.37",
        "derivative_mmr": "1375.4837063088003",
        "borrow_mmr": "1571.064377796",
        "borrow_imr": "7855.32188898",
        "margin_ratio": "-25.95365779811705",
    }
    expected = {f"workings.{path}": value for path, value in expected.items()}
    expected |= {"initial": "9643.45070718144", "maintenance": "2946.5480841048", "net_equity": "-78553.21888979999"}
    for start, coin in ((0, "BTC"), (23, "LTC")):
        for vol in range(3):
            for i, pnl in enumerate(grid[coin]):
                expected[f"scenarios.{start + 7 * vol + i}.pnl"] = pnl
    expected |= {"scenarios.21.pnl": "-2328.8218489440005", "scenarios.45.pnl": "-367.0134561144"}
    expected |= {"binding.0.label": "+12% iv up", "binding.1.label": "-18% iv up"}
    # the index of each unit is its worst loss over its move, in USDT
    index = {"BTC": 97078.9 * USDT, "LTC": 101.9951 * USDT}
    legs: list[tuple[Doc, Doc, Doc | None]] = [
        (perpetual("BTC", "USDT", 0.01), {"price": 97093.7}, {"quantity": -10.0, "entry_price": 100000.0}),
        (perpetual("LTC", "USDT", 1.0), {"price": 102.0}, {"quantity": 10.0, "entry_price": 8000.0}),
    ]
    return case(
        "pm-position-builder",
        "A short BTC and a long LTC swap on 100 USDT",
        BUILDER,
        "okx-pm@2025-01-15",
        "2025-01-15T10:26:41Z",
        index,
        {"USDT": USDT},
        legs,
        expected,
        collateral={"USDT": 100.0},
    )


def scaling_case() -> Doc:
    """40,000 of stress and basis, 30,000 of raw minimum charge: swaps against futures of one week, net long."""
    index = 40_000.0
    gross = 30_000.0 / 0.0045
    net = (40_000.0 - 0.002 * gross) / 0.15
    contracts = [sign * (gross + sign * net) / 2.0 / (0.01 * index) for sign in (1.0, -1.0)]
    legs: list[tuple[Doc, Doc, Doc | None]] = [
        (perpetual("BTC", "USDT", 0.01), {"price": index}, {"quantity": contracts[0]}),
        (future("BTC", "USDT", 0.01, "2022-03-11T08:00:00Z"), {"price": index}, {"quantity": contracts[1]}),
    ]
    unit = {"mr": 40_000.0, "mr7_raw": 30_000.0, "mr7": 50_000.0, "mmr": 50_000.0}
    expected: Expected = {f"workings.BTC-USDT.{name}": amount for name, amount in unit.items()}
    return case(
        "pm-scaled-minimum",
        "The minimum charge doubles above 10,000 USD and sets the margin",
        SCALING,
        "okx-pm@2022-03-04",
        "2022-03-04T08:00:00Z",
        {"BTC": index},
        {"USDT": 1.0},
        legs,
        {**expected, "maintenance": 50_000.0},
        expiries=[{"underlying": "BTC", "expiry": "2022-03-11T08:00:00Z", "forward": {"variable": index}}],
    )


def depeg_case() -> Doc:
    """10 million USD hedged between USDT and the dollar while USDT stands at 0.985."""
    mark, stable = 100_000.0, 0.985
    legs: list[tuple[Doc, Doc, Doc | None]] = [
        (perpetual("BTC", "USDT", 0.01), {"price": mark}, {"quantity": 1e7 / (0.01 * mark * stable)}),
        (perpetual("BTC", "BTC", 100.0), {"price": mark}, {"quantity": -100_000.0}),
    ]
    return case(
        "pm-depeg",
        "A hedge of 10 million between USDT and the dollar",
        DEPEG,
        "okx-pm@2025-01-15",
        "2025-02-01T00:00:00Z",
        {"BTC": mark * stable},
        {"USDT": stable},
        legs,
        {"workings.BTC.mr9": 202_500.0},
        collateral={"BTC": 20.0},
    )


def option_cases() -> list[Doc]:
    """The example of option margin: a short call in the second tier, an order to sell and one to buy."""
    expiry, forward = "2024-05-31T08:00:00Z", 5_900.0
    name = "BTC-USD-240531-6000-C"
    call: Doc = {"kind": "option", "name": name, "underlying": "BTC", "expiry": expiry, "strike": 6_000.0, "call": True}
    call |= {"settlement": "inverse", "currency": "BTC", "multiplier": 0.1}
    rows: list[tuple[str, str, Doc | None, list[Doc], Expected]] = [
        ("short-call", "One short call", {"quantity": -1.0}, [], {"components.options.initial": "0.01932"}),
        ("sell-order", "An order to sell 100 calls", None, [{"quantity": -100.0, "price": 0.06}], {"initial": "1.334"}),
        ("buy-order", "An order to buy 100 calls", None, [{"quantity": 100.0, "price": 0.0475}], {"initial": "0.477"}),
    ]
    return [
        case(
            f"options-{what}",
            title,
            OPTION,
            "okx-options@2024-05-01",
            "2024-05-01T08:00:00Z",
            {"BTC": forward},
            {},
            [(call, {"price": 0.0575}, held)],
            {**expected, "currency": "BTC"},
            mode="cross",
            reported={"margin_factor": 1.02},
            orders=[{"instrument": name, **order} for order in orders],
            expiries=[{"underlying": "BTC", "expiry": expiry, "forward": {"variable": forward}}],
        )
        for what, title, held, orders, expected in rows
    ]


def margin_case() -> Doc:
    """An isolated spot position seen live: what it sold, its margin, and the venue's margin and ratio of it."""
    return case(
        "margin-ltc-short",
        "0.113791 LTC sold short in isolated spot margin",
        LIVE,
        "okx-margin@2023-01-15",
        "2023-01-15T16:25:27Z",
        {"LTC": 87.81},
        {"USDT": 1.0},
        [],
        {"components.loan.maintenance": "0.4995993855", "health": "3.903466055555656", "currency": "USDT"},
        mode="isolated",
        collateral={"USDT": 12.00358728382},
        borrowed={"LTC": 0.113791},
    )


def margin_line_case() -> Doc:
    """The same position at the venue's liquidation price, where its margin ratio is one."""
    content = margin_case()
    content |= {"id": "okx-margin-ltc-line", "title": "The same position at its liquidation price"}
    content["market"]["indices"] = {"LTC": {"price": 100.31430948814871}}
    content["expected"] = {"health": 1.0}
    return content


def cases() -> list[Doc]:
    """Every case."""
    return [builder_case(), scaling_case(), depeg_case(), *option_cases(), margin_case(), margin_line_case()]


def main(arguments: list[str] | None = None) -> int:
    return keep(cases(), "make_cases_okx.py", arguments, own=("okx-",))


if __name__ == "__main__":
    raise SystemExit(main())
