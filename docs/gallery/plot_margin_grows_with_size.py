"""
Margin that grows with size
===========================

On chains there is no desk that watches a large position: the rule itself has to ask for more. Drift lets the ratio grow
with the root of the size, Synthetix with the size over the depth of its market, and GMX with the open interest of
everybody on the same side, so that the last to come pays for the crowd.
"""

# %%
# One market, three rule books
# ----------------------------
# A long position in BTC at 60,000, from a hundredth of a coin to 3,000 coins, with nothing else in the account. At GMX
# 40 million USD are open on the long side before it.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl

PRICE, CROWD = 60_000.0, 40e6


def market(cash: str) -> pl.Market:
    swap = {"kind": "perpetual", "name": "BTC", "underlying": "BTC", "settlement": "linear", "currency": cash}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-05-01T00:00:00Z",
            "indices": {"BTC": {"price": PRICE}},
            "assets": {cash: {"price": 1.0}},
            "instruments": [swap],
            "marks": {"BTC": {"price": PRICE}},
        }
    )


def initial(rules: str, mode: str, cash: str, coins: float) -> float:
    value = coins * PRICE
    position = {"instrument": "BTC", "quantity": coins}
    account = {"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "collateral": {cash: value}}
    if mode == "isolated":
        position["isolated_margin"] = value
        account["reported"] = {"open_interest_long.BTC": CROWD + value, "open_interest_short.BTC": CROWD}
    found = pl.margin_model(rules).requirement(pl.Account.from_dict({**account, "positions": [position]}), market(cash))
    return found.initial


# %%
# Margin for each dollar held
# ---------------------------

books = {
    "Drift": ("drift@2026-05-01", "cross", "USDC"),
    "Synthetix v3 on Base": ("synthetix-v3@2026-05-01", "cross", "USD"),
    "GMX v2 on Arbitrum": ("gmx-v2@2026-05-01", "isolated", "USDC"),
}
coins = np.geomspace(0.01, 3_000.0, 45)
found = {name: np.array([initial(*rules, float(x)) for x in coins]) for name, rules in books.items()}
figure, place = plt.subplots(figsize=(8, 4), layout="constrained")
for name, values in found.items():
    place.plot(coins * PRICE, 100.0 * values / (coins * PRICE), label=name)
place.set(xscale="log", yscale="log", xlabel="position, USD", ylabel="initial margin, % of the position")
place.legend()

# %%
# The number
# ----------
# What a position of 100 million USD needs over one of 100,000, for each dollar held.

small, large = (np.array([initial(*rules, usd / PRICE) / usd for rules in books.values()]) for usd in (1e5, 1e8))
for name, before, after in zip(books, small, large, strict=True):
    print(f"{name}: {100 * before:.2f} % at 100,000 USD, {100 * after:.2f} % at 100 million")
assert (large > 1.2 * small).all()
