"""
The tenth of October 2025
=========================

In twelve minutes a venue closed thousands of winning shorts against longs that had nothing left. Did it take more than
it had to? The public file of that day has neither sizes at the start nor leverage nor times; what it does have decides
some of the answer, and the rest is an assumption that can be turned.
"""

# %%
# The positions
# -------------
# They lie outside this project, in the folder named by ``PLIMSOLL_SHARED`` or in ``shared`` beside it. If they are
# absent the page shows a made-up crash instead, and says so. ``plimsoll cascade replay`` does all of it.

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.feeds.positions import read_positions
from plimsoll.laboratory.replay.made_up import world
from plimsoll.laboratory.replay.run import replay

FILE = "data/liquidations/hyperliquid_20251010_btc_sol_positions.parquet"
named = os.environ.get("PLIMSOLL_SHARED")
here = next((p for p in (Path.cwd(), *Path.cwd().parents) if (p / "pyproject.toml").is_file()), Path.cwd())
path = (Path(named) if named else here.parent / "shared") / FILE
if path.is_file():
    positions, source = read_positions(path), "Hyperliquid, BTC and SOL, 10 October 2025"
else:
    positions, source = world(1).positions, "A MADE-UP CRASH, no real positions"
found = replay(positions, draws=40, vary=False)
print(f"{source}: {found.positions:,} positions of {found.accounts:,} accounts")
for asset, m in found.marks.items():
    print(f"{asset:>4} fell from {m.start:,.6g} to {m.low:,.6g} ({m.fall:.1%}) and ended at {m.end:,.6g}")

# %%
# What the flags tell
# -------------------
# Whoever was liquidated had a cushion smaller than the move; the fit to half of the accounts is tested on the others.

for c in found.calibration:
    print(f"{c.flag}: Brier score {c.brier:.4f}, of the plain share {c.baseline:.4f}: {c.verdict}")
for p in found.pointed:
    print(
        f"{p.asset}: of the shorts that the venue's rule names {p.production.value:.1%} were deleveraged, "
        f"of those named blindly {p.random.value:.1%}"
    )

# %%
# What each rule takes
# --------------------
# Dots, what winners lose beyond what had to be covered; triangles, what the venue loses on positions that it keeps.
# Both over what the venue's own queue closed; ranges hold 90 % of the draws. The band is the published estimate for the
# whole venue, most of whose other assets fell further.

rules = ["production", "queue by lots", "pro-rata", "profits only"]
assets = [a for a in found.assets if a not in found.skipped]
figure, axes = plt.subplots(figsize=(9, 4), layout="constrained")
for k, asset in enumerate(assets):
    for measure, marker in (("overshoot", "o"), ("left", "^")):
        rows = [getattr(found.outcome(asset, rule), measure) for rule in rules]
        middle = np.array([100 * r.value for r in rows])
        off = np.array([[100 * (r.value - r.low), 100 * (r.high - r.value)] for r in rows]).T
        x = np.arange(len(rules)) + 0.2 * k + (0.08 if measure == "left" else 0.0)
        shown = middle > 0 if measure == "left" else np.ones(len(rules), dtype=bool)
        axes.errorbar(
            x[shown],
            middle[shown],
            np.maximum(off[:, shown], 0.0),
            fmt=marker,
            color=f"C{k}",
            label=f"{asset}, {'taken beyond need' if measure == 'overshoot' else 'left to the venue'}",
        )
axes.axhspan(
    100 * found.published[0], 100 * found.published[1], color="tab:orange", alpha=0.2, label="published, whole venue"
)
axes.set_xticks(np.arange(len(rules)) + 0.1, rules)
axes.set(ylabel="% of what was closed", title=source)
axes.legend(frameon=False, fontsize=8, ncols=2)
axes.spines[["top", "right"]].set_visible(False)

# %%
# The number
# ----------
# Closing lots instead of whole positions takes less; taking profits without closing takes nothing beyond need, and
# leaves the venue with exactly what the winners keep.

over = {rule: found.outcome("all", rule).overshoot.value for rule in rules}
left = found.outcome("all", "profits only").left.value
print(
    f"taken beyond need: {over['production']:.2%} by the venue's queue, "
    f"{over['queue by lots']:.2%} by lots in any order, "
    f"{over['profits only']:.2%} from profits alone, which leaves {left:.2%} with the venue"
)
