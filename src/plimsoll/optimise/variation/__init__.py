"""Capital beside initial margin: what has to lie at each venue until a transfer can reach it."""

from plimsoll.optimise.variation.evaluation import DeskCapital, VenueCapital, evaluate
from plimsoll.optimise.variation.outlook import Outlook
from plimsoll.optimise.variation.quantile import Least, least, tail_mean
from plimsoll.optimise.variation.shortfalls import Running, running
from plimsoll.optimise.variation.terms import Route, TransferTerms, same_time

__all__ = [
    "DeskCapital",
    "Least",
    "Outlook",
    "Route",
    "Running",
    "TransferTerms",
    "VenueCapital",
    "evaluate",
    "least",
    "running",
    "same_time",
    "tail_mean",
]
