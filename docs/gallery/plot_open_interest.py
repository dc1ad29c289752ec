"""
Other people's open interest
============================

On dYdX the initial margin of a market grows with its open interest: others open positions, and yours ties up more
money. Maintenance stays where it is, so nobody is liquidated by it. What does liquidate, and at which prices it ends,
is the second picture.
"""

# %%
# A short in SOL
# --------------
# 1,000 SOL are sold at 200 USDC with 40,000 USDC of collateral. SOL is in the tier Small-Cap: a tenth of the notional
# while no more than 20 million USDC are open, all of it from 50 million on.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.margin.venues.dydx.liquidation import bankruptcy_price, fillable_price, is_liquidatable
from plimsoll.margin.venues.dydx.margin import Held, LiquidityTier, Market, Subaccount, risk_of

PRICE, SIZE, CASH = 200.0, -1_000.0, 40_000.0
model = pl.margin_model("dydx-v4@2026-09-27")
account = pl.Account.from_dict(
    {
        "schema": "plimsoll.account",
        "schema_version": 1,
        "mode": "cross",
        "positions": [{"instrument": "SOL-USD", "quantity": SIZE}],
        "collateral": {"USDC": CASH},
    }
)


def require(open_usdc: float) -> pl.Requirement:
    """The requirement while so many USDC are open."""
    swap = {"kind": "perpetual", "underlying": "SOL", "settlement": "linear", "currency": "USDC"}
    market = {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-09-27T00:00:00Z",
        "indices": {"SOL": {"price": PRICE}},
        "assets": {"USDC": {"price": 1.0}},
        "instruments": [{**swap, "name": "SOL-USD"}],
        "marks": {"SOL-USD": {"price": PRICE, "open_interest": open_usdc / PRICE}},
    }
    return model.requirement(account, pl.Market.from_dict(market))


interest = np.linspace(0.0, 60e6, 241)
found = [require(x) for x in interest]
initial = np.array([r.initial for r in found])
maintenance = np.array([r.maintenance for r in found])

# %%
# Where the position ends
# -----------------------
# The same position in the chain's whole numbers, at every price: what the account is worth, what maintenance asks for,
# the worst price at which a liquidation may fill, and the price at which the account is worth nothing.

TIER = LiquidityTier(**model.rules.parameters["tiers"]["small-cap"])
CONFIG = model.parameters.liquidation.config
base = round(SIZE * 10**7)
usdc = round((CASH - SIZE * PRICE) * 10**6)
short = Subaccount(usdc, {0: Held(base)})
prices = np.arange(220, 251)
worst, nothing, below = [], [], []
per_coin = 10.0  # quote quantums for a base quantum of 1e-7 SOL to USDC for one SOL
for price in prices.tolist():
    at = {0: Market(-7, price, 0, TIER)}
    risk = risk_of(short, at)
    worst.append(float(fillable_price(short, at, 0, -base, CONFIG)) * per_coin)
    nothing.append(bankruptcy_price(short, at, 0, -base) / base * per_coin)
    below.append(is_liquidatable(risk))
line = found[0].workings["liquidation_price.SOL-USD"]

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(interest / 1e6, initial / 1e3, label="initial margin")
left.plot(interest / 1e6, maintenance / 1e3, label="maintenance margin")
left.axhline(CASH / 1e3, color="grey", linewidth=0.8, label="collateral")
left.set(xlabel="open interest of the market, million USDC", ylabel="thousand USDC", ylim=(0, 210))
left.legend(loc="upper left")
right.plot(prices, worst, label="fillable price")
right.plot(prices, nothing, label="bankruptcy price")
right.plot(prices, prices, color="grey", linewidth=0.8, label="oracle price")
right.axvline(line, color="tab:red", linewidth=0.8)
right.annotate("liquidatable from here", (line, 253.0), (line + 0.6, 253.0), color="tab:red", fontsize=8)
right.set(xlabel="oracle price of SOL, USDC", ylabel="USDC for one SOL", ylim=(219, 255))
right.legend(loc="lower right")

# %%
# The number
# ----------
# With 40,000 USDC nothing can be withdrawn once a little more than 23 million USDC are open, though the position has
# not moved. It is liquidated at 228.57 whatever the open interest, and worth nothing at 240: in between an order may
# fill above the oracle price, by a tenth of maintenance at most. What a fill leaves of the collateral goes to the
# insurance fund, up to half a percent of the fill.

stuck = float(interest[np.flatnonzero(initial > CASH)[0]])
print(f"no money is free from {stuck / 1e6:.2f} million USDC open; initial margin then up to {initial[-1]:,.0f} USDC")
print(f"liquidated at {line:.2f}, worth nothing at {nothing[-1]:.2f}, fillable there at {worst[20]:.2f}")
assert initial[0] == 20_000.0
assert initial[-1] == 200_000.0
assert len(set(maintenance)) == 1
assert 23.2e6 < stuck < 23.75e6
assert abs(line - 240.0 / 1.05) < 1e-9
assert nothing[-1] == 240.0
assert prices[below][0] == 229
