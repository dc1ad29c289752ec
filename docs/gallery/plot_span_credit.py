"""
What a clearing house gives back for a hedge across coins
=========================================================

SPAN margins each coin by itself and then forms spreads between them: a long coin against a short one gives back a part
of the price risk of both legs, no more than the smaller side allows. What is left over is charged outright.
"""

# %%
# Ten coins of BTC against more and more ETH
# ------------------------------------------
# Long ten BTC futures of one month; short ETH perpetuals for nothing up to twice the dollars, and the same with a
# second month of BTC against the first, which costs a calendar spread instead.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl

PRICE = {"BTC": 100_000.0, "ETH": 4_000.0}
NEAR, LATER = "2025-03-28T08:00:00Z", "2025-06-27T08:00:00Z"


def contract(name: str, underlying: str, expiry: str | None = None) -> dict:
    row = {"name": name, "underlying": underlying, "settlement": "linear", "currency": "USDC"}
    return {"kind": "perpetual", **row} if expiry is None else {"kind": "future", **row, "expiry": expiry}


MARKET = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2025-03-01T00:00:00Z",
        "indices": {u: {"price": p} for u, p in PRICE.items()},
        "assets": {"USDC": {"price": 1.0}},
        "expiries": [{"underlying": "BTC", "expiry": e, "forward": {"variable": PRICE["BTC"]}} for e in (NEAR, LATER)],
        "instruments": [
            contract("BTC-NEAR", "BTC", NEAR),
            contract("BTC-LATER", "BTC", LATER),
            contract("ETH-PERP", "ETH"),
        ],
        "marks": {n: {"price": PRICE[n[:3]]} for n in ("BTC-NEAR", "BTC-LATER", "ETH-PERP")},
    }
)


def requirement(rules: str, **sizes: float) -> pl.Requirement:
    """The requirement of coins held by instrument (underscores for dashes)."""
    rows = tuple(pl.Position(instrument=n.replace("_", "-"), quantity=q) for n, q in sizes.items() if q)
    return pl.margin_model(rules).requirement(pl.Account(positions=rows), MARKET)


hedges = np.linspace(0.0, 2.0, 41)
dollars = 10.0 * PRICE["BTC"]
across = [requirement("span@2025-03-01", BTC_NEAR=10.0, ETH_PERP=-h * dollars / PRICE["ETH"]) for h in hedges]
house = [requirement("prbm@2025-03-01", BTC_NEAR=10.0, ETH_PERP=-h * dollars / PRICE["ETH"]) for h in hedges]
months = [requirement("span@2025-03-01", BTC_NEAR=10.0, BTC_LATER=-10.0 * h) for h in hedges]

# %%
# Maintenance margin as the hedge grows
# -------------------------------------

figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), sharey=True, layout="constrained")
scan = np.array([r.component("scan").maintenance for r in across])
credit = np.array([-r.component("credit").maintenance for r in across])
left.fill_between(hedges, scan - credit, scan, color="#e69f00", alpha=0.35, label="credit")
left.plot(hedges, scan, color="#8a8f3c", label="scan of both coins")
left.plot(hedges, scan - credit, color="#1f6fa8", linewidth=2.2, label="SPAN")
left.plot(hedges, [r.initial for r in house], color="#c8501e", linestyle="--", label="PRBM, initial: nothing netted")
left.set_xlabel("dollars of ETH sold for each dollar of BTC")
left.set_ylabel("USD")
left.set_title("Across coins", loc="left")
left.legend(frameon=False, fontsize=8)
calendar = np.array([r.component("calendar").maintenance for r in months])
whole = np.array([r.maintenance for r in months])
right.fill_between(hedges, whole - calendar, whole, color="#b0608f", alpha=0.35, label="calendar charge")
right.plot(hedges, whole, color="#1f6fa8", linewidth=2.2, label="SPAN")
right.set_xlabel("coins of June sold for each coin of March")
right.set_title("Across months", loc="left")
right.legend(frameon=False, fontsize=8)
for axes in (left, right):
    axes.yaxis.set_major_formatter(lambda x, _: f"{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)

# %%
# The number
# ----------
# Fully hedged, what part of the margin of both legs does SPAN give back across coins, and across months?

full = int(np.argmin(np.abs(hedges - 1.0)))
legs = requirement("span@2025-03-01", BTC_NEAR=10.0).maintenance
back = credit[full] / scan[full]
saved = 1.0 - whole[full] / (2.0 * legs)
print(f"across coins {back:.0%} of {scan[full]:,.0f} USD, across months {saved:.0%} of {2.0 * legs:,.0f} USD")
