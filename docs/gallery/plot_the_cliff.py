"""
The day the hedge expires
=========================

A short call of a month, covered by a bought call of the next week. Today the margin is that of the difference between
the two. In eight days the bought one is gone, the short one stands alone, and nothing has to happen to the price for
the account to be called. What does the calendar say, and how much has to be paid in by then?
"""

# %%
# The account
# -----------
# From the generated chain of ``plimsoll demo``: the out-of-the-money calls nearest to 105 % of the forward.

import matplotlib.pyplot as plt
from matplotlib.dates import ConciseDateFormatter

import plimsoll as pl
from plimsoll.feeds import demo_market
from plimsoll.liquidation.calendar import calendar
from plimsoll.margin.translate import same_exposure

listed = demo_market()
spot = listed.indices["BTC"].price
calls = [c for c in listed.instruments if c.kind == "option" and c.call and c.strike >= 1.05 * spot]
days = {c.name: (c.expiry - listed.time).total_seconds() / 86_400 for c in calls}


def nearest(least: float) -> str:
    live = min(d for d in days.values() if d >= least)
    return min((c for c in calls if days[c.name] == live), key=lambda c: c.strike).name


hedge, short = nearest(5.0), nearest(25.0)
rows = [{"instrument": short, "quantity": -5.0}, {"instrument": hedge, "quantity": 5.0}]
held = {"schema": "plimsoll.account", "schema_version": 1, "positions": rows, "collateral": {"USDC": 45_000.0}}
account, market = same_exposure(pl.Account.from_dict(held), listed)
model = pl.margin_model("derive-pmrm2@2026-03-27")
here = model.requirement(account, market)
print(f"short 5 {short}, long 5 {hedge}")
print(f"maintenance {here.maintenance:,.0f}, net equity {here.net_equity:,.0f} USDC, health {here.health:.2f}")

# %%
# Fourteen days, hour by hour
# ---------------------------
# Prices and volatilities stand still; time passes, and what expires is paid out. Each expiry is also looked at a second
# before, so that its effect stands alone.

found = calendar(model, account, market, 14.0)
cliff = found.cliff
assert cliff is not None
print(f"{cliff.time:%d %b %H:%M} UTC: {', '.join(cliff.subjects)} leaves")
print(f"maintenance {cliff.before.maintenance:,.0f} -> {cliff.after.maintenance:,.0f} USDC")

# %%
# The picture
# -----------

hours = [h for h in found.hours if h.levels is not None]
figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
times = [h.time for h in hours]
axes.step(times, [h.levels.net_equity / 1e3 for h in hours], where="post", label="net equity")
axes.step(
    times, [h.levels.maintenance / 1e3 for h in hours], where="post", color="tab:red", label="maintenance (the line)"
)
axes.axvline(cliff.time, color="black", linestyle=":", linewidth=1)
axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
axes.set(ylabel="thousand USDC", ylim=(0.0, None))
axes.grid(alpha=0.3)
legend = axes.legend(frameon=False)

# %%
# The number
# ----------
# What is missing at the cliff with every price where it is today: to be paid in before then, or hedged anew.

missing = cliff.after.maintenance - cliff.after.net_equity
health = f"health {cliff.before.health:.2f} to {cliff.after.health:.2f}"
verb = "short of its line by" if missing > 0 else "above its line by"
print(f"{cliff.change.maintenance:+,.0f} USDC of maintenance at the expiry, {health}: {verb} {abs(missing):,.0f} USDC")
