"""The study of real paths: its scores by hand, and a small part of it on the shared bars."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

tool = import_module("measure_passage")
study = import_module("passage_study")


def rows(said: list[float], other: list[float], happened: list[bool]) -> list[object]:
    """A forecast every thirty days."""
    told = zip(said, other, happened, strict=True)
    return [study.Row("s", "b", 30.0 * k, p, q, q, q, y) for k, (p, q, y) in enumerate(told)]


def test_the_paired_test_is_that_of_the_hand() -> None:
    found = tool.paired(rows([0.2, 0.7, 0.1], [0.5, 0.5, 0.5], [False, True, True]), "closed")
    gains = np.array([0.25 - 0.04, 0.25 - 0.09, 0.25 - 0.81])
    assert found.mean == pytest.approx(gains.mean())
    assert found.error == pytest.approx(gains.std(ddof=1) / 3**0.5)
    assert found.better + found.worse == pytest.approx(1.0)
    assert found.better > 0.5


def test_holm() -> None:
    assert tool.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert tool.holm([0.6, 0.9]) == [1.0, 1.0]


def test_bins_hold_every_forecast_once() -> None:
    made = rows([0.0, 0.0005, 0.05, 1.0], [0.5] * 4, [False, True, False, True])
    bins = tool.reliability(made)
    assert sum(b[3] for b in bins) == 4
    assert [b[4] for b in bins] == [1, 0, 1]
    off, _ = tool.bias(made)
    assert off == pytest.approx(0.5 - np.mean([0.0, 0.0005, 0.05, 1.0]))


def test_climatology_knows_only_what_has_ended() -> None:
    climate = study.Climate()
    climate.tell(5.0, True)
    climate.tell(6.0, False)
    assert climate.at(4.9) == 0.5
    assert climate.at(5.0) == 0.75
    assert climate.at(7.0) == 0.5


@pytest.mark.slow
def test_a_part_of_the_minutes(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A week of December: the same rows as those of the page are drawn, and the future changes none of them."""
    monkeypatch.setattr(study, "MINUTES_FROM", "2022-12-20")
    monkeypatch.setattr(study, "PATHS", 200)
    made = study.minutes(shared / "data" / "prices")
    assert {r.study for r in made} == {"minutes, 2022"}
    assert all(0.0 <= r.forecast <= 1.0 and 0.0 < r.climate < 1.0 for r in made)
    assert len(made) == 8 * len({r.day for r in made})
    # nothing said at an origin depends on what came after it
    closes = 100.0 * np.exp(np.cumsum(0.01 * np.random.default_rng(2).standard_normal(400)))
    days = np.arange(400.0)
    setting = {"horizons": (1.0,), "step": 1.0, "first": 200.0, "every": 50, "look_back": 150}
    before = study.linear("s", closes, days, **setting)
    closes[301:] *= 0.3
    after = study.linear("s", closes, days, **setting)
    known = [k for k, r in enumerate(before) if r.day <= 300.0]
    for k in known:
        assert (before[k].forecast, before[k].closed, before[k].climate) == (
            after[k].forecast,
            after[k].closed,
            after[k].climate,
        )


def test_the_page_has_every_book_and_verdict() -> None:
    text = tool.PAGE.read_text(encoding="utf-8")
    assert len(re.findall(r"^\| daily closes, 2018 to 2026 \| (long|short), ", text, re.MULTILINE)) == 24
    assert "added after the first results had been seen" in text.replace("\n", " ")
    verdicts = re.findall(r"\| (not told apart|paths better|paths worse) \|$", text, re.MULTILINE)
    assert len(verdicts) == 9
