"""
Seven crashes, one fleet
========================

The same accounts, opened on the same day under the same rates, go through every crash that comes with the package. How
much of each fall is theirs? The prices of the crashes are recorded; how thin the books were in them is not, and the
answer hangs on it. So it is asked at three depths.
"""

# %%
# The venue
# ---------
# 1,500 random accounts in BTC, ETH and SOL, two thirds of the positions bought, all within their initial margin. Every
# second account keeps its money in USDC, which matters once. The fund is 6 % of what accounts own. The books are
# those of a recorded calm minute, cut to a fifth so that they fit a venue of this size; what is posted in a storm is a
# parameter of each scenario, and what makers withdraw by themselves comes on top. Both are **assumed**.

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.feeds.sample_fleet import sample_fleet_arrays, sample_schedule
from plimsoll.laboratory.calm import default_liquidity, scaled
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.measures import amplification
from plimsoll.laboratory.policy import StaticRates
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.scenarios.stress import shipped_scenarios, stress_path

venue = CascadeVenue(insurance_fund=1.5e6)
fleet = sample_fleet_arrays(sample_schedule(), venue, 1500, seed=7)
equity = fleet.cash[:, 0].copy()
np.add.at(equity, np.repeat(np.arange(fleet.accounts), np.diff(fleet.indptr)), fleet.entry)
in_usdc = np.where(np.arange(fleet.accounts) % 2 == 1, equity, 0)
fleet = replace(
    fleet,
    currencies=("USD", "USDC"),
    decimals=(6, 6),
    cash=np.stack([fleet.cash[:, 0] - in_usdc, in_usdc], axis=1),
)
rates = StaticRates(sample_schedule())
calm = default_liquidity()
held = np.abs(fleet.entry).sum() / 1e6
print(
    f"positions of {held / 1e6:,.0f} million USD, equity {equity.sum() / 1e12:,.1f}, fund {venue.insurance_fund / 1e6}"
)


def books(part):
    """The recorded calm depth, only `part` of it."""
    return calm.model_copy(update={"underlyings": {u: scaled(c, part) for u, c in calm.underlyings.items()}})


# %%
# Through the crashes
# -------------------
# Five-minute steps. Between recorded prices the way is drawn, and every recorded price is still met: four draws say how
# much of the outcome hangs on the way. On the command line ``plimsoll cascade run --sample 1500 --scenario march-2020
# --step 300 --noise 0.6 --seeds 4 --fund 1.5e6`` does one crash. *Asked of the fund* is what accounts owed beyond what
# they had, whether the fund had it or not.

crashes = shipped_scenarios().of("historical").scenarios
depths, usual, draws = (0.1, 0.2, 0.4), 0.2, range(4)
runs = {}
for crash in crashes:
    for part in depths:
        for seed in draws:
            path = stress_path(crash, fleet.underlyings, 300.0, currencies=("USDC",), noise=0.6, seed=seed)
            runs[crash.name, part, seed] = cascade(fleet, path, books(part), venue, rates, seed=seed)


def widest(run):
    """The widest amplification over the three coins."""
    return float(np.nanmax(amplification(run)))


def over(crash, part, measure):
    """Mean over draws and its standard error."""
    found = np.array([measure(r) for (name, p, _), r in runs.items() if (name, p) == (crash.name, part)])
    return found.mean(), found.std(ddof=1) / np.sqrt(found.size)


def asked(run):
    """What the fund was asked for, million USD."""
    return float(run.fund_paid.sum() + run.short.sum()) / 1e6


print(f"{'':>13}  ETH outside  with forced  forced, m  asked of fund, m  it lasts      amplified")
for crash in crashes:
    mine = [runs[crash.name, usual, seed] for seed in draws]
    eth = mine[0].underlyings.index("ETH")
    moves = {f: [getattr(r, f)[:, eth] / r.price[0, eth] - 1 for r in mine] for f in ("outside", "price")}
    far = {f: np.mean([m[np.abs(m).argmax()] for m in each]) for f, each in moves.items()}
    forced = np.mean([r.forced_volume for r in mine]) / 1e6
    times, error = over(crash, usual, widest)
    print(
        f"{crash.name:>13}  {far['outside']:>11.1%}  {far['price']:>11.1%}  {forced:>9.0f}  "
        f"{over(crash, usual, asked)[0]:>16.2f}  {sum(not r.emptied for r in mine):>3} of {len(mine)}  "
        f"{times:.2f} +- {error:.2f}"
    )

