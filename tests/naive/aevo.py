"""Naive Aevo: standard and portfolio margin in loops; rows as in `naive.paradex`; imports nothing of the package."""

from __future__ import annotations

from typing import Any

from .black import black

Doc = dict[str, Any]


def short(rates: Doc, row: Doc, spot: float) -> tuple[float, float]:
    """Initial and maintenance margin of one contract of a short option."""
    distance = row["strike"] - spot if row["call"] else spot - row["strike"]
    share = max(rates["initial"] - max(0.0, distance) / spot, rates["initial_floor"])
    first, second = share * spot + row["mark"], rates["maintenance"] * spot + row["mark"]
    if not row["call"]:
        second = max(rates["maintenance"] * spot, rates["put_mark_rate"] * row["mark"]) + row["mark"]
        first = max(first, second)
    return first * row["multiplier"], second * row["multiplier"]


def standard(parameters: Doc, rows: list[Doc], orders: list[Doc], spots: dict[str, float]) -> Doc:
    """Every option by itself, then every order."""
    out = {"initial": 0.0, "maintenance": 0.0}
    for r in rows:
        if r["quantity"] < 0.0:
            one = short(parameters["options"], r, spots[r["underlying"]])
            out["initial"] -= r["quantity"] * one[0]
            out["maintenance"] -= r["quantity"] * one[1]
    for o in orders:
        if o["quantity"] > 0.0:
            out["initial"] += o["quantity"] * o["multiplier"] * o["price"]
        else:
            out["initial"] -= o["quantity"] * short(parameters["options"], o, spots[o["underlying"]])[0]
    return out


def portfolio(parameters: Doc, rows: list[Doc], spots: dict[str, float]) -> Doc:
    """The worst of price steps times volatility steps, underlying by underlying."""
    out: Doc = {"initial": 0.0, "profits": {}}
    for name in sorted({r["underlying"] for r in rows}):
        reach, profits = parameters["underlyings"][name], []
        for s in parameters["spot_steps"]:
            for v in parameters["vol_steps"]:
                move = s * reach["spot_up"] if s > 0.0 else s * reach["spot_down"]
                points = v * reach["vol_up"] if v > 0.0 else v * reach["vol_down"]
                total = 0.0
                for r in rows:
                    if r["underlying"] != name:
                        continue
                    if r["kind"] == "perpetual":
                        gain = r["mark"] * move
                    else:
                        forward = (r["forward"] - r["fixed"]) * (1.0 + move) + r["fixed"]
                        then = black(r["call"], forward, r["strike"], r["t"], max(0.0, r["vol"] + points))
                        gain = then - black(r["call"], r["forward"], r["strike"], r["t"], r["vol"])
                    total += r["quantity"] * r["multiplier"] * gain
                profits.append(total)
        out["profits"][name] = profits
        out["initial"] += max(0.0, -min(profits))
    return out
