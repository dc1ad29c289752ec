"""From our JSON documents to the rows of OKX's naive twins; nothing of the package is used."""

from __future__ import annotations

from typing import Any

from .adapters import seconds_to
from .black import black

Doc = dict[str, Any]
DAY = 86_400.0


def prices_of(market: Doc) -> dict[str, float]:
    """USD prices of currencies."""
    found = {"USD": 1.0} | {name: row["price"] for name, row in market["indices"].items()}
    return found | {name: row["price"] for name, row in market["assets"].items()}


def okx_rows(account: Doc, market: Doc) -> list[Doc]:
    """One row for each position, with everything the twins look at."""
    instruments = {i["name"]: i for i in market["instruments"]}
    forwards = {(e["underlying"], e["expiry"]): e["forward"] for e in market["expiries"]}
    prices, rows = prices_of(market), []
    for position in account["positions"]:
        terms = instruments[position["instrument"]]
        mark = market["marks"].get(terms["name"], {})
        inverse = terms["settlement"] == "inverse"
        index = market["indices"][terms["underlying"]]["price"]
        row: Doc = {
            "kind": terms["kind"],
            "underlying": terms["underlying"],
            "currency": terms["currency"],
            "inverse": inverse,
            "quantity": position["quantity"],
            "multiplier": terms["multiplier"],
            "leverage": position.get("leverage"),
            "index": index,
            "settle": prices[terms["currency"]],
            "expiry": terms.get("expiry", ""),
            "days": seconds_to(market, terms["expiry"]) / DAY if terms.get("expiry") else 0.0,
            "share": 1.0,
            "mark": mark.get("price"),
            "profit": 0.0,
            "funding": position.get("unsettled_funding") or 0.0,
        }
        if terms.get("expiry"):
            forward = forwards[terms["underlying"], terms["expiry"]]
            row |= {"variable": forward["variable"], "fixed": forward["fixed"]}
            total = forward["variable"] + forward["fixed"]
            row["share"] = forward["variable"] / total if total > 0 else 1.0
        if terms["kind"] == "option":
            row |= {"call": terms["call"], "strike": terms["strike"], "vol": mark.get("vol") or 0.0, "forward": total}
            value = black(row["call"], total, row["strike"], row["days"] / 365.0, row["vol"])
            modelled = value / total if inverse and total > 0 else value
            row["mark"] = modelled if mark.get("price") is None else mark["price"]
            row["unit"] = 1.0 if inverse else index / row["settle"]
        elif position.get("unrealised_pnl") is not None:
            row["profit"] = position["unrealised_pnl"]
        elif position.get("entry_price") is not None:
            size, entry = row["quantity"] * row["multiplier"], position["entry_price"]
            row["profit"] = size * (1.0 / entry - 1.0 / row["mark"]) if inverse else size * (row["mark"] - entry)
        rows.append(row)
    return rows
