"""
One position, three modes, three places to be liquidated
========================================================

The same long perpetual in isolated, cross and portfolio margin: what it needs, and at which price it is closed.
"""

# %%
# An account with a long and some money to spare
# ----------------------------------------------
# 1.5 BTC bought at 69,000 with 20,000 USDT in the account, ten times leverage where a leverage can be chosen.

import matplotlib.pyplot as plt

import plimsoll as pl
from plimsoll.liquidation import liquidation
from plimsoll.margin.compare import takeable

terms = {"kind": "perpetual", "name": "BTCUSDT", "underlying": "BTC", "settlement": "linear", "currency": "USDT"}
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-01-01T00:00:00Z",
        "indices": {"BTC": {"price": 70_000.0}},
        "assets": {"USDT": {"price": 1.0}, "USDC": {"price": 1.0}},
        "instruments": [terms],
        "marks": {"BTCUSDT": {"price": 70_000.0}},
    }
)
position = {"instrument": "BTCUSDT", "quantity": 1.5, "entry_price": 69_000.0, "leverage": 10.0}
account = pl.Account.from_dict(
    {
        "schema": "plimsoll.account",
        "schema_version": 1,
        "positions": [position],
        "collateral": {"USDT": 20_000.0},
    }
)

# %%
# Requirement and line of each
# ----------------------------
# Isolated, the position has its initial margin and nothing else to lose; the rest of the account is out of reach.

cases = (("binance-usdm", "isolated"), ("binance-usdm", "cross"), ("prbm", "portfolio"))
figure, places = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained", sharey=True)
told = []
for place, (name, mode) in zip(places, cases, strict=True):
    model = pl.margin_model(f"{name}@2026-01-01")
    held, snapshot, _ = takeable(model, account, market, mode)
    requirement = model.requirement(held, snapshot)
    found = liquidation(model, held, snapshot, low=0.6, high=1.2)
    pool = found.pools[-1]
    price = 70_000.0 * pool.multipliers / 1_000
    place.plot(price, pool.equities / 1_000, label="equity")
    place.plot(price, pool.maintenances / 1_000, "--", label="maintenance")
    line = pool.nearest(-1)
    assert line is not None
    at = line.prices["BTC"]
    place.axvline(at / 1_000, color="0.6", lw=1)
    place.set(title=f"{mode}, {name}", xlabel="BTC, thousand USD")
    told.append((mode, requirement.initial, at))
places[0].set_ylabel("thousand USDT")
places[0].legend(frameon=False)

# %%
# The number
# ----------

for mode, initial, at in told:
    print(f"{mode}: initial margin {initial:,.0f}, liquidated at {at:,.0f}")
