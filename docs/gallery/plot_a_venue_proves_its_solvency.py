"""
A venue proves each day that it is solvent, and a customer checks his own line
===============================================================================

1,024 accounts hold four perpetuals and dollars. The venue publishes commitments to every book, under salted ids, and
proofs: no equity that counts is negative, all of them together are within the reserves, and what is bought of each
contract is sold. Accounts under water stand apart and lower nothing. Unaudited: no cryptographer from outside has
reviewed these proofs.
"""

# %%
# The venue's side
# ----------------
# Most accounts are small; two have lost more than they had.

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.proofs import VenueBooks, prove_solvency, verify_inclusion, verify_solvency

ACCOUNTS = 1_024
MARKS = {"BTC-PERP": 7_000_000, "ETH-PERP": 250_000, "SOL-PERP": 15_000, "XRP-PERP": 52}
rng = np.random.default_rng(20_261_126)
held = np.round(rng.standard_t(3, (ACCOUNTS, 4)) * np.array([2, 30, 400, 90_000])).astype(int)
held[-1] -= held.sum(axis=0)  # the market maker has the other side of everybody
marks = np.array(list(MARKS.values()))
equity = np.round(np.exp(rng.normal(13.0, 1.6, ACCOUNTS))).astype(int)  # cents
equity[[10, 20]] = [-4_200_000, -950_000]
cash = equity - held @ marks

rows = zip(held.tolist(), cash.tolist(), strict=True)
accounts = [
    {"name": f"customer-{i:04d}", "positions": dict(zip(MARKS, row, strict=True)), "balances": {"USD": money}}
    for i, (row, money) in enumerate(rows)
]
owed = int(equity[equity > 0].sum())
reserve = int(cash[cash > 0].sum())
terms = {
    "venue": "demo",
    "epoch": "2026-11-26",
    "nonce": "5eed" * 8,
    "currency": "USD",
    "decimals": 2,
    "quantity_decimals": 2,
    "instruments": [{"name": n, "mark": m} for n, m in MARKS.items()],
    "assets": [{"name": "USD", "decimals": 2, "value": 1, "reserve": reserve}],
    "bits": 44,
}
books = VenueBooks.from_dict(
    {"schema": "plimsoll.venue-books", "schema_version": 1, "terms": terms, "accounts": accounts}
)
published = prove_solvency(books)
day = published.solvency
size = sum(len(text) // 2 for text in (*day.ranges, day.totals))
print(f"{len(day.leaves):,} leaves, {sum(item.under for item in day.leaves)} apart, {size:,} bytes of proofs")

# %%
# Everybody's side
# ----------------
# Anybody verifies the publication; a customer verifies one path against the root, with what he knows himself.

asked = {"venue": "demo", "epoch": "2026-11-26"}
verify_solvency(day, **asked)
me = "customer-0007"
mine = published.inclusion(me)
verify_inclusion(mine, day.root, **asked, account=me, equity=int(equity[7]))
print(f"{me} is counted with {equity[7] / 100:,.2f} USD, {len(mine.path)} steps below the root {day.root.hash[:16]}...")

# %%
# No Python is needed for it. ``day.save("day.json")`` and ``mine.save("me.json")``, dropped on the page ``/verifier/``
# of ``plimsoll serve``, get yes or no in the browser: by a verifier that shares no code with this one, sends nothing
# anywhere, and takes venue, epoch, name and equity from what the customer types.

# %%
# What the venue knows and what it publishes
# ------------------------------------------

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
positive = np.sort(equity[equity > 0])[::-1] / 100
left.plot(np.arange(1, positive.size + 1), positive)
left.set(xscale="log", yscale="log", xlabel="account, by size", ylabel="equity, USD", title="the venue")
left.axvline(positive.size, color="C3", lw=0.8)
left.annotate("2 under water,\nlisted apart", (positive.size, positive[100]), ha="right", color="C3", fontsize=8)
noise = np.frombuffer(b"".join(bytes.fromhex(item.equity) for item in day.leaves), dtype=np.uint8).reshape(-1, 384)
right.imshow(noise, cmap="gray", aspect="auto")
right.set(title="everybody: a commitment for each account", xticks=[], yticks=[])

# %%
# The number
# ----------
# What the venue owes to those who are above water, and what it shows to hold. That it controls these reserves no proof
# here can say.

print(f"owed {owed / 100:,.2f} USD, shown {reserve / 100:,.2f} USD")
assert owed <= reserve
