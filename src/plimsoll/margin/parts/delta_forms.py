"""The delta charge as rows for a solver or a proof."""

from __future__ import annotations

import numpy as np

from plimsoll.margin.forms.expression import F64, Worst


def delta_rows(items: list[int], delta: F64, spot: float, net: float, hedged: float) -> Worst:
    """The uncapped delta charge of one underlying: the larger of both ways to call one side the net one."""
    up, down = net * spot * np.abs(delta), -(net - hedged) * spot * np.abs(delta)
    rising = delta > 0
    long = np.stack([np.where(rising, up, down), np.where(rising, down, up)])
    return Worst.parts(items, long, long[::-1])
