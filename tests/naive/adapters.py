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


def open_profit(position: Doc, terms: Doc, mark: float | None) -> float:
    """Profit of a future or perpetual that is still to settle, in its settlement currency; options carry theirs."""
    entry = position["entry_price"]
    if terms["kind"] not in ("future", "perpetual"):
        return 0.0
    if position["unrealised_pnl"] is not None or entry is None:
        return float(position["unrealised_pnl"] or 0.0)
    assert mark is not None
    gain = 1.0 / entry - 1.0 / mark if terms["settlement"] == "inverse" else mark - entry
    return float(position["quantity"] * terms["multiplier"] * gain)


def prbm_inputs(account: Doc, market: Doc) -> tuple[list[Doc], Doc]:
    """`book, market` of `naive.prbm.prbm`, which `naive.prbm.net_equity` and `naive.dsa.dsa` take too."""
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
            "funding": position["unsettled_funding"],
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
        row["unrealised"] = open_profit(position, terms, row.get("mark"))
        rows.append(row)
    return rows, {"index": {a: r["price"] for a, r in market["indices"].items()}, "settle_price": prices}
