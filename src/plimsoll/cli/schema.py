"""`plimsoll schema`: the JSON Schema of a document."""

from __future__ import annotations

import click

from plimsoll.cli._common import print_json

NAMES = (
    "account",
    "market",
    "rules",
    "requirement",
    "case",
    "surface",
    "venue-state",
    "balance-sheet",
    "call-policy",
    "risk-model",
)


@click.command(epilog="Example: plimsoll schema account > account.schema.json")
@click.argument("name", type=click.Choice(NAMES))
def command(name: str) -> None:
    """Print the JSON Schema (draft 2020-12) of a document."""
    print_json(schema(name))


def schema(name: str) -> dict[str, object]:
    """The JSON Schema called `name`; that of rules lists the parameters of every model."""
    if name == "case":
        from plimsoll.conformance import Case

        return Case.json_schema()
    if name == "surface":
        from plimsoll.dynamics import SurfaceFit

        return SurfaceFit.json_schema()
    if name == "call-policy":
        from plimsoll.liquidation.calls import CallPolicy

        return CallPolicy.json_schema()
    if name in ("venue-state", "balance-sheet"):
        from plimsoll.liquidation.waterfall import BalanceSheet, VenueState

        return VenueState.json_schema() if name == "venue-state" else BalanceSheet.json_schema()
    if name == "risk-model":
        from plimsoll.risk.models import RiskModel

        return RiskModel.json_schema()
    from plimsoll.margin import MODELS, Account, Requirement, Rules, model_class
    from plimsoll.market import Market

    if name == "rules":
        body = Rules.json_schema()
        body["x-parameters"] = {m: model_class(m).PARAMETERS.model_json_schema() for m in MODELS}
        return body
    if name == "account":
        return Account.json_schema()
    return Market.json_schema() if name == "market" else Requirement.json_schema()
