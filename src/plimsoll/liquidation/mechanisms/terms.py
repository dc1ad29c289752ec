"""What closing out takes where no venue's rule says it: delays, depth, spreads, and the house's own assumptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Document, Fraction, NonNegative, Positive, fault, refuse
from plimsoll.margin.addons.liquidity import Liquidity

Share = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1)]


class CloseTerms(Document):
    """How orders meet the market, and the house's numbers for what venues do not publish.

    ```
    latency        seconds from the detection of a pool below its line to its first order
    stress         part of the posted depth that is not there when it is needed
    refill         seconds in which half of the depth that was taken comes back
    impact         Y of the square-root law beyond the book; `markets` are its volumes and volatilities
    spread         part of the price beside the mark of a future without a book, or beyond the end of a book
    option_spread  part of an option's value at which it is closed beside the mark
    fee            part of the notional of an ordinary trade on the book, to the venue
    lots           in how many lots a position is cut where no lot size is given
    part           part of a position that is sent in a round where no rule says how much
    round          seconds from one round to the next where no rule says
    rounds         most rounds of one liquidation
    target         equity over maintenance at which a liquidation of the house ends
    backstop       part of maintenance below which a vault takes a pool over
    bonus          part of the value that is taken, paid to whoever takes it over
    close_factor   part of a position or loan that may be taken at once; the whole below a health of `whole_below`
    slices         so many parts of an order over `horizon` seconds, `kappa` its urgency in 1/second
    gas            USD that an action costs a keeper or bidder
    capital        their rate a year on the value that they carry for `carry` seconds
    profit         the least part of the value that must be left to them
    ```

    Beyond the end of a book whose underlying is in `markets` the square-root law takes the place of the spread.
    """

    SCHEMA: ClassVar[str] = "plimsoll.close-terms"

    latency: NonNegative = 1.0
    stress: Fraction = 0.5
    refill: Positive = 10.0
    impact: NonNegative = 1.0
    markets: dict[Asset, Liquidity] = {}
    spread: NonNegative = 0.0005
    option_spread: Fraction = 0.02
    fee: Fraction = 0.0005
    lots: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] = 1_000
    part: Share = 0.2
    round: Positive = 1.0
    rounds: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 500
    target: Annotated[float, Field(strict=True, allow_inf_nan=False, ge=1, le=10)] = 1.0
    backstop: Fraction = 2.0 / 3.0
    bonus: Fraction = 0.05
    close_factor: Share = 0.5
    whole_below: Fraction = 0.95
    slices: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 20
    horizon: Positive = 60.0
    kappa: NonNegative = 0.02
    gas: NonNegative = 1.0
    capital: NonNegative = 0.1
    carry: NonNegative = 3_600.0
    profit: Fraction = 0.001

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.horizon < self.slices * 1e-6:
            raise fault("horizon", self.horizon, f"seconds enough for {self.slices} slices")
        return self


@dataclass(frozen=True)
class PricePath:
    """What prices are multiplied by, seconds after the detection: linear between `times`, constant beyond.

    `moves` are parts (-0.02: two per cent below the detection price); `betas` by underlying, one where it is missing,
    raise the multiplier to that power. Deterministic: a random path is drawn by the caller, with its own seed.

    >>> PricePath((0.0, 10.0), (0.0, -0.02)).multiplier(5.0)
    0.99
    """

    times: tuple[float, ...] = (0.0,)
    moves: tuple[float, ...] = (0.0,)
    betas: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        times, moves = np.array(self.times, dtype=np.float64), np.array(self.moves, dtype=np.float64)
        if times.size == 0 or times.size != moves.size:
            raise refuse("path", f"{times.size} times and {moves.size} moves", "as many of both, at least one")
        if not (np.isfinite(times).all() and times[0] >= 0.0 and (np.diff(times) > 0.0).all()):
            raise refuse("path.times", list(self.times), "seconds from zero up, increasing")
        if not (np.isfinite(moves).all() and (moves > -1.0).all()):
            raise refuse("path.moves", list(self.moves), "parts above -1")

    def multiplier(self, seconds: float, underlying: str = "") -> float:
        """What the prices of an underlying are multiplied by."""
        move = 1.0 + float(np.interp(seconds, self.times, self.moves))
        beta = dict(self.betas).get(underlying, 1.0)
        return move if beta == 1.0 else float(move**beta)

    @property
    def flat(self) -> bool:
        """Whether nothing moves."""
        return not any(self.moves)
