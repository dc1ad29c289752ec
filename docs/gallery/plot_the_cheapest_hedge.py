"""
The cheapest hedge of a strangle seller
=======================================

Margin is lowered for money: fees, half-spreads, depth. How much of it is worth buying depends on what a dollar of
margin is worth to the desk, and no more than a few instruments are needed.
"""

# %%
# The desk
# --------
# The book of the demonstration under the house model. Nothing that expires within a week may be traded: it would free
# margin for no longer than that. Deltas stay as they are, and no loss at moves of 30 to 60 % may grow.

from itertools import pairwise

import matplotlib.pyplot as plt

import plimsoll as pl
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.optimise import Holding, Wish, hedge, make_desk
from plimsoll.report.hedge_figure import hedge_figure

market, book = demo_market(), demo_account()
desk = make_desk(market, [Holding("demo", book, pl.margin_model("prbm@2026-03-01"))], horizon_days=7.0)

# %%
# One answer
# ----------
# The ticket is in an order in which no step falls below the line; the bound says how much better any trades could be.

answer = hedge(desk, Wish(worth=0.02))
figure = hedge_figure(desk, answer)
figure

# %%
for step in answer.ticket.steps:
    print(f"{step.quantity:+8.2f} {step.instrument:24s} costs ${step.cost:7.2f}, then margin ${step.initial:10,.0f}")
print(f"objective ${answer.after:,.2f}, nothing is below ${answer.bound:,.2f}")

# %%
# Margin against cost
# -------------------
# Each point is the best that its cost can buy, with a dollar of margin worth more and more from left to right.

worths = [0.001, 0.003, 0.005, 0.02, 0.1]
answers = [hedge(desk, Wish(worth=w)) for w in worths]
costs, margins = [a.cost for a in answers], [a.capital[1] for a in answers]

frontier, place = plt.subplots(figsize=(7, 3.4), layout="constrained")
place.plot(costs, [m / 1_000 for m in margins], marker="o")
for worth, x, y in zip(worths, costs, margins, strict=True):
    place.annotate(f"{100 * worth:g} c", (x, y / 1_000), textcoords="offset points", xytext=(6, 6))
place.set(xlabel="cost of the trades, USD", ylabel="initial margin, thousand USD", ylim=(0, None))

# %%
# The number
# ----------
# What a dollar of cost frees on the way to the hedge at two cents.

freed, paid = answer.relief, answer.cost
print(f"${freed:,.0f} of margin freed for ${paid:,.0f}: ${freed / paid:,.0f} by the dollar")
assert answer.gap < 1e-6
assert all(b <= a + 1e-6 * a for a, b in pairwise(margins))
