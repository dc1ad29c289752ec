"""Standard margin on blocks of accounts: every lot by itself, rounded as the venue rounds it, under each reading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from plimsoll.contracts import Option, Settlement
from plimsoll.margin.many.engine import Batch
from plimsoll.margin.many.positions import F64, I64
from plimsoll.margin.many.totals import Amounts
from plimsoll.margin.many.universe import Lots, Universe
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.deribit.sm_charges import DECIMALS, short_option_charge
from plimsoll.margin.venues.deribit.sm_parameters import FutureRates, SmParameters
from plimsoll.margin.venues.deribit.sm_rows import UNDERLYING_READINGS, option_rates

_TIE = 1e-3


@dataclass(frozen=True, eq=False)
class Units:
    """`[N]` of one contract: `coins`, the `price` of a coin of future in the settlement currency and its rates.

    `short[readings, N]` initial margin of one coin of sold option, `kept[N]` its maintenance margin, `mark[N]` its
    value; zero for other contracts.
    """

    coins: F64
    price: F64
    initial: F64
    maintenance: F64
    slope: F64
    short: F64
    kept: F64
    mark: F64


def units_of(p: SmParameters, universe: Universe) -> Units:
    """Rates and option margins of the contracts that are taken."""
    plan = universe.plan
    n = len(plan)
    coins, price, initial, maintenance, slope = (np.zeros(n) for _ in range(5))
    short, kept = np.zeros((len(UNDERLYING_READINGS), n)), np.zeros(n)
    marks = universe.known(option_marks(plan, universe.market, np.ones(n)))
    for i in np.flatnonzero(universe.taken).tolist():
        contract = plan.contracts[i]
        coins[i] = plan.multiplier[i]
        if isinstance(contract, Option):
            rates, linear = option_rates(p, contract)
            found = [
                short_option_charge(rates, contract.call, contract.strike, u, float(marks[i]), u if linear else 1.0)
                for u in (float(plan.price[i]), float(plan.spot[i]))
            ]
            short[:, i], kept[i] = [c.initial for c in found], max(c.maintenance for c in found)
            continue
        inverse = getattr(contract, "settlement", None) is Settlement.INVERSE
        own: FutureRates | None = getattr(p.futures[contract.underlying], "inverse" if inverse else "linear")
        assert own is not None
        initial[i], maintenance[i], slope[i] = own.initial, own.maintenance, own.slope
        coins[i] = plan.multiplier[i] / plan.price[i] if inverse else plan.multiplier[i]
        price[i] = 1.0 if inverse else plan.spot[i]
    return Units(coins, price, initial, maintenance, slope, short, kept, marks)


@dataclass(frozen=True, eq=False)
class SmTables:
    """Standard margin on one universe: `unit` of each contract, its settlement `currency[N]` and the `number` of it.

    Accounts without collateral, segregated.
    """

    parameters: SmParameters
    unit: Units
    currency: np.ndarray[tuple[int], np.dtype[np.str_]]
    number: I64

    @classmethod
    def of(cls, p: SmParameters, universe: Universe) -> SmTables:
        """The rates and option margins of the contracts that are taken."""
        names = np.array([c.currency for c in universe.plan.contracts])
        return cls(p, units_of(p, universe), names, np.unique(names, return_inverse=True)[1].astype(np.int64))

    def amounts(self, lots: Lots) -> Amounts:
        """Initial, maintenance and equity of a block, in the settlement currency of each account."""
        i, unit, option = lots.item, self.unit, lots.universe.plan.option
        size = np.abs(lots.quantity) * unit.coins[i]
        sold = np.where(option[i] & (lots.quantity < 0), size, 0.0)
        future = (unit.initial[i] + unit.slope[i] * size) * size * unit.price[i]
        kept = (unit.maintenance[i] + unit.slope[i] * size) * size * unit.price[i]
        share = self.parameters.maintenance_share
        part = kept if share is None else share * future
        initial = self.initial(lots)
        maintenance = [lots.sum(rounded(np.where(option[i], sold * unit.kept[i], held))) for held in (kept, part)]
        value = lots.sum(lots.quantity * lots.universe.plan.multiplier[i] * unit.mark[i])
        currency = np.full(lots.accounts, "", dtype=self.currency.dtype)
        currency[lots.account] = self.currency[i]
        odd = lots.several(self.number)
        return Amounts(np.maximum(*initial), np.maximum(*maintenance), np.minimum(value, 0.0), odd, currency)

    def initial(self, lots: Lots) -> list[F64]:
        """`[A]` initial margin by the reading of what an option is out of the money against."""
        i, unit, option = lots.item, self.unit, lots.universe.plan.option
        size = np.abs(lots.quantity) * unit.coins[i]
        sold = np.where(option[i] & (lots.quantity < 0), size, 0.0)
        future = (unit.initial[i] + unit.slope[i] * size) * size * unit.price[i]
        return [lots.sum(rounded(np.where(option[i], sold * row[i], future))) for row in unit.short]


def sm_batch(p: SmParameters, universe: Universe) -> Batch:
    """The tables of one universe, and the arithmetic on them."""
    return SmTables.of(p, universe).amounts


def rounded(values: F64, decimals: int = DECIMALS, *, large: bool = True) -> F64:
    """`round(value, decimals)` of each of the `values`, as Python does it: what is near a tie is asked one by one.

    So is what has no more than a few digits left behind its last decimal, unless not `large`: it may then differ in its
    fifteenth digit.
    """
    scaled = values * 10.0**decimals
    whole = np.rint(scaled)
    result: F64 = whole / 10.0**decimals
    far = ~(np.abs(scaled) < 2.0**40)
    near = (np.abs(np.abs(scaled - whole) - 0.5) < _TIE) & ~far
    for i in np.flatnonzero(near | far if large else near).tolist():
        result[i] = round(float(values[i]), decimals)
    return result
