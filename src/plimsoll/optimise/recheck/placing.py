"""A desk among the accounts of a venue: its positions as lots, its line that of its own exact rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plimsoll.contracts import Contract, Future, Option, Perpetual, Settlement, is_option
from plimsoll.documents import refuse
from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.instruments import Catalogue, Instrument, Kind
from plimsoll.laboratory.liquidity import Liquidity
from plimsoll.laboratory.policy import AddOn, CascadeRates, Past
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.margin.book import open_book
from plimsoll.margin.joint_account import coins_of
from plimsoll.margin.path import moved
from plimsoll.market import Market
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.recheck.draws import trimmed
from plimsoll.rates.schedule import RateSchedule, maintenance_margin
from plimsoll.risk.plan import F64

MOVES = np.array([0.4, 0.55, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0])
"""Multiples of all prices at which the exact engine is asked for maintenance; straight lines lie between them."""

PARTS = 1e5
"""Lots into which a position is cut, fine enough to be exact, coarse enough that one is many units of its currency."""

COIN = 10
"""Decimals of a coin."""


@dataclass(frozen=True, eq=False)
class Stage:
    """A venue: accounts at the prices of a market, the schedule and policy of their rates, how it closes, its depth."""

    fleet: FleetArrays
    schedule: RateSchedule
    rates: CascadeRates
    venue: CascadeVenue
    liquidity: Liquidity


@dataclass(frozen=True, eq=False)
class Placed:
    """A fleet with a desk at its end, and rates under which its accounts stand at their own lines."""

    fleet: FleetArrays
    rates: CascadeRates


def placed(
    fleet: FleetArrays, schedule: RateSchedule, rates: CascadeRates, market: Market, holdings: Sequence[Holding]
) -> Placed:
    """The accounts of `holdings` as the last ones of `fleet`, whose prices have to be those of `market`.

    A linear or inverse future counts as a perpetual, an option as one that settles in dollars: what it is worth in
    dollars is the same. Collateral in a coin that the fleet knows moves with it; other collateral is worth what it is
    now. The line of an account is its exact maintenance margin at `MOVES` of all prices together. Raises
    `DocumentError` for a contract of another kind or a coin that the fleet does not know.
    """
    result, lines = fleet, list[tuple[int, F64]]()
    for holding in holdings:
        result = _joined(result, market, holding)
        lines.append((result.accounts - 1, _line(holding, market)))
    return Placed(result, AddOn(rates, lambda past: _amounts(past, result, schedule, lines)))


def _joined(fleet: FleetArrays, market: Market, holding: Holding) -> FleetArrays:
    account = holding.account
    book = open_book(account, market)
    plan, quantity = book.plan, np.asarray(book.quantity, dtype=np.float64)
    made = [
        _instrument(f"{holding.name}: {c.name}", c, float(plan.multiplier[i]), float(quantity[i]), plan, i, fleet)
        for i, c in enumerate(plan.contracts)
        if quantity[i]
    ]
    lots = np.array([round(float(q * m / i.lot)) for i, q, m in made], dtype=np.int64)
    instruments = [i for i, _, _ in made]
    coins = {u for u in fleet.underlyings if u in market.indices}
    balance = coins_of(account, book)
    held = {a for a, x in balance.items() if x and a in coins} | {
        i.underlying for i in instruments if i.kind == "inverse"
    }
    more = tuple(sorted(held - set(fleet.currencies)))
    currencies, decimals = (*fleet.currencies, *more), (*fleet.decimals, *(COIN for _ in more))
    unit = 10.0 ** np.array(decimals, dtype=np.float64)
    cash, entry = np.zeros(len(currencies)), np.zeros(lots.size)
    place = {u: k for k, u in enumerate(fleet.underlyings)}
    if instruments:
        settle = [currencies.index(i.underlying) if i.kind == "inverse" else 0 for i in instruments]
        catalogue = Catalogue(
            instruments, np.array([place[i.underlying] for i in instruments], dtype=np.int64), unit[settle], unit[0]
        )
        price = np.array([fleet.prices[u] for u in fleet.underlyings])
        now = catalogue.worth(price, np.ones(price.size), 0.0)
        entry = lots.astype(np.float64) * now.price
        for i, s, e in zip(instruments, settle, entry.tolist(), strict=True):
            # futures are worth nothing yet; an option was paid for before, and its value stands beside the balance
            cash[s] -= 0.0 if i.option else e
    for asset, amount in balance.items():
        known = market.price_of(asset)
        if asset in held:
            cash[currencies.index(asset)] += amount * unit[currencies.index(asset)]
        elif known is not None:
            cash[0] += amount * known.price * unit[0]
    options = float(sum(e for i, e in zip(instruments, entry.tolist(), strict=True) if i.option))
    found = holding.model.requirement(account, market)
    usd = market.price_of(found.currency)
    net = found.net_equity * (1.0 if usd is None else usd.price) * unit[0]
    stands = cash[0] + options + sum(e for i, e in zip(instruments, entry.tolist(), strict=True) if i.kind == "linear")
    for k, currency in enumerate(currencies):
        if k and currency in coins:
            inverse = sum(
                e
                for i, e in zip(instruments, entry.tolist(), strict=True)
                if i.kind == "inverse" and i.underlying == currency
            )
            stands += (cash[k] + inverse) / unit[k] * fleet.prices[currency] * unit[0]
    # haircuts and the like: at the start an account has what its rules say that it has
    cash[0] += net - stands
    wide = np.zeros((fleet.accounts, len(currencies)), dtype=np.int64)
    wide[:, : len(fleet.currencies)] = fleet.cash
    first = len(fleet.instruments)
    return replace(
        fleet,
        instruments=(*fleet.instruments, *instruments),
        currencies=currencies,
        decimals=decimals,
        indptr=np.append(fleet.indptr, fleet.indptr[-1] + lots.size).astype(np.int64),
        indices=np.append(fleet.indices, first + np.arange(lots.size)).astype(np.int64),
        lots=np.append(fleet.lots, lots).astype(np.int64),
        cash=np.concatenate([wide, np.rint(cash).astype(np.int64)[None]]),
        entry=np.append(fleet.entry, np.rint(entry)).astype(np.int64),
        ids=np.append(fleet.ids, fleet.ids.max() + 1).astype(np.int64),
    )


def _instrument(
    name: str, contract: Contract, multiplier: float, quantity: float, plan: Any, i: int, fleet: FleetArrays
) -> tuple[Instrument, float, float]:
    """The instrument, the signed contracts and how many coins (dollars of an inverse future) one of them is."""
    if contract.underlying not in fleet.prices:
        raise refuse(f"positions.{contract.name}.underlying", contract.underlying, "one of " + ", ".join(fleet.prices))
    whole = abs(quantity * multiplier)
    lot = whole / PARTS
    if isinstance(contract, Option) and is_option(contract):
        days, vol = float(plan.seconds[plan.group[i]]) / 86_400.0, float(plan.vol[i])
        kind: Kind = "call" if contract.call else "put"
        made = Instrument(name, contract.underlying, lot, kind, float(plan.strike[i]), max(days, 1e-3), max(vol, 1e-3))
        return made, quantity, multiplier
    if not isinstance(contract, (Future, Perpetual)):
        raise refuse(f"positions.{contract.name}.kind", contract.kind, "a future, perpetual or European option")
    inverse = contract.settlement == Settlement.INVERSE
    return Instrument(name, contract.underlying, lot, "inverse" if inverse else "linear"), quantity, multiplier


def _line(holding: Holding, market: Market) -> F64:
    """`[M]` US dollars of maintenance margin at `MOVES` of all prices."""
    coins = sorted({market.contracts[p.instrument].underlying for p in holding.account.positions if p.quantity})
    coins += [a for a in holding.account.collateral if a in market.indices and a not in coins]
    small, found = trimmed(holding.account, market), []
    for move in MOVES.tolist():
        account, there = moved(holding.account, small, dict.fromkeys(coins, move))
        need = holding.model.requirement(account, there)
        usd = there.price_of(need.currency)
        found.append(need.maintenance * (1.0 if usd is None else usd.price))
    return np.array(found)


def _amounts(past: Past, fleet: FleetArrays, schedule: RateSchedule, lines: list[tuple[int, F64]]) -> F64:
    """`[A]` what takes the tiers of an account to its own line; zero for those of the fleet."""
    found = np.zeros(fleet.accounts)
    for a, line in lines:
        rows = slice(int(past.indptr[a]), int(past.indptr[a + 1]))
        lots, indices = past.lots[rows], past.indices[rows]
        if not lots.any():
            continue
        size, own = lots * past.notional[indices], np.array([fleet.instruments[n].underlying for n in indices.tolist()])
        tiers, moves = 0.0, []
        for coin in sorted(set(own.tolist())):
            k = past.underlyings.index(coin)
            moves.append(float(past.marks[-1, k] / past.marks[0, k]))
            tiers += float(maintenance_margin(schedule.assets[coin], size[own == coin]).sum())
        found[a] = float(np.interp(np.mean(moves), MOVES, line)) - tiers
    return found
