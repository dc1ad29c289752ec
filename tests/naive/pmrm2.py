"""Naive PMRM_2 margin: nested loops over scenarios, expiries and options, on plain floats.

Second opinion for the scenario engine; imports nothing of the package. Input and output have the shape of
the cases in vectors/derive/pmrm2_cases.json; rules in spec/venues-onchain.md sections 1.1, 1.3 and 1.4.
Contingencies are returned as the file has them: negative or zero, ready to be added to the margin.
"""

from __future__ import annotations

import math
from typing import Any

from .black import YEAR_SECONDS, black, svi_vol

Doc = dict[str, Any]

DAY = 86_400.0
MONTH = 30.0 * DAY
TIE = 1e-8


def discount_of(expiry: Doc) -> float:
    return math.exp(-max(float(expiry["rate"]), 0.0) * float(expiry["seconds_to_expiry"]) / YEAR_SECONDS)


def vol_of(option: Doc, expiry: Doc) -> float:
    given = option.get("vol")
    return svi_vol(expiry["svi"], float(option["strike"])) if given is None else float(given)


def vol_multipliers(rule: dict[str, float], seconds: float) -> tuple[float, float]:
    """(up, down) multipliers of implied vol for a time to expiry."""
    power = rule["short_term_power"] if seconds <= MONTH else rule["long_term_power"]
    size = (MONTH / max(seconds, rule["dte_floor_days"] * DAY)) ** power
    return 1.0 + rule["range_up"] * size, max(0.0, 1.0 - rule["range_down"] * size)


def skew_terms(rule: dict[str, float], seconds: float, strike: float, forward: float) -> dict[str, float]:
    """Cap, width and multiplier of the two skew shocks for one option."""
    root = math.sqrt(seconds / YEAR_SECONDS)
    width = root * rule["width_scale"] * (rule["vol_param_static"] + root * rule["vol_param_scale"])
    k_star = max(rule["min_k_star"], width)
    k = math.log(strike / forward)
    out = {"k": k, "k_star": k_star}
    for name, distance in (("linear", k), ("abs", abs(k))):
        cap = rule[name + "_c_base"] * root + rule[name + "_base_cap"]
        out["skew_cap_" + name] = cap
        slope = distance * cap / k_star
        out["skew_mult_" + name] = 1.0 + (min(cap, slope) if distance >= 0 else max(-cap, slope))
    return out


def shocked_vol(params: Doc, seconds: float, strike: float, forward: float, vol: float, how: str) -> float:
    up, down = vol_multipliers(params["vol_shock"], seconds)
    if how in ("none", "down"):
        return vol * down if how == "down" else vol
    if how == "up":
        return max(float(params["vol_shock"]["min_vol_up_shock"]), vol * up)
    if how in ("skew_linear", "skew_abs"):
        name = how.replace("skew_", "skew_mult_")
        return vol * max(0.0, skew_terms(params["skew"], seconds, strike, forward)[name])
    raise ValueError("unknown vol shock: " + how)


def expiry_value(params: Doc, expiry: Doc, legs: list[Doc], shock: float, how: str) -> float:
    """Discounted value of all options of one expiry with the forward and the vols shocked."""
    seconds = float(expiry["seconds_to_expiry"])
    variable, fixed = float(expiry["forward_variable"]), float(expiry["forward_fixed"])
    t, discount = seconds / YEAR_SECONDS, discount_of(expiry)
    total = 0.0
    for leg in legs:
        strike = float(leg["strike"])
        vol = shocked_vol(params, seconds, strike, variable + fixed, vol_of(leg, expiry), how)
        price = black(leg["type"] == "call", variable * shock + fixed, strike, t, vol, discount)
        total += float(leg["amount"]) * price
    return total


def static_discounts(margin: dict[str, float], expiry: Doc) -> tuple[float, float]:
    """(factor on a positive, factor on a negative net value); the second undoes the discounting at most."""
    t = float(expiry["seconds_to_expiry"]) / YEAR_SECONDS
    rate = max(float(expiry["rate"]), 0.0)
    fall = t * (rate * margin["long_rate_mult"] + margin["long_rate_add"])
    rise = t * (rate * margin["short_rate_mult"] + margin["short_rate_add"])
    long = margin["long_base_static_discount"] * math.exp(-fall)
    short = margin["short_base_static_discount"] * math.exp(rise)
    return long, min(1.0 / discount_of(expiry), short)


