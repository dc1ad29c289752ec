"""
The margin of a real book
=========================

A desk sells strangles, buys cheap wings against them and hedges with a perpetual. What must it post, which
scenario asks for it, and what would one more trade cost? The book and the chain are those of ``plimsoll demo``.
"""

# %%
# The book under two rule sets
# ----------------------------
# The house model takes the coin-settled contracts as they are. Derive lists linear contracts, so the same
# exposure is first held in those.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.feeds import demo_account, demo_market
from plimsoll.margin.translate import same_exposure

account, market = demo_account(), demo_market()
house = pl.margin_model("prbm@2026-03-27")
venue = pl.margin_model("derive-pmrm2@2026-03-27")

ours = house.requirement(account, market)
theirs = venue.requirement(*same_exposure(account, market))
for requirement in (ours, theirs):
    print(f"{requirement.rules}: initial {requirement.initial:,.0f}, health {requirement.health:.2f}")
    print(f"    set by {requirement.binding[0].label}")

# %%
# Every scenario, and the one that binds
# --------------------------------------
# A requirement is the worst of many answers to the same question. Far moves count with a weight below one.

figure, axes = plt.subplots(1, 2, figsize=(11, 8), layout="constrained")
for place, requirement in zip(axes, (ours, theirs), strict=True):
    pnl = np.array([s.pnl for s in requirement.scenarios]) / 1_000
    binding = requirement.binding[0].label
    colours = ["tab:red" if s.label == binding else "tab:blue" for s in requirement.scenarios]
    place.barh(range(len(pnl)), pnl, color=colours)
    place.set_yticks(range(len(pnl)), [s.label for s in requirement.scenarios], fontsize=8)
    place.invert_yaxis()
    place.set(xlabel="weighted profit or loss, thousand USD", title=requirement.rules)

# %%
# Who causes it
# -------------
# The shares of the positions add up to the requirement. A negative share is a position that gives relief: it
# gains where the book loses.

shares = sorted(ours.shares, key=lambda s: -abs(s.initial))[:12]
figure, place = plt.subplots(figsize=(9, 4), layout="constrained")
place.barh([s.subject for s in shares], [s.initial / 1_000 for s in shares])
place.invert_yaxis()
place.axvline(0.0, linewidth=1, color="grey")
place.set(xlabel="share of the initial margin, thousand USD", title=ours.rules)
assert np.isclose(sum(s.initial for s in ours.shares), ours.initial)

# %%
# The number
# ----------
# Closing a tenth of the worst contributor is worth this much margin.

worst = shares[0].subject
held = next(p.quantity for p in account.positions if p.instrument == worst)
relief = -house.incremental(account, market, worst, -0.1 * held).initial
print(f"closing {-0.1 * held:+.1f} of {worst} frees {relief:,.0f} USD of initial margin")
