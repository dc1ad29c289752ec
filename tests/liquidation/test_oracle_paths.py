"""The oracle on genuine and attacked paths of real prices: a part of what docs/validation/oracle.md has whole."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


@pytest.fixture
def tool(shared: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`tools/measure_oracle.py`, reading the shared folder."""
    monkeypatch.setenv("PLIMSOLL_SHARED", str(shared))
    return import_module("measure_oracle")


@pytest.mark.slow
def test_attacks_are_stopped_and_crashes_pass(tool: ModuleType) -> None:
    found = tool.measured(300)
    assert found.false_alarms <= 0.02
    assert found.stopped >= 0.97
    # a push of one source alone needs no alarm, every other pattern raises one
    loud = [s for s in found.attacks if s.kind != "one source"]
    assert sum(1 for s in loud if s.alarm is not None) >= 0.95 * len(loud)
    # whoever moves everything for long enough is believed: the page says so, and so does this
    assert any(s.wrong is not None for s in found.edges if s.kind == "all")


def test_the_bad_debt_of_a_gap(tool: ModuleType) -> None:
    assert tool.bad_debt(100.0, 101.0) == 0.0
    assert tool.bad_debt(100.0, 98.5) == 0.0
    # a fall of 10 %: lines from 0 to 8 % lose what the fall is beyond line and margin, in steps of a tenth of a percent
    expected = sum(0.08 - k / 1_000 for k in range(81)) / 201
    assert tool.bad_debt(100.0, 90.0) == pytest.approx(expected)


def test_what_a_pause_costs_is_the_gap_at_its_end(tool: ModuleType) -> None:
    true = np.full(tool.STEPS, 100.0)
    true[10:] = 90.0
    true[100:] = 99.0
    path = tool.Path30("made", true, np.empty((5, tool.STEPS)))
    debts = tool.pause_debts([path], 6)
    assert debts.shape == (1, tool.STEPS - 6)
    fallen = np.flatnonzero(debts[0, :90])
    # six steps before the fall, and each costs what the gap does
    assert fallen.tolist() == list(range(4, 10))
    assert debts[0, 4:10] == pytest.approx(tool.bad_debt(100.0, 90.0))
    # a rise of a tenth costs those who are short
    assert debts[0, 94:100] == pytest.approx(tool.bad_debt(100.0, 90.0))
    assert not debts[0, 100:].any()
    # longer pauses cost more or as much on a path that only falls
    assert tool.pause_debts([path], 30)[0, :70].sum() > debts[0, :70].sum()


def test_a_pause_that_outlasts_its_path_costs_what_it_has_come_to(tool: ModuleType) -> None:
    true = np.full(tool.STEPS, 100.0)
    true[-3:] = 90.0
    found = tool.watched(tool.OracleRule(), tool.Path30("made", true, np.tile(true, (5, 1))))
    assert (found.alarm, found.paused) == (tool.STEPS - 3, 3)
    assert found.debt == pytest.approx(tool.bad_debt(100.0, 90.0))


def test_the_weekend_of_the_stable_coin_is_among_the_genuine_paths(tool: ModuleType) -> None:
    usdc = tool.series()["USDC"]
    assert usdc.min() < 0.92
    assert usdc.max() > 0.99
    paths = tool.genuine(9, np.random.default_rng(1))
    assert sorted({p.kind for p in paths}) == ["BTC at random", "BTC, largest moves", "USDC weekend"]
    assert all(p.said.shape == (5, tool.STEPS) for p in paths)
