"""What is measured: one file per subject, found by name."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

#: In the order of the table that a run prints.
SUBJECTS = (
    "machine",
    "pricing",
    "greeks",
    "elements",
    "implied_vol",
    "fused_book",
    "threads",
    "accounts",
    "expected_shortfall",
    "tail_of_losses",
    "tail_risk",
    "cascade",
    "es_programs",
    "what_if",
    "live",
    "proofs",
    "service",
    "reprice",
    "cold_start",
    "models",
)


def subject(name: str) -> ModuleType:
    """The module of a subject, with `TITLE`, `ABOUT`, `SIZES` and `run(bench)`."""
    if name not in SUBJECTS:
        raise ValueError(f"subject: got {name!r}, must be one of {', '.join(SUBJECTS)}")
    return import_module(f"benchmarks.subjects.{name}")
