"""
One position, three ways to be liquidated
=========================================

Two bitcoins long with two bought puts, at Bybit. The same money as an isolated margin, in cross margin, and in
portfolio margin: three requirements, and not one line of liquidation alike. In portfolio margin there are two of them.
"""

# %%
# The book
# --------
# 30,000 USDT against 140,000 USD of perpetual at tenfold leverage. The puts are 14 % below the market with 94 days to
# run. An isolated position cannot be hedged by an option, so there the puts stay in the shared pool and are left out.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.margin.path import States
from plimsoll.margin.venues.bybit.liquidation_price import isolated_liquidation_price

TIME, EXPIRY, SPOT, CASH, COINS = "2026-03-24T00:00:00Z", "2026-06-26T08:00:00Z", 70_000.0, 30_000.0, 2.0
PERP, PUT = "BTCUSDT", "BTC-26JUN26-60000-P"
linear = {"underlying": "BTC", "settlement": "linear", "currency": "USDT"}
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": TIME,
        "indices": {"BTC": {"price": SPOT}},
        "assets": {"USDT": {"price": 1.0}, "USDC": {"price": 1.0}},
        "expiries": [{"underlying": "BTC", "expiry": EXPIRY, "forward": {"variable": SPOT * 1.01}}],
        "instruments": [
            {"kind": "perpetual", "name": PERP, **linear},
            {"kind": "option", "name": PUT, "expiry": EXPIRY, "strike": 60_000.0, "call": False, **linear},
        ],
        "marks": {PERP: {"price": SPOT}, PUT: {"vol": 0.55}},
    }
)


def account(mode: str) -> pl.Account:
    perpetual = {"instrument": PERP, "quantity": COINS, "entry_price": SPOT, "leverage": 10.0}
    puts = [{"instrument": PUT, "quantity": COINS}]
    if mode == "isolated":
        perpetual["isolated_margin"], puts = CASH, []
    content = {"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "collateral": {"USDT": CASH}}
    return pl.Account.from_dict({**content, "positions": [perpetual, *puts]})


# %%
# Equity and maintenance margin on the way
# ----------------------------------------
# Every price of bitcoin moves together and volatility stays. Where the curves meet the position is taken over.

rules = {"isolated": "bybit-uta@2026-03-24", "cross": "bybit-uta@2026-03-24", "portfolio": "bybit-pm@2026-03-24"}
moves = np.linspace(0.3, 1.15, 171)
states = States({"BTC": moves}, np.ones(moves.size))
prices, lines, needed = SPOT * moves, {}, {}
figure, places = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained", sharey=True)
for place, (mode, label) in zip(places, rules.items(), strict=True):
    model, held = pl.margin_model(label), account(mode)
    track = model.along(held, market, states)[-1]
    gap = track.equity - track.maintenance
    crossed = np.flatnonzero((gap[:-1] < 0.0) != (gap[1:] < 0.0))
    lines[mode] = [float(prices[i] - gap[i] * (prices[i + 1] - prices[i]) / (gap[i + 1] - gap[i])) for i in crossed]
    needed[mode] = model.requirement(held, market).initial
    place.plot(prices / 1e3, track.equity / 1e3, label="equity")
    place.plot(prices / 1e3, track.maintenance / 1e3, label="maintenance margin")
    for price in lines[mode]:
        place.axvline(price / 1e3, color="black", linewidth=0.8, linestyle="--")
        place.annotate(f"{price:,.0f}", (price / 1e3, 40.0), xytext=(4, 0), textcoords="offset points")
    place.set(title=f"{mode}: initial {needed[mode]:,.0f} USD", xlabel="bitcoin, thousand USD", ylim=(-20.0, 60.0))
places[0].set_ylabel("thousand USD")
places[0].legend(loc="upper left", fontsize="small")

# %%
# The number
# ----------
# Isolated, the line is the venue's own formula. In cross margin the puts do not count in the margin balance and save
# nothing. In portfolio margin they count: the equity never comes near zero, and what is liquidated is a fall that stops
# half way, where the puts have not yet gained what a further fall may cost. At both lines the charge on delta between
# expiries, which no public source pins, is the larger part of the margin.

w = pl.margin_model(rules["isolated"]).requirement(account("isolated"), market).workings
initial, maintenance, fee = (w[f"{PERP}.{name}"] for name in ("initial", "maintenance", "close_fee"))
formula = isolated_liquidation_price(COINS, SPOT, initial, maintenance, extra=CASH - initial - fee)
for mode, found in lines.items():
    print(f"{mode}: {', '.join(f'{p:,.0f}' for p in found) or 'no line on this path'}; initial {needed[mode]:,.0f} USD")
assert formula is not None
assert abs(lines["isolated"][0] - formula) < 1.0
assert len(lines["portfolio"]) == 2
