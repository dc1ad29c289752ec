"""The default waterfall: layers that pay in order, auto-deleveraging, the size of a fund, capital adequacy.

Whole units and lots throughout: nothing is lost or made by rounding.
"""

from plimsoll.liquidation.waterfall.adequacy import Adequacy, BalanceSheet, Holdings, Obligation, adequacy
from plimsoll.liquidation.waterfall.adl import deleveraged
from plimsoll.liquidation.waterfall.documents import LAYERS, RANKINGS, Holding, Member, VenueState
from plimsoll.liquidation.waterfall.run import Closed, Outcome, Payment, waterfall
from plimsoll.liquidation.waterfall.shares import divided
from plimsoll.liquidation.waterfall.sizing import Cover, cover, fund_cover, losses_beyond

__all__ = [
    "LAYERS",
    "RANKINGS",
    "Adequacy",
    "BalanceSheet",
    "Closed",
    "Cover",
    "Holding",
    "Holdings",
    "Member",
    "Obligation",
    "Outcome",
    "Payment",
    "VenueState",
    "adequacy",
    "cover",
    "deleveraged",
    "divided",
    "fund_cover",
    "losses_beyond",
    "waterfall",
]
