"""Naive first portfolio manager of Derive: nested loops on plain floats, one account at a time.

Second opinion for the scenario engine; imports nothing of the package. Input and output have the shape of the cases in
vectors/derive/pmrm1_cases.json; rules in spec/venues-onchain.md sections 1.1 and 1.3. Contingencies are negative or
zero, ready to be added to the margin.
"""

from __future__ import annotations

import math
from typing import Any

from .black import YEAR_SECONDS, black
from .pmrm2 import confidence_charge, naked_shorts, vol_multipliers

Doc = dict[str, Any]


def expiry_value(params: Doc, expiry: Doc, legs: list[Doc], shock: float, how: str) -> float:
    """Undiscounted value of the options of one expiry with the forward and the vols shocked."""
    seconds = float(expiry["seconds_to_expiry"])
    up, down = vol_multipliers(params["vol_shock"], seconds)
    factor = {"up": up, "down": down, "none": 1.0}[how]
    forward = float(expiry["forward_variable"]) * shock + float(expiry["forward_fixed"])
    total = 0.0
    for leg in legs:
        vol = float(leg["vol"]) * factor
        price = black(leg["type"] == "call", forward, float(leg["strike"]), seconds / YEAR_SECONDS, vol)
        total += float(leg["amount"]) * price
    return total


def static_discount(margin: dict[str, float], expiry: Doc) -> float:
    t = float(expiry["seconds_to_expiry"]) / YEAR_SECONDS
    slope = max(float(expiry["rate"]), 0.0) * margin["rate_mult"] + margin["rate_add"]
    return margin["base_static_discount"] * math.exp(-t * slope)


def pmrm1(params: Doc, scenarios: list[Doc], inputs: Doc) -> Doc:
    """All margin numbers of one account; see the module text for shapes and signs."""
    margin, basis, other = params["margin"], params["basis"], params["other"]
    spot, stable = float(inputs["spot"]["price"]), float(inputs["stable"]["price"])
    perp, base = inputs["perp"], float(inputs["base_amount"])
    position = float(perp["position"])
    trust = float(inputs["spot"]["confidence"])
    if position != 0.0:
        trust = min(trust, float(perp["confidence"]))

    grouped = []
    basis_charge = naked = option_mtm = 0.0
    oracle = -confidence_charge(other, trust, (abs(position) + base) * spot)
    for expiry in inputs["expiries"]:
        legs = [o for o in inputs["options"] if o["seconds_to_expiry"] == expiry["seconds_to_expiry"]]
        now = expiry_value(params, expiry, legs, 1.0, "none")
        grouped.append((expiry, legs, now))
        option_mtm += now
        moves = [
            expiry_value(params, expiry, legs, float(basis[f"spot_{way}"]), "none") - now for way in ("up", "down")
        ]
        t = float(expiry["seconds_to_expiry"]) / YEAR_SECONDS
        basis_charge += min(0.0, *moves) * (basis["add_factor"] + basis["mult_factor"] * t)
        naked += naked_shorts(legs)
        doubt = min(trust, *(float(expiry[f"{name}_confidence"]) for name in ("forward", "rate", "vol")))
        oracle -= confidence_charge(other, doubt, sum(abs(float(o["amount"])) for o in legs) * spot)

    base_mtm = base * spot / stable
    pnls = []
    for scenario in scenarios:
        shock = float(scenario["spot_shock"])
        total = (shock - 1.0) * (base_mtm + position * float(perp["price"]))
        for expiry, legs, now in grouped:
            value = expiry_value(params, expiry, legs, shock, scenario["vol_shock"])
            total += (value * static_discount(margin, expiry) if value > 0.0 else value) - now
        pnls.append(total)

    least = basis_charge
    for pnl in pnls:
        least = min(least, pnl)
    parts = {
        "perp_contingency": -abs(position) * spot * other["perp_pct"],
        "option_contingency": -naked * spot * other["option_pct"],
        "base_contingency": -base * spot * other["base_pct"],
    }
    factor = margin["im_factor"] + max(0.0, other["peg_loss_threshold"] - stable) * other["peg_loss_factor"]
    money = float(perp["unrealised_pnl"]) + float(perp["unsettled_funding"]) + float(inputs["cash"])
    mtm = option_mtm + base_mtm + money
    charged = least + sum(parts.values())
    return parts | {
        "im": charged * factor + oracle + mtm,
        "mm": charged + mtm,
        "mtm_incl_cash": mtm,
        "basis_contingency": basis_charge,
        "oracle_contingency": oracle,
        "im_loss_factor": factor,
        "worst_scenario_pnl_excl_basis": min(pnls),
        "scenario_pnl": pnls,
    }
