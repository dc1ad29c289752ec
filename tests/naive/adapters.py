"""From our JSON documents to the plain dictionaries the naive twins read; nothing of the package is used."""

from __future__ import annotations

from datetime import datetime
from typing import Any

Doc = dict[str, Any]

YEAR = 31_536_000.0


def seconds_to(market: Doc, expiry: str) -> float:
    """Seconds from the snapshot to an expiry."""
    return (instant(expiry) - instant(market["time"])).total_seconds()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def prbm_inputs(account: Doc, market: Doc) -> tuple[list[Doc], Doc]:
    """`book, market` of `naive.prbm.prbm`."""
    instruments = {i["name"]: i for i in market["instruments"]}
    forwards = {(e["underlying"], e["expiry"]): e["forward"] for e in market["expiries"]}
    prices = {a: row["price"] for a, row in market["indices"].items()}
    prices.update({a: row["price"] for a, row in market["assets"].items()})
    rows = []
    for position in account["positions"]:
        terms = instruments[position["instrument"]]
        mark = market["marks"].get(terms["name"], {})
        row = {
            "underlying": terms["underlying"],
            "kind": terms["kind"],
            "quantity": position["quantity"],
            "multiplier": terms.get("multiplier", 1.0),
            "style": terms.get("settlement"),
            "settle": terms.get("currency"),
        }
        if terms["kind"] in ("option", "future"):
            forward = forwards.get((terms["underlying"], terms["expiry"]))
            row["t"] = seconds_to(market, terms["expiry"]) / YEAR
        if terms["kind"] == "option":
            assert forward is not None
            row |= {"call": terms["call"], "strike": terms["strike"], "vol": mark["vol"]}
            row |= {"forward_variable": forward["variable"], "forward_fixed": forward["fixed"]}
        elif terms["kind"] == "future":
            share = 1.0 if forward is None else forward["variable"] / (forward["variable"] + forward["fixed"])
            row["mark"] = mark["price"]
            row |= {"forward_variable": mark["price"] * share, "forward_fixed": mark["price"] * (1.0 - share)}
        elif terms["kind"] == "perpetual":
            row["mark"] = mark["price"]
        rows.append(row)
    return rows, {"index": {a: r["price"] for a, r in market["indices"].items()}, "settle_price": prices}


def pmrm2_inputs(account: Doc, market: Doc, parameters: Doc, underlying: str) -> tuple[Doc, list[Doc], Doc]:
    """`params, scenarios, inputs` of `naive.pmrm2.pmrm2` for a book of linear options and at most one perpetual."""
    rules = parameters["underlyings"][underlying]
    instruments = {i["name"]: i for i in market["instruments"]}
    marks = market["marks"]
    options, perp, used = [], None, set()
    for position in account["positions"]:
        terms = instruments[position["instrument"]]
        amount = position["quantity"] * terms["multiplier"]
        if terms["kind"] == "perpetual":
            mark = marks[terms["name"]]
            perp = {
                "price": mark["price"],
                "confidence": mark["confidence"],
                "position": amount,
                "unrealised_pnl": position["unrealised_pnl"] or 0.0,
                "unsettled_funding": position["unsettled_funding"],
            }
            continue
        seconds = seconds_to(market, terms["expiry"])
        used.add(terms["expiry"])
        options.append(
            {
                "seconds_to_expiry": seconds,
                "type": "call" if terms["call"] else "put",
                "strike": terms["strike"],
                "amount": amount,
                "vol": marks[terms["name"]]["vol"],
            }
        )
    expiries = [
        {
            "seconds_to_expiry": seconds_to(market, e["expiry"]),
            "forward_variable": e["forward"]["variable"],
            "forward_fixed": e["forward"]["fixed"],
            "forward_confidence": e["forward"]["confidence"],
            "rate": e["rate"]["value"],
            "rate_confidence": e["rate"]["confidence"],
            "vol_confidence": e["vol_confidence"],
            "svi": None,
        }
        for e in market["expiries"]
        if e["underlying"] == underlying and e["expiry"] in used
    ]
    collaterals = [
        {
            "name": asset,
            "amount": amount,
            **(market["assets"].get(asset) or market["indices"][asset]),
            **rules["collaterals"][asset],
        }
        for asset, amount in account["collateral"].items()
        if asset != parameters["cash"]
    ]
    nothing = {"price": 0.0, "confidence": 0.0, "position": 0.0, "unrealised_pnl": 0.0, "unsettled_funding": 0.0}
    inputs = {
        "spot": market["indices"][underlying],
        "stable": market["assets"][parameters["cash"]],
        "perp": perp or nothing,
        "cash": account["collateral"].get(parameters["cash"], 0.0),
        "collaterals": collaterals,
        "expiries": expiries,
        "options": options,
    }
    params = {k: parameters[k] for k in ("margin", "vol_shock", "basis", "other", "skew")}
    return params, parameters["scenario_tables"][rules["scenarios"]], inputs
