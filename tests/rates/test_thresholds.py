"""Thresholds on a history: past-only volatilities, and the scalar that follows them."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from plimsoll.cli import run
from plimsoll.documents import DocumentError
from plimsoll.margin.avsl import ThresholdRule, follow
from plimsoll.market.history import HOUR_NS, History
from plimsoll.rates.thresholds import threshold_path

HOURS = 400


def hourly(seed: int = 4) -> History:
    random = np.random.default_rng(seed)
    vol = np.where((np.arange(HOURS) > 200) & (np.arange(HOURS) < 260), 0.02, 0.004)
    closes = 100.0 * np.exp(np.cumsum(vol * random.standard_normal(HOURS)))
    closes[50] = np.nan
    return History.build(["X"], np.arange(HOURS, dtype=np.int64) * HOUR_NS, closes)


def test_volatilities_in_words_and_the_scalar_step_by_step() -> None:
    closes, rule = hourly(), ThresholdRule()
    found = threshold_path(rule, closes, "X", fast_hours=12.0, decay_hours=48.0)
    price = closes.series("X")
    returns = [float(np.log(b / a)) for a, b in pairwise(price)]
    for t in (30, 52, 230, HOURS - 1):
        window = [r for r in returns[t - 12 : t] if np.isfinite(r)]
        assert found.fast[t] == pytest.approx((sum(r * r for r in window) / len(window) * 8760) ** 0.5)
        weights = [(1 - 1 / 48) ** (t - 1 - j) for j in range(t)]
        there = [(r, w) for r, w in zip(returns[:t], weights, strict=True) if np.isfinite(r)]
        missing = sum(not np.isfinite(r) for r in returns[:t])
        if not missing:
            mean = sum(w * r * r for r, w in there) / sum(w for _, w in there)
            assert found.forecast[t] == pytest.approx((mean * 8760) ** 0.5)
    now = 1.0
    for t in range(1, HOURS):
        both = [v for v in (found.fast[t], found.forecast[t]) if np.isfinite(v)]
        want = float(np.clip(np.mean(both) / rule.reference, 1.0, rule.cap)) if both else float("nan")
        now = follow(rule, now, want, 1.0)
        assert found.scalar[t] == pytest.approx(now)
    assert found.scalar[150] == 1.0
    assert found.scalar.max() > 1.5
    assert 0.0 < found.raised < 1.0


def test_the_past_does_not_know() -> None:
    closes = hourly()
    whole = threshold_path(ThresholdRule(), closes, "X")
    part = threshold_path(ThresholdRule(), closes.until(240 * HOUR_NS), "X")
    assert np.array_equal(whole.scalar[: part.scalar.size], part.scalar)


def test_a_given_forecast_is_followed() -> None:
    closes = hourly()
    found = threshold_path(ThresholdRule(weight=0.0), closes, "X", forecast=np.full(HOURS, 1.2))
    assert found.scalar[-1] == 2.0
    with pytest.raises(DocumentError, match="forecast"):
        threshold_path(ThresholdRule(), closes, "X", forecast=[1.0])
    with pytest.raises(DocumentError, match="fast_hours"):
        threshold_path(ThresholdRule(), closes, "X", fast_hours=1.0)


def test_the_command(tmp_path: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    picture = tmp_path / "v.png"
    assert run(["rates", "thresholds", "--asset", "SOL", "-o", str(picture)]) == 0
    out = capsys.readouterr().out
    assert "SOL" in out
    assert max(map(len, out.splitlines()[:-1])) <= 80
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(["rates", "thresholds", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [p["name"] for p in found] == ["BTC", "ETH", "SOL"]
    assert run(["rates", "thresholds", "--rule", str(picture)]) == 2
