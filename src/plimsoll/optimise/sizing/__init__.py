"""How large a book may be: Kelly's sizes within margin and calls, the buffer a book needs, remedies, the cost of
margin."""

from plimsoll.optimise.sizing.bets import bets_of, with_means
from plimsoll.optimise.sizing.buffer import Found, largest_multiple, least_close, least_collateral, least_cut
from plimsoll.optimise.sizing.called import call_price, call_probability, largest_size
from plimsoll.optimise.sizing.chance import Course, Watch
from plimsoll.optimise.sizing.funding_terms import FundingTerms
from plimsoll.optimise.sizing.growth import Bets, Grown, grow
from plimsoll.optimise.sizing.kelly_sizes import KellyTerms, Sizes, kelly
from plimsoll.optimise.sizing.limits import Leverage, Limit, MarginLimit, grow_within, tangent
from plimsoll.optimise.sizing.mva import Mva, Quoted, life_of, margin_cost, still
from plimsoll.optimise.sizing.remedy import Remedies, Remedy, RemedyTerms
from plimsoll.optimise.sizing.remedy_search import remedies
from plimsoll.optimise.sizing.response import Response, changing, respond
from plimsoll.optimise.sizing.shrinkage import Means, estimated
from plimsoll.optimise.sizing.trading import Trader, deposited, outside_loss

__all__ = [
    "Bets",
    "Course",
    "Found",
    "FundingTerms",
    "Grown",
    "KellyTerms",
    "Leverage",
    "Limit",
    "MarginLimit",
    "Means",
    "Mva",
    "Quoted",
    "Remedies",
    "Remedy",
    "RemedyTerms",
    "Response",
    "Sizes",
    "Trader",
    "Watch",
    "bets_of",
    "call_price",
    "call_probability",
    "changing",
    "deposited",
    "estimated",
    "grow",
    "grow_within",
    "kelly",
    "largest_multiple",
    "largest_size",
    "least_close",
    "least_collateral",
    "least_cut",
    "life_of",
    "margin_cost",
    "outside_loss",
    "remedies",
    "respond",
    "still",
    "tangent",
    "with_means",
]
