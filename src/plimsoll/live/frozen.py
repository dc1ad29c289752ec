"""The whole state of an engine as bytes, and the engine again: what a restart begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from plimsoll.documents import canonical_bytes, parse_json
from plimsoll.live.calls import CallRule
from plimsoll.live.check import Probability
from plimsoll.live.engine import Engine
from plimsoll.live.gate_rule import GateRule
from plimsoll.live.orders import Limits
from plimsoll.margin import Account, Rules
from plimsoll.margin.catalogue import margin_model
from plimsoll.market import Market


def freeze(engine: Engine) -> bytes:
    """The state of an engine, after a full pass: positions with what they cost, prices, what the gate remembers.

    The full pass makes the engine that goes on and the one that is thawed the same: both margined everybody at this
    moment and measure moves from here.
    """
    engine.full_pass()
    held = engine.holdings
    accounts = [
        {
            "document": engine.account(a).to_dict(),
            "items": [engine.prices.universe.names[i] for i in held.items[a].tolist()],
            "quantity": held.quantity[a].tolist(),
            "cost": held.cost[a].tolist(),
            "collateral": held.collateral[a].tolist(),
        }
        for a in range(len(held))
    ]
    content: dict[str, Any] = {
        "events": engine.events,
        "totals": dict(engine.totals),
        "rules": engine.model.rules.to_dict(),
        "market": engine.market().to_dict(),
        "gate_rule": engine.gate.rule.to_dict(),
        "limits": engine.limits.to_dict(),
        "skip": engine.sleep.reach is not None,
        "full_every": engine.full_every,
        "assets": list(held.assets),
        "accounts": accounts,
        "gate": engine.gate.freeze(),
    }
    if engine.desk is not None:
        content["calls"] = engine.desk.freeze()
    return canonical_bytes(content)


def thaw(state: bytes, probability: Probability | None = None) -> Engine:
    """The engine of `freeze`. Raises `DocumentError` where the bytes are no such state."""
    content: dict[str, Any] = parse_json(state, "state")
    engine = Engine(
        margin_model(Rules.from_dict(content["rules"], "state.rules")),
        Market.from_dict(content["market"], "state.market"),
        [Account.from_dict(a["document"], "state.accounts") for a in content["accounts"]],
        gate=GateRule.from_dict(content["gate_rule"], "state.gate_rule"),
        limits=Limits.from_dict(content["limits"], "state.limits"),
        skip=bool(content["skip"]),
        full_every=int(content["full_every"]),
        probability=probability,
        calls=CallRule.from_dict(content["calls"]["rule"], "state.calls.rule") if "calls" in content else None,
    )
    if engine.desk is not None:
        engine.desk.thaw(content["calls"])
    held = engine.holdings
    # the documents speak of profits, which cost a rounding: the state has the costs themselves
    for a, own in enumerate(content["accounts"]):
        rows = np.array([engine.prices.row[n] for n in own["items"]], dtype=np.int64)
        balances = dict(zip(content["assets"], own["collateral"], strict=True))
        held.put(a, rows, np.array(own["quantity"], float), np.array(own["cost"], float), balances)
    engine.gate.thaw(content["gate"])
    engine.full_pass()
    engine.events = int(content["events"])
    engine.totals.clear()
    engine.totals.update({name: int(n) for name, n in content["totals"].items()})
    return engine
