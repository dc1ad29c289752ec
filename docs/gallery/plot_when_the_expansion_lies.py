"""
When the expansion lies
=======================

A Greeks margin draws a parabola through today. A strangle sold close to expiry has almost no gamma today and a great
deal of it at its strikes: the parabola does not see them. How wrong is it, who notices, and what is charged then?
"""

# %%
# One strangle, from three months to one day
# ------------------------------------------
# Short a put 10 % below and a call 10 % above 70,000 USD, one contract each, at 60 % volatility.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.margin import open_book

SPOT = 70_000.0
model = pl.margin_model("dsa@2026-01-01")


def strangle(days: float) -> tuple[pl.Account, pl.Market]:
    expiry = str(np.datetime64("2026-01-01T00:00:00") + np.timedelta64(round(days * 86_400), "s")) + "Z"
    terms = {"kind": "option", "underlying": "BTC", "expiry": expiry, "settlement": "linear", "currency": "USDC"}
    legs = [{**terms, "name": "PUT", "strike": 0.9 * SPOT, "call": False}]
    legs += [{**terms, "name": "CALL", "strike": 1.1 * SPOT, "call": True}]
    market = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-01-01T00:00:00Z",
        "indices": {"BTC": {"price": SPOT}},
        "assets": {"USDC": {"price": 1.0}},
        "expiries": [{"underlying": "BTC", "expiry": expiry, "forward": {"variable": SPOT}}],
        "instruments": legs,
        "marks": {leg["name"]: {"vol": 0.6} for leg in legs},
    }
    positions = [{"instrument": leg["name"], "quantity": -1.0} for leg in legs]
    account = {"schema": "plimsoll.account", "schema_version": 1, "positions": positions}
    return pl.Account.from_dict(account), pl.Market.from_dict(market)


# %%
# The parabola and the truth
# --------------------------
# Volatility up 40 % at the reference tenor, spot over the whole box. The band is the certified error: the model
# promises that the revaluation lies inside it at every point, not only where it looked.

figure, places = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for place, days in zip(places, (60.0, 7.0, 1.0), strict=True):
    book = open_book(*strangle(days))
    (core,) = model.cores(book)
    grid = model.parameters.grid
    moves, vols = model.box.axes(grid.spot_cells, grid.vol_cells)
    y = vols[-1]
    d, g, v, c, o = core.quadratic
    parabola = d * moves + g * moves**2 / 2 + v * y + c * moves * y + o * y**2 / 2
    truth = core.check.pnl[-1]
    assert np.all(np.abs(truth - parabola) <= core.check.bound)
    low, high = (parabola + side * core.check.bound for side in (-1, 1))
    place.fill_between(100 * moves, low / 1e3, high / 1e3, alpha=0.15, label="expansion ± bound")
    place.plot(100 * moves, parabola / 1e3, "--", label="expansion")
    place.plot(100 * moves, truth / 1e3, color="black", label="full revaluation")
    charged = "full revaluation" if core.full else "expansion"
    place.set(title=f"{days:g} day{'s' if days > 1 else ''}: {charged} charged", xlabel="spot move, %")
places[0].set_ylabel("profit or loss, thousand USD")
places[0].legend(loc="lower center", fontsize=8)

# %%
# Where the model switches
# ------------------------
# The same strangle at every age. Up to a tenth of the charge the error is accepted; beyond it, in the shaded part, the
# full revaluation is charged. The bound needs no trust: it follows from the largest gamma, delta and volga that each
# cell of a grid can hold. Between two weeks and two months the parabola asks for too much, in the last week for too
# little; in between it happens to be right, which the model can tell from being wrong.

days = np.geomspace(1.0, 90.0, 60)
found = [model.requirement(*strangle(t)).workings for t in days]
expansion, full, bound, tolerance, used, switched = (
    np.array([w[f"BTC.{name}"] for w in found])
    for name in ("expansion", "full", "bound", "tolerance", "used", "full_used")
)
figure, (above, below) = plt.subplots(2, 1, figsize=(8, 6), sharex=True, layout="constrained")
above.plot(days, expansion / 1e3, "--", label="expansion")
above.plot(days, full / 1e3, color="black", label="full revaluation")
above.plot(days, used / 1e3, linewidth=6, alpha=0.3, label="charged")
above.set(ylabel="worst loss over the box, thousand USD", xscale="log")
above.legend()
below.plot(days, bound / 1e3, label="certified error of the expansion")
below.plot(days, tolerance / 1e3, ":", color="grey", label="tolerated")
below.set(xlabel="days to expiry", ylabel="thousand USD", xscale="log", yscale="log")
below.legend()
for place in (above, below):
    top = place.get_xaxis_transform()
    place.fill_between(days, 0, 1, where=switched > 0, transform=top, color="tab:red", alpha=0.06)
assert np.all((bound > tolerance) == (switched > 0))

# %%
# The number
# ----------
# On the last day the parabola asks for next to nothing.

last = found[0]
print(
    f"one day to go: expansion {last['BTC.expansion']:,.0f}, revaluation {last['BTC.full']:,.0f}, "
    f"certified error {last['BTC.bound']:,.0f} USD"
)
trusted, always = np.mean(switched == 0), days[switched > 0].max()
print(f"the expansion is trusted at {trusted:.0%} of the ages, always beyond {always:.0f} days")
assert last["BTC.full"] > 5.0 * last["BTC.expansion"]
