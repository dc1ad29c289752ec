"""`plimsoll schema`: the JSON Schema of a document."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from plimsoll.cli._common import print_json

if TYPE_CHECKING:
    from plimsoll.documents import Document

DOCUMENTS = {
    "account": "margin:Account",
    "market": "market:Market",
    "rules": "margin:Rules",
    "requirement": "margin:Requirement",
    "case": "conformance:Case",
    "surface": "dynamics:SurfaceFit",
    "risk-model": "risk.models:RiskModel",
    "venue-state": "liquidation.waterfall:VenueState",
    "balance-sheet": "liquidation.waterfall:BalanceSheet",
    "call-policy": "liquidation.calls:CallPolicy",
    "close-terms": "liquidation.mechanisms:CloseTerms",
    "threshold-rule": "margin.avsl:ThresholdRule",
    "crowding-rule": "margin.cavb:CrowdingRule",
    "crowding-curves": "margin.cavb:CrowdingCurves",
    "rate-books": "rates.depth:RateBooks",
    "rate-events": "rates.events:RateEvents",
    "rate-policy": "rates.publish:RatePolicy",
    "rate-schedule": "rates.schedule:RateSchedule",
    "fleet": "rates.impact:Fleet",
    "liquidity": "laboratory.liquidity:Liquidity",
    "control-terms": "control.terms:ControlTerms",
    "rate-controller": "control.policies:FrozenPolicy",
    "lien-network": "laboratory.liens.network:LienNetwork",
    "cascade-venue": "laboratory.setup:CascadeVenue",
    "stress-scenarios": "scenarios.stress:StressScenarios",
    "replay-fit": "laboratory.replay.fit:ReplayFit",
    "trading-terms": "optimise.terms:TradingTerms",
    "collateral-terms": "optimise.collateral.terms:CollateralTerms",
    "capital-rules": "optimise.collateral.capital_rules:CapitalRules",
    "wallet": "optimise.collateral.terms:Wallet",
    "transfer-terms": "optimise.variation.terms:TransferTerms",
    "funding-terms": "optimise.sizing:FundingTerms",
    "execution-terms": "optimise.execution.terms:ExecutionTerms",
    "limits": "live.orders:Limits",
    "gate-rule": "live.gate_rule:GateRule",
    "monitor-rule": "live.monitors:MonitorRule",
    "source-books": "live.monitors:SourceBooks",
    "alert-rules": "live.alerts:AlertRules",
    "call-rule": "live.calls:CallRule",
    "service": "serve.config:ServiceConfig",
    "tokens": "serve.tokens:Tokens",
    "statement": "certify:Statement",
    "certificate": "certify:Certificate",
    "audit-extract": "certify:Extract",
    "margin-proof": "proofs:MarginProof",
    "committed-book": "proofs:CommittedBook",
    "rows": "proofs:RowsDocument",
    "shortfall-rules": "proofs:ShortfallRules",
    "venue-books": "proofs:VenueBooks",
    "solvency": "proofs:Solvency",
    "inclusion": "proofs:Inclusion",
    "fill-log": "proofs:FillLog",
    "signature": "proofs:Signature",
    "vault": "proofs:VaultFile",
}
"""Where each document is defined, under `plimsoll`: its room is imported when its schema is asked for."""

NAMES = tuple(DOCUMENTS)


@click.command(epilog="Example: plimsoll schema account > account.schema.json")
@click.argument("name", type=click.Choice(NAMES))
def command(name: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a document."""
    print_json(schema(name))


def schema(name: str) -> dict[str, object]:
    """The JSON Schema called `name`; that of rules lists the parameters of every model."""
    module, _, kind = DOCUMENTS[name].partition(":")
    document: type[Document] = getattr(import_module(f"plimsoll.{module}"), kind)
    body = document.json_schema()
    if name == "rules":
        from plimsoll.margin import MODELS, model_class

        body["x-parameters"] = {m: model_class(m).PARAMETERS.model_json_schema() for m in MODELS}
    return body
