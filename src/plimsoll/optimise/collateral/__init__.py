"""Collateral where it keeps every account's margin for the least cost: haircuts, tiers, loans, transfers, swaps."""

from plimsoll.optimise.collateral.answer import AccountChange, Balance, CollateralAnswer, Worth
from plimsoll.optimise.collateral.arrival import UntilArrival, cheapest_until_arrival
from plimsoll.optimise.collateral.capital_rules import AccountRules, CapitalRules
from plimsoll.optimise.collateral.curve import Curve, measure_curve
from plimsoll.optimise.collateral.moves import Move, Order
from plimsoll.optimise.collateral.posted import Posted, post
from plimsoll.optimise.collateral.solve import cheapest
from plimsoll.optimise.collateral.terms import (
    AccountTerms,
    AssetTerms,
    CollateralTerms,
    Loan,
    Swap,
    Wallet,
    assumed_terms,
)
from plimsoll.optimise.collateral.treasury import Route, Treasury, make_treasury

__all__ = [
    "AccountChange",
    "AccountRules",
    "AccountTerms",
    "AssetTerms",
    "Balance",
    "CapitalRules",
    "CollateralAnswer",
    "CollateralTerms",
    "Curve",
    "Loan",
    "Move",
    "Order",
    "Posted",
    "Route",
    "Swap",
    "Treasury",
    "UntilArrival",
    "Wallet",
    "Worth",
    "assumed_terms",
    "cheapest",
    "cheapest_until_arrival",
    "make_treasury",
    "measure_curve",
    "post",
]
