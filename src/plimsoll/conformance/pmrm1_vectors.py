"""`derive-pmrm1-vectors/1`: cases of Derive's first portfolio manager, run through the public documents."""

from __future__ import annotations

from typing import Any

from plimsoll.conformance.derive_documents import (
    CASH,
    COIN,
    Doc,
    account_document,
    expiry_rows,
    market_document,
    perpetual_mark,
    rules_document,
    truncated,
)
from plimsoll.conformance.outcome import Tolerance
from plimsoll.margin import Account, Rules
from plimsoll.margin.venues.derive.pmrm1 import Pmrm1
from plimsoll.market import Market

TOLERANCE = Tolerance(absolute=1e-10)
"""As the venue's own tests assert; double precision carries amounts of some thousands to about 1e-12."""


def evaluate(inputs: Doc, params: Doc, scenarios: list[Doc]) -> dict[str, Any]:
    """Everything the schema can assert about one case, from its inputs, parameters and scenario table alone."""
    model = Pmrm1(rules_of(params, scenarios))
    account, market = account_of(inputs), market_of(inputs)
    w = model.workings(account, market)
    requirement = model.requirement(account, market)
    parts = {c.name: c for c in requirement.components}
    im, mm = requirement.excess_initial, requirement.excess_maintenance
    return {
        "im": im,
        "mm": mm,
        "im_truncated": truncated(im),
        "mm_truncated": truncated(mm),
        "mtm_incl_cash": requirement.net_equity,
        "basis_contingency": w.span.basis,
        "option_contingency": -parts["option_contingency"].maintenance,
        "perp_contingency": -parts["perp_contingency"].maintenance,
        "base_contingency": -parts["base_contingency"].maintenance,
        "oracle_contingency": -parts["oracle"].initial,
        "im_loss_factor": w.im_factor,
        "worst_scenario_pnl_excl_basis": float(w.span.pnl.min()),
        "min_span": w.span.value,
        "option_mtm": w.option_mtm,
        "base_mtm": w.base_mtm,
        "perp_mtm": w.perp_mtm,
        "scenario_pnl": w.span.pnl.tolist(),
    }


def rules_of(params: Doc, scenarios: list[Doc], **more: Any) -> Rules:
    """The case's own parameters as a rule set."""
    rows = [{k: row[k] for k in ("spot_shock", "vol_shock")} for row in scenarios]
    parameters = {"cash": CASH, **params, "scenarios": rows, "underlyings": [COIN], **more}
    return rules_document(Pmrm1.MODEL, {**parameters, "max_positions": 10_000, "max_expiries": 1_000})


def account_of(inputs: Doc) -> Account:
    """Positions, base asset and cash of the case."""
    collateral = {COIN: inputs.get("base_amount", 0.0), CASH: inputs.get("cash", 0.0)}
    return account_document({COIN: inputs}, collateral)


def market_of(inputs: Doc) -> Market:
    """The snapshot of the case at a fixed instant."""
    forwards = [
        {
            "variable": row["forward_variable"],
            "fixed": row.get("forward_fixed", 0.0),
            "confidence": row.get("forward_confidence", 1.0),
        }
        for row in inputs.get("expiries", [])
    ]
    return market_document(
        {COIN: inputs},
        indices={COIN: inputs["spot"]},
        stable=inputs["stable"],
        expiries=expiry_rows(COIN, inputs, forwards),
        marks=perpetual_mark(COIN, inputs),
    )
