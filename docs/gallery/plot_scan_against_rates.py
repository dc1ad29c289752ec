"""
A scan against rates
====================

A sold straddle is hedged with more and more options further out. Rates for each option see every bought one as a cost
or as nothing; a scan of scenarios sees a book that can lose less. Paradex offers both, Aevo both in its own way.
"""

# %%
# One short straddle and its wings
# --------------------------------
# 100 ETH at 2,500, 30 days, 65 %; bought strangles at 2,000 and 3,000 from none to one for each straddle.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl

TIME, EXPIRY, SPOT = "2026-06-01T08:00:00Z", "2026-07-01T08:00:00Z", 2_500.0


def option(strike: float, call: bool) -> dict:
    name = f"ETH-{strike:.0f}-{'C' if call else 'P'}"
    terms = {"kind": "option", "name": name, "underlying": "ETH", "expiry": EXPIRY, "strike": strike, "call": call}
    return {**terms, "settlement": "linear", "currency": "USDC"}


chain = [option(k, call) for k in (2_000.0, 2_500.0, 3_000.0) for call in (True, False)]
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": TIME,
        "indices": {"ETH": {"price": SPOT}},
        "assets": {"USDC": {"price": 1.0}},
        "expiries": [{"underlying": "ETH", "expiry": EXPIRY, "forward": {"variable": SPOT}}],
        "instruments": chain,
        "marks": {row["name"]: {"vol": 0.65} for row in chain},
    }
)


def initial(rules: str, mode: str, wings: float) -> float:
    held = {"ETH-2500-C": -100.0, "ETH-2500-P": -100.0, "ETH-3000-C": 100.0 * wings, "ETH-2000-P": 100.0 * wings}
    rows = [{"instrument": n, "quantity": q} for n, q in held.items() if q]
    account = {"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "positions": rows}
    return pl.margin_model(rules).requirement(pl.Account.from_dict(account), market).initial


# %%
# Four rule books
# ---------------

books = {
    "Paradex cross margin": ("paradex-xm@2026-06-01", "cross"),
    "Paradex portfolio margin": ("paradex-pm@2026-06-01", "portfolio"),
    "Aevo standard margin": ("aevo-sm@2026-06-01", "cross"),
    "Aevo portfolio margin, without its floor": ("aevo-pm@2026-06-01", "portfolio"),
}
wings = np.linspace(0.0, 1.0, 11)
found = {name: np.array([initial(*rules, float(w)) for w in wings]) for name, rules in books.items()}
figure, place = plt.subplots(figsize=(8, 4), layout="constrained")
for name, values in found.items():
    place.plot(100 * wings, values / 1e3, marker="o", markersize=3, label=name)
place.set(xlabel="wings bought for each 100 straddles sold", ylabel="initial margin, thousand USDC", ylim=(0, None))
place.legend(fontsize=8)

# %%
# The number
# ----------
# Under cross margin every wing costs more margin; under the scan the whole set asks for a fraction of the bare
# straddle.

rates, scan = found["Paradex cross margin"], found["Paradex portfolio margin"]
print(f"bare: rates {rates[0]:,.0f}, scan {scan[0]:,.0f}; with all wings: rates {rates[-1]:,.0f}, scan {scan[-1]:,.0f}")
assert rates[-1] > rates[0]
assert scan[-1] < 0.5 * scan[0]
