"""The probability that an account is liquidated: first passage of equity against maintenance margin along paths."""

from plimsoll.liquidation.passage.closed import bridge, first_passage
from plimsoll.liquidation.passage.estimate import Estimate, effective_size
from plimsoll.liquidation.passage.living import Lives, lives
from plimsoll.liquidation.passage.run import ANY, Difference, Passage, compare, passage

__all__ = [
    "ANY",
    "Difference",
    "Estimate",
    "Lives",
    "Passage",
    "bridge",
    "compare",
    "effective_size",
    "first_passage",
    "lives",
    "passage",
]
