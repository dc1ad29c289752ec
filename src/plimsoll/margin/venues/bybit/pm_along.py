"""Portfolio margin along a path: every state's grid in one revaluation for each risk unit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DAY_SECONDS, YEAR_SECONDS
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.margin.parts.layers import layered
from plimsoll.margin.parts.legs import moving_share
from plimsoll.margin.path import States
from plimsoll.margin.venues.bybit.money import Balances, balances, borrow_margin, usd_prices
from plimsoll.margin.venues.bybit.parameters import PmParameters
from plimsoll.margin.venues.bybit.pm_contingencies import coins_held, option_greeks
from plimsoll.margin.venues.bybit.pm_grid import grid_of
from plimsoll.margin.venues.bybit.pm_unit import REPORTED, spot_balance
from plimsoll.risk import unit_values
from plimsoll.risk.plan import INVERSE
from plimsoll.scenarios import Scenarios

F64 = npt.NDArray[np.float64]
BLOCK = 256
"""States that are revalued at once: with 33 scenarios each, a few megabytes for a book of fifty."""


def portfolio_along(p: PmParameters, account: Account, book: Book, states: States) -> tuple[F64, F64]:
    """`[K]` equity and maintenance margin in USD of a book that can be valued whole.

    The numbers of one requirement after the other in the moved markets: marks of options are gone there, so their gains
    count from the model's value.
    """
    found = [_block(p, account, book, part) for part in _blocks(states)]
    nothing = np.zeros(0)
    return np.concatenate([nothing, *(e for e, _ in found)]), np.concatenate([nothing, *(m for _, m in found)])


def _blocks(states: States) -> Iterator[States]:
    for start in range(0, len(states), BLOCK):
        part = slice(start, start + BLOCK)
        yield States({name: x[part] for name, x in states.spot.items()}, states.vol[part])


def _block(p: PmParameters, account: Account, book: Book, states: States) -> tuple[F64, F64]:
    plan, market, size = book.plan, book.market, len(states)
    currencies = [c.currency for c in plan.contracts]
    price: dict[str, Any] = {
        a: x * (states.multiplier(a) if a in market.indices else np.ones(size))
        for a, x in usd_prices(account, market, currencies).items()
    }
    share, moves = moving_share(plan), np.array([states.multiplier(c.underlying) for c in plan.contracts])
    moves = moves.reshape(len(plan), size)
    now = plan.price[:, None] * (1.0 + (moves - 1.0) * share[:, None])
    value = np.zeros((len(plan), size))
    margin = np.zeros(size)
    for name in book.underlyings:
        x = states.multiplier(name)
        mine = np.array([c.underlying == name for c in plan.contracts], dtype=bool)
        at = unit_values(plan, Scenarios.build(x, states.vol - 1.0, labels=("",) * size), "settlement", book.quantity)
        value[mine] = at[mine] * book.quantity[mine, None]
        rows = np.flatnonzero(mine & (book.quantity != 0.0)).astype(np.int64)
        settle = np.array([price[currencies[i]] for i in rows]).reshape(rows.size, size)
        gains = _gains(p, name, book, rows, states, at[rows], now[rows], share[rows], settle)
        margin += _unit(p, name, account, book, rows, states, gains, now[rows], share[rows])
    held = _balances(account, book, value, now, price)
    lent = borrow_margin(held, p.borrow)[2]
    return np.zeros(size) + held.counted(p.haircuts), margin + sum(lent)


def _gains(
    p: PmParameters,
    name: str,
    book: Book,
    rows: npt.NDArray[np.int64],
    states: States,
    at: F64,
    now: F64,
    share: F64,
    settle: F64,
) -> F64:
    """`[K, S]` USD that the risk unit gains in each scenario of each state."""
    plan, size = book.plan, len(states)
    grid = grid_of(p, p.underlyings[name])
    x = states.multiplier(name)
    then = unit_values(plan, layered(grid, x, states.vol), "settlement", book.quantity)[rows]
    then = then.reshape(rows.size, size, len(grid))
    # a coin turns into USD at its shocked price
    shocked = settle[:, :, None] * np.where(plan.settle_moves[rows][:, None, None], grid.spot[None, None, :], 1.0)
    options = then * shocked - (at * settle)[:, :, None]
    # what moves of a price is the share of it that did, at the price of the state
    rate = (plan.price[rows, None] * share[:, None] * x[None, :] / now)[:, :, None] * (grid.spot - 1.0)[None, None, :]
    multiplier = plan.multiplier[rows, None, None]
    inverse = (plan.style[rows] == INVERSE)[:, None, None]
    flow = np.where(inverse, multiplier / now[:, :, None] * (rate / (1.0 + rate)), multiplier * now[:, :, None] * rate)
    unit = np.where(plan.option[rows][:, None, None], options, flow * shocked)
    summed: F64 = np.einsum("n,nks->ks", book.quantity[rows], unit)
    return summed


def _unit(
    p: PmParameters,
    name: str,
    account: Account,
    book: Book,
    rows: npt.NDArray[np.int64],
    states: States,
    gains: F64,
    now: F64,
    share: F64,
) -> F64:
    """`[K]` maintenance margin of a risk unit."""
    plan, quantity, unit = book.plan, book.quantity[rows], p.underlyings[name]
    option, grid, x = plan.option[rows], grid_of(p, unit), states.multiplier(name)
    index = book.market.indices[name].price * x
    asset = book.market.price_of(name)
    spot_price = index if asset is None else asset.price * x
    coins = coins_held(plan, rows, quantity, now)
    delta, vega = coins.copy(), np.zeros_like(coins)
    if option.any():
        mine, vol = rows[option], plan.vol[rows[option], None] * states.vol[None, :]
        one = option_greeks(plan, mine, now[option], vol, index[None, :])
        delta[option], vega[option] = coins[option] * one[0], coins[option] * one[1]
    # the share of the price that still moves, in the state
    delta *= plan.price[rows, None] * share[:, None] * x[None, :] / now
    group = plan.group[rows]
    seconds = np.where(group >= 0, plan.seconds[group] if plan.seconds.size else 0.0, 0.0)
    currencies = tuple(plan.contracts[i].currency for i in rows.tolist())
    balance, reported = spot_balance(account, name), account.reported.get(REPORTED)
    hedge = np.zeros(len(states))
    if balance is not None:
        net = delta.sum(axis=0)
        hedge = np.where(balance * net >= 0.0, 0.0, np.copysign(np.minimum(abs(balance), np.abs(net)), balance))
    spot = np.maximum((hedge * spot_price)[:, None] * (grid.spot - 1.0)[None, :], 0.0)
    worst = np.maximum(0.0, -(gains + spot).min(axis=1))
    price = np.where(hedge != 0.0, spot_price, index)
    outright = unit.future_delta * price * np.abs(delta[~option].sum(axis=0) + hedge)
    if reported is None:
        wide, place = np.vstack([delta, hedge]), np.append(seconds, -1.0)
        between = paired_along(*_sums(wide, place), lambda at: np.maximum(at, 0.0) / YEAR_SECONDS)
        outright = np.maximum(unit.basis * index * between, outright)
    else:
        outright = np.full(len(states), reported)
    names = sorted(set(currencies))
    stable, _ = _sums(delta, np.array([float(names.index(c)) for c in currencies]))
    offset = np.minimum(np.maximum(stable, 0.0).sum(axis=0), np.maximum(-stable, 0.0).sum(axis=0))
    short = np.zeros(len(states))
    for t in np.unique(seconds[option]):
        for call in (True, False):
            mine = option & (seconds == t) & (plan.call[rows] == call)
            short += np.maximum(-coins[mine].sum(axis=0), 0.0)
    total: F64 = (
        worst
        + unit.short_option * index * short
        + unit.vega_spread * index * paired_along(*_sums(vega, seconds), lambda at: at / DAY_SECONDS)
        + unit.stable_spread * index * offset
        + outright
        + unit.future * index * np.abs(coins[~option]).sum(axis=0)
    )
    return total


def _sums(amounts: F64, places: F64) -> tuple[F64, F64]:
    """The sums `[B, K]` of `amounts[N, K]` at each of the `B` places, and the places in order."""
    at, group = np.unique(places, return_inverse=True)
    sums = np.zeros((at.size, amounts.shape[1]))
    np.add.at(sums, group, amounts)
    return sums, at


def paired_along(amounts: F64, places: F64, scale: Callable[[F64], F64]) -> F64:
    """`[K]` what `pm_contingencies.paired` gives for the amounts of each state, at the places `scale(places[B])`.

    Near ones of one sign take from far ones of the other until there is none left, whichever sign begins.
    """
    where, size = scale(places), amounts.shape[1]
    order = np.argsort(where, kind="stable").tolist()
    found = np.zeros(size)
    for turn in (1.0, -1.0):
        up, down = np.maximum(turn * amounts, 0.0), np.maximum(-turn * amounts, 0.0)
        total = np.zeros(size)
        for i in order:
            for j in reversed(order):
                taken = np.minimum(up[i], down[j])
                total += taken * abs(where[i] - where[j])
                up[i] -= taken
                down[j] -= taken
        found = np.maximum(found, total)
    return found


def _balances(account: Account, book: Book, value: F64, now: F64, price: dict[str, Any]) -> Balances:
    """Balances with profit, funding and the value of options in each state."""
    plan = book.plan
    held = (book.quantity * plan.multiplier)[:, None]
    start = plan.price[:, None]
    inverse = (plan.style == INVERSE)[:, None]
    gained = np.where(inverse, held * (1.0 / start - 1.0 / now), held * (now - start))
    flow = np.where(plan.valued[:, None], value, gained + (book.unrealised + book.funding)[:, None])
    rows: dict[str, Any] = defaultdict(float)
    for contract, amount in zip(plan.contracts, flow, strict=True):
        rows[contract.currency] = rows[contract.currency] + amount
    return balances(account, {}, rows, {}, price)
