"""
One short, three modes, three lines
===================================

Two bitcoins sold in the BTCUSDT perpetual against 60,000 USDT and one bitcoin. Isolated, the position has 14,000 USDT
of its own; in cross margin all USDT stand behind it, the coin does not; under Portfolio Margin the coin does too, and
grows with the price that hurts the short.
"""

# %%
# The same holdings under Binance's rules
# ---------------------------------------

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.margin.path import States

PRICE = 70_000.0
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2025-03-01T00:00:00Z",
        "indices": {"BTC": {"price": PRICE}},
        "assets": {"USDT": {"price": 1.0}},
        "instruments": [
            {
                "kind": "perpetual",
                "name": "BTCUSDT",
                "underlying": "BTC",
                "settlement": "linear",
                "currency": "USDT",
            }
        ],
        "marks": {"BTCUSDT": {"price": PRICE}},
    }
)


def account(mode: str, margin: float | None = None) -> pl.Account:
    position = {"instrument": "BTCUSDT", "quantity": -2.0, "entry_price": PRICE, "isolated_margin": margin}
    head = {"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "positions": [position]}
    return pl.Account.from_dict({**head, "collateral": {"USDT": 60_000.0, "BTC": 1.0}})


books = {
    "isolated": ("binance-usdm@2025-03-01", account("isolated", 14_000.0)),
    "cross": ("binance-usdm@2025-03-01", account("cross")),
    "portfolio": ("binance-pm@2025-03-01", account("portfolio")),
}

# %%
# Equity less maintenance margin along the price
# ----------------------------------------------
# What is liquidated is one pool: the isolated position, or the account.

prices = np.linspace(40_000.0, 220_000.0, 3_601)
states = States({"BTC": prices / PRICE}, np.ones(prices.size))
figure, place = plt.subplots(figsize=(8, 4), layout="constrained")
place.axhline(0.0, color="black", linewidth=0.8)
lines = {}
for name, (rules, held) in books.items():
    pool = pl.margin_model(rules).along(held, market, states)[-1]
    surplus = pool.equity - pool.maintenance
    last = int(np.flatnonzero(surplus >= 0.0)[-1])
    # between two prices of the grid the surplus is as good as straight
    lines[name] = float(np.interp(0.0, surplus[[last + 1, last]], prices[[last + 1, last]]))
    (curve,) = place.plot(prices / 1_000, surplus / 1_000, label=name)
    place.plot(lines[name] / 1_000, 0.0, "o", color=curve.get_color())
    place.annotate(f"{lines[name]:,.0f}", (lines[name] / 1_000, 0.0), (0, 8), textcoords="offset points")
place.set(xlabel="BTC, thousand USD", ylabel="equity less maintenance, thousand USD", ylim=(-60, 150))
place.legend()

# %%
# The number
# ----------
# For the futures the venue's closed formula gives the same line.

for name in ("isolated", "cross"):
    rules, held = books[name]
    shown = pl.margin_model(rules).requirement(held, market).workings["liquidation_price.BTCUSDT"]
    assert np.isclose(lines[name], shown, rtol=1e-9)
print(", ".join(f"{name} {line:,.0f} (+{line / PRICE - 1.0:.0%})" for name, line in lines.items()))
assert lines["isolated"] < lines["cross"] < lines["portfolio"]
