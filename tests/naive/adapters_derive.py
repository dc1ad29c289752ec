"""From our JSON documents to the inputs of Derive's naive twins; nothing of the package is used.

Books of linear options and at most one perpetual for each coin, which is what `same_exposure` makes.
"""

from __future__ import annotations

from typing import Any

from .adapters import seconds_to

Doc = dict[str, Any]

NOTHING = {"price": 0.0, "confidence": 0.0, "position": 0.0, "unrealised_pnl": 0.0, "unsettled_funding": 0.0}


def legs_of(account: Doc, market: Doc, underlying: str) -> tuple[list[Doc], Doc]:
    """Options of one coin, and its perpetual."""
    instruments = {i["name"]: i for i in market["instruments"]}
    options, perp = [], NOTHING
    for position in account["positions"]:
        terms = instruments[position["instrument"]]
        if terms["underlying"] != underlying:
            continue
        amount = position["quantity"] * terms["multiplier"]
        mark = market["marks"][terms["name"]]
        if terms["kind"] == "perpetual":
            assert perp is NOTHING
            assert position["entry_price"] is None
            perp = {
                "price": mark["price"],
                "confidence": mark["confidence"],
                "position": amount,
                "unrealised_pnl": position["unrealised_pnl"] or 0.0,
                "unsettled_funding": position["unsettled_funding"],
            }
            continue
        assert terms["kind"] == "option"
        options.append(
            {
                "seconds_to_expiry": seconds_to(market, terms["expiry"]),
                "type": "call" if terms["call"] else "put",
                "strike": terms["strike"],
                "amount": amount,
                "vol": mark["vol"],
            }
        )
    return options, perp


def expiries_of(options: list[Doc], market: Doc, underlying: str) -> list[Doc]:
    """The expiries in which options of one coin are held."""
    used = {o["seconds_to_expiry"] for o in options}
    return [
        {
            "seconds_to_expiry": seconds,
            "forward_variable": e["forward"]["variable"],
            "forward_fixed": e["forward"]["fixed"],
            "forward": e["forward"]["variable"] + e["forward"]["fixed"],
            "forward_confidence": e["forward"]["confidence"],
            "rate": e["rate"]["value"],
            "rate_confidence": e["rate"]["confidence"],
            "vol_confidence": e["vol_confidence"],
            "svi": None,
        }
        for e in market["expiries"]
        if e["underlying"] == underlying and (seconds := seconds_to(market, e["expiry"])) in used
    ]


def srm_inputs(account: Doc, market: Doc, parameters: Doc) -> tuple[Doc, Doc]:
    """`params, inputs` of `naive.srm.srm`; each market comes with the pack's own terms for it."""
    instruments = {i["name"]: i for i in market["instruments"]}
    held = {instruments[p["instrument"]]["underlying"] for p in account["positions"]}
    cash, defaults = parameters["cash"], parameters["defaults"]
    coins = sorted(held | {a for a in account["collateral"] if a != cash})
    markets = []
    for coin in coins:
        options, perp = legs_of(account, market, coin)
        own = parameters["markets"][coin]
        terms = {name: own[name] for name in ("perp", "option", "base") if own.get(name) is not None}
        if own.get("oracle") is not None:
            terms["oracle_contingency"] = own["oracle"]
        markets.append(
            {
                "market": coin,
                "spot": market["indices"][coin]["price"],
                "spot_confidence": market["indices"][coin]["confidence"],
                "perp": perp,
                "base_amount": account["collateral"].get(coin, 0.0),
                "expiries": expiries_of(options, market, coin),
                "options": options,
                "terms": terms,
            }
        )
    inputs = {
        "stable_price": market["assets"][cash]["price"],
        "cash": account["collateral"].get(cash, 0.0),
        "markets": markets,
    }
    params = {
        "perp": defaults["perp"],
        "option": defaults["option"],
        "oracle_contingency": defaults["oracle"],
        "depeg": parameters["depeg"],
    }
    return params, inputs


def pmrm1_inputs(account: Doc, market: Doc, parameters: Doc, underlying: str) -> tuple[Doc, list[Doc], Doc]:
    """`params, scenarios, inputs` of `naive.pmrm1.pmrm1`."""
    options, perp = legs_of(account, market, underlying)
    inputs = {
        "spot": market["indices"][underlying],
        "stable": market["assets"][parameters["cash"]],
        "perp": perp,
        "cash": account["collateral"].get(parameters["cash"], 0.0),
        "base_amount": account["collateral"].get(underlying, 0.0),
        "expiries": expiries_of(options, market, underlying),
        "options": options,
    }
    params = {k: parameters[k] for k in ("margin", "vol_shock", "basis", "other")}
    return params, parameters["scenarios"], inputs


def pmrm2_inputs(account: Doc, market: Doc, parameters: Doc, underlying: str) -> tuple[Doc, list[Doc], Doc]:
    """`params, scenarios, inputs` of `naive.pmrm2.pmrm2`."""
    rules = parameters["underlyings"][underlying]
    options, perp = legs_of(account, market, underlying)
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
    inputs = {
        "spot": market["indices"][underlying],
        "stable": market["assets"][parameters["cash"]],
        "perp": perp,
        "cash": account["collateral"].get(parameters["cash"], 0.0),
        "collaterals": collaterals,
        "expiries": expiries_of(options, market, underlying),
        "options": options,
    }
    params = {k: parameters[k] for k in ("margin", "vol_shock", "basis", "other", "skew")}
    return params, parameters["scenario_tables"][rules["scenarios"]], inputs
