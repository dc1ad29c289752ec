"""The cheapest rate schedule of a venue: an exact program over history, learnt walk-forward, and how it did."""

from plimsoll.optimise.rate_rules.comparing import Method, RateStudy, compare, scale_to
from plimsoll.optimise.rate_rules.least import Cheapest, budget_of, cheapest
from plimsoll.optimise.rate_rules.walking import Learnt, StateRule, hindsight, learn, publish_wanted, walk

__all__ = [
    "Cheapest",
    "Learnt",
    "Method",
    "RateStudy",
    "StateRule",
    "budget_of",
    "cheapest",
    "compare",
    "hindsight",
    "learn",
    "publish_wanted",
    "scale_to",
    "walk",
]
