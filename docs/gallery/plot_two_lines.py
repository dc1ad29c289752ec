"""
Two lines
=========

Someone who sells strangles is not liquidated at one price. His account falls below its maintenance margin when the
price falls far enough and when it rises far enough, and how far is far enough depends on what volatility does on the
way. Where are both lines, and how many daily standard deviations away?
"""

# %%
# The account and the rules
# -------------------------
# The book of ``plimsoll demo``, under Derive's portfolio margin; its coin-settled contracts are held as linear ones.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.feeds import demo_account, demo_market
from plimsoll.liquidation import liquidation, together
from plimsoll.margin.translate import same_exposure

account, market = same_exposure(demo_account(), demo_market())
model = pl.margin_model("derive-pmrm2@2026-03-27")
here = model.requirement(account, market)
print(f"net equity {here.net_equity:,.0f}, maintenance {here.maintenance:,.0f} USDC, health {here.health:.2f}")

# %%
# Three stated paths
# ------------------
# The price is multiplied by ``1 + x`` and every volatility by ``(1 + x)`` to the power ``-eta``. With ``eta`` zero
# volatilities stay with their strikes. With one half a fall of a tenth lifts a volatility of 50 % to 52.7 %; with one,
# to 55.6 %. Each line is a root of equity less maintenance, found to 1e-12 of the price; that there is no nearer one is
# held to sweeps of the price for random accounts under every rule set.

found = {}
for eta in (0.0, 0.5, 1.0):
    found[eta] = liquidation(model, account, market, together(account, market, eta), low=0.5, high=2.0, points=60)
    for line in sorted(found[eta].lines, key=lambda x: x.move):
        price, far = line.prices["BTC"], line.deviations
        print(
            f"eta {eta:.1f}: {line.move:+.2%}, BTC at {price:,.0f}, {far:.2f} daily standard deviations ({line.side})"
        )
print("daily standard deviation from the", found[0.0].pools[0].sigma.source)

# %%
# The picture
# -----------
# Excess is equity less maintenance margin: above zero the account is above its line.

figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
for (eta, one), colour in zip(found.items(), ("tab:blue", "tab:orange", "tab:red"), strict=True):
    (pool,) = one.pools
    shown = np.abs(pool.multipliers - 1.0) < 0.16
    excess = (pool.equities - pool.maintenances)[shown] / 1e3
    axes.plot(pool.multipliers[shown] - 1.0, excess, color=colour, label=f"volatility elasticity {eta:g}")
    axes.plot([x.move for x in one.lines], [0.0 for _ in one.lines], "o", color=colour, markeredgecolor="black")
axes.axhline(0.0, color="black", linewidth=1)
axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.0%}")
axes.set(xlabel="move of the price", ylabel="equity less maintenance, thousand USDC", xlim=(-0.16, 0.16))
axes.grid(alpha=0.3)
legend = axes.legend(frameon=False)

# %%
# The number
# ----------
# The line on the way down, with still and with moving volatilities. One would expect that a seller's line comes nearer
# when volatility rises as the price falls. Here it moves away: the options that the book has bought gain about as much
# as those that it has sold, and the worst scenario of the rules, which starts from the higher volatility, loses less.
# The path has to be stated and computed; it cannot be guessed.

still, moving = (min(found[eta].lines, key=lambda x: x.move) for eta in (0.0, 1.0))
gap = market.indices["BTC"].price * (still.multiplier - moving.multiplier)
print(
    f"the lower line is {still.deviations:.2f} daily standard deviations away with still volatilities and "
    f"{moving.deviations:.2f} with moving ones: {abs(gap):,.0f} USD {'further' if gap > 0 else 'nearer'}"
)
