"""
What a smile is worth
=====================

An SVI slice gives each strike its own volatility. This page prices a month of BTC puts twice, with the smile
and with the one volatility that the smile has at the money, and shows what the difference is worth to a
seller of downside protection.
"""

# %%
# The slice
# ---------
# Five numbers describe the total variance of one expiry; ``svi_vol`` turns them into a volatility per
# strike. The forward and the time are those at which the slice was fitted.

import matplotlib.pyplot as plt
import numpy as np

from plimsoll.pricing import price, svi_vol

forward = 90_000.0
years = 30 / 365
strikes = np.linspace(60_000.0, 130_000.0, 141)
slice_ = {"a": 0.008, "b": 0.045, "rho": -0.35, "m": 0.01, "sigma": 0.12}
vols = svi_vol(strikes, **slice_, forward=forward, tau=years)
at_the_money = float(svi_vol(forward, **slice_, forward=forward, tau=years))

# %%
# Two prices for every put
# ------------------------
# Black-76 on the forward, in US dollars for one coin. With the smile a put far below the forward costs more.

smiled = price(forward, strikes, years, vols, False)
flat = price(forward, strikes, years, at_the_money, False)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(strikes / 1_000, 100 * vols)
left.axhline(100 * at_the_money, linestyle="--", linewidth=1, color="grey")
left.set(xlabel="strike, thousand USD", ylabel="implied volatility, %", title="The slice")
right.plot(strikes / 1_000, smiled - flat)
right.axhline(0.0, linewidth=1, color="grey")
right.axvline(forward / 1_000, linestyle="--", linewidth=1, color="grey")
right.set(xlabel="strike, thousand USD", ylabel="USD per coin", title="Put with the smile, less without it")

# %%
# The number
# ----------
# Who sells the 75,000 put at the volatility of the money gives this share of its worth away.

seller = int(np.argmin(np.abs(strikes - 75_000.0)))
loss = 1 - flat[seller] / smiled[seller]
print(f"smile {smiled[seller]:.0f} USD, flat {flat[seller]:.0f} USD, given away {loss:.0%}")
