"""What dYdX gives a solver and a proof: each notional at one fraction, and how far rounding may be off."""

from __future__ import annotations

import numpy as np

from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.venues.dydx.many import markets_of
from plimsoll.margin.venues.dydx.margin import scaled_imf_ppm
from plimsoll.margin.venues.dydx.parameters import DydxParameters
from plimsoll.margin.venues.dydx.units import ONE_MILLION

_WHY = (
    "initial margin is the notional of each position at one fraction, which the open interest of the market scales and "
    "the account's own size does not; the venue rounds sizes to base quantums and margins up to quote quantums"
)
FORMS = Declared("exact", "linear program", _WHY, "exact", _WHY)


def initial_form(universe: Universe, parameters: DydxParameters) -> Form:
    """`sum |q| * price * multiplier * IMF`, exact but for `rounding`.

    Raises `DocumentError` for a contract whose open interest is not told, and for a market that shares a subaccount
    with no other.
    """
    markets, missing = markets_of(universe, parameters)
    coins = [c.underlying for c in universe.plan.contracts]
    problems = []
    for i, name in enumerate(universe.names):
        if missing[i]:
            got = f"{name!r} ({Reason.MISSING_OPEN_INTEREST.value})"
            problems.append(Problem(f"instruments[{i}]", got, "a contract with open_interest in market.marks"))
        if len(set(coins)) > 1 and parameters.markets[coins[i]].isolated:
            problems.append(Problem(f"instruments[{i}]", repr(name), "an isolated market alone: forms for each"))
    if problems:
        raise DocumentError(problems)
    rates, slack = np.zeros(len(markets)), 0.0
    for i, market in enumerate(markets):
        assert market is not None  # every contract is taken
        imf = scaled_imf_ppm(market.tier, market.open_notional) / ONE_MILLION
        price = float(universe.plan.price[i])
        rates[i] = price * float(universe.plan.multiplier[i]) * imf
        # half a base quantum either way, a quote quantum cut off and one put on
        slack += 0.5 * 10.0**market.atomic_resolution * price * imf + 2.0 / ONE_MILLION
    return Form("exact", _WHY, Worst.size(np.arange(rates.size), rates), rounding=slack)
