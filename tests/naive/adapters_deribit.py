"""From our JSON documents to the rows of Deribit's naive twins; nothing of the package is used."""

from __future__ import annotations

from typing import Any

from .adapters import seconds_to
from .black import black

Doc = dict[str, Any]

DAY = 86_400.0


def deribit_rows(account: Doc, market: Doc) -> dict[str, list[Doc]]:
    """Rows of a book by coin, as `naive.deribit` takes them; the twin's functions each take those of one coin.

    An option is priced as the market quotes it, from its volatility where it shows no price.
    """
    instruments = {i["name"]: i for i in market["instruments"]}
    forwards = {(e["underlying"], e["expiry"]): e["forward"] for e in market["expiries"]}
    rows: dict[str, list[Doc]] = {}
    for position in account["positions"]:
        terms = instruments[position["instrument"]]
        mark = market["marks"][terms["name"]]
        row: Doc = {
            "kind": terms["kind"],
            "style": terms["settlement"],
            "quantity": position["quantity"],
            "multiplier": terms["multiplier"],
            "mark": mark["price"],
            "share": 1.0,
            "days": None,
            "expiry": "perpetual",
            "entry": position["entry_price"],
            "profit": position["unrealised_pnl"],
            "funding": position["unsettled_funding"],
        }
        if terms["kind"] != "perpetual":
            forward = forwards[terms["underlying"], terms["expiry"]]
            row |= {"days": seconds_to(market, terms["expiry"]) / DAY, "expiry": terms["expiry"]}
            row["forward"] = forward["variable"] + forward["fixed"]
            row["share"] = forward["variable"] / row["forward"]
        if terms["kind"] == "option":
            row |= {"call": terms["call"], "strike": terms["strike"], "vol": mark["vol"]}
            value = black(row["call"], row["forward"], row["strike"], row["days"] / 365.0, row["vol"])
            modelled = value / row["forward"] if row["style"] == "inverse" else value
            row["price"] = modelled if mark["price"] is None else mark["price"]
        rows.setdefault(terms["underlying"], []).append(row)
    return rows
