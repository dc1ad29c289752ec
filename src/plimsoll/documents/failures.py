"""The closed list of reasons for which a part of a result can be missing or conservative."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from plimsoll.documents.base import Part


class Reason(StrEnum):
    """Why a position, an expiry or an account could not be treated in the ordinary way."""

    UNKNOWN_INSTRUMENT = "unknown_instrument"
    MISSING_INDEX = "missing_index"
    MISSING_FORWARD = "missing_forward"
    MISSING_VOL = "missing_vol"
    MISSING_MARK = "missing_mark"
    MISSING_PRICE = "missing_price"
    MISSING_OPEN_INTEREST = "missing_open_interest"
    MISSING_FIXING = "missing_fixing"
    EXPIRED_UNSETTLED = "expired_unsettled"
    UNKNOWN_CURRENCY = "unknown_currency"
    UNKNOWN_UNDERLYING = "unknown_underlying"
    SEVERAL_UNDERLYINGS = "several_underlyings"
    SEVERAL_CURRENCIES = "several_currencies"
    UNSUPPORTED_CONTRACT = "unsupported_contract"
    UNSUPPORTED_MODE = "unsupported_mode"
    TOO_MANY_POSITIONS = "too_many_positions"
    TOO_MANY_EXPIRIES = "too_many_expiries"
    CROSSED_DATES = "crossed_dates"
    ORDERS_NOT_CHARGED = "orders_not_charged"
    INVALID_VOL_SLICE = "invalid_vol_slice"
    TOO_FEW_STRIKES = "too_few_strikes"
    TOO_FEW_RETURNS = "too_few_returns"
    NO_CONVERGENCE = "no_convergence"
    BUTTERFLY_VIOLATED = "butterfly_violated"
    CALENDAR_VIOLATED = "calendar_violated"


class Failure(Part):
    """One named failure.

    `effect` says what was done about it: `refused` (no number was produced), `conservative` (the position is
    carried at the no-arbitrage bound that is worse for the account), `notice` (the number stands, the reader
    should know).
    """

    reason: Reason
    subject: str
    message: str
    effect: Literal["refused", "conservative", "notice"]
