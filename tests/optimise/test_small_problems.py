"""Problems small enough to try everything: the answer is the best of all trades in lots."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import plimsoll as pl
from hedge_desks import SPOT, chain, holding, random_book
from plimsoll.margin.many import Positions
from plimsoll.optimise import Desk, TradingTerms, capital, cost, delta, make_desk, minimise
from plimsoll.pricing.greeks import greeks

LOTS = 3
"""Lots that may be bought, and sold, of each candidate."""

PROBLEMS = [("prbm@2026-01-01", seed) for seed in range(100)] + [
    ("derive-pmrm2@2025-04-18", seed) for seed in range(100, 200)
]


def forward_delta(market: pl.Market, name: str) -> float:
    """Coins, by the closed form."""
    contract = market.contracts[name]
    if contract.kind == "perpetual":
        return market.marks[name].price / SPOT
    row = market.expiry_table[contract.underlying, contract.expiry]
    years = market.seconds_to(contract.expiry) / 31_536_000.0
    g = greeks(row.forward.price, contract.strike, years, market.marks[name].vol, contract.call)
    return float(g.delta) * row.forward.price / SPOT


def everything(desk: Desk, names: list[str], lot: float, worth: float, band: float) -> float:
    """The least `worth margin + cost` over every combination of lots within the band of delta."""
    place = desk.places[0]
    own = [place.names.index(n) for n in names]
    grid = np.array(list(product(range(-LOTS, LOTS + 1), repeat=len(names))), dtype=float) * lot
    deltas = np.array([forward_delta(desk.market, n) for n in names])
    grid = grid[np.abs(grid @ deltas) <= band]
    held = np.repeat(place.quantity[None, :], len(grid), axis=0)
    held[:, own] += grid
    count, size = held.shape
    positions = Positions(place.names, np.arange(count + 1) * size, np.tile(np.arange(size), count), held.ravel())
    margins = place.holding.model.many(positions, desk.market).check().initial
    paid = np.zeros(count)
    for k, i in enumerate(own):
        buy, sell = place.sides[i]
        paid += np.where(grid[:, k] > 0, grid[:, k] * buy.cost[0], -grid[:, k] * sell.cost[0])
    return float((worth * margins + paid).min())


@pytest.mark.parametrize("quarter", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 2, 3))])
def test_the_answer_is_the_best_of_all(quarter: int) -> None:
    saved = 0
    for pack, seed in PROBLEMS[quarter::4]:
        rng = np.random.default_rng(seed)
        market = chain(rng)
        book = random_book(rng, market)
        names = [market.instruments[i].name for i in rng.choice(len(market.instruments), 3, replace=False)]
        lot, worth = float(rng.choice([0.1, 0.5, 1.0])), float(rng.choice([0.02, 0.1, 1.0]))
        band = float(rng.choice([0.3, 1.0, 100.0]))
        terms = TradingTerms(lot=lot, option_lot=lot, size=LOTS * lot)
        desk = make_desk(market, [holding(pack, book)], candidates=names, terms=terms)
        start = desk.delta("BTC")
        limits = [delta("BTC") <= start + band, delta("BTC") >= start - band]
        answer = minimise(desk, worth * capital() + cost(), limits)
        want = everything(desk, names, lot, worth, band)
        near = 1e-6 * max(1.0, abs(want)) + 1e-8 * SPOT
        assert answer.status in ("optimal", "no saving"), (seed, answer.status)
        assert answer.after == pytest.approx(want, abs=near), (seed, pack)
        assert answer.bound is not None
        assert answer.bound <= want + near
        assert answer.gap is not None
        assert answer.gap <= 2e-6
        saved += answer.saving > 1.0
    # the check is of something: most of these books can be had for less
    assert saved >= 18


def test_without_lots_the_answer_is_no_worse_than_with_them() -> None:
    rng = np.random.default_rng(5)
    market = chain(rng)
    book = random_book(rng, market)
    goal = 0.05 * capital() + cost()
    found = []
    for lot in (None, 0.5):
        terms = TradingTerms(lot=lot, option_lot=lot, size=4.0)
        desk = make_desk(market, [holding("prbm@2026-01-01", book)], terms=terms)
        found.append(minimise(desk, goal, [delta("BTC") <= desk.delta("BTC") + 0.5]).after)
    assert found[0] <= found[1] + 1e-6
