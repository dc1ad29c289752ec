"""
Five ways to be liquidated
==========================

A long of 100 BTC has nine tenths of the margin that it needs, and the price falls by 3 % in twenty seconds. The book,
the venue, a vault or a keeper can end it. They differ in what they cost the holder, and in who is left with a loss.
"""

# %%
# The account and its market
# --------------------------
# ``plimsoll close-out -a account.json -m market.json -r hyperliquid-perps@2026-01-01 --drift -0.03 --seconds 20``
# prints the same.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.liquidation.mechanisms import PricePath, Scene
from plimsoll.liquidation.mechanisms.compare import house_terms, side_by_side
from plimsoll.liquidation.mechanisms.overhead import overhead
from plimsoll.margin import Account, Position
from plimsoll.margin.addons.liquidity import Closing, LiquidityRule

PRICE = 60_000.0
bids = [[PRICE - 5.0 * (k + 1), 1.0 + 0.5 * k] for k in range(20)]
asks = [[PRICE + 5.0 * (k + 1), 1.0 + 0.5 * k] for k in range(20)]
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-10-01T00:00:00Z",
        "indices": {"BTC": {"price": PRICE}},
        "assets": {"USDC": {"price": 1.0}},
        "instruments": [
            {"kind": "perpetual", "settlement": "linear", "currency": "USDC", "name": "BTC-P", "underlying": "BTC"}
        ],
        "marks": {"BTC-P": {"price": PRICE}},
        "depth": {"BTC-P": {"bids": bids, "asks": asks}},
    }
)
model = pl.margin_model("hyperliquid-perps@2026-01-01")
held = (Position(instrument="BTC-P", quantity=100.0, entry_price=PRICE),)
needed = model.requirement(Account(mode="cross", positions=held, collateral={"USDC": 1e7}), market).maintenance
account = Account(name="a long", mode="cross", positions=held, collateral={"USDC": 0.9 * needed})
print(f"maintenance {needed:,.0f}, equity {0.9 * needed:,.0f}, {100 * PRICE:,.0f} USD long")

# %%
# Each of them while the price falls
# ----------------------------------

terms = house_terms()
found = side_by_side(Scene(model, account, market, terms, PricePath((0.0, 20.0), (0.0, -0.03))))
for row in found.rows:
    print(
        f"{row.mechanism:>23}: cost {row.cost:>9,.0f}  drift {row.drift:>9,.0f}  left {row.value_after:>9,.0f}  "
        f"others lose {row.loss_of_others:>8,.0f}  {row.seconds:>3.0f} s"
    )

# %%
# The picture
# -----------
# Left, what the holder pays and what others lose. Right, the other half of the story: a venue does not liquidate one
# account. A hundred such accounts, each with between nothing and its whole maintenance margin, sell into one book.

random = np.random.default_rng(7)
coins = random.lognormal(0.5, 1.0, 100)
equity = coins * PRICE * random.uniform(0.0, 0.0125, 100)
rule = LiquidityRule(impact=terms.impact, stress=terms.stress, free=0.0, participation=1.0, days=1.0, markets={})
closing = Closing.of(rule, terms.markets["BTC"], PRICE, [(p, q) for p, q in bids])
posted = sum(q for _, q in bids) * (1.0 - terms.stress)
parts = np.linspace(0.0, 1.0, 21)
curve = overhead(equity, coins, closing.cost, parts.tolist(), posted=posted)

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained", width_ratios=(1.5, 1))
names = [r.mechanism for r in found.rows]
cost = np.array([r.cost for r in found.rows]) / 1e3
others = np.array([r.loss_of_others for r in found.rows]) / 1e3
# beside each other, not on top: what is owed in the end can be a part of what the close cost
rows = np.arange(len(names))
left.barh(rows - 0.2, cost, height=0.38, color="tab:blue", label="cost to the holder")
left.barh(rows + 0.2, others, height=0.38, color="tab:red", label="lost by others")
left.invert_yaxis()
left.set(xlabel="thousand USD", yticks=rows, yticklabels=names)
left.legend(frameon=False, loc="upper right")
left.spines[["top", "right"]].set_visible(False)
right.plot(curve.depth, curve.overhead / 1e3, color="tab:red")
right.set(xlabel="sold at once, times the depth posted", ylabel="overhead, thousand USD")
right.spines[["top", "right"]].set_visible(False)

# %%
# The number
# ----------
# At which size does the crowd begin to cost more than its own margin?

above = curve.overhead > 0.001 * curve.coins * PRICE
first = int(np.argmax(above))
print(f"a tenth of a per cent of what is sold is lost from {curve.depth[first]:.1f} times the depth on")
print(f"all hundred at once: {curve.failed[-1]} below zero, {curve.overhead[-1]:,.0f} USD beyond what they owed")
