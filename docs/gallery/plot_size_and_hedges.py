"""
Size costs more than in proportion, and a hedge is worth what its correlation is in a storm
===========================================================================================

Two add-ons of the house model: what it costs to close a position, and how much a short in one coin relieves a long in
another.
"""

# %%
# Closing through a book
# ----------------------
# Half of the posted depth is not counted, beyond the book the square-root law takes over, and the first part of a day's
# volume is free.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.margin.addons.liquidity import Closing
from plimsoll.margin.house.whole import PrbmWhole

model = pl.margin_model("prbm-whole@2026-01-01")
assert isinstance(model, PrbmWhole)
rule = model.parameters.liquidity
mid = 70_000.0
levels = [(mid * (1 - step), coins) for step, coins in ((0.0002, 20.0), (0.001, 60.0), (0.004, 200.0), (0.02, 600.0))]
with_book = Closing.of(rule, rule.markets["BTC"], mid, levels)
without = Closing.of(rule, rule.markets["BTC"], mid)
sizes = np.linspace(0.0, 2_000.0, 201)

figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
for closing, name in ((with_book, "book, then square root"), (without, "square root alone")):
    cost = np.array([closing.cost(float(q)) for q in sizes])
    axes.plot(sizes, 1e4 * np.divide(cost, sizes * mid, out=np.zeros_like(cost), where=sizes > 0), label=name)
axes.set(xlabel="BTC to close", ylabel="cost, basis points of the notional", title="the larger, the dearer")
legend = axes.legend(frameon=False)

# %%
# A long in BTC against a short in ETH
# ------------------------------------
# Both legs lose 11,200 alone. Without correlation in stress there is no relief at all; with it, relief ends where the
# minimum delta charge of both begins.


def perpetual(coin: str) -> dict:
    terms = {"kind": "perpetual", "name": f"{coin}-PERP", "underlying": coin}
    return {**terms, "settlement": "linear", "currency": "USDC"}


market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-01-01T00:00:00Z",
        "indices": {"BTC": {"price": mid}, "ETH": {"price": 2_500.0}},
        "assets": {"USDC": {"price": 1.0}},
        "instruments": [perpetual("BTC"), perpetual("ETH")],
        "marks": {"BTC-PERP": {"price": mid}, "ETH-PERP": {"price": 2_500.0}},
    }
)
rows = [{"instrument": "BTC-PERP", "quantity": 1.0}, {"instrument": "ETH-PERP", "quantity": -28.0}]
account = pl.Account.from_dict({"schema": "plimsoll.account", "schema_version": 1, "positions": rows})


def charged(low: float) -> float:
    content = model.rules.to_dict()
    content["parameters"]["offsets"] = {"BTC-ETH": {"low": low, "high": 1.0}}
    found = pl.margin_model(pl.Rules.from_dict(content)).requirement(account, market)
    return found.component("scan").initial + found.component("offsets").initial


lows = np.linspace(-0.5, 1.0, 31)
figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
axes.plot(lows, [charged(float(low)) / 1_000 for low in lows])
measured = model.parameters.offsets["BTC-ETH"].low
axes.plot([measured], [charged(measured) / 1_000], "o")
axes.annotate("measured", (measured, charged(measured) / 1_000), textcoords="offset points", xytext=(-60, -4))
axes.set(
    xlabel="correlation, stressed 1 % quantile", ylabel="thousand USD", title="the charge of the pair", ylim=(0, 24)
)

# %%
# The number
# ----------

print(f"1,000 BTC cost {with_book.cost(1_000.0):,.0f} USD to close, a tenth of them {with_book.cost(100.0):,.0f}")
print(
    f"the pair costs {charged(measured):,.0f} at the measured {measured:.2f}, {charged(0.0):,.0f} without correlation"
)
