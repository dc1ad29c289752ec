"""`derive-liquidation-vectors/1`: auctions of portfolios under the first portfolio manager, step by step."""

from __future__ import annotations

from typing import Any

from plimsoll.conformance.derive_documents import CASH, Doc
from plimsoll.conformance.outcome import Tolerance
from plimsoll.conformance.pmrm1_vectors import account_of, market_of, rules_of
from plimsoll.margin.venues.derive.auction import Auction, buffer_margin, standing, start_for
from plimsoll.margin.venues.derive.pmrm1 import Pmrm1

EXACT = Tolerance(absolute=1e-10)
"""For the main line, where the venue asserts 1e-12 in fixed point: doubles hold less once thousands cancel."""

LOOSE = Tolerance(relative=1e-3)
"""For the cases of the venue's branch, whose tests assert no more than this."""

TERMS = {
    "start_pct": "starting_mtm_pct",
    "fast_cutoff_pct": "fast_cutoff_pct",
    "fast_seconds": "fast_length_s",
    "slow_seconds": "slow_length_s",
    "insolvent_seconds": "insolvent_length_s",
    "fee_rate": "liquidator_fee_rate",
    "buffer_pct": "buffer_margin_pct",
}
"""Our names of the auction's terms and those of the schema."""


def evaluate(inputs: Doc, params: Doc, scenarios: list[Doc], auction_params: Doc) -> dict[str, Any]:
    """The fee at the start and every number of every step, from inputs, parameters and scenario table alone."""
    terms = {name: auction_params[field] for name, field in TERMS.items()}
    model = Pmrm1(rules_of(params, scenarios, auction=terms))
    first = inputs["portfolio_at_start"]
    auction = start_for(model, account_of(first), market_of(first), time=inputs.get("start_time", 0))
    fee, steps = auction.fee, []
    for step in inputs["steps"]:
        auction, found = _step(model, auction, step)
        steps.append(found)
    return {"fee_at_start": fee, "steps": steps}


def _step(model: Pmrm1, auction: Auction, step: Doc) -> tuple[Auction, Doc]:
    """One bid at the step's own portfolio and prices; what is left is valued anew."""
    account, market = account_of(step["portfolio_before"]), market_of(step["portfolio_before"])
    # a third of the first account out of what is left of it may come out a hair above one
    time, requested = step["time"], min(step["requested_fraction_of_current"], 1.0)
    now = standing(model, account, market, auction.scenario)
    if auction.solvent and now.mtm <= 0.0:
        auction = auction.turn_insolvent(time)
    bid, following = auction.bid(now, time, requested)
    after = standing(model, auction.remaining(account, CASH, bid), market, auction.scenario)
    assert model.parameters.auction is not None
    return following, {
        "pre_mtm": now.mtm,
        "pre_mm": now.mm,
        "pre_buffer_margin": buffer_margin(model.parameters.auction, now),
        "pre_f_max": auction.largest_fraction(now, time),
        "bid_price": bid.price,
        "fraction_of_current_taken": bid.fraction,
        "insurance_payout": -bid.payout,
        "post_mtm": after.mtm,
        "post_mm": after.mm,
        "post_buffer_margin": buffer_margin(model.parameters.auction, after),
    }
