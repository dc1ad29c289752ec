"""Small joint problems from a seed: two accounts, what they may exchange, and collateral; and all that can be done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

import plimsoll as pl
from hedge_desks import account, chain
from plimsoll.optimise import Desk, Holding, TradingTerms, Venue, make_desk
from plimsoll.optimise.collateral import AssetTerms, CollateralTerms, Wallet
from treasuries import PRICES, TIE, market, takes

STEPS = 2
"""Lots that may change hands, either way."""

INVERSE = ("deribit-pm@2026-02-15", "deribit-sm@2026-02-15")
LINEAR = ("prbm@2026-01-01", "paradex-pm@2026-01-01", "derive-pmrm2@2026-02-01")


@dataclass(frozen=True)
class Small:
    """The arguments of `joint`, and the lots of trades and of assets."""

    market: pl.Market
    venues: tuple[Venue, ...]
    wallet: Wallet
    terms: CollateralTerms
    trading: TradingTerms
    most: dict[str, tuple[float, float]]
    lots: dict[str, float]
    buffer: float

    def keywords(self) -> dict[str, Any]:
        """What `joint` takes beside market, venues, wallets and terms."""
        return {"trading": self.trading, "most": self.most, "buffer": self.buffer, "keep_positions": True}


def small_joint(seed: int) -> Small:
    """Legs of one hedged book given to two accounts by chance, money in one wallet. Every third is inverse, with two
    modes to choose from at one account.
    """
    rng = np.random.default_rng([43, seed])
    inverse = seed % 3 == 0
    snapshot = chain(rng, "inverse") if inverse else market(rng)
    perpetual = 7_000.0 if inverse else 1.0
    legs = {"60D-1.1-C": -2.0, "60D-1.25-C": 2.0, "PERP": perpetual * float(rng.integers(-2, 3))}
    books: list[dict[str, float]] = [{}, {}]
    for name, q in legs.items():
        if q:
            books[int(rng.integers(2))][name] = q
    books = [b or {"14D-1-C": -0.1} for b in books]
    packs = [list(INVERSE), [INVERSE[0]]] if inverse else [[LINEAR[0]], [LINEAR[int(rng.integers(3))]]]
    models = [[pl.margin_model(p) for p in row] for row in packs]
    money = "BTC" if inverse else "USDC"
    lot = {"BTC": 0.25, "USDC": 15_000.0, "ETH": 8.0}
    venues = tuple(
        Venue(
            f"book {k}",
            account(b, {money: lot[money] * float(rng.integers(1, 5))}).model_copy(update={"mode": m[0].MODES[0]}),
            tuple(m),
        )
        for k, (b, m) in enumerate(zip(books, models, strict=True))
    )
    wallet = {money: lot[money] * float(rng.integers(0, 3))} | ({} if inverse else {"ETH": 8.0 * rng.integers(1, 4)})
    terms = CollateralTerms(
        days=90.0,
        assets={
            a: AssetTerms(
                carry=float(rng.choice([0.03, 0.06])) if a == money else 0.01,
                fee=float(rng.choice([0.0, 5.0])) / (70_000.0 if a == "BTC" else PRICES[a]),
                lot=lot[a],
            )
            for a in wallet
        },
    )
    names = [n for n in ("60D-1.1-C", "PERP") if any(n in b for b in books)]
    sizes = {n: perpetual if n == "PERP" else 1.0 for n in names}
    every = {n: (STEPS * sizes[n], STEPS * sizes[n]) for n in names}
    others = {n: (0.0, 0.0) for b in books for n in b if n not in names}
    trading = TradingTerms(
        size=1e4, future_fee=2e-5, option_fee=2e-5, spread=2e-5, option_spread=1e-4, lot=perpetual, option_lot=1.0
    )
    wallet = {a: float(x) for a, x in wallet.items()}
    return Small(
        snapshot, venues, Wallet(balances=wallet), terms, trading, every | others, lot, float(rng.choice([0.0, 0.2]))
    )


def best_of_everything(p: Small) -> float:
    """The least cost over exchanges in lots, transfers in lots and modes; infinite where nothing keeps the margins."""
    return min((cost for cost in _each_combination(p)), default=np.inf)


def _each_combination(p: Small) -> Iterator[float]:
    for models in product(*(v.models for v in p.venues)):
        holdings = [
            Holding(v.name, v.account.model_copy(update={"mode": m.MODES[0]}), m)
            for v, m in zip(p.venues, models, strict=True)
        ]
        names = [n for n, (most, _) in p.most.items() if most]
        desk = make_desk(p.market, holdings, candidates=names, terms=p.trading, most=p.most)
        yield _best(p, desk, names)


def _best(p: Small, desk: Desk, names: list[str]) -> float:
    starts = [dict(p.wallet.balances), *(dict(v.account.collateral) for v in p.venues)]
    rows = [list(_ways(a, starts, p, desk).items()) for a in p.terms.assets]
    grid = [range(-STEPS, STEPS + 1) for _ in names]
    best = np.inf
    known: dict[tuple[Any, ...], float] = {}
    for lots in product(*grid):
        traded = [_traded(desk, k, names, [sign * n for n in lots], p) for k, sign in ((0, 1.0), (1, -1.0))]
        paid = sum(cost for _, cost in traded)
        for ways in product(*rows):
            cost = paid + sum(c for _, c in ways)
            if cost >= best:
                continue
            fine = True
            for k in range(2):
                moved = tuple(state[k + 1] for state, _ in ways)
                key = (k, lots, moved)
                if key not in known:
                    known[key] = _room(desk, k, traded[k][0], dict(zip(p.terms.assets, moved, strict=True)), starts, p)
                fine = known[key] >= -1e-6
                if not fine:
                    break
            if fine:
                best = cost
    return float(best)


def _traded(desk: Desk, k: int, names: list[str], lots: list[float], p: Small) -> tuple[pl.Account, float]:
    place = desk.places[k]
    y = np.zeros(len(place.names))
    for name, n in zip(names, lots, strict=True):
        y[place.names.index(name)] = n * p.most[name][0] / STEPS
    return desk.after(place, y), float(place.cost(y).sum())


def _room(
    desk: Desk, k: int, after: pl.Account, moved: dict[str, float], starts: list[dict[str, float]], p: Small
) -> float:
    own = dict(after.collateral)
    for a, x in moved.items():
        own[a] = own.get(a, 0.0) + x - starts[k + 1].get(a, 0.0)
        if own[a] < -1e-9:
            return -np.inf
    holding = desk.places[k].holding
    found = holding.model.requirement(
        after.model_copy(update={"collateral": {a: x for a, x in own.items() if abs(x) > 1e-12}}), p.market
    )
    price = p.market.price_of(found.currency)
    assert price is not None
    return (found.net_equity - (1.0 + p.buffer) * found.initial) * price.price


def _ways(asset: str, starts: list[dict[str, float]], p: Small, desk: Desk) -> dict[tuple[float, ...], float]:
    """Balances after transfers and what they and holding them cost, costs of trades left out."""
    own, lot = p.terms.assets[asset], p.lots[asset]
    found_price = p.market.price_of(asset)
    assert found_price is not None
    price = found_price.price
    nodes = [0]
    for k, place in enumerate(desk.places):
        inverse = asset == "BTC"
        if inverse or (takes(place.holding.model, p.market, asset) and _counts(place.holding, p.market, asset)):
            nodes.append(k + 1)
    start = [s.get(asset, 0.0) for s in starts]
    pairs = [(i, j) for i in nodes for j in nodes if i < j]
    most = int(sum(start) / lot + 1e-9)
    found: dict[tuple[float, ...], float] = {}
    for amounts in product(range(-most, most + 1), repeat=len(pairs)):
        state, cost = list(start), 0.0
        for (i, j), n in zip(pairs, amounts, strict=True):
            if n:
                source, target = (i, j) if n > 0 else (j, i)
                state[source] -= abs(n) * lot + own.fee
                state[target] += abs(n) * lot
                cost += own.fee * price + abs(n) * lot * price * (own.carry * own.hours / 8_760.0 + TIE)
        # an account may send what premiums bring, so only the wallet is held to what it has
        if state[0] < -1e-9 * lot or min(state) < -2.0 * lot:
            continue
        cost += (sum(start) - state[0]) * price * own.carry * p.terms.days / 365.0
        key = tuple(round(x, 9) for x in state)
        found[key] = min(cost, found.get(key, np.inf))
    return found


def _counts(holding: Holding, snapshot: pl.Market, asset: str) -> bool:
    """Whether an asset adds anything under the rules of an account."""
    own = holding.account.collateral
    less, more = (
        holding.model.requirement(holding.account.model_copy(update={"collateral": balances}), snapshot)
        for balances in (own, own | {asset: own.get(asset, 0.0) + 10.0})
    )
    return more.excess_initial > less.excess_initial + 1e-9
