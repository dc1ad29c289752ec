"""The numbers of Derive's liquidation auction."""

from __future__ import annotations

from plimsoll.documents import Fraction, NonNegative, Part, Positive


class AuctionTerms(Part):
    """Percentages as fractions, phases in seconds.

    `start_pct` falls to `fast_cutoff_pct` over the fast phase and to zero over the slow one. `buffer_pct` is the part
    of the requirement kept on top of maintenance, `fee_rate` the fee at the start, `whole_below` the value below
    which (strictly) an account may be taken whole, zero for never.
    """

    start_pct: Fraction
    fast_cutoff_pct: Fraction
    fast_seconds: Positive
    slow_seconds: Positive
    insolvent_seconds: Positive
    fee_rate: Fraction
    buffer_pct: NonNegative
    whole_below: NonNegative = 0.0
