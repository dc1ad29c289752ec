"""When an account is warned, called, restricted and closed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Document, NonNegative, Positive, fault
from plimsoll.margin.period import MarginPeriod

Ratio = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=100)]


class CallPolicy(Document):
    """The healths (net equity over maintenance margin) at which something happens, and what a close costs.

    ```
    below warn          warned
    below call          called for the money that brings health to target, to be paid within deadline_hours
    below reduce_only   called, and only orders that reduce are taken
    below 1             the smallest set of closes that brings health to target
    ```

    A call is over when health reaches `target`, not before: near a threshold nothing flutters. A call that is not met
    by its deadline is closed like an account below 1. A call is sent again when its amount has grown by `repeat`, a
    part of what was called before. `lots` is in how many parts each position can be closed, `fee` the part of the
    notional that closing a future or perpetual costs, `option_fee` the part of the underlying's value for an option,
    at most `option_fee_cap` of its price. `spread` and `option_spread` are the parts of the price beside the mark at
    which a future or perpetual without a posted book, and an option, are closed.

    With the hours until an account is seen below a level (`detection_hours`), those in which a small position is closed
    (`close_out_hours`) and those until that is final (`settlement_hours`), the deadline makes up the margin period that
    the margin has to last for: `period`, 24 hours in all unless the policy says otherwise.
    """

    SCHEMA: ClassVar[str] = "plimsoll.call-policy"

    warn: Ratio = 1.5
    call: Ratio = 1.2
    reduce_only: Ratio = 1.1
    target: Ratio = 1.3
    deadline_hours: NonNegative = 4.0
    detection_hours: NonNegative = 0.25
    close_out_hours: NonNegative = 18.75
    settlement_hours: NonNegative = 1.0
    repeat: NonNegative = 0.1
    lots: Annotated[int, Field(strict=True, ge=1, le=10_000)] = 20
    fee: NonNegative = 0.0005
    option_fee: NonNegative = 0.0003
    option_fee_cap: Positive = 0.125
    spread: NonNegative = 0.0005
    option_spread: NonNegative = 0.01

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        for name, low, high, other in (
            ("reduce_only", 1.0, self.call, "call"),
            ("call", self.reduce_only, self.warn, "warn"),
            ("target", self.call, self.warn, "warn"),
        ):
            if not low <= getattr(self, name) <= high:
                raise fault(name, getattr(self, name), f"a health from {low:g} to {other} ({high:g})")
        if not self.deadline_hours + self.detection_hours + self.close_out_hours + self.settlement_hours > 0.0:
            raise fault("close_out_hours", self.close_out_hours, "hours above zero where all the others are zero")
        return self

    @property
    def period(self) -> MarginPeriod:
        """The margin period of this policy; `margin.period.margin_period` gives the hours for a size."""
        return MarginPeriod(
            detection=self.detection_hours,
            call=self.deadline_hours,
            close_out=self.close_out_hours,
            settlement=self.settlement_hours,
        )
