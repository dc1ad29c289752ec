"""The margin period of risk: how long a position can go on losing money after its owner has stopped paying.

One function for everything that needs the time: what the scan is stretched by, how far collateral can fall while it is
sold, and the deadline of a call. Venue packs that state a period of their own keep it.
"""

from __future__ import annotations

from typing import Self, overload

import numpy as np
import numpy.typing as npt
from pydantic import model_validator

from plimsoll.documents import NonNegative, Part, fault, refuse

F64 = npt.NDArray[np.float64]
HOURS = 24.0
"""Hours of a day: crypto markets have no nights and no weekends."""


class MarginPeriod(Part):
    """The stretches of a margin period in hours, one after the other.

    `detection` until an account is seen below its line, `call` until a call has to be met, `close_out` the least time
    to close a position of any size, `settlement` until what was closed and paid is final. One of them at least is
    above zero. Settlement at once (T+0) is `settlement` zero: the other three remain.
    """

    detection: NonNegative = 0.0
    call: NonNegative = 0.0
    close_out: NonNegative = 0.0
    settlement: NonNegative = 0.0

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.hours > 0.0:
            raise fault("close_out", self.close_out, "hours above zero where detection, call and settlement are zero")
        return self

    @property
    def hours(self) -> float:
        """The whole period of a position that is small against its market."""
        return margin_period(self)


@overload
def margin_period(period: MarginPeriod, closing: float = 0.0) -> float: ...
@overload
def margin_period(period: MarginPeriod, closing: F64) -> F64: ...
def margin_period(period: MarginPeriod, closing: float | F64 = 0.0) -> float | F64:
    """Hours from the moment at which an account stops paying until nothing of its position is left.

    ```
    T = detection + call + max(close_out, closing) + settlement
    ```

    `closing`, a number or `[K]`, are the hours that the size takes (`closing_hours`), zero for a small position. Never
    falls in the size, never rises in depth or volume. Source: capabilities K8, and 4.2 ("detection + call + close-out,
    scaled by K8"); settlement by the reading of contradiction 18: T+0 takes away nothing but its own part.

    >>> period = MarginPeriod(detection=1.0, call=4.0, close_out=18.0, settlement=1.0)
    >>> margin_period(period), margin_period(period, closing_hours(6e9, 1e10, 0.1))
    (24.0, 150.0)
    >>> margin_period(period.model_copy(update={"settlement": 0.0}))
    23.0
    """
    before, after = period.detection + period.call, period.settlement
    if isinstance(closing, np.ndarray):
        return np.asarray(before + np.maximum(period.close_out, closing) + after)
    return float(before + max(period.close_out, closing) + after)


@overload
def closing_hours(size: float, volume: float, participation: float) -> float: ...
@overload
def closing_hours(size: F64, volume: float | F64, participation: float) -> F64: ...
def closing_hours(size: float | F64, volume: float | F64, participation: float) -> float | F64:
    """Hours to close `size` at a part of what trades: `24 size / (participation * volume)`.

    `size` and `volume`, that of a day, in the same unit (coins or USD), the size at least zero; where a book's depth
    is known to come back, `volume` may be the depth times how often it does so in a day. Source: K8, "liquidation
    days". Raises `DocumentError` for a volume or a participation that is not above zero.

    >>> closing_hours(500.0, 10_000.0, 0.05)
    24.0
    """
    if not (np.all(np.asarray(volume) > 0.0) and participation > 0.0):
        raise refuse("volume", f"{volume} at a participation of {participation}", "both above zero")
    return HOURS * (size / (participation * volume))


@overload
def stretch(period: MarginPeriod, closing: float) -> float: ...
@overload
def stretch(period: MarginPeriod, closing: F64) -> F64: ...
def stretch(period: MarginPeriod, closing: float | F64) -> float | F64:
    """What a loss over the least period is multiplied by where closing takes longer: `sqrt(T(closing) / T(0))`.

    At least one. For a period that is all close-out it is `sqrt(max(1, closing / close_out))`.

    >>> stretch(MarginPeriod(close_out=24.0), 12.0), stretch(MarginPeriod(close_out=24.0), 96.0)
    (1.0, 2.0)
    >>> stretch(MarginPeriod(call=4.0, close_out=20.0), 92.0)
    2.0
    """
    ratio = margin_period(period, closing) / period.hours
    return np.asarray(np.sqrt(ratio)) if isinstance(ratio, np.ndarray) else float(np.sqrt(ratio))
