"""Margin of sold options at Binance, and what options are worth."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from plimsoll.documents import Asset, Fraction, Part, fault
from plimsoll.margin.many.positions import F64
from plimsoll.margin.path import States
from plimsoll.risk import Plan, unit_values
from plimsoll.scenarios import Scenarios

Rate = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0, le=1)]


class OptionRates(Part):
    """Rates of one underlying, as parts of its index: at the money and at least, for both margins."""

    option_initial: Rate
    option_initial_floor: Rate
    option_maintenance: Rate
    option_maintenance_floor: Fraction

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for name in ("option_initial", "option_maintenance"):
            rate, floor = getattr(self, name), getattr(self, f"{name}_floor")
            if floor > rate:
                raise fault(f"{name}_floor", floor, f"at most {name} ({rate!r})")
        return self


class OptionsParameters(Part):
    """Rates by underlying."""

    underlyings: dict[Asset, OptionRates]


def short_charge(rate: F64, floor: F64, call: npt.NDArray[Any], strike: F64, index: F64, mark: F64) -> F64:
    """`max(rate S - otm, floor S) + mark` of one coin of sold option, in the settlement currency.

    `otm` is `(K - S)+` of a call and `(S - K)+` of a put. Source: venues-cex section 3.5, unverified there.

    >>> one = np.ones(1)
    >>> short_charge(0.15 * one, 0.1 * one, one, 110.0 * one, 100.0 * one, 2.0 * one).tolist()
    [12.0]
    """
    away = np.maximum(np.where(call, strike - index, index - strike), 0.0)
    charge: F64 = np.maximum(rate * index - away, floor * index) + mark
    return charge


def rates_of(p: OptionsParameters, plan: Plan) -> dict[str, F64]:
    """`[N]` each rate of the underlying of each contract; zero for what the rules do not list."""
    names = tuple(OptionRates.model_fields)
    found = {n: np.zeros(len(plan)) for n in names}
    for i, contract in enumerate(plan.contracts):
        rates = p.underlyings.get(contract.underlying)
        for n in names:
            found[n][i] = 0.0 if rates is None else getattr(rates, n)
    return found


def short_charges(p: OptionsParameters, plan: Plan, index: F64, mark: F64) -> tuple[F64, F64]:
    """`[N, K]` initial and maintenance margin of one contract sold; `index[N, K]`, `mark[N, K]` of one coin."""
    rates = {n: x[:, None] for n, x in rates_of(p, plan).items()}
    call, strike, coins = plan.call[:, None], plan.strike[:, None], plan.multiplier[:, None]

    def charged(name: str) -> F64:
        one = short_charge(rates[name], rates[f"{name}_floor"], call, strike, index, mark)
        charge: F64 = coins * one
        return charge

    return charged("option_initial"), charged("option_maintenance")


def marks_along(plan: Plan, states: States) -> F64:
    """`[N, K]` value of one coin of each option along a path, from its volatility: a mark is of the old price."""
    marks = np.zeros((len(plan), len(states)))
    names = np.array([c.underlying for c in plan.contracts])
    for underlying in sorted(set(names.tolist())):
        mine = np.flatnonzero(names == underlying)
        shocks = Scenarios.build(states.multiplier(underlying), states.vol - 1.0, labels=("",) * len(states))
        marks[mine] = unit_values(plan, shocks, "settlement")[mine] / plan.multiplier[mine, None]
    return marks
