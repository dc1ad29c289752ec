"""Outside numbers against our models."""

from plimsoll.conformance.case import Case, run_case
from plimsoll.conformance.outcome import CaseOutcome, FileOutcome, Tolerance
from plimsoll.conformance.run import MODELS, RUNNERS, run_file, run_paths

__all__ = [
    "MODELS",
    "RUNNERS",
    "Case",
    "CaseOutcome",
    "FileOutcome",
    "Tolerance",
    "run_case",
    "run_file",
    "run_paths",
]
