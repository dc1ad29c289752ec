"""
A rate that answers the market
==============================

A margin rate that is low costs nothing on a quiet day and everything in a storm. Here three frozen policies set the
rate of the same simulated venue through the same storm: the floor that coverage asks for, the tuned rule, and one that
was searched for in the laboratory.
"""

# %%
# One storm, three policies
# -------------------------
# Forty days of prices that no training saw, a crash in the middle of them. Each policy sees what a venue sees and steps
# its rate; the projection keeps every rate above coverage, and every fall announced and slow.

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.control.courses import HELD_OUT, drawn
from plimsoll.control.policies import shipped
from plimsoll.control.projection import violations
from plimsoll.control.terms import ControlTerms
from plimsoll.control.tracks import follow, storm

terms = ControlTerms(steps=240)
course = drawn(terms, HELD_OUT + 5)
tracks = {}
for name in ("coverage", "rule", "search"):
    venue, tracks[name] = follow(terms, course, 5, shipped(name).fresh())
    assert violations(terms.bounds, venue.projection.posted) == []

# %%
# Price, rates, calls
# -------------------
# Thirty days around the worst of it. Below, what accounts had been called for so far: a low rate is asked back when it
# hurts most.

shown = storm(course.name, terms, tracks, venue.scale, days=30.0)
days = np.arange(shown.price.size) * shown.step_hours / 24.0
figure, (top, middle, bottom) = plt.subplots(3, 1, figsize=(8, 7), sharex=True, height_ratios=(1.2, 2, 1.6))
top.plot(days, shown.price / shown.price[0], color="#1d2733")
top.set_ylabel("price")
for n, (name, rate) in enumerate(shown.rate.items()):
    middle.step(days[:-1], 100.0 * rate, where="post", color=f"C{n}", label=name)
    bottom.step(days[1:], np.cumsum(shown.called[name]), color=f"C{n}")
middle.set_ylabel("initial margin, %")
bottom.set_ylabel("called so far,\nbp of open interest")
bottom.set_xlabel("days")
# below the axes: no corner of the plot is free of a line
bottom.legend(
    *middle.get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, -0.3), ncols=3, frameon=False
)
figure.tight_layout()

# %%
# Mean rate, what was called for, and losses beyond what an account had posted, in these thirty days:

{
    name: f"{rate.mean():.1%}; {shown.called[name].sum():.0f} bp called, {shown.uncovered[name].sum():.1f} bp unpaid"
    for name, rate in shown.rate.items()
}
