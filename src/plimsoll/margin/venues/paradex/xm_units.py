"""Cross margin of one contract of each instrument: plain arrays, no account.

Source: venues-cex section 5.3, own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, is_option
from plimsoll.margin.venues.paradex.parameters import OptionMargins, OptionRates, XmParameters
from plimsoll.margin.venues.paradex.taken import fee_units
from plimsoll.risk import Plan

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """`[N]` margins of one contract bought and sold, initial and maintenance, and the fee of closing it."""

    bought: F64
    sold: F64
    bought_kept: F64
    sold_kept: F64
    fee: F64


def option_margin(
    rates: OptionRates,
    long: bool,
    call: bool,
    strike: float,
    spot: float,
    mark: float,
    cap_of: Literal["strike", "spot"],
) -> float:
    """Margin of one coin of an option, bought or sold, at one set of rates.

    >>> old = OptionRates(premium=1.0, long_itm=0.2, short_itm=0.15, short_otm=0.1, short_put_cap=0.5)
    >>> option_margin(old, False, True, 106.0, 100.0, 12.0, "strike")
    10.0
    >>> option_margin(old, True, True, 80.0, 100.0, 30.0, "strike")
    20.0
    """
    if long:
        return min(rates.premium * mark, rates.long_itm * spot)
    out = max(0.0, strike - spot if call else spot - strike)
    margin = max(rates.short_itm * spot - out, rates.short_otm * spot)
    return margin if call else min(margin, rates.short_put_cap * (strike if cap_of == "strike" else spot))


def bends(rates: OptionRates, call: bool, strike: float, cap_of: Literal["strike", "spot"]) -> list[float]:
    """Prices of the underlying at which the margin of a sold option bends: at its strike and where one term takes over.

    >>> old = OptionRates(premium=0.5, long_itm=0.1, short_itm=0.075, short_otm=0.05, short_put_cap=0.5)
    >>> [round(x, 6) for x in bends(old, False, 97.5, "strike")]
    [97.5, 100.0, 650.0, 975.0]
    """
    side = 1.0 if call else -1.0
    found = [strike, strike / (1.0 + side * (rates.short_itm - rates.short_otm))]
    if not call and cap_of == "strike":
        cap = rates.short_put_cap * strike
        found += [cap / rate for rate in (rates.short_itm, rates.short_otm) if rate > 0.0]
    return found


def rates_of(p: XmParameters, contract: Contract) -> tuple[str, OptionMargins] | None:
    """Parameter path and rates of an option, `None` where the pack has none."""
    name = contract.underlying
    if contract.kind == "perpetual_option" and name in p.perpetual_options:
        return f"perpetual_options.{name}", p.perpetual_options[name]
    return (f"options.{name}", p.options[name]) if name in p.options else None


def units_of(p: XmParameters, plan: Plan, marks: F64, retail: bool) -> Units:
    """The margins of every contract of a plan; `marks[N]` of one coin of each option."""
    bought, sold, bought_kept, sold_kept = (np.zeros(len(plan)) for _ in range(4))
    for i, contract in enumerate(plan.contracts):
        m, spot = float(plan.multiplier[i]), float(plan.spot[i])
        if is_option(contract):
            found = rates_of(p, contract)
            if found is None:
                continue
            terms = contract.call, contract.strike, spot, float(marks[i]), p.short_put_cap_of
            bought[i], sold[i] = (m * option_margin(found[1].initial, long, *terms) for long in (True, False))
            bought_kept[i], sold_kept[i] = (
                m * option_margin(found[1].maintenance, long, *terms) for long in (True, False)
            )
        elif contract.underlying in p.perpetuals:
            rates = p.perpetuals[contract.underlying]
            bought[i] = sold[i] = m * float(plan.price[i]) * rates.initial_rate
            bought_kept[i] = sold_kept[i] = bought[i] * rates.maintenance_factor
    return Units(bought, sold, bought_kept, sold_kept, fee_units(p.fees, plan, marks, retail))
