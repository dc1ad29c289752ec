"""Random books that Deribit takes, as documents and as rows of the naive twin."""

from __future__ import annotations

from typing import Any

from naive.black import black
from random_books import INDEX, SECONDS, World

Doc = dict[str, Any]


def twin_rows(world: World) -> list[Doc]:
    """The rows `tests/naive/deribit.py` takes."""
    rows = []
    for leg in world.legs:
        row: Doc = {"kind": leg.kind, "style": leg.style, "quantity": leg.quantity, "multiplier": leg.multiplier}
        row |= {"mark": leg.mark, "share": 1.0, "days": None, "expiry": "perpetual"}
        if leg.kind in ("option", "future"):
            variable, fixed = world.forwards[leg.underlying][leg.expiry]
            row |= {"days": SECONDS[leg.expiry] / 86_400.0, "expiry": leg.expiry}
            row["share"] = variable / (variable + fixed)
            row["forward"] = variable + fixed
        if leg.kind == "option":
            row |= {"call": leg.call, "strike": leg.strike, "vol": leg.vol if SECONDS[leg.expiry] else 0.0}
            value = black(leg.call, row["forward"], leg.strike, row["days"] / 365.0, row["vol"])
            row["price"] = value / row["forward"] if leg.style == "inverse" else value
        rows.append(row)
    return rows


def index_of(world: World) -> tuple[str, float]:
    """The one underlying of a world and its index."""
    name = world.legs[0].underlying
    return name, INDEX[name]
