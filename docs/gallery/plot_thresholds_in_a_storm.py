"""
Thresholds in a storm
=====================

When markets become wild a venue wants more margin. If it simply raises the level below which positions are closed, it
closes accounts although no price has moved. Here the raised level only calls, and closes below the old level or at a
deadline. What does that save in a real crash, and whom does it cost his position?
"""

# %%
# Six per cent of equity, four per cent of margin
# -----------------------------------------------
# Volatility doubles the maintenance margin to eight per cent. The account is *amber*: called, reduce-only, with hours
# to pay. It is red below four.

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.liquidation.calls import CallPolicy, Course, lived, tallied
from plimsoll.margin.avsl import ThresholdRule, scalars, zone, zones
from plimsoll.margin.path import States

rule = ThresholdRule()
print(
    "V = 1:", zone(rule, 6.0, 4.0, 1.0), "  V = 2:", zone(rule, 6.0, 4.0, 2.0), "  at 3.9:", zone(rule, 3.9, 4.0, 2.0)
)

# %%
# Nineteen days of May 2021
# -------------------------
# Hourly prices of BTC from the recorded data that lie in the folder ``shared`` beside the project; where it is absent
# the page shows a made-up fall instead, and says so. The scalar follows a blend of a fast and a slow volatility, known
# when an hour is over and counted in the next.

FILE = "data/prices/binance_spot_1h_BTC_ETH_2017_2021.parquet"
named = os.environ.get("PLIMSOLL_SHARED")
here = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "pyproject.toml").is_file()), Path.cwd())
file = (Path(named) if named else here.parent / "shared") / FILE
real = file.is_file()
first, last = datetime(2021, 5, 8, tzinfo=UTC), datetime(2021, 5, 27, tzinfo=UTC)
if real:
    import polars

    table = polars.read_parquet(file).filter(polars.col("symbol") == "BTC/USDT").sort("time")
    table = table.filter(polars.col("time").is_between(first - timedelta(days=60), last))
    times, prices = table["time"].to_list(), table["close"].to_numpy()
else:
    draw = np.random.default_rng(5)
    size = 24 * 79
    wild = np.where(np.abs(np.arange(size) - size + 220) < 60, 0.02, 0.006)
    prices = 58_000.0 * np.exp(np.cumsum(wild * draw.normal(-0.06, 1.0, size)))
    times = [first - timedelta(days=60) + timedelta(hours=k) for k in range(size)]
print("recorded prices" if real else "made-up prices")


def volatility(half_life: float) -> np.ndarray:
    """A year's, of hourly returns weighted exponentially; each is known an hour before it counts."""
    kept, variance, found = 0.5 ** (1.0 / half_life), np.nan, [np.nan, np.nan]
    for step in np.diff(np.log(prices))[:-1] ** 2:
        variance = step if np.isnan(variance) else kept * variance + (1.0 - kept) * step
        found.append(np.sqrt(8_760.0 * variance))
    return np.array(found)


fast, slow = volatility(12.0), volatility(240.0)
hours = np.array([t.timestamp() / 3_600.0 for t in times])
scalar = scalars(rule, hours, fast, slow)
shown = np.array([t >= first for t in times])
times, prices, scalar = [t for t, s in zip(times, shown, strict=True) if s], prices[shown], scalar[shown]
print(f"scalar from {scalar.min():.2f} to {scalar.max():.2f}, volatility up to {np.nanmax(fast[shown]):.0%} a year")

# %%
# Forty accounts, the same under both rules
# -----------------------------------------
# All have bought BTC and start with 1.3 to 6 times the maintenance margin of the house model, 8 % of the position. Half
# of them pay within two hours what they are called for, the others never do.

model = pl.margin_model("prbm@2025-01-01")
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2021-05-08T00:00:00Z",
        "indices": {"BTC": {"price": float(prices[0])}},
        "assets": {"USDC": {"price": 1.0}},
        "instruments": [
            {"kind": "perpetual", "name": "P", "underlying": "BTC", "settlement": "linear", "currency": "USDC"}
        ],
        "marks": {"P": {"price": float(prices[0])}},
    }
)
healths = np.geomspace(1.3, 6.0, 40)


def account(health: float) -> pl.Account:
    return pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "collateral": {"USDC": health * 0.08 * float(prices[0])},
            "positions": [{"instrument": "P", "quantity": 1.0, "entry_price": float(prices[0])}],
        }
    )


states = States({"BTC": prices / prices[0]}, np.ones(prices.size))
lives = {}
for name, v in (("fixed", None), ("AVSL", scalar)):
    course = Course(tuple(times), states, v)
    lives[name] = [
        lived(model, account(h), market, course, CallPolicy(), (lambda _: (2.0, 1.0)) if k % 2 else None)
        for k, h in enumerate(healths)
    ]
    t = tallied(lives[name])
    print(
        f"{name:>6}: called {t.called}, closed below base {t.closed_below_base}, at a deadline by the threshold alone "
        f"{t.closed_by_threshold}, at once by the threshold {t.at_once}, closed {t.forced:,.0f} USD"
    )

# %%
# The picture
# -----------
# Above, the price and the level of one account, its equity, and its zones if it does nothing. Below, what is closed in
# all, as time goes on.

one = model.along(account(3.2), market, states)[0]
figure, (top, bottom) = plt.subplots(2, 1, figsize=(9, 6.2), layout="constrained", sharex=True)
amber = np.array([z == "amber" for z in zones(rule, one.equity, one.maintenance, scalar)])
top.plot(times, one.equity / 1e3, color="tab:blue", label="equity of an account that does nothing")
top.plot(times, scalar * one.maintenance / 1e3, color="tab:orange", label="called below: V × maintenance")
top.plot(times, one.maintenance / 1e3, color="tab:red", label="closed below: maintenance")
top.fill_between(times, 0, 1, where=amber, transform=top.get_xaxis_transform(), color="tab:orange", alpha=0.18, lw=0)
top.axhline(0.0, color="black", linewidth=0.6)
top.set(ylabel="thousand USD", title="amber: called and reduce-only, hours before it would have been closed")
top.legend(frameon=False, fontsize=8, loc="lower left")
for name, colour in (("fixed", "tab:red"), ("AVSL", "tab:orange")):
    closes = sorted((c.done, c.notional) for x in lives[name] for c in x.closings)
    at = [times[0], *(t for t, _ in closes), times[-1]]
    total = np.concatenate([[0.0], np.cumsum([usd for _, usd in closes]), [sum(usd for _, usd in closes)]])
    bottom.step(at, total / 1e3, where="post", color=colour, label=name)
bottom.set(ylabel="closed in all, thousand USD")
bottom.legend(frameon=False, loc="upper left")
figure.autofmt_xdate()

# %%
# The number
# ----------
# What the early calls save, and what they cost: some accounts are closed at a deadline that never were below their base
# margin. In this crash a fixed rule spares them and closes more in the end; where margins are as thin as the moves of
# an hour it makes no difference: see the page of validation.

fixed, avsl = (tallied(lives[n]) for n in ("fixed", "AVSL"))
print(f"closed under AVSL against the fixed rule: {100 * (avsl.forced / fixed.forced - 1):+.0f} %")
print(f"accounts closed by the threshold at a deadline: {avsl.closed_by_threshold} against {fixed.closed_by_threshold}")
