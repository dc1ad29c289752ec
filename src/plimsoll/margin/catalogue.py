"""From a rule set to the model that computes it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

import plimsoll.margin.venues as venues
from plimsoll.documents import refuse
from plimsoll.margin.model import MarginModel
from plimsoll.margin.rules import Rules, load_rules


def _folders() -> Iterator[str]:
    yield "plimsoll.margin.house"
    yield from (f"{venues.__name__}.{m.name}" for m in iter_modules(venues.__path__) if m.ispkg)


def _found() -> dict[str, str]:
    """What the folders of the house and of the venues declare: model name to `module:class`."""
    models: dict[str, str] = {}
    for folder in _folders():
        for name, place in import_module(folder).MODELS.items():
            models[name] = f"{folder}.{place}"
    return models


MODELS = _found()
"""Model name in a pack to the class that computes it."""


@cache
def venue_words() -> dict[str, tuple[str, str, int]]:
    """What the venues' folders call their own parameters (`WORDS`); see `plimsoll.margin.changes.wording`."""
    words: dict[str, tuple[str, str, int]] = {}
    for folder in _folders():
        words |= getattr(import_module(folder), "WORDS", {})
    return words


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
