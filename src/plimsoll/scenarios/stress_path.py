"""What happens to a market from outside, step by step: the input of a cascade, whatever scenario it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StressPath:
    """The world without the venue's own forced orders, at `T + 1` instants `step_seconds` apart; row 0 is before.

    ```
    price  [T + 1, U]  multiples of the first price of each underlying, above zero
    vol    [T + 1, U]  multiples of its implied volatilities, above zero
    depth  [T + 1, U]  part of the calm depth that is posted, from zero up, before makers withdraw by themselves
    lag    [T + 1]     steps by which the venue's marks are late
    gas    [T + 1]     multiples of the calm price of gas, above zero
    peg    [T + 1, C]  USD for one unit of each collateral currency of `currencies`, from zero up
    ```

    Raises `DocumentError` for another shape or a number outside these ranges.
    """

    name: str
    step_seconds: float
    underlyings: tuple[str, ...]
    price: F64
    vol: F64
    depth: F64
    lag: I64
    gas: F64
    currencies: tuple[str, ...]
    peg: F64

    def __post_init__(self) -> None:
        if not (np.isfinite(self.step_seconds) and self.step_seconds > 0.0):
            raise refuse("step_seconds", self.step_seconds, "seconds above zero")
        if not self.underlyings or len(set(self.underlyings)) != len(self.underlyings):
            raise refuse("underlyings", list(self.underlyings), "at least one, each once")
        rows = self.price.shape[0] if self.price.ndim else 0
        if rows < 2:
            raise refuse("price", f"shape {self.price.shape}", "two instants or more")
        wide, pegs = (rows, len(self.underlyings)), (rows, len(self.currencies))
        for field, shape, least, open_ in (
            ("price", wide, 0.0, True),
            ("vol", wide, 0.0, True),
            ("depth", wide, 0.0, False),
            ("lag", (rows,), 0.0, False),
            ("gas", (rows,), 0.0, True),
            ("peg", pegs, 0.0, False),
        ):
            found = getattr(self, field)
            if found.shape != shape:
                raise refuse(field, f"shape {found.shape}", f"shape {shape}")
            if not np.isfinite(found).all() or (found < least).any() or (open_ and (found <= least).any()):
                raise refuse(
                    field, "a number outside the range", "finite, above zero" if open_ else "finite, from zero"
                )
        if (self.price[0] != 1.0).any():
            raise refuse("price[0]", self.price[0].tolist(), "ones: multiples of the first price")

    @property
    def steps(self) -> int:
        """T, how many steps follow the first instant."""
        return int(self.price.shape[0]) - 1
