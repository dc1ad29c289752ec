"""
Two venues, no delta, and still two buffers
===========================================

A book that is long at one venue and short at another has no delta, and its margins say what it needs while nothing
moves. When something does, one venue calls while the other has the gain, and the gain is on its way.
"""

# %%
# The book
# --------
# A hundred bitcoin long on Binance and a hundred short on Hyperliquid, both at a leverage of forty: margins are a
# fortieth of the position.

import matplotlib.pyplot as plt

import plimsoll as pl
from plimsoll.feeds.generated_history import generated_history
from plimsoll.optimise.variation import Outlook, evaluate, same_time
from plimsoll.optimise.variation.drawing import transfer_paths
from plimsoll.report.capital_figure import capital_figure
from plimsoll.scenarios.factors import FactorHistory

market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-03-02T08:00:00Z",
        "indices": {"BTC": {"price": 70_000.0}},
        "assets": {"USDT": {"price": 1.0}, "USDC": {"price": 1.0}},
        "instruments": [
            {"kind": "perpetual", "name": n, "underlying": "BTC", "settlement": "linear", "currency": c}
            for n, c in (("BTCUSDT", "USDT"), ("BTC", "USDC"))
        ],
        "marks": {"BTCUSDT": {"price": 70_000.0}, "BTC": {"price": 70_000.0}},
    }
)


def held(name, rules, instrument, currency, quantity):
    """An account with a million and a half dollars, and its rules."""
    position = {"instrument": instrument, "quantity": quantity, "leverage": 40, "entry_price": 70_000.0}
    content = {"schema": "plimsoll.account", "schema_version": 1, "name": name, "mode": "cross"}
    content |= {"positions": [position] if quantity else [], "collateral": {currency: 1.5e6}}
    return name, pl.Account.from_dict(content), pl.margin_model(rules)


long = held("Binance, long", "binance-usdm@2024-10-24", "BTCUSDT", "USDT", 100.0)
short = held("Hyperliquid, short", "hyperliquid-perps@2026-01-01", "BTC", "USDC", -100.0)
netted = held("one venue, netted", "binance-usdm@2024-10-24", "BTCUSDT", "USDT", 0.0)

# %%
# What a day without a transfer asks for
# --------------------------------------
# Joint paths of filtered history. On each, maintenance margin and equity are those of the venue's exact rules at every
# instant. The dot is the capital: with less, more than one path in a hundred breaks it. The history is a generated one,
# of no market.

factors = FactorHistory.of_levels(generated_history(market.time), ("BTC",))
paths, what = transfer_paths(factors, 24.0, 4_000, 1)
outlook = Outlook(paths, same_time(24.0))
day = evaluate([long, short], market, outlook, 0.01)
runs = [outlook.running(*x, market, 24.0) for x in (long, short)]
figure = capital_figure(day, runs, paths.weight)
figure

# %%
# The buffer grows with the time a transfer takes
# -----------------------------------------------
# Margin does not know how long money is under way. The same positions netted on one venue need nothing.

hours = [3.0, 6.0, 9.0, 12.0, 15.0, 18.0, 21.0, 24.0]
found = {x[0]: [evaluate([x], market, outlook, 0.01, hours=h).buffer for h in hours] for x in (long, short, netted)}
growth, place = plt.subplots(figsize=(7, 3.2), layout="constrained")
for name, buffers in found.items():
    place.plot(hours, [b / 1_000 for b in buffers], marker="o", label=name)
place.set(xlabel="hours until a transfer arrives", ylabel="buffer, thousand USD", ylim=(-5, None), xticks=hours)
place.legend(frameon=False)

# %%
# The number
# ----------
# No delta, and beside the margins this much more lies idle for no other reason than that money travels.

margin, buffer = day.initial, day.buffer
print(what)
print(f"margins ${margin:,.0f}, buffers ${buffer:,.0f}: {100 * buffer / margin:.0f} % on top")
assert all(v.buffer > 0.0 for v in day.venues)
assert all(b[0] < b[3] < b[-1] for b in (found[long[0]], found[short[0]]))
assert max(found[netted[0]]) == 0.0
