"""What both portfolio managers of Derive give a solver and a proof."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.documents import refuse
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import F64, Expression, Least, Max, Scaled, Sum, Worst
from plimsoll.margin.many.universe import Universe
from plimsoll.margin.venues.derive.columns import scenario_columns
from plimsoll.margin.venues.derive.parameters import Pmrm2Parameters
from plimsoll.margin.venues.derive.pmrm1_parameters import Pmrm1Parameters
from plimsoll.margin.venues.derive.pmrm1_workings import scenario_columns as pmrm1_columns
from plimsoll.margin.venues.derive.pmrm1_workings import static_discount
from plimsoll.margin.venues.derive.span import rate_discount, static_discounts
from plimsoll.margin.venues.derive.span_many import SpanTables
from plimsoll.scenarios import NO_SKEW, years_of

_DISCOUNT = (
    "the static discount of an expiry is the long one on a net value above zero and the short one below: the lesser of "
    "two linear functions while the long factor is not the larger, so its loss is the larger of two rows"
)
_DOUBT = "Where a held perpetual's doubt raises the charge on expiries the form takes it as held, which is a bound"

PMRM1_FORMS = Declared(
    solver="exact",
    route="linear program",
    solver_why=(
        f"{_DISCOUNT}; all else is a maximum of linear functions, expiry by expiry and strike by strike. {_DOUBT}"
    ),
    proof="exact",
    proof_why=f"the same rows: two for each expiry in each scenario, over private numbers above them. {_DOUBT}",
    condition="no perpetual's doubt raises the charge on an expiry",
)
PMRM2_FORMS = Declared(
    solver="exact",
    route="mixed-integer program",
    solver_why=(
        f"{_DISCOUNT}. A skew scenario charges the size of an expiry's move, and its gain, the discounted value above "
        f"the present one, is not convex: one binary choice for each expiry and skew scenario. {_DOUBT}"
    ),
    proof="bound",
    proof_why=(
        "the same rows with the gain of an expiry in a skew scenario taken at the better of its two static discounts: "
        f"never below the rules, equal to them wherever no such gain binds. {_DOUBT}"
    ),
    condition="no perpetual's doubt raises the charge on an expiry",
)


@dataclass(frozen=True)
class Rates:
    """What multiplies the parts of the initial margin: the span, USD of perpetuals and of naked shorts."""

    span: float
    perpetual: float
    naked: float


def pmrm2_pieces(p: Pmrm2Parameters, universe: Universe) -> tuple[Form, Form]:
    """Both forms over the contracts of one underlying."""
    plan, other = universe.plan, p.other
    underlying, stable = _ready(universe, p.cash)
    columns, _ = scenario_columns(p, p.scenario_tables[p.underlyings[underlying].scenarios])
    factors = static_discounts(p.margin, plan.rate, years_of(plan.seconds))
    index = universe.market.indices[underlying]
    tables = SpanTables.of(universe, columns, (p.basis, other), rate_discount(plan), factors, index)
    rates = Rates(
        p.margin.im_factor + other.peg(stable),
        other.mm_perp_pct + other.im_perp_pct,
        other.mm_option_pct + other.im_option_pct,
    )
    return _forms(tables, rates, PMRM2_FORMS)


def pmrm1_pieces(p: Pmrm1Parameters, universe: Universe) -> tuple[Form, Form]:
    """Both forms over the contracts of one underlying."""
    plan, other = universe.plan, p.other
    underlying, stable = _ready(universe, p.cash)
    factors = (static_discount(p.margin, plan.rate, years_of(plan.seconds)), np.ones(len(plan.expiries)))
    index = universe.market.indices[underlying]
    tables = SpanTables.of(universe, pmrm1_columns(p), (p.basis, other), None, factors, index)
    factor = p.margin.im_factor + other.peg(stable)
    return _forms(tables, Rates(factor, other.perp_pct * factor, other.option_pct * factor), PMRM1_FORMS)


def _ready(universe: Universe, cash: str) -> tuple[str, float]:
    stable = universe.market.price_of(cash)
    if stable is None or stable.price <= 0:
        raise refuse(f"market.assets.{cash}", None if stable is None else stable.price, "a price above zero")
    return universe.one([c.underlying for c in universe.plan.contracts], "underlying"), stable.price


def _forms(t: SpanTables, rates: Rates, declared: Declared) -> tuple[Form, Form]:
    if rates.naked < 0.0:
        raise refuse("parameters.other", rates.naked, "charges on naked shorts of at least zero for a form")
    exact, bound = _span(t, convex=False), _span(t, convex=True)
    rest = [*_static(t, rates), _doubt(t)]
    first, second = (Sum((Scaled(rates.span, span), *rest)) for span in (exact, bound))
    sure = _same_doubt(t)
    solver = Form(declared.solver if sure else "bound", declared.solver_why, first)
    concave = bool((t.factors[0] <= t.factors[1]).all())
    proof = Form(declared.proof if sure and concave else "bound", declared.proof_why, second)
    return solver, proof


def _span(t: SpanTables, convex: bool) -> Expression:
    """The loss of the span: the worst scenario or the basis contingency, at least zero."""
    plan, columns = t.plan, t.scenarios
    losses: list[Expression] = [_basis(t)]
    moving = np.flatnonzero(t.linear).tolist()
    for s in range(len(columns)):
        parts: list[Expression] = [Worst.signed(moving, -t.linear[moving] * (columns.spot[s] - 1.0))]
        for e in range(len(plan.expiries)):
            own = np.flatnonzero(plan.group == e).tolist()
            parts.append(_expiry(t, own, e, s, convex))
        losses.append(Scaled(float(columns.weight[s]), Sum(tuple(parts))))
    return Max(tuple(losses))


def _expiry(t: SpanTables, own: list[int], e: int, s: int, convex: bool) -> Expression:
    """What one expiry loses in one scenario; in a tilted one, the size of its move."""
    now, net = t.unit.now[own], t.unit.table[own, s]
    falls = np.stack([now - f[e] * net for f in t.factors])
    concave = bool(t.factors[0][e] <= t.factors[1][e])
    # discounted value: the lesser of two rows if concave, the larger if not
    down: Expression = Worst.signed(own, falls)
    up: Expression = Worst.signed(own, -falls)
    if not convex:
        if concave:
            up = Least(tuple(Worst.signed(own, row) for row in -falls))
        else:
            down = Least(tuple(Worst.signed(own, row) for row in falls))
    tilted = t.scenarios.skew[s] != NO_SKEW
    return Max((down, up)) if tilted else down


def _basis(t: SpanTables) -> Expression:
    factor = t.basis.add_factor + t.basis.mult_factor * years_of(t.plan.seconds)
    terms = []
    for e in range(len(t.plan.expiries)):
        own = np.flatnonzero(t.plan.group == e).tolist()
        rows = np.stack([t.unit.now[own] - t.unit.up[own], t.unit.now[own] - t.unit.down[own]])
        terms.append(Scaled(float(factor[e]), Worst.signed(own, rows).floored()))
    return Sum(tuple(terms))


def _static(t: SpanTables, rates: Rates) -> list[Expression]:
    """Charges on the size of perpetuals and on naked shorts, strike by strike."""
    plan, price = t.plan, t.index.price
    perps = np.flatnonzero(t.perpetual).tolist()
    terms: list[Expression] = [Worst.size(perps, plan.multiplier[perps] * price * rates.perpetual)]
    for strike in sorted(set(t.strikes[plan.option].tolist())):
        own = np.flatnonzero(t.strikes == strike).tolist()
        terms.append(Scaled(rates.naked * price, Worst.signed(own, -plan.multiplier[own]).floored()))
    return terms


def _charges(t: SpanTables, held: bool) -> F64:
    """`[N]` the confidence contingency of one contract, perpetuals `held` or not."""
    perps = np.flatnonzero(t.perpetual)
    trust = float(min([t.index.confidence, *(t.trust[perps] if held else [])]))
    own = np.where(t.perpetual, np.minimum(t.index.confidence, t.trust), trust)
    if held:
        own = np.where(t.perpetual, trust, own)
    dated = t.plan.group >= 0
    own[dated] = np.minimum(own[dated], t.belief[t.plan.group[dated]])
    rate = np.array([t.doubt.charge(float(c)) for c in own])
    return rate * t.plan.multiplier * t.index.price


def _doubt(t: SpanTables) -> Expression:
    return Worst.size(range(len(t.plan)), _charges(t, held=True))


def _same_doubt(t: SpanTables) -> bool:
    """Whether it makes no difference to the doubt which perpetuals are held."""
    return bool((_charges(t, held=True) == _charges(t, held=False)).all())