def static_discounted(margin: dict[str, float], expiry: Doc, value: float) -> float:
    positive, negative = static_discounts(margin, expiry)
    return value * (positive if value >= 0.0 else negative)


def naked_shorts(legs: list[Doc]) -> float:
    """Unhedged short contracts of one expiry, strike by strike."""
    strikes: dict[float, dict[str, float]] = {}
    for leg in legs:
        pair = strikes.setdefault(float(leg["strike"]), {"call": 0.0, "put": 0.0})
        pair[leg["type"]] += float(leg["amount"])
    total = 0.0
    for pair in strikes.values():
        if pair["call"] * pair["put"] < 0.0:
            total += max(-(pair["call"] + pair["put"]), 0.0)
        else:
            total += max(-pair["call"], 0.0) + max(-pair["put"], 0.0)
    return total


def confidence_charge(other: dict[str, float], confidence: float, notional: float) -> float:
    doubtful = confidence < other["conf_threshold"]
    return (1.0 - confidence) * other["conf_margin"] * notional if doubtful else 0.0


def option_detail(params: Doc, option: Doc, expiry: Doc) -> dict[str, float]:
    seconds, strike = float(expiry["seconds_to_expiry"]), float(option["strike"])
    forward = float(expiry["forward_variable"]) + float(expiry["forward_fixed"])
    vol = vol_of(option, expiry)
    out = {"vol": vol, "discount": discount_of(expiry)}
    out["vol_mult_up"], out["vol_mult_down"] = vol_multipliers(params["vol_shock"], seconds)
    for how in ("up", "down"):
        out["vol_" + how] = shocked_vol(params, seconds, strike, forward, vol, how)
    return out | skew_terms(params["skew"], seconds, strike, forward)


def scenario_pnl(params: Doc, scenario: Doc, inputs: Doc, grouped: list[tuple[Doc, list[Doc], float]]) -> float | None:
    """P&L of the account in one scenario, None for the forbidden skew shock on a moved spot.

    grouped holds (expiry, its options, its value now).
    """
    shock, how, damp = float(scenario["spot_shock"]), scenario["vol_shock"], float(scenario["dampening"])
    if how.startswith("skew") and shock != 1.0:
        return None
    perp = inputs["perp"]
    total = float(perp["position"]) * (shock - 1.0) * float(perp["price"]) * damp
    for expiry, legs, value_now in grouped:
        value = expiry_value(params, expiry, legs, shock, how)
        pnl = (static_discounted(params["margin"], expiry, value) - value_now) * damp
        total += -abs(pnl) if how.startswith("skew") else pnl
    for coin in inputs["collaterals"]:
        if coin["risk_cancelling"]:
            value = float(coin["amount"]) * float(coin["price"]) / float(inputs["stable"]["price"])
            total += value * (shock - 1.0) * damp
    return total


def block_of(scenario: Doc) -> str:
    if scenario["vol_shock"].startswith("skew"):
        return "skew"
    return "regular" if float(scenario["dampening"]) == 1.0 else "tail"


def worst_of(scenarios: list[Doc], pnls: list[float | None], basis_charge: float) -> tuple[float, str]:
    """(minimum of the basis contingency and all scenarios, name of the block it comes from).

    Blocks that tie up to rounding are named in the order regular, tail, skew, fwd_contingency.
    """
    lowest = {"regular": math.inf, "tail": math.inf, "skew": math.inf, "fwd_contingency": basis_charge}
    for scenario, pnl in zip(scenarios, pnls, strict=True):
        name = block_of(scenario)
        lowest[name] = min(lowest[name], math.inf if pnl is None else pnl)
    worst = min(lowest.values())
    for name, value in lowest.items():
        if value <= worst + TIE * max(1.0, abs(worst)):
            return worst, name
    raise ValueError("a scenario P&L is not a number")


