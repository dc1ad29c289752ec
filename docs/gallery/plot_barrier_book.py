"""
The ridge before the barrier
============================

A knock-out option that pays more the closer it comes to its barrier, and nothing once it is there, is worth most on a
ridge between two cliffs. Whoever has sold it loses most on that ridge. A table of price moves in steps of four per cent
walks over it. How much does it miss, and what is charged?
"""

# %%
# A book of sold knock-outs
# -------------------------
# BTC at 70,000 USD. Ten calls struck at 68,000 that die at 76,000, ten days to run, sold at a volatility of 45 %.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.risk import pnl_array
from plimsoll.risk.surface import surface
from plimsoll.scenarios import Scenarios

SPOT, BARRIER, VOL, SOLD = 70_000.0, 76_000.0, 0.45, 10.0
EXPIRY = "2026-01-11T00:00:00Z"
terms = {"underlying": "BTC", "settlement": "linear", "currency": "USDC"}
knock_out = {"kind": "barrier_option", "name": "UP-AND-OUT", "expiry": EXPIRY, "strike": 68_000.0, "call": True}
knock_out |= {"barrier": BARRIER, "up": True, "knock_in": False, **terms}
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-01-01T00:00:00Z",
        "indices": {"BTC": {"price": SPOT}},
        "assets": {"USDC": {"price": 1.0}},
        "expiries": [{"underlying": "BTC", "expiry": EXPIRY, "forward": {"variable": SPOT}}],
        "instruments": [knock_out],
        "marks": {"UP-AND-OUT": {"vol": VOL}},
    }
)
quantity = np.array([-SOLD])
positions = [{"instrument": "UP-AND-OUT", "quantity": -SOLD}]
account = pl.Account.from_dict(
    {"schema": "plimsoll.account", "schema_version": 1, "positions": positions, "collateral": {"USDC": 60_000.0}}
)

# %%
# Where the table looks, and where the loss is
# --------------------------------------------
# Volatility down by 22 %, as in the rows of the pack that hurt most. The dots are the rows of its table, the crosses
# the columns that the house model adds for this book: on the way to the barrier and on both sides of it.

model = pl.margin_model("prbm@2026-01-01")
requirement = model.requirement(account, market)
rule = model.scenarios().vol_rule


def gain(moves: np.ndarray, vol: float) -> np.ndarray:
    columns = Scenarios.build(1.0 + moves, np.full(moves.size, vol), vol_rule=rule)
    return quantity @ pnl_array(market.instruments, market, columns, "usd") / 1e3


moves = np.linspace(-0.16, 0.16, 1_281)
table = np.linspace(-0.16, 0.16, 9)[1:-1]
way = (BARRIER / SPOT - 1.0) * np.arange(1, 17) / 16
figure, place = plt.subplots(figsize=(8, 4.4), layout="constrained")
for vol, style in ((0.4, ":"), (0.0, "--"), (-0.22, "-")):
    place.plot(100 * moves, gain(moves, vol), style, color="black", linewidth=1.2, label=f"volatility {vol:+.0%}")
place.plot(100 * table, gain(table, -0.22), "o", color="tab:blue", label="rows of the table")
place.plot(100 * way[:-1], gain(way[:-1], -0.22), "x", color="tab:red", label="columns on the way to the barrier")
place.axvline(100 * (BARRIER / SPOT - 1.0), color="grey", linewidth=0.8)
place.annotate("barrier", (100 * (BARRIER / SPOT - 1.0), 5.0), xytext=(4, 0), textcoords="offset points")
place.set(xlabel="price move, %", ylabel="profit or loss, thousand USD", title="Ten knock-out calls sold")
place.legend(loc="lower left", fontsize=8)

# %%
# The ridge grows as the days pass
# --------------------------------
# The same book over price and time. The ridge gets higher and steeper every
# day, and its cliff stays where it is.

days = np.linspace(0.0, 9.5, 39)
shape = surface(market.instruments, quantity, market, moves[::4], [0.0], days)
figure, place = plt.subplots(figsize=(8, 4.4), layout="constrained")
values = shape.pnl[:, 0, :] / 1e3
limit = float(np.abs(values).max())
mesh = place.pcolormesh(100 * shape.moves, shape.days, values, cmap="RdBu", vmin=-limit, vmax=limit, shading="nearest")
lines = place.contour(100 * shape.moves, shape.days, values, levels=[-40, -20, -10], colors="black", linewidths=0.7)
place.clabel(lines, fmt="%g", fontsize=8)
place.set(xlabel="price move, %", ylabel="days that pass", title="Profit or loss, thousand USD")
figure.colorbar(mesh, ax=place)
after, _, move, worst = shape.worst()

# %%
# The number
# ----------
# The rows of the table see a part of the loss; the columns at the barrier see the rest, and that is what is charged.

rows = len(model.scenarios())
seen = -min(s.pnl for s in requirement.scenarios[:rows])
charged = requirement.workings["BTC.scan"]
fine = -1e3 * min(float(gain(moves, v).min()) for v in (-0.22, 0.4))
print(f"the table sees a loss of {seen:,.0f} USD, the barrier columns {charged:,.0f}")
print(f"a grid of {moves.size} moves finds {fine:,.0f}")
print(f"charged at: {requirement.binding[0].label}")
print(f"left alone, the book is worst after {after:.1f} days at {move:+.1%}: {worst:,.0f} USD")
assert seen < charged
assert abs(charged - fine) < 0.02 * fine
