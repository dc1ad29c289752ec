"""Naive standard manager of Derive: one market, one expiry, one option after the other, on plain floats.

Second opinion for the engine; imports nothing of the package. Input and output have the shape of the cases in
vectors/derive/srm_cases.json; rules in spec/venues-onchain.md section 1.2. Everything is a net margin: charges are
negative, ready to be added up.
"""

from __future__ import annotations

from typing import Any

from .black import YEAR_SECONDS, black

Doc = dict[str, Any]


def isolated(terms: dict[str, float], leg: Doc, value: float, spot: float) -> tuple[float, float]:
    """(initial, maintenance) margin of one option alone; `value` is that of the whole amount."""
    amount, strike = float(leg["amount"]), float(leg["strike"])
    if amount >= 0.0:
        return 0.0, 0.0
    call = leg["type"] == "call"
    out = max(strike - spot, 0.0) if call else max(spot - strike, 0.0)
    rate = max(terms["max_spot_req"] - out / spot, terms["min_spot_req"])
    initial = value + rate * spot * amount
    if call:
        return initial, value + terms["mm_call_spot_req"] * spot * amount
    maintenance = value + min(terms["mm_put_spot_req"] * spot * amount, terms["mm_put_mtm_req"] * value)
    return min(initial, maintenance * terms["mm_offset_scale"]), maintenance


def payoff(legs: list[Doc], price: float) -> float:
    total = 0.0
    for leg in legs:
        gain = price - float(leg["strike"]) if leg["type"] == "call" else float(leg["strike"]) - price
        total += float(leg["amount"]) * max(gain, 0.0)
    return total


def max_loss(legs: list[Doc], forward: float, scale: float) -> float:
    worst = 0.0
    for price in [0.0, *(float(leg["strike"]) for leg in legs)]:
        worst = min(worst, payoff(legs, price))
    calls = sum(float(leg["amount"]) for leg in legs if leg["type"] == "call")
    return worst + scale * forward * calls if calls < 0.0 else worst


def market_margin(params: Doc, market: Doc, stable: float) -> Doc:
    """What one market adds: its margins by kind, and its value."""
    terms, oracle, depeg = params["option"], params["oracle_contingency"], params["depeg"]
    spot, trust = float(market["spot"]), float(market["spot_confidence"])
    perp, base = market["perp"], float(market["base_amount"])
    size = abs(float(perp["position"]))
    out: Doc = {"option_im": 0.0, "option_mm": 0.0, "oracle": 0.0, "mtm": base * spot / stable}
    out["perp_im"] = -size * float(perp["price"]) * params["perp"]["im_req"]
    out["perp_mm"] = -size * float(perp["price"]) * params["perp"]["mm_req"]
    doubt = min(float(perp["confidence"]), trust)
    if oracle["perp_threshold"] != 0.0 and doubt < oracle["perp_threshold"]:
        out["oracle"] -= (1.0 - doubt) * oracle["factor"] * spot * size
    exposed = size
    for expiry in market["expiries"]:
        seconds, forward = float(expiry["seconds_to_expiry"]), float(expiry["forward"])
        legs = [o for o in market["options"] if o["seconds_to_expiry"] == seconds and float(o["amount"]) != 0.0]
        alone_im = alone_mm = short = 0.0
        for leg in legs:
            call, strike, vol = leg["type"] == "call", float(leg["strike"]), float(leg["vol"])
            value = float(leg["amount"]) * black(call, forward, strike, seconds / YEAR_SECONDS, vol)
            out["mtm"] += value
            im, mm = isolated(terms, leg, value, spot)
            alone_im, alone_mm = alone_im + im, alone_mm + mm
            short += max(-float(leg["amount"]), 0.0)
        out["option_im"] += max(alone_im, max_loss(legs, forward, terms["unpaired_im_scale"]))
        out["option_mm"] += max(alone_mm, max_loss(legs, forward, terms["unpaired_mm_scale"]))
        doubt = min(trust, float(expiry["forward_confidence"]), float(expiry["vol_confidence"]))
        if doubt < oracle["option_threshold"]:
            out["oracle"] -= (1.0 - doubt) * oracle["factor"] * spot * short
        exposed += short
    out["depeg"] = -exposed * max(0.0, depeg["threshold"] - stable) * depeg["factor"] * spot
    out["base_mm"] = base * spot * params["base"]["margin_factor"]
    out["base_im"] = out["base_mm"] * params["base"]["im_scale"]
    if out["base_im"] != 0.0 and trust < oracle["base_threshold"]:
        out["oracle"] -= (1.0 - trust) * oracle["factor"] * base * spot
    out["pnl"], out["funding"] = float(perp["unrealised_pnl"]), float(perp["unsettled_funding"])
    out["mtm"] += out["pnl"] + out["funding"]
    return out


def srm(params: Doc, inputs: Doc) -> Doc:
    """All margin numbers of one account; see the module text for shapes and signs.

    A market may carry `terms` of its own in place of what `params` say for all of them.
    """
    stable, cash = float(inputs["stable_price"]), float(inputs["cash"])
    parts = {m["market"]: market_margin({**params, **m.get("terms", {})}, m, stable) for m in inputs["markets"]}

    def total(*names: str) -> float:
        return sum(part[name] for part in parts.values() for name in names)

    return {
        "im": total("option_im", "perp_im", "oracle", "depeg", "base_im", "pnl", "funding") + cash,
        "mm": total("option_mm", "perp_mm", "base_mm", "pnl", "funding") + cash,
        "mtm_incl_cash": total("mtm") + cash,
        "components": {
            **{
                f"{n.lower()}_option_{kind}": part[f"option_{kind}"]
                for n, part in parts.items()
                for kind in ("im", "mm")
            },
            "perp_mm": total("perp_mm"),
            "oracle_contingency": total("oracle"),
            "depeg_im": total("depeg"),
            "base_margin": total("base_mm"),
            "perp_unrealised_pnl": total("pnl"),
            "perp_unsettled_funding": total("funding"),
        },
    }
