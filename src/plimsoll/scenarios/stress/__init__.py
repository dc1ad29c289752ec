"""Stress scenarios: one file format, read as an instantaneous revaluation or as a path."""

from plimsoll.scenarios.stress.generated import StressLaw, generate
from plimsoll.scenarios.stress.instant_table import Columns, Instants, instants
from plimsoll.scenarios.stress.path import stress_path
from plimsoll.scenarios.stress.scenario import KINDS, StressScenario, StressScenarios
from plimsoll.scenarios.stress.shipped import shipped_scenarios
from plimsoll.scenarios.stress.timeline import Timeline

__all__ = [
    "KINDS",
    "Columns",
    "Instants",
    "StressLaw",
    "StressScenario",
    "StressScenarios",
    "Timeline",
    "generate",
    "instants",
    "shipped_scenarios",
    "stress_path",
]
