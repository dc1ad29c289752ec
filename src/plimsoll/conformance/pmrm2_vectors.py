"""`derive-pmrm2-vectors/1`: portfolio margin cases with every intermediate, run through the public documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from plimsoll.conformance.outcome import Tolerance
from plimsoll.documents import YEAR_SECONDS
from plimsoll.margin import Account, Rules
from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters
from plimsoll.margin.venues.derive.pmrm2 import Pmrm2
from plimsoll.margin.venues.derive.span import static_discounts
from plimsoll.margin.venues.derive.workings import Workings
from plimsoll.market import Market
from plimsoll.risk import compile_plan, log_moneyness
from plimsoll.scenarios import years_of

TOLERANCE = Tolerance(relative=1e-8)
_TIME = datetime(2025, 1, 1, tzinfo=UTC)
_COIN, _CASH = "COIN", "USDC"


def evaluate(inputs: dict[str, Any], params: dict[str, Any], scenarios: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything the schema can assert about one case, from its inputs, parameters and scenario table alone."""
    model = Pmrm2(rules_of(inputs, params, scenarios))
    account, market = account_of(inputs), market_of(inputs)
    w = model.workings(account, market)
    requirement = model.requirement(account, market)
    parts = {c.name: c for c in requirement.components}

    def extra(name: str) -> float:
        return parts[name].maintenance - parts[name].initial

    return {
        "im": requirement.excess_initial,
        "mm": requirement.excess_maintenance,
        "mtm_incl_cash": requirement.net_equity,
        "option_mtm": w.option_mtm,
        "collateral_mtm": w.collateral_mtm,
        "perp_mtm": w.perp_mtm,
        "basis_contingency": w.span.basis,
        "worst_block": w.span.block,
        "im_loss_factor": w.im_factor,
        "mm_loss_factor": model.parameters.margin.mm_factor,
        "mm_perp_contingency": -parts["perp_contingency"].maintenance,
        "im_perp_contingency_extra": extra("perp_contingency"),
        "mm_option_contingency": -parts["option_contingency"].maintenance,
        "im_option_contingency_extra": extra("option_contingency"),
        "mm_collateral_haircut": -parts["collateral_haircut"].maintenance,
        "im_collateral_haircut_extra": extra("collateral_haircut"),
        "oracle_contingency": -parts["oracle"].initial,
        "scenario_pnl": w.span.pnl.tolist(),
        "per_expiry": _per_expiry(w, inputs, model.parameters),
        "per_option": _per_option(w, inputs, model.parameters),
    }


def rules_of(inputs: dict[str, Any], params: dict[str, Any], scenarios: list[dict[str, Any]]) -> Rules:
    """The case's own parameters as a rule set."""
    keys = ("risk_cancelling", "mm_haircut", "im_haircut_extra")
    collaterals = {n: {k: row[k] for k in keys} for n, row in _collaterals(inputs)}
    parameters = {
        "cash": _CASH,
        **params,
        "scenario_tables": {"case": scenarios},
        "underlyings": {_COIN: {"scenarios": "case", "collaterals": collaterals}},
        "max_positions": 10_000,
        "max_expiries": 1_000,
    }
    content = {
        "schema": Rules.SCHEMA,
        "schema_version": Rules.VERSION,
        "name": "case",
        "model": Pmrm2.MODEL,
        "effective": "2025-01-01",
        "currency": _CASH,
        "parameters": parameters,
    }
    return Rules.from_dict(content, "case")


