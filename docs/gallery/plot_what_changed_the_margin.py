"""
What changed the margin
=======================

Yesterday the book stood far above its line, today right at it. The market fell, volatility rose, an expiry went by,
a trade was done and cash was taken out: which of them was it? The chain is generated, the book that of
``plimsoll demo``.
"""

# %%
# A day in the life of a strangle seller
# --------------------------------------
# A day later Bitcoin is 4 % lower and every volatility three points higher. The front expiry has gone, and paid out.
# The desk has sold its short 62,000 puts twice over again and taken 60,000 dollars out.

from datetime import timedelta

import numpy as np

import plimsoll as pl
from plimsoll.feeds import demo_account, demo_market
from plimsoll.margin.changes.explain import explain
from plimsoll.margin.changes.sensitivity import sensitivity
from plimsoll.report.waterfall import waterfall_figure

account, market = demo_account(), demo_market()

later = market.to_dict()
later["time"] = (market.time + timedelta(days=1)).isoformat()
later["indices"]["BTC"]["price"] *= 0.96
for row in later["expiries"]:
    row["forward"]["variable"] *= 0.96
for mark in later["marks"].values():
    if mark["vol"] is None:
        mark["price"] *= 0.96
    else:
        mark["vol"] += 0.03
first = later["expiries"][0]
first["settlement"] = later["indices"]["BTC"]["price"]
market_after = pl.Market.from_dict(later)

puts, front = "BTC-24APR26-62000-P", ("BTC-28MAR26-68000-P", "BTC-28MAR26-72000-C")
sold = {p.instrument: p.quantity for p in account.positions}
payout = sold[front[0]] * max(68_000 / first["settlement"] - 1.0, 0.0)
mark = pl.pricing.inverse_price(
    market_after.expiry_table["BTC", market_after.contracts[puts].expiry].forward.price,
    62_000.0,
    27.0 / 365.0,
    market_after.marks[puts].vol,
    False,
)
changed = account.to_dict()
changed["positions"] = [p for p in changed["positions"] if p["instrument"] not in front]
for row in changed["positions"]:
    if row["instrument"] == puts:
        row["quantity"] *= 3.0
changed["collateral"]["BTC"] += payout + 24.0 * float(mark)
changed["collateral"]["USDC"] -= 60_000.0
account_after = pl.Account.from_dict(changed)
print(f"the expiry cost {-payout:.3f} BTC, the puts brought {24.0 * float(mark):.3f} BTC")

# %%
# The split
# ---------
# Each part is replaced by its later state and the whole requirement computed again, once in this order and once in the
# opposite one; the mean of both favours no part. The sum is exact, and what is left over is shown, not hidden.

rules = pl.margin_model("prbm@2026-03-27")
found = explain(rules, account, market, account_after, market_after)
for effect in found.effects:
    change = effect.change
    numbers = f"{change.initial:>+12,.0f}{change.net_equity:>+12,.0f}{change.health:>+8.2f}"
    print(f"{effect.title:<12}{numbers}  {effect.detail}")
print(f"{'residual':<12}{found.residual.initial:>12.1g}{found.residual.net_equity:>12.1g}")
assert np.isclose(sum(e.change.initial for e in found.effects), found.total.initial)

figure = waterfall_figure(found)

# %%
# The number
# ----------
# Health fell, and the market is not what did most of it. What one more step would do is the question for today:
# the sensitivity of the margin now, and the move at which another scenario takes over.

worst = min(found.effects, key=lambda e: e.change.health)
by_market = sum(found.effect(name).health for name in ("spot", "vol", "time"))
print(f"health {found.before.health:.2f} to {found.after.health:.2f}: {worst.title.lower()} {worst.change.health:+.2f}")
print(f"spot, volatility and time together {by_market:+.2f}")
now = sensitivity(rules, account_after, market_after, parameters=False)
step = next(s.change for s in now.steps if s.name == "spot_down")
print(f"another 1 % down: {step.initial:+,.0f} USD of initial margin, {step.health:+.2f} of health")
print(f"next kink at {now.down.move:+.1%}" if now.down else "the same scenario binds down to -20 %")
