"""The table of size and power: on a few of its series, and as it stands on the page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

import size_power
from size_power import TESTS, World, share, worlds


@cache
def made() -> dict[str, World]:
    return worlds(60)


def test_the_worlds_are_what_they_say() -> None:
    found = worlds(400, seed=3)
    right = found["right model"]
    assert right.hits.mean() == pytest.approx(size_power.LEVEL, abs=0.001)
    assert (right.sigma**2).mean() == pytest.approx(1.0, abs=0.1)
    beyond = right.losses[right.hits]
    assert beyond.mean() == pytest.approx(right.es[right.hits].mean(), rel=0.02)
    assert np.array_equal(found["volatility x 0.5"].var, 0.5 * right.var)
    flat = found["volatility that does not move"]
    assert flat.hits.mean() == pytest.approx(size_power.LEVEL, abs=1e-4)
    thin = found["VaR right, tail too thin"]
    assert thin.hits.mean() == pytest.approx(size_power.LEVEL, abs=0.001)
    assert thin.losses[thin.hits].mean() > 1.15 * thin.es[thin.hits].mean()


@pytest.mark.parametrize("name", [n for n in TESTS if n not in ("time between failures", "dynamic quantile")])
def test_a_right_model_is_kept_and_half_the_volatility_seen(name: str) -> None:
    # sixty series: three standard errors above the size of 5 %
    kept = share(name, made()["right model"])
    assert kept <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60) + (0.05 if "chi-square" in name else 0.0)
    if name.startswith(("Kupiec", "conditional", "Acerbi and Székely Z2")):
        assert share(name, made()["volatility x 0.5"]) == 1.0


def test_the_page_has_every_test_and_world() -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation" / "backtests.md").read_text(encoding="utf-8")
    table = page.split("## Size and power of the tests")[1]
    rows = {cells[0].strip(): cells[1:] for cells in (line.strip("| ").split("|") for line in table.splitlines())}
    assert set(TESTS) <= set(rows)
    assert [c.strip() for c in rows["test"]] == list(made())
    # the share of a right model that an exact or simulated test rejects is not above its 5 %
    for name, (count, _) in TESTS.items():
        size = float(rows[name][0].strip(" %")) / 100
        if "chi-square" not in name:
            assert size <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / count), name
