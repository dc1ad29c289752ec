"""What a cascade did, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.laboratory.policy import Asked
from plimsoll.laboratory.state import State
from plimsoll.laboratory.world import World

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

AMOUNTS = ("fund", "capital", "bad_debt", "deleveraged", "adl", "socialised", "fund_paid", "short", "makers")
COUNTS = ("under", "closed", "rounds")


@dataclass(eq=False)
class CascadeRun:
    """What happened, step by step; row 0 is before. USD unless said otherwise.

    `outside`, `price`, `mark` `[T + 1, U]`; `forced[T + 1, U, 2]` USD sold and bought by forced orders; `posted[T + 1,
    U]` the part of their depth that makers post. `[T + 1]` each: `fund` and `capital` of the venue; `bad_debt`, in all
    up to then; in the step, `deleveraged` notional, `adl` and `socialised` what winners paid, `fund_paid` what the fund
    paid and `short` what it was asked for and did not have; `makers` what makers have gained so far on what they took.
    Numbers: `under` accounts below their line after the step, `closed` orders that were sent, `rounds`.

    `times_closed[A]` of each account. `before` and `state` are who had and has what. `unsettled` counts steps whose
    rounds ended at their bound. `conserved`: money and lots were the same, to the unit, whenever that was looked at.
    `last` is the margin that was asked in the last step.
    """

    world: World
    before: State
    state: State
    outside: F64
    price: F64
    mark: F64
    forced: F64
    posted: F64
    fund: F64
    capital: F64
    bad_debt: F64
    deleveraged: F64
    adl: F64
    socialised: F64
    fund_paid: F64
    short: F64
    makers: F64
    under: I64
    closed: I64
    rounds: I64
    times_closed: I64
    unsettled: int = 0
    conserved: bool = True
    last: Asked | None = None

    @classmethod
    def blank(cls, world: World, state: State, before: State) -> CascadeRun:
        """Before anything has happened."""
        rows, many = world.path.steps + 1, len(world.underlyings)
        amounts: dict[str, Any] = {name: np.zeros(rows) for name in AMOUNTS}
        counts: dict[str, Any] = {name: np.zeros(rows, dtype=np.int64) for name in COUNTS}
        return cls(
            world=world,
            before=before,
            state=state,
            outside=world.outside,
            price=np.zeros((rows, many)),
            mark=np.zeros((rows, many)),
            forced=np.zeros((rows, many, 2)),
            posted=np.ones((rows, many)),
            times_closed=np.zeros(world.fleet.accounts, dtype=np.int64),
            **amounts,
            **counts,
        )

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Names of the columns of prices."""
        return self.world.underlyings

    @property
    def emptied(self) -> bool:
        """Whether the insurance fund was asked for more than it had at some time."""
        return bool(self.short.any())

    @property
    def forced_volume(self) -> float:
        """USD that forced orders sold and bought in all."""
        return float(self.forced.sum())
