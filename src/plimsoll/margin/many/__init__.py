"""The margin of many accounts at once: sparse positions in one universe of contracts, without a document for each."""

from plimsoll.margin.many.positions import Positions
from plimsoll.margin.many.totals import Totals

__all__ = ["Positions", "Totals"]
