"""
A coin against its own short
============================

One BTC is held, one BTC perpetual is sold, funding is earned. In cross margin only dollars stand against the short, and
a rise in price that costs the holder nothing can liquidate it. Portfolio margin borrows the dollars against the coin.
"""

# %%
# The account, twice
# ------------------
# The coin is worth 100,000 USDC. In cross margin it lies beside the account and half of its worth was brought as
# dollars; under portfolio margin the coin itself is the collateral and no dollar is needed.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.margin.path import States

PRICE, SWAP = 100_000.0, {"kind": "perpetual", "settlement": "linear", "currency": "USDC"}
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-09-27T00:00:00Z",
        "indices": {"BTC": {"price": PRICE}},
        "assets": {"USDC": {"price": 1.0}},
        "instruments": [{**SWAP, "name": "BTC", "underlying": "BTC"}],
        "marks": {"BTC": {"price": PRICE}},
    }
)
multipliers = np.geomspace(0.4, 4.5, 2_001)
states = States({"BTC": multipliers}, np.ones(multipliers.size))


def track(rules: str, mode: str, collateral: dict[str, float]):
    account = {"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "collateral": collateral}
    account["positions"] = [{"instrument": "BTC", "quantity": -1.0, "leverage": 10.0}]
    return pl.margin_model(rules).along(pl.Account.from_dict(account), market, states)[0]


tracks = {
    "cross margin, 50,000 USDC": track("hyperliquid-perps@2026-09-27", "cross", {"USDC": 50_000.0}),
    "portfolio margin, 1 BTC": track("hyperliquid-pm@2026-09-27", "portfolio", {"BTC": 1.0}),
}

# %%
# Where equity meets maintenance
# ------------------------------

figure, place = plt.subplots(figsize=(8, 4), layout="constrained")
prices, lines = PRICE * multipliers, {}
for (name, found), colour in zip(tracks.items(), ("tab:orange", "tab:blue"), strict=True):
    place.plot(prices / 1e3, found.equity / 1e3, color=colour, label=f"{name}: equity")
    place.plot(prices / 1e3, found.maintenance / 1e3, color=colour, linestyle="--", label="maintenance")
    lines[name] = float(prices[np.flatnonzero(found.equity < found.maintenance)[0]])
    place.axvline(lines[name] / 1e3, color=colour, linewidth=0.8)
place.set(xscale="log", xlabel="price of BTC, thousand USDC", ylabel="thousand USDC", ylim=(-20, 120))
place.minorticks_off()
place.set_xticks([50, 100, 150, 200, 300, 400], ["50", "100", "150", "200", "300", "400"])
place.legend(fontsize=8)

# %%
# The number
# ----------
# Half of the coin's worth in dollars lasts for a rise of less than half; the coin itself for more than three times the
# price. It does not last for ever: the loan counts whole, the coin with three quarters.

cross, coin = lines.values()
print(f"cross margin: {cross:,.0f} ({cross / PRICE - 1:+.1%}); portfolio margin: {coin:,.0f} ({coin / PRICE - 1:+.1%})")
assert 1.45 < cross / PRICE < 1.5
assert 3.2 < coin / PRICE < 3.4
