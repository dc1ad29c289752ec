"""The scenarios that come with the package: seven crashes as recorded, and ten that nobody has seen yet."""

from __future__ import annotations

from functools import cache
from importlib import resources

from plimsoll.scenarios.stress.scenario import StressScenarios

FILE = "stress-scenarios.json"


@cache
def shipped_scenarios() -> StressScenarios:
    """The file of the package; `tools/make_stress_scenarios.py` writes it from recorded prices."""
    text = (resources.files("plimsoll.scenarios.stress") / "data" / FILE).read_text(encoding="utf-8")
    return StressScenarios.from_json(text, FILE)
