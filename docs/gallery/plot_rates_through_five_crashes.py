"""
Rates through five crashes
==========================

A venue that asks today's tail as margin asks least just before a crash and most just after it. What does it cost to be
calmer, and does the calm rate still cover?
"""

# %%
# The history
# -----------
# The daily closes lie outside this project, in the folder named by ``PLIMSOLL_SHARED`` or in ``shared`` beside it. If
# they are absent the page shows a made-up history instead, and says so. At every close the rates are those that could
# have been known then.

import os
from datetime import datetime
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.feeds import read_bars
from plimsoll.feeds.sample_history import sample_assets
from plimsoll.market.history import instant_of
from plimsoll.rates.governor import RAW, GovernorRule
from plimsoll.rates.publish import AssetHistory, RatePolicy
from plimsoll.rates.raw import TailRule, both_sides
from plimsoll.rates.study import study_series
from plimsoll.rates.tune import published
from plimsoll.validate.procyclicality import profile

FILE = "data/prices/binance_spot_daily_7coins.parquet"
named = os.environ.get("PLIMSOLL_SHARED")
here = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "pyproject.toml").is_file()), Path.cwd())
prices = (Path(named) if named else here.parent / "shared") / FILE
if prices.is_file():
    bars = read_bars(prices, names={"BTCUSDT": "BTC"})
    assets = {"BTC": AssetHistory.of("BTC", bars.history, bars.field("quote_volume"))}
    source, split = "BTC, daily closes", "2022-01-01"
else:
    assets = {"BTC": sample_assets()["BTC"]}
    source, split = "A MADE-UP HISTORY of a generator, no real prices", "2021-01-01"
(series,) = study_series(RatePolicy(), assets)
days = np.array([instant_of(int(t)) for t in series.times])
cut = int(np.searchsorted(days, datetime.fromisoformat(f"{split}T00:00:00+00:00")))

# %%
# Three schedules
# ---------------
# The raw rate is the 99 % quantile of filtered history. The governor adds a floor from the whole past, a quarter of
# weight on stressed days, a quarter of buffer that is used up in stress, speed limits, a day of notice, and an override
# when the raw rate is more than a quarter above what is in force. The static rate is the quantile of everything before
# the split.

moves = np.diff(np.log(assets["BTC"].closes[: assets["BTC"].closes.size - series.times.size + cut]))
static = both_sides(TailRule(), moves[np.isfinite(moves)])
governed = published(GovernorRule(), series)
schedules = {
    "static": np.full(series.times.size, static),
    "raw": published(RAW, series).rate,
    "governed": governed.rate,
}
lost = series.losses.max(axis=1)
judged = np.isfinite(lost) & (np.arange(lost.size) >= cut)
print(f"{source}, judged from {split} on")
for name, rate in schedules.items():
    found = profile(rate[judged], lost[judged], name=name)
    print(
        f"{name:>9}: mean {found.mean:6.2%}, peak over trough {found.peak_to_trough:4.2f}, "
        f"largest rise in 30 days {found.rises[30]:4.0%}, {found.shortfall.exceptions:3d} moves beyond it, "
        f"{found.shortfall.mean:.1%} on average"
    )

# %%
# The picture
# -----------
# Grey, the larger of what a long or a short position lost the next day. Dots are losses beyond the governed rate, lines
# are the moments when it jumped without notice.

figure, axes = plt.subplots(figsize=(9.5, 4.4), layout="constrained")
axes.fill_between(days, lost, color="0.8", linewidth=0, label="move of the next day")
axes.plot(days, schedules["raw"], color="tab:orange", linewidth=0.8, label="raw")
axes.plot(days, schedules["governed"], color="tab:blue", linewidth=1.6, label="governed", drawstyle="steps-post")
axes.axhline(static, color="tab:green", linewidth=1, linestyle="--", label="static")
beyond = np.nan_to_num(lost) > schedules["governed"]
axes.plot(days[beyond], lost[beyond], "o", color="tab:red", markersize=4, label="beyond the governed rate")
for change in governed.overrides:
    axes.axvline(days[change.announced], color="black", linewidth=0.8, linestyle=":")
axes.set(ylabel="part of the notional", ylim=(0, None), title=source)
axes.yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
axes.legend(ncols=5, loc="upper right", frameon=False, fontsize=8)
axes.spines[["top", "right"]].set_visible(False)

# %%
# The five crashes, close by
# --------------------------
# Forty-five days before and after the worst day of each month that gave a crash its name. In the made-up history those
# are its five worst days.

NAMED = {"March 2020": "2020-03", "May 2021": "2021-05", "June 2022": "2022-06", "November 2022": "2022-11"}
NAMED |= {"February 2026": "2026-02"}
months = np.array([day.strftime("%Y-%m") for day in days])
known = np.nan_to_num(lost)
centres = {name: int(np.argmax(np.where(months == month, known, -1.0))) for name, month in NAMED.items()}
if not all(month in months for month in NAMED.values()):
    centres = {f"{days[k]:%d %B %Y}": int(k) for k in sorted(np.argsort(known)[-5:])}
windows, panels = plt.subplots(1, 5, figsize=(9.5, 3.0), sharey=True, layout="constrained")
for panel, (name, centre) in zip(panels, centres.items(), strict=True):
    near = slice(max(0, centre - 45), centre + 46)
    since = np.arange(days.size)[near] - centre
    panel.fill_between(since, lost[near], color="0.8", linewidth=0)
    panel.plot(since, schedules["raw"][near], color="tab:orange", linewidth=0.8)
    panel.plot(since, schedules["governed"][near], color="tab:blue", linewidth=1.6, drawstyle="steps-post")
    panel.axhline(static, color="tab:green", linewidth=1, linestyle="--")
    hit = beyond[near]
    panel.plot(since[hit], lost[near][hit], "o", color="tab:red", markersize=4)
    panel.set(title=name, xlabel="days")
    panel.title.set_fontsize(9)
    panel.spines[["top", "right"]].set_visible(False)
    inside = {kind: int((known[near] > rate[near]).sum()) for kind, rate in schedules.items()}
    rise = {kind: rate[near].max() / rate[near][0] - 1.0 for kind, rate in schedules.items() if kind != "static"}
    print(
        f"{name:>14}: worst move {known[centre]:6.1%}; days beyond the raw rate {inside['raw']}, the governed "
        f"{inside['governed']}, the static {inside['static']}; risen by {rise['raw']:.0%} and {rise['governed']:.0%}"
    )
panels[0].yaxis.set_major_formatter(lambda v, _: f"{v:.0%}")
panels[0].set(ylabel="part of the notional", ylim=(0, None))

# %%
# The number
# ----------
# What the calm costs: how much more margin the governed rate holds on average, for how much less of a peak.

extra = schedules["governed"][judged].mean() / schedules["raw"][judged].mean() - 1
peaks = [float(r[judged].max() / r[judged].min()) for r in (schedules["raw"], schedules["governed"])]
print(f"{extra:.0%} more margin on average; peak over trough {peaks[1]:.1f} instead of {peaks[0]:.1f}")
