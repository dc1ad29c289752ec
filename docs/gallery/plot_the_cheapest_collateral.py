"""
The cheapest collateral of two accounts
=======================================

Dollars earn four per cent elsewhere, coins in a cold wallet earn less or nothing: posting the coins instead is worth
money, as far as each venue counts them.
"""

# %%
# The desk
# --------
# The demonstration's book twice, under OKX's rules and under the house model, each margined in dollars. A wallet holds
# bitcoin, ether and tether.

import plimsoll as pl
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.optimise import Holding
from plimsoll.optimise.collateral import Wallet, cheapest, make_treasury
from plimsoll.report.collateral_figure import collateral_figure

content = demo_market().to_dict()
market = pl.Market.from_dict(content | {"assets": content["assets"] | {"ETH": {"price": 2_000.0}}})


def book(name: str, collateral: dict[str, float], rules: str) -> Holding:
    account = demo_account().model_copy(update={"name": name, "collateral": collateral})
    return Holding(name, account, pl.margin_model(rules))


desk = [
    book("okx", {"BTC": 2.0, "USDC": 320_000.0}, "okx-pm@2026-03-27"),
    book("house", {"BTC": 0.5, "USDC": 400_000.0}, "prbm@2026-03-27"),
]
cold = Wallet(name="cold", balances={"BTC": 1.5, "ETH": 300.0, "USDT": 500_000.0})

# %%
# What a balance counts for
# -------------------------
# Measured on each venue's own engine: pieces of a curve, in dollars by the coin.

treasury = make_treasury(market, desk, [cold], buffer=0.1)
for account in treasury.accounts:
    for asset, curve in account.curves.items():
        pieces = ", ".join(f"{s:,.4g} to {x:,.4g}" for s, x in zip(curve.slope, curve.high, strict=True))
        print(f"{account.name:6s} {asset:5s} {pieces}")

# %%
# The answer
# ----------
# Ten per cent above initial margin stays at both. Bitcoin goes first, which is thought to earn nothing; then ether.

answer = cheapest(treasury)
figure = collateral_figure(answer)
figure

# %%
for move in answer.order.moves:
    print(f"{move.amount:12,.4f} {move.asset:5s} {move.source} to {move.target}, costs ${move.cost:.2f}")
for one in answer.worth:
    print(f"one more {one.asset} in {one.place} is worth ${one.usd:,.2f} in {answer.days:g} days")

# %%
# The number
# ----------
# What the desk earns more in a year, and that nothing is cheaper.

before, after = answer.yearly
print(f"${before:,.0f} a year forgone before, ${after:,.0f} after, for ${answer.once:,.2f} of fees")
assert answer.gap is not None
assert answer.gap < 1e-6
assert after < 0.5 * before
assert all(m.source_room is None or m.source_room >= 0.0 for m in answer.order.moves)
