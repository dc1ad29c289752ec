"""A fixed rule and AVSL on the same recorded crashes: a part of what docs/validation/avsl.md has whole."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ACCOUNTS = 12
HOUSE = "prbm@2025-01-01"


@pytest.fixture
def tool(shared: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`tools/measure_avsl.py`, reading the shared folder."""
    monkeypatch.setenv("PLIMSOLL_SHARED", str(shared))
    return import_module("measure_avsl")


def test_scalars_of_the_crashes_know_nothing_of_them_before(tool: ModuleType) -> None:
    seen = tool.windows()
    assert set(seen) == set(tool.WINDOWS)
    quiet = seen["October 2020, quiet"]
    assert quiet.scalar.max() == 1.0
    for name, w in seen.items():
        assert w.scalar.min() >= 1.0
        assert w.scalar.max() <= tool.RULE.cap
        hours = np.array([t.timestamp() / 3_600.0 for t in w.times])
        rise = np.diff(w.scalar)
        assert (rise <= tool.RULE.up * np.diff(hours) + 1e-9).all(), name
    # the low of 19 May 2021 and of 13 March 2020 are in the paths
    assert seen["May 2021"].prices.min() == pytest.approx(30_000.0, rel=0.01)
    assert seen["March 2020"].prices.min() < 3_900.0
    # a price of an hour moves the scalar in the hour after it, not before
    w = seen["March 2020"]
    fell = int(np.argmax(w.prices < 7_300.0))
    assert w.scalar[fell] - w.scalar[fell - 1] <= tool.RULE.up / 3.0 + 1e-9


@pytest.mark.parametrize("name", ["June 2022", "FTX, November 2022"])
def test_less_is_closed_and_the_threshold_closes_nobody_at_once(tool: ModuleType, name: str) -> None:
    window = tool.windows()[name]
    fixed, avsl = (tool.run(window, HOUSE, way, ACCOUNTS) for way in ("fixed", "AVSL"))
    assert avsl.forced < fixed.forced
    assert avsl.bad_debt <= fixed.bad_debt
    # what it costs is counted: more is called, more is paid, and some are closed at a deadline above their base
    assert avsl.paid > fixed.paid
    assert avsl.closed_by_threshold > fixed.closed_by_threshold
    assert (fixed.at_once, avsl.at_once) == (0, 0)


def test_a_quiet_week_is_the_same_under_both(tool: ModuleType) -> None:
    window = tool.windows()["October 2020, quiet"].part(200)
    assert tool.run(window, HOUSE, "fixed", ACCOUNTS) == tool.run(window, HOUSE, "AVSL", ACCOUNTS)


def test_a_standing_account_does_not_flutter_on_any_of_the_paths(tool: ModuleType) -> None:
    for window in tool.windows().values():
        most, bound = tool.zone_changes(window)
        assert most <= min(bound, 10.0)


@pytest.mark.slow
def test_the_committed_page_has_no_close_before_a_deadline(tool: ModuleType) -> None:
    """Every window with few accounts, thin margins too: the count of closes at once is zero everywhere."""
    for window in tool.windows().values():
        for rules in tool.MODELS:
            for way in tool.WAYS:
                assert tool.run(window, rules, way, 8).at_once == 0
