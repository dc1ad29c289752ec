"""How much of the equity is needed: initial margin over equity, of everybody together and of each account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.live.monitors.block import Block, number

QUANTILES = {"median": 0.5, "p90": 0.9, "p99": 0.99, "largest": 1.0}


@dataclass(frozen=True)
class Utilisation:
    """Sums in USD over the accounts that the rules margin.

    `total` is initial margin over equity of all together; `quantiles` are of the accounts that need margin, an account
    with margin and no equity counting as infinite (`None` in a document). `over` accounts need more than they have.
    `free` is what could be taken out of the accounts: equity above initial margin, where there is any. `worst` names
    the accounts with the highest, highest first.
    """

    accounts: int
    refused: int
    initial: float
    maintenance: float
    equity: float
    total: float | None
    free: float
    missing: float
    over: int
    quantiles: dict[str, float | None]
    worst: dict[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dict(vars(self))


def utilisation(block: Block, worst: int) -> Utilisation:
    """The utilisation of a block; `worst` accounts are named."""
    counted = ~np.isnan(block.equity)
    initial, maintenance, equity = (x[counted] for x in (block.initial, block.maintenance, block.equity))
    names = np.flatnonzero(counted)
    needs = initial > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        used = np.where(equity > 0.0, initial / equity, np.inf)[needs]
    names = names[needs]
    order = np.lexsort((names, -used))[:worst]
    total = float(equity.sum())
    sizes = np.sort(used)
    return Utilisation(
        accounts=int(counted.sum()),
        refused=int((~counted).sum()),
        initial=float(initial.sum()),
        maintenance=float(maintenance.sum()),
        equity=total,
        total=float(initial.sum()) / total if total > 0.0 else None,
        free=float(np.maximum(equity - initial, 0.0).sum()),
        missing=float(np.maximum(initial - equity, 0.0).sum()),
        over=int((equity < initial).sum()),
        # the account at that rank: an account without equity has no number to interpolate with
        quantiles={
            name: number(sizes[max(0, int(np.ceil(q * sizes.size)) - 1)]) if sizes.size else None
            for name, q in QUANTILES.items()
        },
        worst={block.names[int(names[k])]: number(used[k]) for k in order.tolist()},
    )
