"""One account and market after one instant of a stress scenario, as documents that every margin model takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import PerpetualOption, is_option
from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS
from plimsoll.margin import Account
from plimsoll.margin.path import moved
from plimsoll.market import AssetPrice, Depth, Mark, Market
from plimsoll.risk import compile_plan
from plimsoll.risk.plan import INVERSE, Plan
from plimsoll.scenarios import years_of
from plimsoll.scenarios.stress import Instants

F64 = npt.NDArray[np.float64]
WEEK = 7.0 * DAY_SECONDS
REFERENCE = 30.0 * DAY_SECONDS


def tilted(plan: Plan, tilt: float) -> F64:
    """`[N]` factors by which a tilt turns the volatilities of a plan; one for what is no dated option."""
    result = np.ones(len(plan))
    rows = np.flatnonzero(plan.valued & (plan.group >= 0))
    if tilt == 0.0 or rows.size == 0:
        return result
    group = plan.group[rows]
    k = np.log(np.maximum(plan.strike[rows] / np.maximum(plan.forward[group], 1e-18), 1e-18))
    x = np.clip(-k / np.sqrt(years_of(np.maximum(plan.seconds[group], WEEK))), -1.0, 1.0)
    result[rows] = 1.0 + tilt * x
    return result


def stables(account: Account, market: Market) -> tuple[str, ...]:
    """Assets of the account without an index, other than the dollar: those whose peg can fall."""
    named = {*account.collateral, *account.borrowed}
    named |= {market.contracts[p.instrument].currency for p in account.positions if p.instrument in market.contracts}
    return tuple(sorted(n for n in named if n != "USD" and n not in market.indices))


def levels_of(market: Market, underlyings: Sequence[str]) -> dict[str, float]:
    """The volatility of the option nearest to the money and to 30 days of each underlying.

    Infinite where the market lists none with a volatility: points on top of it then move nothing, for there is nothing
    that they could move.
    """
    options = [c for c in market.instruments if c.kind == "option" and c.underlying in set(underlyings)]
    plan = compile_plan(options, market)
    found: dict[str, tuple[float, float]] = {}
    for i, contract in enumerate(plan.contracts):
        if i in plan.failures or not plan.vol[i] > 0.0 or plan.seconds[plan.group[i]] <= 0.0:
            continue
        far = abs(math.log(plan.seconds[plan.group[i]] / REFERENCE)) * 10.0
        far += abs(math.log(plan.strike[i] / plan.price[i])) if plan.strike[i] > 0.0 else math.inf
        if contract.underlying not in found or far < found[contract.underlying][0]:
            found[contract.underlying] = (far, float(plan.vol[i]))
    return {u: found[u][1] if u in found else math.inf for u in underlyings}


def shocked(account: Account, market: Market, table: Instants, row: int) -> tuple[Account, Market]:
    """The account and the market after row `row` of `table`, nothing traded on the way.

    Prices move by `plimsoll.margin.path.moved`, with profit and loss kept. Volatilities stay with their strike and are
    multiplied by the term shape and the tilt of the scenario. Stable coins cost their peg times what they cost now.
    Order books keep the part of each size that is left. Funding since the start is owed on perpetuals, at the moved
    price. Delay and gas change no requirement. Raises `DocumentError` where a number leaves double precision.
    """
    price = dict(zip(table.underlyings, table.price[row].tolist(), strict=True))
    holdings, after = moved(account, market, price)
    changes: dict[str, Any] = _volatilities(market, after, table, row)
    peg = dict(zip(table.currencies, table.peg[row].tolist(), strict=True))
    assets = dict(after.assets)
    for currency, value in peg.items():
        now = market.price_of(currency)
        if value != 1.0 and now is not None:
            assets[currency] = AssetPrice(price=now.price * value, confidence=now.confidence)
    changes["assets"] = assets
    left = dict(zip(table.underlyings, table.depth[row].tolist(), strict=True))
    changes["depth"] = {n: _thinner(b, left.get(after.contracts[n].underlying, 1.0)) for n, b in after.depth.items()}
    funding = dict(zip(table.underlyings, table.funding[row].tolist(), strict=True))
    if any(funding.values()):
        holdings = _funded(holdings, market, price, funding)
    return holdings, after.model_copy(update=changes)


def _volatilities(market: Market, after: Market, table: Instants, row: int) -> dict[str, Any]:
    """Marks and smiles with the shocked volatilities."""
    scenario = int(table.scenario[row])
    shocks = {
        u: (float(table.vol[row, k]) - 1.0, table.rules[scenario][k], float(table.tilt[row, k]))
        for k, u in enumerate(table.underlyings)
    }
    names = [n for n in after.contracts if is_option(after.contracts[n])]
    plan = compile_plan([market.contracts[n] for n in names], market)
    marks = dict(after.marks)
    for u, (shock, rule, tilt) in shocks.items():
        if shock == 0.0 and tilt == 0.0:
            continue
        turn = tilted(plan, tilt)
        for i, name in enumerate(names):
            if plan.contracts[i].underlying != u or not np.isfinite(plan.vol[i]):
                continue
            contract = plan.contracts[i]
            if isinstance(contract, PerpetualOption):
                seconds = YEAR_SECONDS / contract.holding_rate  # the mean life of what its holder pays for
            else:
                seconds = float(plan.seconds[plan.group[i]])
            factor = max(0.0, 1.0 + shock * float(rule.scale(np.array([seconds]))[0])) * float(turn[i])
            mark = marks.get(name)
            # a smile carries its own shock below; what turns it is known only strike by strike
            if (mark is not None and mark.vol is not None) or tilt != 0.0:
                marks[name] = (mark or Mark()).model_copy(update={"vol": float(plan.vol[i]) * factor})
    expiries = []
    for e in after.expiries:
        move = shocks.get(e.underlying)
        if e.svi is None or move is None or move[0] == 0.0:
            expiries.append(e)
            continue
        tenor = float(move[1].scale(np.array([market.seconds_to(e.expiry)]))[0])
        factor = max(0.0, 1.0 + move[0] * tenor)
        # total variance is linear in a and b
        svi = e.svi.model_copy(update={"a": e.svi.a * factor * factor, "b": e.svi.b * factor * factor})
        expiries.append(e.model_copy(update={"svi": svi}))
    return {"marks": marks, "expiries": tuple(expiries)}


def _thinner(book: Depth, left: float) -> Depth:
    if left == 1.0:
        return book
    if left == 0.0:
        return Depth()
    bids, asks = (tuple((p, q * left) for p, q in side) for side in (book.bids, book.asks))
    return Depth.model_construct(bids=bids, asks=asks)


def funding_units(plan: Plan, price: Mapping[str, float], funding: Mapping[str, float]) -> F64:
    """`[N]` funding that one long contract has paid, in its settlement currency, at the moved price."""
    paid = np.zeros(len(plan))
    for i, contract in enumerate(plan.contracts):
        rate = funding.get(contract.underlying, 0.0)
        if contract.kind == "perpetual" and rate != 0.0:
            now = plan.price[i] * price.get(contract.underlying, 1.0)
            paid[i] = rate * plan.multiplier[i] * (1.0 / now if plan.style[i] == INVERSE else now)
    return paid


def _funded(account: Account, market: Market, price: Mapping[str, float], funding: Mapping[str, float]) -> Account:
    plan = compile_plan([market.contracts[p.instrument] for p in account.positions], market)
    paid = funding_units(plan, price, funding)
    positions = tuple(
        p if x == 0.0 else p.model_copy(update={"unsettled_funding": p.unsettled_funding - p.quantity * float(x)})
        for p, x in zip(account.positions, paid.tolist(), strict=True)
    )
    return account.model_copy(update={"positions": positions})
