"""
What a merged risk unit nets, and what it charges for the net
=============================================================

Since January 2025 OKX holds everything on a coin in one risk unit: swaps in USDT, swaps in coin, options, and the coins
themselves. A hedge across them needs no margin for the price, but it stands on a stable coin: MR9 charges what would be
lost if the pair left its peg.
"""

# %%
# A carry trade
# -------------
# Long the USDT swap, short the coin-margined one, 10 million USD each, at 100,000. The same hedge under the rules of
# the day before the merger, and with USDT at 0.985.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl

PRICE = 100_000.0


def swap(currency: str, multiplier: float) -> dict:
    inverse = currency == "BTC"
    name = f"BTC-{'USD' if inverse else currency}-SWAP"
    terms = {"kind": "perpetual", "name": name, "underlying": "BTC", "currency": currency, "multiplier": multiplier}
    return {**terms, "settlement": "inverse" if inverse else "linear"}


def requirement(pack: str, usd: float, stable: float = 1.0) -> pl.Requirement:
    """Long `usd` of the USDT swap and short as much of the coin-margined one."""
    market = pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2025-02-01T00:00:00Z",
            "indices": {"BTC": {"price": PRICE}},
            "assets": {"USDT": {"price": stable}},
            "instruments": [swap("USDT", 0.01), swap("BTC", 100.0)],
            "marks": {"BTC-USDT-SWAP": {"price": PRICE / stable}, "BTC-USD-SWAP": {"price": PRICE}},
        }
    )
    held = [("BTC-USDT-SWAP", usd / (0.01 * PRICE)), ("BTC-USD-SWAP", -usd / 100.0)]
    positions = [{"instrument": name, "quantity": quantity} for name, quantity in held]
    account = {"schema": "plimsoll.account", "schema_version": 1, "positions": positions}
    return pl.margin_model(pack).requirement(pl.Account.from_dict(account), market)


books = {
    "apart (6 January 2025)": requirement("okx-pm@2025-01-06", 1e7),
    "merged (15 January 2025)": requirement("okx-pm@2025-01-15", 1e7),
    "merged, USDT at 0.985": requirement("okx-pm@2025-01-15", 1e7, 0.985),
}

# %%
# Maintenance margin by its parts
# -------------------------------

parts = {"stress": "price and volatility", "mr4": "basis", "mr9": "stable coin", "mr7": "minimum charge above the rest"}
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
start = np.zeros(len(books))
for name, words in parts.items():
    amounts = np.array([found.component(name).maintenance for found in books.values()]) / 1e3
    left.barh(list(books), amounts, left=start, label=words)
    start += amounts
left.invert_yaxis()
left.set(xlabel="maintenance margin, thousand USD")
left.legend(fontsize=7, loc="lower right")

sizes = np.geomspace(1e5, 1e9, 41)
for pack, words in (("okx-pm@2025-01-06", "apart"), ("okx-pm@2025-01-15", "merged")):
    share = [requirement(pack, float(size)).maintenance / size for size in sizes]
    right.plot(sizes / 1e6, 100.0 * np.array(share), label=words)
right.set(xscale="log", yscale="log", xlabel="hedge, million USD", ylabel="maintenance margin, % of the hedge")
right.legend()

# %%
# The number
# ----------
# Ten million hedged take 202,500 USD for the peg while USDT is at 0.985: 1 million at 0.75 %, 4 at 1.75 %, 5 at 2.5 %.

peg = books["merged, USDT at 0.985"].workings["BTC.mr9"]
apart, merged = (found.maintenance for found in list(books.values())[:2])
print(f"for the peg {peg:,.0f} USD; maintenance {apart:,.0f} apart and {merged:,.0f} merged")
assert np.isclose(peg, 202_500.0)
