"""`derive-srm-vectors/1`: cases of Derive's standard manager, run through the public documents."""

from __future__ import annotations

from typing import Any

from plimsoll.conformance.derive_documents import (
    CASH,
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
from plimsoll.margin.venues.derive.srm import Srm
from plimsoll.market import Market

TOLERANCE = Tolerance(relative=1e-8)


def evaluate(inputs: Doc, params: Doc) -> dict[str, Any]:
    """Everything the schema can assert about one case, from its inputs and parameters alone."""
    model = Srm(rules_of(inputs, params))
    account, market = account_of(inputs), market_of(inputs)
    w = model.workings(account, market)
    requirement = model.requirement(account, market)
    im, mm = requirement.excess_initial, requirement.excess_maintenance
    # the schema names two markets even where the case has neither
    named = ("eth", "btc", *(_label(inputs, name) for name in _markets(inputs)))
    components: dict[str, float] = {f"{market}_option_{kind}": 0.0 for market in named for kind in ("im", "mm")}
    for kind, column in (("im", w.option_initial), ("mm", w.option_maintenance)):
        for name, amount in w.by_market(column).items():
            components[f"{_label(inputs, name)}_option_{kind}"] = amount
    components |= {
        "perp_im": -float(w.perp_initial.sum()),
        "perp_mm": -float(w.perp_maintenance.sum()),
        "oracle_contingency": -float(w.oracle.sum()),
        "depeg_im": -float(w.depeg.sum()),
        "base_margin": float(w.base_maintenance.sum()),
        "base_margin_im": float(w.base_initial.sum()),
        "perp_unrealised_pnl": w.unrealised,
        "perp_unsettled_funding": w.funding,
    }
    return {
        "im": im,
        "mm": mm,
        "im_truncated": truncated(im),
        "mm_truncated": truncated(mm),
        "mtm_incl_cash": requirement.net_equity,
        "components": components,
    }


def _markets(inputs: Doc) -> dict[str, Doc]:
    """The case's markets under names of our own, so that none is taken for cash."""
    return {f"MARKET-{i}": row for i, row in enumerate(inputs.get("markets") or [])}


def _label(inputs: Doc, name: str) -> str:
    return str(_markets(inputs)[name]["market"]).lower()


def rules_of(inputs: Doc, params: Doc) -> Rules:
    """The case's own parameters as a rule set; every market of the case trades everything.

    `markets` among `params`, by the market's name, stands in place of what the case says for all of them. No vector
    has it: the mutation gate moves the terms of one market there.
    """
    own = params.get("markets", {})
    parameters = {
        "cash": CASH,
        "defaults": {
            "perp": params["perp"],
            "option": params["option"],
            "oracle": params["oracle_contingency"],
        },
        "depeg": params["depeg"],
        "markets": {
            name: {"base": params["base"], **own.get(row["market"], {})} for name, row in _markets(inputs).items()
        }
        or {"NONE": {}},
        "max_positions": 10_000,
    }
    return rules_document(Srm.MODEL, parameters)


def account_of(inputs: Doc) -> Account:
    """Positions, base assets and cash of the case."""
    markets = _markets(inputs)
    collateral = {name: row.get("base_amount", 0.0) for name, row in markets.items()}
    return account_document(markets, {**collateral, CASH: inputs.get("cash", 0.0)})


def market_of(inputs: Doc) -> Market:
    """The snapshot of the case at a fixed instant."""
    markets, expiries, marks = _markets(inputs), [], {}
    for name, row in markets.items():
        forwards = [
            {"variable": e["forward"], "fixed": 0.0, "confidence": e.get("forward_confidence", 1.0)}
            for e in row.get("expiries") or []
        ]
        expiries += expiry_rows(name, row, forwards)
        marks.update(perpetual_mark(name, row))
    return market_document(
        markets,
        indices={n: {"price": r["spot"], "confidence": r.get("spot_confidence", 1.0)} for n, r in markets.items()},
        stable={"price": inputs.get("stable_price", 1.0)},
        expiries=expiries,
        marks=marks,
    )
