"""
Smiles through the crash
========================

In the last days of January 2026 Bitcoin lost an eighth of its price and Ether a fifth. What did the options say on the
way down: did volatility rise everywhere, only near by, or only for those who wanted protection?
"""

# %%
# The surfaces
# ------------
# The twelve snapshots of the chain lie outside this project, in the folder named by ``PLIMSOLL_SHARED`` or in
# ``shared`` beside it. Where it is absent the page shows generated markets instead, and says so. Each snapshot is
# fitted as a whole: a slice for each expiry, none with a negative density, none crossing another. So volatility can be
# read at any strike and any time, and the same *thirty days* can be compared from snapshot to snapshot although no
# option has exactly thirty days to go.

import os
from datetime import timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from plimsoll.dynamics import Surface, SurfaceFit, fit_market
from plimsoll.feeds import generated_market, import_chain, list_snapshots
from plimsoll.feeds.generated import DEFAULT_TIME

FILE = "data/options/deribit_chain_intraday_20260129_20260131.parquet"
named = os.environ.get("PLIMSOLL_SHARED")
here = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "pyproject.toml").is_file()), Path.cwd())
chain = (Path(named) if named else here.parent / "shared") / FILE
real = chain.is_file()
if real:
    source = "Deribit, 29 to 31 January 2026"
    markets = [import_chain(chain, snapshot.time) for snapshot in list_snapshots(chain)]
else:
    source = "MADE-UP MARKETS of a generator, no real prices"
    markets = [generated_market(seed, DEFAULT_TIME + timedelta(hours=6 * seed)) for seed in range(6)]
fits: dict[str, list[SurfaceFit]] = {}
for market in markets:
    for fit in fit_market(market):
        fits.setdefault(fit.underlying, []).append(fit)
surfaces = {coin: [Surface.of(fit) for fit in path] for coin, path in fits.items()}
slices = [e for path in fits.values() for fit in path for e in fit.expiries]
print(source)
print(
    f"{len(slices)} slices, {sum(fit.arbitrage_free for path in fits.values() for fit in path)} of "
    f"{sum(map(len, fits.values()))} surfaces free of arbitrage, median weighted error "
    f"{100 * np.median([e.error.weighted for e in slices]):.2f} points"
)

# %%
# The picture
# -----------
# Above: the smile of thirty days at four snapshots, over the distance of the strike from the forward. In the middle:
# volatility at the money over the time to expiry, at the same four. Below: volatility at the money of a week, a month
# and a quarter through all snapshots.

YEAR = 365.0
times = [market.time for market in markets]
shown = np.linspace(0, len(markets) - 1, 4).round().astype(int)
colours = plt.get_cmap("plasma")(np.linspace(0.05, 0.8, len(shown)))
figure, grid = plt.subplots(3, len(surfaces), figsize=(5.2 * len(surfaces), 9.5), squeeze=False, layout="constrained")
for column, (coin, path) in zip(grid.T, surfaces.items(), strict=True):
    index = [market.indices[coin].price for market in markets]
    k = np.linspace(-0.35, 0.35, 141)
    for i, colour in zip(shown, colours, strict=True):
        label = f"{times[i]:%d %b %H:%M}, {index[i]:,.0f} USD"
        column[0].plot(100 * np.expm1(k), 100 * path[i].vol(k, 30 / YEAR), color=colour, label=label)
        days = np.geomspace(1.0, 300.0, 121)
        column[1].plot(days, 100 * path[i].vol(0.0, days / YEAR), color=colour)
    column[0].axvline(0.0, color="grey", linewidth=0.8, linestyle=":")
    column[0].set(title=f"{coin}: smile of 30 days", xlabel="strike against forward, %", ylabel="volatility, %")
    column[0].legend(fontsize=8)
    column[1].set(title="At the money", xlabel="days to expiry", ylabel="volatility, %", xscale="log")
    column[1].set_xticks([1, 7, 30, 90, 300], ["1", "7", "30", "90", "300"])
    for days, style in ((7, "o-"), (30, "s-"), (90, "^-")):
        column[2].plot(
            times, [100 * float(s.vol(0.0, days / YEAR)) for s in path], style, markersize=4, label=f"{days} days"
        )
    column[2].set(title="At the money through the days", ylabel="volatility, %", xlabel="UTC")
    column[2].xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=8))
    column[2].xaxis.set_major_formatter(ConciseDateFormatter(column[2].xaxis.get_major_locator()))
    column[2].legend(fontsize=8)
title = figure.suptitle(source)

# %%
# The number
# ----------
# From the first snapshot to the last: volatility at the money for a week; what the surface leaves for the time between
# a week and a quarter from now; and how much more volatility a put ten per cent below the forward costs than a call
# ten per cent above it, for thirty days. Where the week rises much more than the time after it, the market expects the
# storm to pass.


def forward_vol(surface: Surface, early: float, late: float) -> float:
    """Volatility at the money between two times, in days."""
    gained = surface.total_variance(0.0, late / YEAR) - surface.total_variance(0.0, early / YEAR)
    return float(np.sqrt(gained / ((late - early) / YEAR)))


for coin, path in surfaces.items():
    for name, read in (
        ("7 days at the money", lambda s: float(s.vol(0.0, 7 / YEAR))),
        ("between 7 and 90 days", lambda s: forward_vol(s, 7, 90)),
        ("put less call, 30 days", lambda s: float(s.vol(np.log(0.9), 30 / YEAR) - s.vol(np.log(1.1), 30 / YEAR))),
    ):
        first, last = 100 * read(path[0]), 100 * read(path[-1])
        print(f"{coin} {name:<24} {first:6.1f} to {last:6.1f} points, {last - first:+.1f}")
