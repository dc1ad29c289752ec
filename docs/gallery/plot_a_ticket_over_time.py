"""
A ticket over time
==================

Everything at once pays the book for its haste; little by little leaves the desk with what it wanted to be rid of. The
schedule in between is known since Almgren and Chriss. What is new here is that it is margined after every trade.
"""

# %%
# Two hundred coins to sell
# -------------------------
# A perpetual of Bitcoin, with the depth of a recorded book, over half an hour in fifteen slices. How fast depends on
# what risk is worth: three answers, from nearly a line to nearly at once.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.laboratory.calm import default_liquidity
from plimsoll.optimise import Holding, Wish, hedge, make_desk
from plimsoll.optimise.execution import ExecutionTerms, make_schedule
from plimsoll.report.schedule_figure import schedule_figure

market = demo_market()
rules = pl.margin_model("prbm@2026-03-01")
perpetual = next(c.name for c in market.instruments if c.kind == "perpetual" and c.underlying == "BTC")
price = market.indices["BTC"].price
multiplier = getattr(market.contracts[perpetual], "multiplier", 1.0)
inverse = str(market.contracts[perpetual].settlement) == "inverse"
contracts = 200.0 * price / multiplier if inverse else 200.0 / multiplier
seller = pl.Account.from_dict(
    demo_account().to_dict()
    | {"positions": [{"instrument": perpetual, "quantity": contracts}], "collateral": {"USDC": 2e7}}
)
desk = make_desk(market, [Holding("seller", seller, rules)], candidates=[perpetual])

aversions = [1e-7, 1e-6, 1e-5]
found = [
    make_schedule(
        desk,
        (np.array([-contracts]),),
        seconds=1_800.0,
        slices=15,
        terms=ExecutionTerms(risk_aversion=a),
        liquidity=default_liquidity(),
    )
    for a in aversions
]

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for aversion, one in zip(aversions, found, strict=True):
    coins = 200.0 * one.left[:, 0] / one.left[0, 0]
    left.step(np.append(0.0, 2.0 * np.arange(15)), coins, where="post", label=f"{aversion:g}")
    right.plot(one.law.sd / 1_000, one.law.mean / 1_000, "o")
    right.annotate(
        f"{aversion:g}", (one.law.sd / 1_000, one.law.mean / 1_000), xytext=(6, 4), textcoords="offset points"
    )
once = found[0].law_at_once
right.plot(once.sd / 1_000, once.mean / 1_000, "ko")
right.annotate("at once", (once.sd / 1_000, once.mean / 1_000), xytext=(8, -3), textcoords="offset points")
left.set(xlabel="minutes", ylabel="coins still to be sold")
left.legend(title="risk aversion")
right.set(xlabel="standard deviation, thousand USD", ylabel="mean cost, thousand USD", xlim=(0, 32), ylim=(0, 24))

# %%
# The hedge of a strangle seller
# ------------------------------
# Several instruments wait together, so that what is left of them hedges itself, and after every trade the account
# stands above its initial margin.

book = make_desk(market, [Holding("demo", demo_account(), rules)], horizon_days=7.0)
answer = hedge(book, Wish(most=3))
schedule = make_schedule(book, answer.trades, seconds=7_200.0, slices=12, liquidity=default_liquidity())
picture = schedule_figure(schedule)
picture

# %%
# The number
# ----------
# What patience saves in the mean, and the least that the account ever stood above the line.

least = min(fill.excess for fill in schedule.fills)
saved = schedule.law_at_once.mean - schedule.law.mean
print(f"${saved:,.0f} of ${schedule.law_at_once.mean:,.0f} saved, never less than ${least:,.0f} above initial margin")
assert schedule.kept
assert schedule.value < schedule.at_once
