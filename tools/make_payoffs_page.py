"""Write docs/validation/payoffs.md: what the numerical payoffs err by, measured with fixed seeds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "validation" / "payoffs.md"

HEAD = """# How far the numerical payoffs are from the truth

Written by `python tools/make_payoffs_page.py`. Closed forms are not here: the tests hold them to integrals. Errors
are in units of the spot.

## American options: the tree of 48 and 96 steps

Against the same tree of 800 and 1,600 steps, over strikes from two deviations below to two above the forward; `s` is
total volatility, the carry is of the whole life. The worst of calls and puts, with no discounting and with a rate
equal to the carry, which is how coin-settled ones are exercised.

| s | carry −10 % | −1 % | +1 % | +10 % |
| --- | --- | --- | --- | --- |
"""

MIDDLE = """
## Arithmetic averages: conditioning on the geometric one

Against Monte Carlo of {draws:,} mirrored pairs with the geometric option as control (seed {seed}); daily fixings to
a month, else twelve. At the strikes 80 %, 100 % and 125 % of the spot: error, and in brackets the standard error of
the simulation.

| life | volatility | 80 % | 100 % | 125 % |
| --- | --- | --- | --- | --- |
"""

DRAWS, SEED = 400_000, 1


def american_rows() -> list[str]:
    """One row for each total volatility."""
    from plimsoll.pricing.american import american_value

    rows = []
    for s in (0.05, 0.15, 0.4, 1.0):
        cells = []
        for carry in (-0.1, -0.01, 0.01, 0.1):
            f = 100.0 * np.exp(carry)
            k = f * np.exp(np.linspace(-2.0, 2.0, 17) * s)
            worst = 0.0
            for rate in (0.0, carry):
                for call in (True, False):
                    x, flag = np.full(k.shape, 100.0), np.full(k.shape, call)
                    args = (x, np.full(k.shape, f), k, np.full(k.shape, s), flag, np.full(k.shape, rate))
                    worst = max(worst, float(np.abs(american_value(*args) - american_value(*args, 800)).max()))
            cells.append(f"{worst / 100.0:.1e}")
        rows.append(f"| {s:g} | " + " | ".join(cells) + " |")
    return rows


def asian_rows() -> list[str]:
    """One row for each life and volatility."""
    from plimsoll.pricing import arithmetic_asian, asian_mc

    rows = []
    for days, count in ((7.0, 7), (30.0, 30), (90.0, 12), (365.0, 12)):
        t = np.linspace(days / count, days, count) / 365.0
        f = np.full(count, 100.0)
        for vol in (0.5, 1.0, 1.5):
            cells = []
            for k in (80.0, 100.0, 125.0):
                mc = asian_mc(f, t, k, vol, True, draws=DRAWS, seed=SEED)
                error = float(arithmetic_asian(f, t, k, vol, True)) - mc.value
                cells.append(f"{error / 100.0:+.1e} ({mc.error / 100.0:.1e})")
            rows.append(f"| {days:g} d | {vol:.0%} | " + " | ".join(cells) + " |")
    return rows


def main() -> int:
    """Write the page."""
    text = HEAD + "\n".join(american_rows()) + "\n"
    text += MIDDLE.format(draws=DRAWS, seed=SEED) + "\n".join(asian_rows()) + "\n"
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
