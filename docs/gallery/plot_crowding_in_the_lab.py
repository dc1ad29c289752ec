"""
The crowd in the laboratory
===========================

A charge on crowding should be large where an account makes a crash dearer. In a cascade that can be asked: leave the
account out, run the same crash with the same draws, and see what the loss is smaller. How well does the charge follow,
and what is the same money worth when everybody pays in alike?
"""

# %%
# A hundred accounts and a fall of a quarter
# ------------------------------------------
# The accounts are random, two thirds of them bought, all opened within their initial margin. The order books are those
# that a recorded night gave, cut to a venue of this size; makers withdraw as prices move. The venue has no fund: what
# accounts owe in the end is the loss.

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.feeds.sample_fleet import sample_fleet_arrays, sample_schedule
from plimsoll.laboratory.calm import default_liquidity, scaled
from plimsoll.laboratory.cascade import cascade
from plimsoll.laboratory.crowding.charges import charges, curves_of
from plimsoll.laboratory.crowding.contest import paid_in
from plimsoll.laboratory.crowding.marginal import marginals, owed
from plimsoll.laboratory.paths import shock_path
from plimsoll.laboratory.policy import StaticRates
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.margin.cavb import CrowdingRule

venue, schedule = CascadeVenue(order=("insurance_fund",)), sample_schedule()
rates = StaticRates(schedule)
calm = default_liquidity()
book = calm.model_copy(update={"underlyings": {u: scaled(c, 0.03) for u, c in calm.underlyings.items()}})
fleet = sample_fleet_arrays(schedule, venue, 100, seed=4)
path = shock_path(-0.25, fleet.underlyings, minutes=30.0, after=5.0)

run = cascade(fleet, path, book, venue, rates)
alone = cascade(fleet, path, book, venue, rates, feedback=False)
print(f"owed in the end: {run.bad_debt[-1]:,.0f} USD, without feedback {alone.bad_debt[-1]:,.0f}")

# %%
# Charges against marginal losses
# -------------------------------
# The curves are what the venue would publish before the crash; the charge needs nothing else but the account's own
# book. Every account is left out once.

rule = CrowdingRule()
asked = charges(rule, curves_of(run, rates, book), fleet, schedule)


def lose(them):
    found = cascade(them, path, book, venue, rates)
    return float(found.bad_debt[-1]), owed(found)


unit = marginals("a fall of a quarter", fleet, lose, asked)
usd = asked.at(rule.beta)
print(f"charges {usd.sum():,.0f} USD, marginal losses in sum {unit.loss.sum():,.0f}")

# %%
# The same money, paid in
# -----------------------
# Each account brings its charge before the crash; or all bring the same total in proportion to their initial margin.
# One fleet says little, because whoever is closed a moment later meets another price. So thirty fleets.

ways = ("nothing more", "by the crowding charge", "in proportion")
losses = {way: [] for way in ways}
paid = []
for seed in range(100, 130):
    them = sample_fleet_arrays(schedule, venue, 100, seed=seed)
    before = cascade(them, path, book, venue, rates)
    own = charges(rule, curves_of(before, rates, book), them, schedule)
    charge = own.at(rule.beta)
    paid.append(charge.sum())
    losses["nothing more"].append(float(before.bad_debt[-1]))
    losses["by the crowding charge"].append(lose(paid_in(them, charge))[0])
    losses["in proportion"].append(lose(paid_in(them, own.initial * (charge.sum() / own.initial.sum())))[0])
difference = np.subtract(losses["by the crowding charge"], losses["in proportion"])
error = difference.std(ddof=1) / np.sqrt(difference.size)

# %%
# The picture
# -----------
# Left, each account: what it is charged, and what the crash costs more because it is there; below zero stand those
# without whom it would cost more. Right, what the same money is worth.

figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4), layout="constrained", width_ratios=(1.4, 1))
with_crowd = usd > 0.0
left.scatter(usd[with_crowd] / 1e3, unit.loss[with_crowd] / 1e3, s=14, color="tab:red", label="charged")
left.scatter(usd[~with_crowd] / 1e3, unit.loss[~with_crowd] / 1e3, s=14, color="tab:gray", label="not charged")
left.set_xscale("symlog", linthresh=0.01)
left.set_yscale("symlog", linthresh=0.1)
left.set(xlabel="charge, thousand USD", ylabel="marginal loss, thousand USD")
left.legend(frameon=False, fontsize=8)
right.barh(ways, [np.mean(losses[w]) / 1e3 for w in ways], color=["tab:gray", "tab:red", "tab:blue"])
right.invert_yaxis()
right.set(xlabel="owed in the end, thousand USD", title="mean of thirty fleets")

# %%
# The number
# ----------

for way in ways:
    print(f"{way:>24}: {np.mean(losses[way]):>12,.0f} USD owed in the mean")
print(f"paid in, both times: {np.mean(paid):,.0f} USD")
print(f"by the charge less in proportion: {difference.mean():,.0f} USD, standard error {error:,.0f}")
