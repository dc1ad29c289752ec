"""
What the forecasts knew
=======================

On 12 March 2020 Bitcoin lost two fifths of its price in a day. What did each forecast of volatility say the evening
before, how fast did each learn, and how long did each remember?
"""

# %%
# The days
# --------
# Daily bars lie outside this project, in the folder named by ``PLIMSOLL_SHARED`` or in ``shared`` beside it. Where it
# is absent the page makes its own prices, and says so. A bar is known when it ends, and a *view* of a history holds
# nothing that was known later. Parameters are fitted once, on what was known on the last of February 2020.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.dynamics.garch import garch_forecast
from plimsoll.dynamics.har import fit_har
from plimsoll.feeds import read_bars
from plimsoll.market.history import DAY_NS, History, instant_ns, instant_of
from plimsoll.rates.learned import garman_klass

FILE = "data/prices/binance_spot_daily_7coins.parquet"
named = os.environ.get("PLIMSOLL_SHARED")
here = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "pyproject.toml").is_file()), Path.cwd())
file = (Path(named) if named else here.parent / "shared") / FILE
if file.is_file():
    source = "BTC, Binance, daily bars"
    bars = read_bars(file, names={"BTCUSDT": "BTC"})
    tables = {f: bars.field(f) for f in ("open", "high", "low")} | {"close": bars.history}
else:
    source = "MADE-UP PRICES of a generator, no real ones"
    rng = np.random.default_rng(1)
    days = int((instant_ns("2020-07-01T00:00:00Z") - instant_ns("2017-08-18T00:00:00Z")) // DAY_NS)
    sigma = 0.03 * np.exp(0.4 * np.sin(np.arange(days) / 40.0))
    sigma[938:960] *= 4.0
    steps = rng.normal(0.0, 1.0, (days, 24)) * sigma[:, None] / np.sqrt(24.0)
    path = np.hstack([np.zeros((days, 1)), np.cumsum(steps, axis=1)])
    level = 5_000.0 * np.exp(np.concatenate([[0.0], np.cumsum(path[:-1, -1])]))[:, None] * np.exp(path)
    times = instant_ns("2017-08-18T00:00:00Z") + DAY_NS * np.arange(days)
    columns = {"open": level[:, 0], "high": level.max(axis=1), "low": level.min(axis=1), "close": level[:, -1]}
    tables = {f: History.build(["BTC"], times, v) for f, v in columns.items()}

known = {f: h.until("2020-07-01T00:00:00Z") for f, h in tables.items()}
stamps, returns = known["close"].log_returns()
returns = returns[:, 0]
rv = garman_klass(*(known[f].series("BTC") for f in ("open", "high", "low", "close")))[1:]
rv = np.where(np.isnan(rv), returns**2, rv)
cut = int(np.searchsorted(stamps, instant_ns("2020-03-01T00:00:00Z"), side="right"))

# %%
# The forecasts
# -------------
# Each has one row more than there are returns: row ``t`` is known before return ``t``. HAR speaks of the range of a
# day, the others of its return; all are volatilities of a day here.

gjr = garch_forecast(returns[:cut], "gjr", name="BTC")
forecasts = {
    "EWMA, 0.94": np.sqrt(ewma_variance(returns, 0.94)),
    "EWMA, 0.99": np.sqrt(ewma_variance(returns, 0.99)),
    "GJR": np.sqrt(gjr.model.variance(returns) if gjr.model else ewma_variance(returns, 0.94)),
    "HAR of logs": np.sqrt(fit_har(rv[:cut], log=True).forecast(rv)),
}
print(source)
print(gjr.failure.message if gjr.failure else f"GJR: persistence {gjr.model.persistence:.3f}")

# %%
# The picture
# -----------
# Grey: the size of each day's return. Lines: what each forecast said of that day on the evening before.

start = int(np.searchsorted(stamps, instant_ns("2020-02-15T00:00:00Z")))
end = int(np.searchsorted(stamps, instant_ns("2020-06-15T00:00:00Z")))
when = [instant_of(int(t)) for t in stamps[start:end]]
figure, axis = plt.subplots(figsize=(9, 4.8), layout="constrained")
axis.bar(when, 100 * np.abs(returns[start:end]), color="lightgrey", width=0.9, label="size of the day's return")
for (name, sigma_), style in zip(forecasts.items(), ("-", "--", "-.", ":"), strict=True):
    axis.plot(when, 100 * sigma_[start:end], style, linewidth=1.8, label=name)
axis.set(title=f"Forecast of the evening before ({source})", ylabel="% per day", xlabel="UTC")
axis.xaxis.set_major_locator(AutoDateLocator(minticks=4, maxticks=10))
axis.xaxis.set_major_formatter(ConciseDateFormatter(axis.xaxis.get_major_locator()))
legend = axis.legend()

# %%
# The number
# ----------
# How many standard deviations the worst day was for each forecast, how far it then rose at most, and after how many
# days half of that rise was gone. A margin that follows the quickest is cheapest before the crash and dearest the day
# after it: that is what the governor of the rates is for.

worst = cut + int(np.argmin(returns[cut:end]))
print(f"worst day ends {instant_of(int(stamps[worst])):%Y-%m-%d}: {100 * np.expm1(returns[worst]):+.1f} %")
for name, sigma_ in forecasts.items():
    before, after = sigma_[worst], sigma_[worst + 1 :]
    top = int(np.argmax(after[:30]))
    half = np.flatnonzero(after[top:] < (before + after[top]) / 2.0)
    gone = f"half of it gone after {half[0]} days" if len(half) else "half of it never gone"
    print(f"{name:<12} {-returns[worst] / before:5.1f} sigma, then x {after[top] / before:.1f}; {gone}")
