"""
Standing where everybody stands
===============================

An account that is liquidated among many others finds no buyer. The crowding add-on charges for that: from curves that a
venue publishes, so that everybody can compute his own, and not for a position that would help.
"""

# %%
# Eighty accounts and one book
# ----------------------------
# Most of them have bought BTC, with three to twelve times leverage. The order book takes two million dollars within
# every per cent, and half of that is expected to be gone when it is needed.

import matplotlib.pyplot as plt
import numpy as np

import plimsoll as pl
from plimsoll.liquidation.density import edges, published
from plimsoll.margin.cavb import Book, CrowdingCurves, CrowdingRule, crowding

PRICE = 70_000.0
model = pl.margin_model("prbm@2025-01-01")
step = [(k / 100.0, 2e6 / PRICE) for k in range(1, 31)]
market = pl.Market.from_dict(
    {
        "schema": "plimsoll.market",
        "schema_version": 1,
        "time": "2026-03-01T00:00:00Z",
        "indices": {"BTC": {"price": PRICE}},
        "assets": {"USDC": {"price": 1.0}},
        "instruments": [
            {"kind": "perpetual", "name": "P", "underlying": "BTC", "settlement": "linear", "currency": "USDC"}
        ],
        "marks": {"P": {"price": PRICE}},
        "depth": {
            "P": {
                "bids": [[PRICE * (1 - x), q] for x, q in step],
                "asks": [[PRICE * (1 + x), q] for x, q in step],
            }
        },
    }
)


def account(name: str, coins: float, leverage: float) -> pl.Account:
    return pl.Account.from_dict(
        {
            "schema": "plimsoll.account",
            "schema_version": 1,
            "name": name,
            "collateral": {"USDC": abs(coins) * PRICE / leverage},
            "positions": [{"instrument": "P", "quantity": coins, "entry_price": PRICE}],
        }
    )


draw = np.random.default_rng(11)
accounts = [
    account(f"a{k}", float(draw.lognormal(1.2, 1.0)) * (1.0 if draw.random() < 0.8 else -1.0), draw.uniform(3.0, 12.0))
    for k in range(80)
]
curves = published(edges(model, accounts, market), market, rules="prbm@2025-01-01", venue="a small venue")
print(
    f"{curves.accounts} accounts; largest ratio of liquidations to depth:",
    {d: curves.ratio(d) for d in ("fall", "rise")},
)

# %%
# What an account pays, from its own book and the published text
# --------------------------------------------------------------
# The same book long, short, and long in two accounts of one owner. The document is all that is needed.

text = curves.to_json()
rule = CrowdingRule(beta=0.3)


def charge(coins: float, parts: int = 1) -> float:
    book = Book({"BTC": coins * PRICE / parts}, 0.16 * abs(coins) * PRICE / parts)
    return crowding(rule, CrowdingCurves.from_json(text), [book] * parts).total


for told, coins, parts in (("long 40 BTC", 40.0, 1), ("short 40 BTC", -40.0, 1), ("long 40 in four accounts", 40.0, 4)):
    print(f"{told:>26}: {charge(coins, parts):>10,.0f} USD")

# %%
# The picture
# -----------
# Left, what is liquidated within a fall or a rise against what the book takes. Right, the add-on against the size of a
# position: nothing for a tiny one, convex, in proportion from the cap on, and next to nothing against the crowd.

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4), layout="constrained", width_ratios=(1.5, 1))
moves = 100.0 * np.array(curves.moves)
for direction, sign, colour in (("fall", -1.0, "tab:red"), ("rise", 1.0, "tab:green")):
    crowd = getattr(curves.underlyings["BTC"], direction)
    left.step(
        sign * moves, np.array(crowd.liquidated) / 1e6, color=colour, where="mid", label=f"liquidated in a {direction}"
    )
    depth = "what the book takes" if direction == "fall" else None
    left.plot(sign * moves, np.array(crowd.depth) / 1e6, color="black", linestyle="--", linewidth=1, label=depth)
left.set(xlabel="move of BTC, %", ylabel="million USD")
left.legend(frameon=False, fontsize=8, loc="upper center")
sizes = np.linspace(-90.0, 90.0, 181)
rates = np.array([charge(float(q)) for q in sizes])
right.plot(sizes, rates / 1e3, color="tab:blue")
right.plot(sizes, 0.16 * np.abs(sizes) * PRICE / 1e3, color="grey", linestyle=":", label="initial margin")
right.set(xlabel="position, BTC", ylabel="add-on, thousand USD", ylim=(0, None))
right.legend(frameon=False, fontsize=8)

# %%
# The number
# ----------

need = 0.16 * 40.0 * PRICE
print(f"40 BTC with the crowd: {charge(40.0) / need:.1%} on top of the initial margin")
print(f"40 BTC against it: {charge(-40.0) / need:.2%}")
