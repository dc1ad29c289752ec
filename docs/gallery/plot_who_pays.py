"""
Who pays when nobody buys
=========================

Prices fall by 18 % at once. Twelve of forty members owe more than they have, the funds cover about half of it, and
nobody takes their positions. The rest comes from those on the other side. Whom does a venue ask first, and what does
its choice do to accounts that were hedged?
"""

# %%
# The venue
# ---------
# ``plimsoll book default -o venue.json`` writes the same venue; ``plimsoll waterfall venue.json`` settles it.

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.feeds.sample_default import sample_default
from plimsoll.liquidation.waterfall import RANKINGS, fund_cover, waterfall

venue = sample_default(members=40, move=-0.18, seed=7)
found = waterfall(venue)
print(f"owed {found.owed / 100:,.0f} USD by {sum(1 for m in venue.members if m.deficit)} members")
for layer in found.layers:
    print(f"{layer:>16} {found.paid(layer) / 100:>12,.0f}")

# %%
# Three ways to choose
# --------------------
# The same positions are closed at the same price in all three; what differs is who gives them up.

outcomes = {r: waterfall(sample_default(members=40, move=-0.18, seed=7, ranking=r)) for r in RANKINGS}
rises = {r: sum(o.broken_hedges.values()) / 100 for r, o in outcomes.items()}
hit = {r: len({c.holder for c in o.closed}) for r, o in outcomes.items()}
for ranking in RANKINGS:
    print(f"{ranking:>16}: {hit[ranking]} accounts deleveraged, requirements rise by {rises[ranking]:,.0f} USD")

# %%
# The picture
# -----------
# Left, what each layer pays of each dollar owed as the fall grows. Right, by how much the requirements of those who
# were deleveraged rise: the hedge is gone, what it hedged is still there.

falls = np.linspace(-0.02, -0.3, 15)
layers = ("fund_share", "venue_capital", "insurance_fund", "adl", "socialised")
paid = {layer: [] for layer in layers}
for fall in falls:
    one = sample_default(move=float(fall)).model_copy(
        update={"venue_capital": venue.venue_capital, "insurance_fund": venue.insurance_fund}
    )
    outcome = waterfall(one)
    for layer in layers:
        paid[layer].append(outcome.paid(layer) / 100 / 1e3)

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", width_ratios=(1.6, 1))
names = {"fund_share": "own part of the fund", "venue_capital": "venue's capital", "insurance_fund": "insurance fund"}
names |= {"adl": "deleveraged", "socialised": "socialised"}
left.stackplot(-100 * falls, list(paid.values()), labels=[names[x] for x in paid])
left.axhline((venue.venue_capital + venue.insurance_fund) / 1e5, color="black", linestyle=":", linewidth=1)
left.set(xlabel="fall of BTC, %", ylabel="thousand USD paid", xlim=(2, 30))
left.legend(loc="upper left", frameon=False)
bars = right.barh(list(rises), [r / 1e3 for r in rises.values()], color="tab:orange")
right.bar_label(bars, fmt="%.0f", padding=3)
right.set(xlabel="rise of requirements,\nthousand USD")
right.spines[["top", "right"]].set_visible(False)
right.margins(x=0.15)

# %%
# The number
# ----------
# How large would the funds have to be so that any two members could fail in any of the venue's scenarios?

two = fund_cover(venue, 2)
saved = 1 - rises["least-risk"] / rises["profit-leverage"]
print(f"cover 2: {two.size / 100:,.0f} USD; the venue has {(venue.venue_capital + venue.insurance_fund) / 100:,.0f}")
print(f"ranking by risk instead of by profit leaves {saved:.0%} of the broken hedges whole")
