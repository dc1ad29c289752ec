"""
One bad day
===========

A seller of strangles asks for his 99 % loss under several models. Then one day is added to the history, a fall of
30 %, and he asks again. Nothing in the code changes; which models notice, and how sure are they of what they say?
"""

# %%
# The book and its history
# ------------------------
# The book of the demonstration on 1,500 generated days of Bitcoin and its implied volatility. ``plimsoll risk`` shows
# the same table without a line of Python.

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.feeds.generated_history import generated_history
from plimsoll.margin import open_book
from plimsoll.risk.engine import evaluate
from plimsoll.risk.joint import joint_book
from plimsoll.risk.models import risk_model
from plimsoll.scenarios.factors import FactorHistory

market, account = demo_market(), demo_account()
held = open_book(account, market)
book = joint_book(held.plan.contracts, held.quantity, market, account.collateral)
calm = FactorHistory.of_levels(generated_history(market.time), book.underlyings)

# %%
# One day more
# ------------
# The last day is replaced by a fall of 30 % with implied volatility up by half.

crash = np.where(np.array([" iv" in n for n in calm.names]), np.log(1.5), np.log(0.7))
wild = FactorHistory.build(calm.names, np.vstack([calm.returns[:-1], crash]), times=calm.times)

models = ["hs", "whs", "fhs", "pot", "blend", "stans"]
results = {n: [evaluate(risk_model(n), book, h) for h in (calm, wild)] for n in models}
for name, (before, after) in results.items():
    b, a = before.charge, after.charge
    print(f"{name:>6}: {b.value:>9,.0f} ± {b.standard_error:>7,.0f}  then {a.value:>9,.0f} ± {a.standard_error:>7,.0f}")

# %%
# The picture
# -----------
# Bars are charges, whiskers two standard errors. Plain history hardly moves: one more bad day among 1,500. Weighted
# history gives that day half a per cent, too little to move its VaR, but enough to double its error: the tail now hangs
# on one day. Filtered history and simulation raise every other day to the volatility that follows.

figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
at = np.arange(len(models))
for k, (label, colour) in enumerate((("before", "#62b4e0"), ("after", "#c8501e"))):
    values = np.array([results[n][k].charge.value for n in models]) / 1_000
    errors = np.array([results[n][k].charge.standard_error for n in models]) / 1_000
    axes.bar(at + 0.38 * (k - 0.5), values, 0.36, yerr=2 * errors, color=colour, label=label, capsize=3)
axes.set_xticks(at, models)
axes.set_ylabel("charge, thousand USD")
axes.legend(frameon=False)

# %%
# The number
# ----------
# Before the fall, filtered history asked for this many times what plain history did; after it, for this many.

ratio = [results["fhs"][k].charge.value / results["hs"][k].charge.value for k in (0, 1)]
print(f"filtered over plain: {ratio[0]:.1f} before, {ratio[1]:.1f} after")
errors = [results["whs"][k].charge.standard_error for k in (0, 1)]
print(f"error of weighted history: {errors[0]:,.0f} before, {errors[1]:,.0f} after")
