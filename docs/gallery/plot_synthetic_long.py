"""
A long call and a short put are not a hedge
===========================================

Some texts on portfolio margin give this pair as the example of two legs that offset. At one strike it is a
future: the deltas add. What offsets is computed from scenarios, never read off the names of legs.
"""

# %%
# Three books on one chain
# ------------------------
# 70,000 USD, 30 days, 60 % volatility, one contract of each leg.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl

TIME, EXPIRY, SPOT = "2026-01-01T00:00:00Z", "2026-01-31T00:00:00Z", 70_000.0


def option(call: bool) -> dict:
    name = f"BTC-70000-{'C' if call else 'P'}"
    terms = {"kind": "option", "name": name, "underlying": "BTC", "expiry": EXPIRY, "strike": SPOT, "call": call}
    return {**terms, "settlement": "linear", "currency": "USDC"}


market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": TIME,
        "indices": {"BTC": {"price": SPOT}},
        "assets": {"USDC": {"price": 1.0}},
        "expiries": [{"underlying": "BTC", "expiry": EXPIRY, "forward": {"variable": SPOT}}],
        "instruments": [option(True), option(False)],
        "marks": {"BTC-70000-C": {"vol": 0.6}, "BTC-70000-P": {"vol": 0.6}},
    }
)
books = {
    "long call": {"BTC-70000-C": 1.0},
    "short put": {"BTC-70000-P": -1.0},
    "long call + short put": {"BTC-70000-C": 1.0, "BTC-70000-P": -1.0},
    "two long calls": {"BTC-70000-C": 2.0},
}


def requirement(book: dict[str, float]) -> pl.Requirement:
    positions = [{"instrument": name, "quantity": quantity} for name, quantity in book.items()]
    account = {"schema": "plimsoll.account", "schema_version": 1, "positions": positions}
    return pl.margin_model("prbm@2026-01-01").requirement(pl.Account.from_dict(account), market)


# %%
# The scan of each
# ----------------

scans = {name: requirement(book).workings["BTC.scan"] for name, book in books.items()}
figure, place = plt.subplots(figsize=(8, 3), layout="constrained")
place.barh(list(scans), np.array(list(scans.values())) / 1_000)
place.invert_yaxis()
place.set(xlabel="worst weighted scenario, thousand USD")

# %%
# The number
# ----------
# The pair costs exactly what one perpetual would, 16 % of the index, and more than two long calls.

pair, two = scans["long call + short put"], scans["two long calls"]
print(f"pair {pair:,.0f} = 16 % of {SPOT:,.0f}; two long calls {two:,.0f}")
assert np.isclose(pair, 0.16 * SPOT)
