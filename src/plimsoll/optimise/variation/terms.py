"""How long collateral takes from one venue to another, as a document."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from plimsoll.documents import Document, Name, Part, Positive, refuse

Hour = Annotated[float, Field(ge=0.0, le=24.0, allow_inf_nan=False)]
Weekday = Annotated[int, Field(ge=1, le=7)]
Evidence = Annotated[str, Field(pattern="^(measured|assumed)$")]

DAY = 24.0


class Route(Part):
    """One way into a venue: `hours` from when it is sent until it counts as collateral there.

    Left out, `venue` or `asset` is any. It is sent only between `opens` and `closes` (hours of the day, UTC) on
    `weekdays` (1 is Monday); what is asked for outside of them waits until it opens.
    """

    venue: Name | None = None
    asset: Name | None = None
    hours: Positive
    opens: Hour = 0.0
    closes: Hour = DAY
    weekdays: tuple[Weekday, ...] = (1, 2, 3, 4, 5, 6, 7)

    @model_validator(mode="after")
    def _opens(self) -> Self:
        if not self.opens < self.closes:
            raise ValueError("opens: before it closes, on the same day")
        if not self.weekdays:
            raise ValueError("weekdays: one day at least")
        return self

    def wait(self, time: datetime) -> float:
        """Hours from `time` (UTC) until it is open."""
        midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
        for k in range(8):
            day = midnight + timedelta(days=k)
            if day.isoweekday() not in self.weekdays:
                continue
            if time < day + timedelta(hours=self.closes):
                return max(0.0, (day + timedelta(hours=self.opens) - time) / timedelta(hours=1))
        raise AssertionError("a week has every weekday")


class TransferTerms(Document):
    """Transfer times: `hours` where no route says otherwise, and `routes` by venue, by asset or by both.

    `asset` is what is sent. The most particular route holds: venue and asset, then venue, then asset; of equal ones
    the slowest. `date` is the day from which they hold, `source` where they stand. The defaults are assumed: a stable
    coin, confirmations and a compliance check of a desk that is awake.
    """

    SCHEMA: ClassVar[str] = "plimsoll.transfer-terms"

    date: date
    asset: Name = "USDC"
    hours: Positive = 4.0
    routes: tuple[Route, ...] = ()
    source: str = ""
    evidence: Evidence = "assumed"

    def hours_to(self, venue: str, time: datetime, asset: str | None = None) -> float:
        """Hours from `time` until a transfer that is asked for then counts at `venue`.

        Raises `DocumentError` where the terms hold from a later day only.
        """
        if time.date() < self.date:
            raise refuse(
                "transfer_terms.date", self.date.isoformat(), f"a day up to that of the market, {time:%Y-%m-%d}"
            )
        sent = asset or self.asset
        fitting = [r for r in self.routes if r.venue in (None, venue) and r.asset in (None, sent)]
        if not fitting:
            return self.hours

        def particular(route: Route) -> tuple[bool, bool]:
            return route.venue is not None, route.asset is not None

        best = max(particular(r) for r in fitting)
        return max(r.wait(time) + r.hours for r in fitting if particular(r) == best)


def same_time(hours: float) -> TransferTerms:
    """Terms by which every transfer takes `hours`, whenever."""
    if not 0.0 < hours < float("inf"):
        raise refuse("transfer.hours", hours, "hours above zero")
    return TransferTerms(date=date.min, hours=hours)
