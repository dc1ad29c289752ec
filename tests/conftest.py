"""The shared folder, the Hypothesis profiles, and the switch under which nothing is skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# `quick` serves the check before a commit; `ci` repeats its examples everywhere, so more of them find nothing at the
# next landing; `long` looks for new ones.
# How long an example takes says how busy the machine is: no test may fail for it.
UNTIMED = [HealthCheck.too_slow]
settings.register_profile(
    "ci", derandomize=True, deadline=None, print_blob=True, max_examples=50, suppress_health_check=UNTIMED
)
settings.register_profile("quick", parent=settings.get_profile("ci"), max_examples=15)
settings.register_profile(
    "long",
    derandomize=False,
    deadline=None,
    print_blob=True,
    max_examples=2_000,
    suppress_health_check=UNTIMED,
)
settings.load_profile(os.environ.get("PLIMSOLL_HYPOTHESIS_PROFILE", "ci"))


def requires_all() -> bool:
    """Whether a missing part fails the test that needs it instead of skipping it."""
    return os.environ.get("PLIMSOLL_REQUIRE_ALL") == "1"


def find_shared() -> Path | None:
    """The folder of outside vectors and data, if any: `PLIMSOLL_SHARED`, else `shared` beside the project."""
    named = os.environ.get("PLIMSOLL_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if (folder / "vectors").is_dir() and (folder / "data").is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the outside vectors and data."""
    folder = find_shared()
    if folder is None:
        pytest.skip("the shared folder is neither beside the project nor named by PLIMSOLL_SHARED")
    return folder


def _skip_to_failure(report: Any) -> None:
    """Under the switch a skip is a failure that keeps its reason; an expected failure stays what it is."""
    if requires_all() and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"PLIMSOLL_REQUIRE_ALL=1 does not allow this skip: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _skip_to_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _skip_to_failure(report)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Add up what tests counted with `record_property("count of ...", n)`, over all processes."""
    counts: dict[str, int] = {}
    for report in terminalreporter.stats.get("passed", []):
        for name, value in getattr(report, "user_properties", []):
            if name.startswith("count of "):
                counts[name] = counts.get(name, 0) + int(value)
    for name, total in sorted(counts.items()):
        terminalreporter.write_line(f"{name.removeprefix('count of ')}: {total:,}")
