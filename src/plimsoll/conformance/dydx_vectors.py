"""`dydx-v4-vectors/1`: margins, changes and liquidations in whole numbers, each case by its own operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from plimsoll.conformance.outcome import Tolerance
from plimsoll.documents import refuse
from plimsoll.margin.venues.dydx import funding, liquidation, margin, transition
from plimsoll.margin.venues.dydx.units import whole

Doc = dict[str, Any]
Fields = dict[str, Any]

EXACT = Tolerance()
"""Every number is whole and must be met."""

OPERATIONS: dict[str, Fields] = {}
"""The inputs of each operation: what `conformance.fields` knows of them."""

_RUN: dict[str, Callable[[Doc], Doc]] = {}

_TIER: Fields = dict.fromkeys(
    ("initial_margin_ppm", "maintenance_fraction_ppm", "open_interest_lower_cap", "open_interest_upper_cap")
)
_PERPETUAL: Fields = {
    **dict.fromkeys(("perpetual_id", "atomic_resolution", "price", "price_exponent")),
    **dict.fromkeys(("open_interest_base_quantums", "funding_index")),
    "liquidity_tier": _TIER,
}
_POSITION: Fields = dict.fromkeys(("perpetual_id", "base_quantums", "funding_index", "quote_balance", "custom_imf_ppm"))
_ACCOUNT: Fields = {"usdc_quantums": None, "positions": [_POSITION], "perpetuals": [_PERPETUAL]}
_CHANGE: Fields = dict.fromkeys(("perpetual_id", "base_quantums_delta", "quote_balance_delta"))
_CONFIG: Fields = dict.fromkeys(
    ("max_liquidation_fee_ppm", "bankruptcy_adjustment_ppm", "spread_to_maintenance_margin_ratio_ppm")
)
_CAPS: Fields = dict.fromkeys(
    ("initial_margin_ppm", "open_interest_lower_cap", "open_interest_upper_cap", "open_interest_notional")
)
_CLOSING: Fields = {**_ACCOUNT, "perpetual_id": None, "delta_base_quantums": None}


def operation_of(case: Doc) -> str:
    """What a case asks: its `kind`, or what its inputs are of where it names none. Raises `DocumentError`."""
    kind, inputs = case.get("kind"), case["inputs"]
    if kind is None:
        marks = {"match_accounts": "match", "usdc_quantums": "account", "base_quantums": "position_margin"}
        kind = next((name for mark, name in marks.items() if mark in inputs), None)
    if not isinstance(kind, str) or kind not in _RUN:
        raise refuse("kind", kind, "one of " + ", ".join(_RUN))
    return kind


def check_whole(content: Any, path: str) -> None:
    """Raise `DocumentError` with the path of the first input that is neither whole, nor a flag, nor a remark."""
    if isinstance(content, dict):
        for name, value in content.items():
            if name not in ("note", "is_buy"):
                check_whole(value, f"{path}.{name}")
    elif isinstance(content, list):
        for i, item in enumerate(content):
            check_whole(item, f"{path}[{i}]")
    else:
        whole(path, content)


def evaluate(case: Doc) -> Doc:
    """Everything that the operation of a case gives, by the names that the schema expects."""
    return _RUN[operation_of(case)](case["inputs"])


def _operation(name: str, fields: Fields) -> Callable[[Callable[[Doc], Doc]], Callable[[Doc], Doc]]:
    def keep(run: Callable[[Doc], Doc]) -> Callable[[Doc], Doc]:
        OPERATIONS[name], _RUN[name] = fields, run
        return run

    return keep


def _tier(content: Doc) -> margin.LiquidityTier:
    """A tier; what an operation does not need may be left out."""
    return margin.LiquidityTier(
        content["initial_margin_ppm"],
        content.get("maintenance_fraction_ppm", 0),
        content.get("open_interest_lower_cap", 0),
        content.get("open_interest_upper_cap", 0),
    )


def _market(content: Doc) -> margin.Market:
    return margin.Market(
        content["atomic_resolution"],
        content["price"],
        content["price_exponent"],
        _tier(content["liquidity_tier"]),
        content["open_interest_base_quantums"],
        content.get("funding_index", 0),
    )


def _held(content: Doc) -> margin.Held:
    return margin.Held(
        content["base_quantums"],
        content.get("funding_index", 0),
        content.get("quote_balance", 0),
        content.get("custom_imf_ppm", 0),
    )


def _account(inputs: Doc) -> tuple[margin.Subaccount, dict[int, margin.Market]]:
    markets = {row["perpetual_id"]: _market(row) for row in inputs["perpetuals"]}
    positions = {row["perpetual_id"]: _held(row) for row in inputs["positions"]}
    if len(positions) != len(inputs["positions"]):
        raise refuse("positions", f"{len(inputs['positions'])} positions", "each perpetual_id once")
    return margin.Subaccount(inputs["usdc_quantums"], positions), markets


def _config(inputs: Doc) -> liquidation.LiquidationConfig:
    return liquidation.LiquidationConfig(*(inputs["config"][name] for name in _CONFIG))


@_operation("initial_margin", {**_CAPS, "quote_quantums": None})
def _initial_margin(inputs: Doc) -> Doc:
    tier = _tier(inputs)
    imf = margin.scaled_imf_ppm(tier, inputs["open_interest_notional"])
    return {"initial_margin_quote_quantums": margin.margin_of(inputs["quote_quantums"], imf, tier)[0]}


@_operation("adjusted_imf", _CAPS)
def _adjusted_imf(inputs: Doc) -> Doc:
    return {"adjusted_initial_margin_ppm": margin.scaled_imf_ppm(_tier(inputs), inputs["open_interest_notional"])}


@_operation("maintenance_ppm", dict.fromkeys(("initial_margin_ppm", "maintenance_fraction_ppm")))
def _maintenance_ppm(inputs: Doc) -> Doc:
    return {"maintenance_margin_ppm": margin.maintenance_margin_ppm(_tier(inputs))}


@_operation("funding_clamp", dict.fromkeys(("initial_margin_ppm", "maintenance_fraction_ppm", "clamp_factor_ppm")))
def _funding_clamp(inputs: Doc) -> Doc:
    return {"max_abs_funding_ppm": funding.largest_funding_ppm(_tier(inputs), inputs["clamp_factor_ppm"])}


@_operation("funding_settlement", dict.fromkeys(("perpetual_funding_index", "position_funding_index", "base_quantums")))
def _funding_settlement(inputs: Doc) -> Doc:
    found = funding.settlement_ppm(*(inputs[name] for name in OPERATIONS["funding_settlement"]))
    return {"net_settlement_ppm_quote_quantums": found}


@_operation("position_margin", {**_PERPETUAL, "base_quantums": None, "custom_imf_ppm": None})
def _position_margin(inputs: Doc) -> Doc:
    found = margin.position_risk(_held({**inputs, "funding_index": 0}), _market(inputs))
    return {"net_notional": found.nc, "imr": found.imr, "mmr": found.mmr}


@_operation("account", {**_ACCOUNT, "usdc_update": None, "perpetual_updates": [_CHANGE]})
def _account_risk(inputs: Doc) -> Doc:
    account, markets = _account(inputs)
    changes = [
        margin.Change(row["perpetual_id"], row["base_quantums_delta"], row.get("quote_balance_delta", 0))
        for row in inputs.get("perpetual_updates", ())
    ]
    after = margin.changed(funding.settled(account, markets), inputs.get("usdc_update", 0), changes, markets)
    found = margin.risk_of(after, markets)
    return {"net_collateral": found.nc, "imr": found.imr, "mmr": found.mmr}


@_operation(
    "match",
    {
        "match_accounts": [{**_ACCOUNT, "perpetuals": None, **dict.fromkeys(("usdc_update", "base_quantums_delta"))}],
        "perpetual": _PERPETUAL,
        "note": None,
    },
)
def _match(inputs: Doc) -> Doc:
    row = inputs["perpetual"]
    number, markets = row["perpetual_id"], {row["perpetual_id"]: _market(row)}
    sides = [
        transition.Side(
            _account({"positions": [], "perpetuals": [], **side})[0], side["usdc_update"], side["base_quantums_delta"]
        )
        for side in inputs["match_accounts"]
    ]
    risks = transition.match_risks(markets, number, sides)
    return {
        "initial_collateralised": [after.initial_collateralised for _, after in risks],
        "results": [transition.transition(before, after) for before, after in risks],
    }


@_operation("is_liquidatable", _ACCOUNT)
def _is_liquidatable(inputs: Doc) -> Doc:
    return {"is_liquidatable": liquidation.is_liquidatable(liquidation.settled_risk(*_account(inputs)))}


@_operation("bankruptcy_price", _CLOSING)
def _bankruptcy_price(inputs: Doc) -> Doc:
    account, markets = _account(inputs)
    found = liquidation.bankruptcy_price(account, markets, inputs["perpetual_id"], inputs["delta_base_quantums"])
    return {"delta_quote_quantums": found}


@_operation("fillable_price", {**_CLOSING, "config": _CONFIG})
def _fillable_price(inputs: Doc) -> Doc:
    account, markets = _account(inputs)
    found = liquidation.fillable_price(
        account, markets, inputs["perpetual_id"], inputs["delta_base_quantums"], _config(inputs)
    )
    return {"fillable_price_quote_per_base_quantum": [found.numerator, found.denominator]}


@_operation(
    "insurance_fund_delta",
    {
        **_ACCOUNT,
        **dict.fromkeys(("perpetual_id", "is_buy", "fill_amount", "subticks", "quantum_conversion_exponent")),
        "config": _CONFIG,
    },
)
def _insurance_fund_delta(inputs: Doc) -> Doc:
    account, markets = _account(inputs)
    if not isinstance(inputs["is_buy"], bool):
        raise refuse("is_buy", inputs["is_buy"], "true or false")
    fill = liquidation.Fill(
        inputs["is_buy"], inputs["fill_amount"], inputs["subticks"], inputs["quantum_conversion_exponent"]
    )
    found = liquidation.liquidation_fill(account, markets, inputs["perpetual_id"], fill, _config(inputs))
    return {"insurance_fund_delta_quote_quantums": found}


@_operation("risk_is_liquidatable", dict.fromkeys(("nc", "mmr")))
def _risk_is_liquidatable(inputs: Doc) -> Doc:
    return {"is_liquidatable": liquidation.is_liquidatable(margin.Risk(inputs["nc"], 0, inputs["mmr"]))}


@_operation("risk_cmp", dict.fromkeys(("first_nc", "first_mmr", "second_nc", "second_mmr")))
def _risk_cmp(inputs: Doc) -> Doc:
    first, second = (margin.Risk(inputs[f"{side}_nc"], 0, inputs[f"{side}_mmr"]) for side in ("first", "second"))
    return {"cmp": transition.riskier(first, second)}


@_operation("undercollateralised_transition", dict.fromkeys(("old_nc", "old_imr", "old_mmr", "new_nc", "new_mmr")))
def _undercollateralised_transition(inputs: Doc) -> Doc:
    before = margin.Risk(inputs["old_nc"], inputs["old_imr"], inputs["old_mmr"])
    # what the new initial margin is does not matter: it is above the new net collateral
    after = margin.Risk(inputs["new_nc"], inputs["new_nc"] + 1, inputs["new_mmr"])
    return {"result": transition.undercollateralised_transition(before, after)}
