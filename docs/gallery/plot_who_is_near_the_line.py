"""
Who is near the line, and what would be sold there
==================================================

A venue that knows every margin to the unit still has to see the whole: how many accounts stand on which rung, who was
called and who paid, and at which prices how much would have to be closed.
"""

# %%
# A rough morning
# ---------------
# Forty accounts of five positions on the embedded chain, with four fifths of their cash, and a generated day in which
# prices walk fast. Accounts are warned, called and handed over by the policy; made-up holders answer some of the calls,
# and liquidation closes the rest.

import matplotlib.pyplot as plt

import plimsoll as pl
from plimsoll.feeds.demo import demo_market
from plimsoll.live import Engine
from plimsoll.live.calls import CallRule
from plimsoll.live.calls.holders import Holders
from plimsoll.live.fleet import sample_accounts
from plimsoll.live.generated import DayRule, generated_day
from plimsoll.live.monitors.session import watched
from plimsoll.live.monitors.station import Station
from plimsoll.report.monitor_figure import monitor_figure

market = demo_market()
accounts = [
    a.model_copy(update={"collateral": {asset: 0.8 * amount for asset, amount in a.collateral.items()}})
    for a in sample_accounts(market, 40, positions=5)
]
engine = Engine(pl.margin_model("prbm@2026-01-30"), market, accounts, calls=CallRule())
walk = DayRule(fills=0.1, transfers=0.0, quotes=0.3, daily_vol=0.14, seconds=80.0, clock_seconds=100.0)
day = generated_day(market, engine.holdings.names, 180, 11, walk)
found = watched(Station(engine, every=300.0), day, holders=Holders(engine))

# %%
# The ladder and the map
# ----------------------
# Above, the accounts that are below the top rung, reading by reading. Below, where the accounts are liquidated if BTC
# moves alone: each was margined exactly at every edge. The height is for one per cent of a move, so areas can be
# compared.

figure = monitor_figure(found, "BTC")
plt.show()

# %%
# In numbers
# ----------

for kind, number in sorted(found.kinds.items()):
    print(f"{kind:14} {number:3}")
own = found.last.density.underlyings["BTC"]
near = sum(b.notional for b in own.fall.buckets if b.most <= 0.1)
total = sum(step.notional for step in found.last.health.steps.values())
print(f"a fall of ten per cent closes ${near / 1e6:,.1f}m of ${total / 1e6:,.1f}m")
