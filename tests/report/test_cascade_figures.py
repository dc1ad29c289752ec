"""The pictures of a cascade show what the run holds: bars add up, and the closer look is at the busiest minutes."""

from __future__ import annotations

import numpy as np
import pytest

from cascade_fleets import fall, liquidity, random_fleet, rates
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.laboratory.study import CascadeStudy, study
from plimsoll.report.cascade_figure import BARS, density_figure, fund_figure, liquidation_figure, price_figure


def studied(steps: int) -> CascadeStudy:
    fleet = random_fleet(np.random.default_rng(5), 60)
    path = fall(-0.25, steps)
    return study(fleet, lambda _seed: path, liquidity(), CascadeVenue(insurance_fund=1e4), rates())


def heights(axes: object) -> np.ndarray:
    return np.array([p.get_height() for p in axes.patches])  # type: ignore[attr-defined]


@pytest.mark.parametrize("steps", [12, BARS, BARS + 1, 400])
def test_bars_of_liquidations_add_up(steps: int) -> None:
    found = studied(steps)
    axes = liquidation_figure(found).axes
    assert len(axes) == (1 if steps <= BARS else 2)
    all_bars = heights(axes[0])
    assert np.abs(all_bars).sum() == pytest.approx(found.run.forced_volume)
    assert all_bars[all_bars < 0].sum() == pytest.approx(-found.run.forced[:, :, 1].sum())
    if len(axes) == 1:
        return
    forced = found.run.forced.sum(axis=(1, 2))[1:]
    busiest = max(forced[k : k + BARS].sum() for k in range(steps - BARS + 1))
    assert len(axes[1].patches) == 2 * BARS
    assert np.abs(heights(axes[1])).sum() == pytest.approx(busiest)
    # each bar of the closer look is one step, where that step stands
    tallest = max(axes[1].patches, key=lambda p: abs(p.get_height()))
    side = 1 if tallest.get_height() < 0 else 0
    step = int(found.run.forced[:, :, side].sum(axis=1).argmax())
    hours = steps > 300
    assert tallest.get_x() + 0.5 * tallest.get_width() == pytest.approx(step / 60.0 if hours else step)
    assert axes[1].get_ylabel() == "in each minute"


def test_prices_fund_and_density_are_those_of_the_run() -> None:
    found = studied(30)
    run = found.run
    for axes, k in zip(price_figure(found).axes, range(3), strict=True):
        outside, with_orders = (line.get_ydata() for line in axes.lines)
        assert np.allclose(outside, run.outside[:, k] / run.outside[0, k] - 1.0)
        assert np.allclose(with_orders, run.price[:, k] / run.price[0, k] - 1.0)
        assert np.min(with_orders) < np.min(outside)
    assert np.allclose(fund_figure(found).axes[0].lines[0].get_ydata(), run.fund)
    bars = density_figure(found).axes[0].patches
    # four groups: before and after, each on both sides, by the height of one per cent
    each = len(found.before.moves)
    assert len(bars) == 4 * each
    widths = np.diff(found.before.moves, prepend=0.0)
    for group, (which, side) in enumerate(((found.before, 0), (found.before, 1), (found.after, 0), (found.after, 1))):
        shown = np.array([b.get_height() for b in bars[group * each : (group + 1) * each]])
        assert np.allclose(shown * widths / 0.01, which.density[side].sum(axis=1))
