"""
What value at risk missed
=========================

A desk sells twenty far strangles. Its 99 % loss of a day is a small part of its equity under every model that looks at
history, and its margin is paid in full. Two thousand generated days, none of which has to have happened, say how it
ends.
"""

# %%
# A quiet book
# ------------
# Puts 34 % below and calls 51 % above the price, a month to run, on the market of the demonstration. History: 1,500
# generated days of Bitcoin and its implied volatility.

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.feeds.demo import demo_market
from plimsoll.feeds.generated_history import generated_history
from plimsoll.laboratory.book_stress import stress_book
from plimsoll.laboratory.reverse_book import factors_of, reverse_book
from plimsoll.margin import Account, Position, margin_model
from plimsoll.margin.joint_account import joint_account
from plimsoll.risk.engine import evaluate
from plimsoll.risk.models import risk_model
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.stress import StressScenarios, generate, shipped_scenarios

market, model = demo_market(), margin_model("prbm@2026-03-01")
legs = tuple(Position(instrument=f"BTC-24APR26-{leg}", quantity=-20.0) for leg in ("46000-P", "106000-C"))
account = Account(name="far strangles", positions=legs, collateral={"USDC": 220_000.0})
equity = model.requirement(account, market).net_equity

book, _ = joint_account(account, market)
history = FactorHistory.of_levels(generated_history(market.time), book.underlyings)
var = {name: evaluate(risk_model(name), book, history).var.value for name in ("hs", "fhs", "mc")}
for name, value in var.items():
    print(f"{name:>4}: 99 % loss of a day {value:>8,.0f} USD, {value / equity:.0%} of the equity")

# %%
# Scenarios nobody has seen
# -------------------------
# Price, volatility, depth, peg and delay drawn together: t copula, fat tails, common jumps. The recorded crashes and
# the hypothetical scenarios of the package are run with them. ``plimsoll stress BOOK.json MARKET.json --generate 2000``
# does the same.

drawn = generate(2_000, 7, ["BTC"], ["USDC"])
everything = StressScenarios(scenarios=(*shipped_scenarios().scenarios, *drawn.scenarios))
found = stress_book(model, account, market, everything.scenarios)
for row in found.rows[:6]:
    print(f"{row.label:<22} {row.pnl:>10,.0f} USD  {'short' if row.exact and row.exact.short else ''}")

# %%
# The smallest shock that breaks it
# ---------------------------------
# Reverse stress asks the exact margin engine along rays of the history's own covariance.

broken = reverse_book(model, account, market, factors_of(history, ["BTC"]))
told = ", ".join(f"{name} {move:+.1%}" for name, move in broken.moves().items())
print(f"short of maintenance margin after {told}: {broken.size:.1f} ordinary days in that direction")

# %%
# The picture
# -----------
# Each dot is a scenario by the move of the price and the loss of the book. The dashed lines are the 99 % losses; the
# grey line is the equity. History lives in the white band.

shown = found.instants
move = shown.price[:, shown.underlyings.index("BTC")] - 1.0
generated = np.array([shown.names[k].startswith("generated") for k in shown.scenario])
days = np.expm1(history.returns[:, 0])

figure, axes = plt.subplots(figsize=(9, 4.6), layout="constrained")
axes.axvspan(float(move.min()) - 0.05, float(days.min()), color="#f0ede8", zorder=0)
axes.axvspan(float(days.max()), float(move.max()) + 0.05, color="#f0ede8", zorder=0)
axes.plot(move[generated], found.pnl[generated] / 1e3, ".", color="#62b4e0", markersize=3, label="generated")
axes.plot(
    move[~generated], found.pnl[~generated] / 1e3, "x", color="#c8501e", markersize=4, label="crashes, hypothetical"
)
for name, value in var.items():
    axes.axhline(
        -value / 1e3, color="#e69f00", linestyle="--", linewidth=1, label="99 % losses" if name == "hs" else None
    )
axes.axhline(-equity / 1e3, color="#64707d", linewidth=1.2, label="equity")
axes.set_xlim(float(move.min()) - 0.05, min(float(move.max()) + 0.05, 1.0))
axes.set_xlabel("move of the price, as a part")
axes.set_ylabel("profit and loss, thousand USD")
axes.legend(frameon=False, loc="lower right")

# %%
# The number
# ----------

bankrupt = np.array([r.pnl < -equity for r in found.rows if r.kind == "generated"])
print(f"loses more than all it has in {bankrupt.mean():.1%} of the generated scenarios;")
print(
    f"the worst takes {-min(r.pnl for r in found.rows) / equity:.1f} times the equity, "
    f"and {-min(r.pnl for r in found.rows) / max(var.values()):.0f} times the largest 99 % loss"
)
