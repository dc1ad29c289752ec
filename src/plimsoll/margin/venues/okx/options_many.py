"""OKX option margin on blocks of accounts, and as forms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.margin.forms.declared import Declared, Form
from plimsoll.margin.forms.expression import Worst
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe, added
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.okx.option_charges import OptionParameters, short_charge

F64 = npt.NDArray[np.float64]

_WHY = (
    "a sold option is linear at the margin factor of its tier, which grows by steps with all that is sold on its coin; "
    "the factor of the largest positions considered, all sold at once, bounds it"
)
OPTION_FORMS = Declared("bound", "linear program", _WHY, "bound", _WHY)


@dataclass(frozen=True, eq=False)
class Short:
    """`[N]` of one contract sold: parts of the initial and maintenance margin that grow with the factor, and the mark
    that comes on top, in its settlement currency; zero for what is not taken."""

    initial: F64
    maintenance: F64
    mark: F64


def short_of(p: OptionParameters, universe: Universe) -> Short:
    """Charges of the contracts that are taken."""
    plan, n = universe.plan, len(universe.names)
    marks = universe.known(option_marks(plan, universe.market, np.ones(n)))
    initial, maintenance, mark = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in np.flatnonzero(universe.taken & plan.option).tolist():
        contract = plan.contracts[i]
        unit = float(plan.spot[i] / plan.settle[i]) if contract.currency != contract.underlying else 1.0
        found = short_charge(
            p.coins[contract.underlying],
            1.0,
            bool(plan.call[i]),
            float(plan.strike[i]),
            float(plan.price[i]),
            float(marks[i]),
            unit,
        )
        coins = float(plan.multiplier[i])
        mark[i] = coins * float(marks[i])
        # both are a part at the factor and the mark, so one factor tells all of them
        initial[i], maintenance[i] = coins * found.initial - mark[i], coins * found.maintenance - mark[i]
    return Short(initial, maintenance, mark)


def option_batch(p: OptionParameters, universe: Universe) -> Batch:
    """The tables of one universe, and the arithmetic on them; accounts without collateral or reported factor."""
    short = short_of(p, universe)
    names = np.array([c.currency for c in universe.plan.contracts])
    number = np.unique(names, return_inverse=True)[1].astype(np.int64)
    rules = [p.coins.get(u) for u in universe.underlyings]

    def amounts(lots: Lots) -> Amounts:
        i, size = lots.item, len(universe.underlyings)
        sold = np.where(lots.quantity < 0.0, -lots.quantity, 0.0)
        where = universe.underlying[i] * lots.accounts + lots.account
        contracts = added(where, sold, size * lots.accounts).reshape(size, lots.accounts)
        factor = np.ones_like(contracts)
        for u, rule in enumerate(rules):
            if rule is not None:
                tiers = rule.factors
                factor[u] = 1.0 + tiers.step * np.maximum(np.ceil(contracts[u] / tiers.size) - 1.0, 0.0)
        own = factor[universe.underlying[i], lots.account]
        initial = lots.sum(sold * (short.initial[i] * own + short.mark[i]))
        maintenance = lots.sum(sold * (short.maintenance[i] * own + short.mark[i]))
        currency = np.full(lots.accounts, "", dtype=names.dtype)
        currency[lots.account] = names[i]
        value = -lots.sum(sold * short.mark[i])
        return Amounts(initial, maintenance, value, lots.several(number), currency)

    return amounts


def option_pieces(p: OptionParameters, universe: Universe, reach: F64 | None) -> tuple[Form, Form]:
    """The same bound for both, over the contracts of one settlement currency."""
    universe.one([c.currency for c in universe.plan.contracts], "settlement currency")
    short = short_of(p, universe)
    if reach is None and any(rule.factors.step > 0.0 for rule in p.coins.values()):
        raise refuse("reach", None, "the largest position considered, since the margin factor grows with it")
    factor = np.ones(len(universe.names))
    for n, underlying in enumerate(universe.underlyings):
        mine = universe.underlying == n
        most = 0.0 if reach is None else float(reach[mine].sum())
        factor[mine] = p.coins[underlying].factors.factor(most)
    sold = short.initial * factor + short.mark
    form = Form("bound", _WHY, Worst.parts(range(sold.size), np.zeros((1, sold.size)), sold[None, :]), None, reach)
    return form, form
