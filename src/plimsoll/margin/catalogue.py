"""From a rule set to the model that computes it."""

from __future__ import annotations

from importlib import import_module

from plimsoll.documents import refuse
from plimsoll.margin.model import MarginModel
from plimsoll.margin.rules import Rules, load_rules

MODELS = {
    "prbm": "plimsoll.margin.house.prbm:Prbm",
    "dsa": "plimsoll.margin.house.dsa:Dsa",
    "derive-srm": "plimsoll.margin.venues.derive.srm:Srm",
    "derive-pmrm1": "plimsoll.margin.venues.derive.pmrm1:Pmrm1",
    "derive-pmrm2": "plimsoll.margin.venues.derive.pmrm2:Pmrm2",
    "deribit-sm": "plimsoll.margin.venues.deribit.sm:StandardMargin",
    "deribit-pm": "plimsoll.margin.venues.deribit.pm:PortfolioMargin",
    "deribit-pm-contingency": "plimsoll.margin.venues.deribit.contingency_pm:ContingencyMargin",
}
"""Model name in a pack to the class that computes it."""


def model_class(name: str) -> type[MarginModel]:
    """The class of model `name`."""
    if name not in MODELS:
        raise refuse("rules.model", name, "one of " + ", ".join(sorted(MODELS)))
    module, _, attribute = MODELS[name].partition(":")
    found: type[MarginModel] = getattr(import_module(module), attribute)
    return found


def margin_model(rules: str | Rules) -> MarginModel:
    """The model for `NAME@DATE`, for the path of a rules file, or for a `Rules` document.

    >>> margin_model("prbm@2025-06-30").rules.label
    'prbm@2025-01-01'
    """
    pack = load_rules(rules) if isinstance(rules, str) else rules
    return model_class(pack.model)(pack)
