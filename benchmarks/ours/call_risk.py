"""From a history of returns to VaR and ES of a book of options, by the public functions of the risk engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def filtered_tail(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """VaR, ES and both standard errors of filtered historical simulation; a unit is an option in a scenario.

    Timed: scaling the returns, scenario columns, revaluation with the horizon passed, measures. Not timed: the
    variance recursion, which the peer gets too, and reading the contracts.
    """
    from plimsoll.risk.joint import joint_losses
    from plimsoll.risk.measures import tail_measures
    from plimsoll.scenarios.filtered import filtered
    from plimsoll.scenarios.moves import IvLaw

    book, law = _book(inputs), IvLaw()
    returns, sigma = inputs["returns"], inputs["sigma"]
    level, days, threads = float(inputs["level"]), float(inputs["days"]), options.get("threads", 1)

    def run() -> dict[str, Any]:
        moves = filtered(["BTC", "BTC iv"], returns, sigma, step_days=days)
        columns, _ = moves.columns(law)
        found = tail_measures(joint_losses(book, columns, threads=threads), level)
        return {
            "var": np.asarray(found.var.value),
            "es": np.asarray(found.es.value),
            "errors": np.array([found.var.standard_error, found.es.standard_error]),
        }

    return {"run": run, "units": inputs["strike"].size * returns.shape[0]}


def _book(inputs: dict[str, Any]) -> Any:
    from plimsoll.market import Market
    from plimsoll.risk.joint import joint_book

    expiries = [(NOW + timedelta(seconds=int(s))).isoformat() for s in inputs["seconds"]]
    instruments, marks = [], {}
    for i, g in enumerate(inputs["group"].tolist()):
        row = {"kind": "option", "name": f"O{i}", "underlying": "BTC", "expiry": expiries[g]}
        row |= {"strike": float(inputs["strike"][i]), "call": bool(inputs["call"][i])}
        instruments.append(row | {"settlement": "linear", "currency": "USDC"})
        marks[f"O{i}"] = {"vol": float(inputs["vol"][i])}
    forwards = inputs["forward"].tolist()
    market = Market.from_dict(
        {
            "schema": Market.SCHEMA,
            "schema_version": Market.VERSION,
            "time": NOW.isoformat(),
            "indices": {"BTC": {"price": float(inputs["spot"])}},
            "assets": {"USDC": {"price": 1.0}},
            "expiries": [
                {"underlying": "BTC", "expiry": e, "forward": {"variable": f}}
                for e, f in zip(expiries, forwards, strict=True)
            ],
            "instruments": instruments,
            "marks": marks,
        }
    )
    return joint_book(market.instruments, inputs["quantity"], market)