def pmrm2(params: Doc, scenarios: list[Doc], inputs: Doc) -> Doc:
    """All margin numbers of one account; see the module text for shapes and signs."""
    margin, basis, other = params["margin"], params["basis"], params["other"]
    perp, stable = inputs["perp"], float(inputs["stable"]["price"])
    spot, spot_conf = float(inputs["spot"]["price"]), float(inputs["spot"]["confidence"])
    size = abs(float(perp["position"]))

    grouped: list[tuple[Doc, list[Doc], float]] = []
    per_expiry: list[dict[str, float]] = []
    by_seconds = {expiry["seconds_to_expiry"]: expiry for expiry in inputs["expiries"]}
    option_mtm = basis_charge = mm_option = im_option = oracle = 0.0
    for expiry in inputs["expiries"]:
        legs = [o for o in inputs["options"] if o["seconds_to_expiry"] == expiry["seconds_to_expiry"]]
        now = expiry_value(params, expiry, legs, 1.0, "none")
        grouped.append((expiry, legs, now))
        option_mtm += now
        up = expiry_value(params, expiry, legs, float(basis["spot_up"]), "none")
        down = expiry_value(params, expiry, legs, float(basis["spot_down"]), "none")
        t = float(expiry["seconds_to_expiry"]) / YEAR_SECONDS
        basis_charge += min(up - now, down - now, 0.0) * (basis["add_factor"] + basis["mult_factor"] * t)
        naked = naked_shorts(legs)
        mm_option -= naked * spot * other["mm_option_pct"]
        im_option -= naked * spot * other["im_option_pct"]
        confidence = min(spot_conf, *(expiry[name + "_confidence"] for name in ("forward", "rate", "vol")))
        if size > 0.0:
            confidence = min(confidence, perp["confidence"])
        oracle -= confidence_charge(other, confidence, sum(abs(float(o["amount"])) for o in legs) * spot)
        positive, negative = static_discounts(margin, expiry)
        per_expiry.append(
            {
                "seconds_to_expiry": expiry["seconds_to_expiry"],
                "mtm": now,
                "static_discount_pos": positive,
                "static_discount_neg": negative,
                "mtm_discounted": static_discounted(margin, expiry, now),
            }
        )

    collateral_mtm = mm_haircut = im_haircut = 0.0
    for coin in inputs["collaterals"]:
        value = float(coin["amount"]) * float(coin["price"]) / stable
        collateral_mtm += value
        mm_haircut -= value * coin["mm_haircut"]
        im_haircut -= value * coin["im_haircut_extra"]
        oracle -= confidence_charge(other, min(float(coin["confidence"]), spot_conf), value)
    if size > 0.0:
        oracle -= confidence_charge(other, min(spot_conf, float(perp["confidence"])), size * spot)

    pnls = [scenario_pnl(params, scenario, inputs, grouped) for scenario in scenarios]
    worst, block = worst_of(scenarios, pnls, basis_charge)

    perp_mtm = float(perp["unrealised_pnl"])  # the file leaves funding out here, but not in the total
    mtm = option_mtm + collateral_mtm + perp_mtm + float(perp["unsettled_funding"]) + float(inputs["cash"])
    mm_perp, im_perp = -size * spot * other["mm_perp_pct"], -size * spot * other["im_perp_pct"]
    per_option = [option_detail(params, o, by_seconds[o["seconds_to_expiry"]]) for o in inputs["options"]]
    peg = max(0.0, other["peg_loss_threshold"] - stable) * other["peg_loss_factor"]
    im_factor = margin["im_factor"] + peg
    mm_contingency = mm_perp + mm_option + mm_haircut
    im_contingency = im_perp + im_option + im_haircut + oracle
    return {
        "im": worst * im_factor + mm_contingency + im_contingency + mtm,
        "mm": worst * margin["mm_factor"] + mm_contingency + mtm,
        "mtm_incl_cash": mtm,
        "option_mtm": option_mtm,
        "collateral_mtm": collateral_mtm,
        "perp_mtm": perp_mtm,
        "basis_contingency": basis_charge,
        "worst_block": block,
        "im_loss_factor": im_factor,
        "mm_loss_factor": margin["mm_factor"],
        "mm_perp_contingency": mm_perp,
        "im_perp_contingency_extra": im_perp,
        "mm_option_contingency": mm_option,
        "im_option_contingency_extra": im_option,
        "mm_collateral_haircut": mm_haircut,
        "im_collateral_haircut_extra": im_haircut,
        "oracle_contingency": oracle,
        "scenario_pnl": pnls,
        "per_expiry": per_expiry,
        "per_option": per_option,
    }
