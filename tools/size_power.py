"""Size and power of the tests of coverage and of expected shortfall, by simulation: what each sees, and how often.

Losses are `sigma_t z_t` with a volatility that moves as GARCH(1,1) does (persistence 0.97) and the forecast is the 99 %
VaR and the ES of the law that is believed. What is counted is the share of series that a test rejects at 5 %: with the
right model its size, else its power. Seeds are fixed, so the table is the same at every run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from scipy.stats import t as student

from plimsoll.validate import (
    acerbi_szekely_1,
    acerbi_szekely_2,
    conditional_coverage,
    dynamic_quantile,
    independence,
    kupiec,
    mcneil_frey,
    time_between,
)

F64 = npt.NDArray[np.float64]
LEVEL, DAYS, REJECT = 0.01, 500, 0.05
MANY, FEW = 1000, 100
"""Series for the tests that take a millisecond, and for those that take a tenth of a second."""

FREEDOM = 4.0
NEWS, MEMORY = 0.08, 0.89


@dataclass(frozen=True)
class World:
    """`losses`, the day's true `sigma`, and the forecasts `var` and `es`, each `[S, DAYS]`."""

    losses: F64
    sigma: F64
    var: F64
    es: F64

    @property
    def hits(self) -> npt.NDArray[np.bool_]:
        """Days whose loss was beyond the forecast."""
        return np.asarray(self.losses > self.var)

    def row(self, n: int) -> World:
        """One series of it."""
        return World(self.losses[n], self.sigma[n], self.var[n], self.es[n])


def worlds(series: int, seed: int = 8) -> dict[str, World]:
    """The right model and five wrong ones, on the same draws."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((series, DAYS + 200))
    heavy = random.standard_t(FREEDOM, (series, DAYS + 200)) * np.sqrt((FREEDOM - 2.0) / FREEDOM)
    sigma, heavy_sigma = _garch(z), _garch(heavy)
    z, heavy = z[:, 200:], heavy[:, 200:]
    q, tail = float(norm.isf(LEVEL)), float(norm.pdf(norm.isf(LEVEL)) / LEVEL)
    right = World(sigma * z, sigma, q * sigma, tail * sigma)
    flat = np.full_like(sigma, float(np.quantile(right.losses, 1.0 - LEVEL)))
    # VaR as promised, ES that of a normal tail
    scale = np.sqrt((FREEDOM - 2.0) / FREEDOM)
    fat = float(student.isf(LEVEL, FREEDOM)) * scale
    return {
        "right model": right,
        "volatility x 0.9": World(right.losses, sigma, 0.9 * right.var, 0.9 * right.es),
        "volatility x 0.75": World(right.losses, sigma, 0.75 * right.var, 0.75 * right.es),
        "volatility x 0.5": World(right.losses, sigma, 0.5 * right.var, 0.5 * right.es),
        "volatility that does not move": World(right.losses, sigma, flat, flat * tail / q),
        "VaR right, tail too thin": World(
            heavy_sigma * heavy, heavy_sigma, fat * heavy_sigma, fat * heavy_sigma * tail / q
        ),
    }


def _garch(z: F64) -> F64:
    """`[S, DAYS]` volatilities of unit long-run variance, of the days after the first 200."""
    variance, found = np.ones(z.shape[0]), np.empty(z.shape)
    for day in range(z.shape[1]):
        found[:, day] = np.sqrt(variance)
        variance = (1.0 - NEWS - MEMORY) + variance * (MEMORY + NEWS * z[:, day] ** 2)
    return found[:, 200:]


Judge = Callable[[World], float]
"""From one series of a world, arrays `[DAYS]`, to a p-value."""

TESTS: dict[str, tuple[int, Judge]] = {
    "Kupiec, chi-square": (MANY, lambda w: kupiec(w.hits, LEVEL).p_value),
    "Kupiec, exact": (MANY, lambda w: kupiec(w.hits, LEVEL, exact=True).p_value),
    "Kupiec, exact, too many": (MANY, lambda w: kupiec(w.hits, LEVEL, exact=True, side="too many").p_value),
    "independence, permuted": (MANY, lambda w: independence(w.hits, draws=199).p_value),
    "conditional coverage": (MANY, lambda w: conditional_coverage(w.hits, LEVEL, draws=199).p_value),
    "time between failures": (FEW, lambda w: time_between(w.hits, LEVEL, draws=99).p_value),
    "dynamic quantile": (FEW, lambda w: dynamic_quantile(w.hits, LEVEL, w.var, draws=99).p_value),
    "McNeil and Frey": (MANY, lambda w: mcneil_frey(w.losses, w.var, w.es, w.sigma, draws=299).p_value),
    "Acerbi and Székely Z1": (MANY, lambda w: acerbi_szekely_1(w.losses, w.var, w.es, LEVEL, draws=299).p_value),
    "Acerbi and Székely Z2": (MANY, lambda w: acerbi_szekely_2(w.losses, w.var, w.es, LEVEL, draws=299).p_value),
}


def share(name: str, world: World, series: int | None = None) -> float:
    """The part of the first series of a world that a test rejects."""
    count, judge = TESTS[name]
    rows = range(min(count, len(world.losses)) if series is None else series)
    return float(np.mean([judge(world.row(n)) <= REJECT + 1e-9 for n in rows]))


def section() -> list[str]:
    """The table with its words, as lines of Markdown."""
    made = worlds(MANY)
    lines = [
        "## Size and power of the tests",
        "",
        f"Share of {MANY:,} simulated series of {DAYS} days ({FEW} for the two slow tests) that each test rejects at "
        "5 %; the 99 % forecast of a normal law with GARCH volatility, right and wrong. In the column of the right",
        f"model a test of 5 % has a standard error of {100 * np.sqrt(0.05 * 0.95 / MANY):.1f} points "
        f"({100 * np.sqrt(0.05 * 0.95 / FEW):.1f} for the slow ones). Gates use the exact and the simulated p-values; "
        "chi-square stands beside them to show why.",
        "Tests of exceptions cannot see a thin tail beyond the right VaR; tests of ES can.",
        "",
        f"| test | {' | '.join(made)} |",
        f"| --- |{' ---: |' * len(made)}",
    ]
    for name in TESTS:
        cells = [f"{100 * share(name, world):.1f} %" for world in made.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [*lines, ""]


if __name__ == "__main__":
    print("\n".join(section()))
