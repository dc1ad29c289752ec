"""The venue's closed formulas for an isolated position: where it is liquidated, and where its margin is gone.

Source: venues-cex section 4.1. They hold where the value of the position is that at its entry price.
"""

from __future__ import annotations

import math

from plimsoll.documents import refuse


def isolated_liquidation_price(
    quantity: float,
    entry: float,
    initial: float,
    maintenance: float,
    *,
    extra: float = 0.0,
    inverse: bool = False,
) -> float | None:
    """Price at which an isolated position is liquidated, `None` where no price does it.

    ```
    linear    long   EP - (IM - MM + extra) / q      short   EP + (IM - MM + extra) / q
    inverse   long   q / (q / EP + IM - MM + extra)  short   q / (q / EP - IM + MM - extra)
    ```

    which for margins that are parts of the value reads `EP (1 - IMR + MMR) - extra / q` and so on. `quantity` is
    signed, in coins of a linear contract and USD of an inverse one; `initial`, `maintenance` (after its deduction) and
    `extra`, the margin that was added, are in the settlement currency, and so is the result's denominator of an inverse
    contract: the venue's page takes the extra margin of one off the price instead, in which units do not agree. The fee
    of closing is in both margins and cancels. Raises `DocumentError` for a quantity of zero or a bad price.

    >>> isolated_liquidation_price(1.0, 20_000.0, 400.0, 100.0)
    19700.0
    >>> round(isolated_liquidation_price(-60_000.0, 50_000.0, 0.12, 0.006, inverse=True), 2)
    55248.62
    """
    if not math.isfinite(quantity) or quantity == 0.0:
        raise refuse("quantity", quantity, "a signed number of coins or USD, not zero")
    if not (math.isfinite(entry) and entry > 0.0):
        raise refuse("entry", entry, "a price above zero")
    room, size = initial - maintenance + extra, abs(quantity)
    side = math.copysign(1.0, quantity)
    if inverse:
        coins = size / entry + side * room
        return size / coins if coins > 0.0 else None
    price = entry - side * room / size
    return price if price > 0.0 else None


def bankruptcy_price(quantity: float, entry: float, rate: float, *, inverse: bool = False) -> float | None:
    """Price at which the initial margin of a position, `rate` of its value, is lost; `None` where no price does it.

    ```
    linear   EP (1 - rate) of a long, EP (1 + rate) of a short     inverse   EP / (1 + rate), EP / (1 - rate)
    ```

    The fee of closing is taken there.

    >>> bankruptcy_price(16.0, 0.5, 0.25), bankruptcy_price(-1.0, 100.0, 1.0, inverse=True)
    (0.375, None)
    """
    return isolated_liquidation_price(
        quantity, entry, abs(quantity) * (rate / entry if inverse else rate * entry), 0.0, inverse=inverse
    )