def _collaterals(inputs: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The case's collateral under names of our own, so that none is taken for cash or for another."""
    return [(f"COLLATERAL-{j}", row) for j, row in enumerate(inputs["collaterals"])]


def _call(side: str, i: int) -> bool:
    if side not in ("call", "put"):
        raise ValueError(f"options[{i}].type is {side!r}, neither 'call' nor 'put'")
    return side == "call"


def _at(row: dict[str, Any]) -> str:
    return (_TIME + timedelta(seconds=row["seconds_to_expiry"])).isoformat()


def account_of(inputs: dict[str, Any]) -> Account:
    """Positions, collateral and cash of the case."""
    positions = [{"instrument": f"OPTION-{i}", "quantity": row["amount"]} for i, row in enumerate(inputs["options"])]
    perp = inputs["perp"]
    if perp["position"] or perp["unrealised_pnl"] or perp["unsettled_funding"]:
        positions.append(
            {
                "instrument": "PERP",
                "quantity": perp["position"],
                "unrealised_pnl": perp["unrealised_pnl"],
                "unsettled_funding": perp["unsettled_funding"],
            }
        )
    collateral = {n: row["amount"] for n, row in _collaterals(inputs)}
    collateral[_CASH] = inputs["cash"]
    content = {"schema": Account.SCHEMA, "schema_version": Account.VERSION, "name": "case"}
    return Account.from_dict({**content, "positions": positions, "collateral": collateral}, "case")


def market_of(inputs: dict[str, Any]) -> Market:
    """The snapshot of the case at a fixed instant."""
    settle = {"settlement": "linear", "currency": _CASH, "underlying": _COIN}
    instruments: list[dict[str, Any]] = [
        {
            "kind": "option",
            "name": f"OPTION-{i}",
            "expiry": _at(row),
            "strike": row["strike"],
            "call": _call(row["type"], i),
            **settle,
        }
        for i, row in enumerate(inputs["options"])
    ]
    marks: dict[str, Any] = {
        f"OPTION-{i}": {"vol": row["vol"]} for i, row in enumerate(inputs["options"]) if row["vol"] is not None
    }
    perp = inputs["perp"]
    if perp["position"] or perp["unrealised_pnl"] or perp["unsettled_funding"]:
        instruments.append({"kind": "perpetual", "name": "PERP", **settle})
        marks["PERP"] = {"price": perp["price"], "confidence": perp["confidence"]}
    expiries = [
        {
            "underlying": _COIN,
            "expiry": _at(row),
            "forward": {
                "variable": row["forward_variable"],
                "fixed": row["forward_fixed"],
                "confidence": row["forward_confidence"],
            },
            "rate": {"value": row["rate"], "confidence": row["rate_confidence"]},
            "svi": row["svi"],
            "vol_confidence": row["vol_confidence"],
        }
        for row in inputs["expiries"]
    ]
    content = {
        "schema": Market.SCHEMA,
        "schema_version": Market.VERSION,
        "time": _TIME.isoformat(),
        "indices": {_COIN: inputs["spot"]},
        "assets": {
            _CASH: inputs["stable"],
            **{n: {"price": r["price"], "confidence": r["confidence"]} for n, r in _collaterals(inputs)},
        },
        "expiries": expiries,
        "instruments": instruments,
        "marks": marks,
    }
    return Market.from_dict(content, "case")


def _per_expiry(w: Workings, inputs: dict[str, Any], parameters: Pmrm2Parameters) -> list[dict[str, Any]]:
    rows = []
    by_time = {round(s, 6): e for e, s in enumerate(w.book.plan.seconds.tolist())}
    for row in inputs["expiries"]:
        e = by_time.get(round(row["seconds_to_expiry"], 6))
        mtm = 0.0 if e is None else float(w.values.net_now[e])
        years = np.array([row["seconds_to_expiry"] / YEAR_SECONDS])
        long, short = (float(f[0]) for f in static_discounts(parameters.margin, np.array([row["rate"]]), years))
        rows.append(
            {
                "seconds_to_expiry": row["seconds_to_expiry"],
                "mtm": mtm,
                "static_discount_pos": long,
                "static_discount_neg": short,
                "mtm_discounted": mtm * (long if mtm >= 0 else short),
            }
        )
    return rows


def _per_option(w: Workings, inputs: dict[str, Any], parameters: Pmrm2Parameters) -> list[dict[str, Any]]:
    market, columns = w.book.market, w.scenarios
    # options of amount zero are not in the book, but the schema describes them all the same
    plan = compile_plan([market.contracts[f"OPTION-{i}"] for i in range(len(inputs["options"]))], market)
    rule, tilt = columns.vol_rule, columns.skew_rule
    assert tilt is not None
    group = plan.group
    years = years_of(plan.seconds[group])
    k = log_moneyness(plan, plan.options)
    scale = rule.scale(plan.seconds[group])
    up = 1.0 + parameters.vol_shock.range_up * scale
    down = np.maximum(0.0, 1.0 - parameters.vol_shock.range_down * scale)
    vol = plan.vol
    table = {
        "vol": vol,
        "discount": np.exp(-np.maximum(plan.rate[group], 0.0) * years),
        "vol_mult_up": up,
        "vol_mult_down": down,
        "vol_up": np.maximum(rule.min_up_vol, vol * up),
        "vol_down": vol * down,
        "k": k,
        "skew_cap_linear": tilt.cap(years, absolute=False),
        "skew_cap_abs": tilt.cap(years, absolute=True),
        "k_star": tilt.k_star(years),
        "skew_mult_linear": tilt.multiplier(k, years, absolute=False),
        "skew_mult_abs": tilt.multiplier(k, years, absolute=True),
    }
    return [{name: float(column[i]) for name, column in table.items()} for i in range(len(plan))]