# %%
# What happened, crash by crash
# -----------------------------
# Grey, ETH from outside in the first draw; red, with the fleet's own forced orders; blue, the insurance fund (right
# axis). ETH is shown because its prices are recorded in all seven.
#
# A slow crash is not the dear one. The most leveraged accounts are closed within the first few per cent, and a fleet
# that has been closed adds little to a fall of a half. What amplifies is many closes at once into books that are gone:
# the minutes of October 2025, where 2 % of the posted depth was left, and the weekend of USDC, in which no coin fell by
# much: collateral lost an eighth, bought *and* sold positions were closed, and the spike goes up.

figure, panels = plt.subplots(4, 2, figsize=(9.6, 11), layout="constrained")
for axes, crash in zip(panels.flat, crashes, strict=False):
    run = runs[crash.name, usual, 0]
    eth = run.underlyings.index("ETH")
    hours = np.arange(run.price.shape[0]) * run.world.path.step_seconds / 3600
    axes.plot(hours, 100 * (run.outside[:, eth] / run.price[0, eth] - 1), color="0.55", linewidth=1.2)
    axes.plot(hours, 100 * (run.price[:, eth] / run.price[0, eth] - 1), color="tab:red", linewidth=0.9)
    axes.set(title=crash.name, xlabel="hours", ylabel="ETH, %")
    right = axes.twinx()
    right.fill_between(hours, run.fund / 1e6, color="tab:blue", alpha=0.18, linewidth=0)
    right.set_ylim(0, 3.2 * venue.insurance_fund / 1e6)
    right.set_yticks([0, venue.insurance_fund / 1e6])
    right.tick_params(labelsize=7, colors="tab:blue")
    for each in (axes, right):
        each.spines["top"].set_visible(False)
words = panels.flat[-1]
words.axis("off")
words.plot([], [], color="0.55", label="ETH from outside")
words.plot([], [], color="tab:red", label="with forced orders")
words.fill_between([], [], color="tab:blue", alpha=0.18, label="insurance fund, million USD (right)")
words.legend(frameon=False, loc="center", fontsize=10)

# %%
# How much of it is the depth
# ---------------------------
# The amplification at three depths, with two standard errors over the draws. Nothing else is changed.

figure, axes = plt.subplots(figsize=(9.6, 4.2), layout="constrained")
for k, (part, colour) in enumerate(zip(depths, ("tab:red", "tab:orange", "tab:green"), strict=True)):
    found = np.array([over(crash, part, widest) for crash in crashes])
    axes.errorbar(
        np.arange(len(crashes)) + 0.18 * (k - 1),
        found[:, 0],
        yerr=2 * found[:, 1],
        fmt="o",
        color=colour,
        capsize=3,
        label=f"{part:.0%} of the recorded calm depth",
    )
axes.axhline(1.0, color="black", linewidth=0.8)
axes.set_xticks(np.arange(len(crashes)), [c.name for c in crashes], rotation=15)
axes.set_ylabel("widest move over the one from outside")
axes.set_yscale("log")
axes.set_yticks([1, 1.5, 2, 3, 4], ["1", "1.5", "2", "3", "4"])
axes.minorticks_off()
axes.legend(frameon=False, fontsize=8)
axes.spines[["top", "right"]].set_visible(False)

# %%
# The number
# ----------

thin, thick = (max((over(c, part, widest)[0], c.name) for c in crashes) for part in (depths[0], depths[-1]))
print(f"largest amplification: {thin[0]:.2f} in {thin[1]} with {depths[0]:.0%} of the depth,")
print(f"{thick[0]:.2f} in {thick[1]} with {depths[-1]:.0%} of it")
