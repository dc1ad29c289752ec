"""Small treasuries from a seed, and the cheapest of everything that can be done with one, found by trying it all."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

import plimsoll as pl
from hedge_desks import account, chain
from plimsoll.margin import Rules
from plimsoll.optimise import Holding
from plimsoll.optimise.collateral import AccountTerms, AssetTerms, CollateralTerms, Wallet

PRICES = {"USDC": 1.0, "USDT": 0.999, "ETH": 2_000.0, "BETH": 1_980.0}
LOTS = {"USDC": 20_000.0, "USDT": 20_000.0, "ETH": 10.0, "BETH": 10.0, "BTC": 0.25}
TIE = 1e-7
"""What a dollar moved is thought to cost beside all else."""
PACKS = ("prbm@2026-01-01", "okx-pm@2026-01-01", "bybit-pm@2026-04-01", "derive-pmrm2@2026-02-01")


def market(rng: np.random.Generator, prices: Mapping[str, float] = PRICES) -> pl.Market:
    """A generated chain with prices of more collateral."""
    content = chain(rng).to_dict()
    return pl.Market.from_dict(content | {"assets": {a: {"price": p} for a, p in prices.items()}})


def model_of(pack: str) -> pl.MarginModel:
    """A shipped pack; `okx-whole` is that of OKX with made discounts of ether that fall on the whole amount."""
    if pack != "okx-whole":
        return pl.margin_model(pack)
    rules = pl.margin_model("okx-pm@2026-01-01").rules.to_dict()
    tiers = [{"upto": 45_000.0, "rate": 0.95}, {"upto": 85_000.0, "rate": 0.7}, {"upto": None, "rate": 0.3}]
    rules["parameters"]["discounts"]["ETH"] = {"counting": "whole", "measure": "usd", "tiers": tiers}
    return pl.margin_model(Rules.from_dict(rules))


def takes(model: pl.MarginModel, market: pl.Market, asset: str) -> bool:
    """Whether an account may hold an asset under these rules."""
    return model.applies_to(account({"PERP": -0.1}, {"USDC": 1.0, asset: 1.0}), market) is None and _priced(
        model, market, asset
    )


def _priced(model: pl.MarginModel, market: pl.Market, asset: str) -> bool:
    try:
        model.requirement(account({"PERP": -0.1}, {"USDC": 1.0, asset: 1.0}), market)
    except pl.PlimsollError:
        return False
    return True


def small(seed: int) -> dict[str, Any]:
    """A problem of two accounts, a wallet and two assets in whole lots: the arguments of `make_treasury`."""
    rng = np.random.default_rng([41, seed])
    snapshot = market(rng)
    packs = ("okx-whole", *PACKS)
    models = [model_of(packs[int(rng.integers(len(packs)))]) for _ in range(2)]
    first = str(rng.choice(["USDC", "USDT"])) if not any("derive" in m.rules.label for m in models) else "USDC"
    assets = (first, str(rng.choice(["ETH", "BTC", "BETH"])))
    holdings, wallet = [], {}
    for k, model in enumerate(models):
        size = float(np.round(rng.uniform(0.2, 1.5), 2))
        own = {a: LOTS[a] * float(rng.integers(0, 3)) for a in assets if takes(model, snapshot, a)}
        own[first] = own.get(first, 0.0) + 5_000.0
        held = {"PERP": -size if rng.random() < 0.5 else size, "60D-1.1-C": -float(np.round(rng.uniform(0.1, 1.0), 2))}
        holdings.append(Holding(f"book {k}", account(held, own).model_copy(update={"mode": model.MODES[0]}), model))
    for a in assets:
        wallet[a] = LOTS[a] * float(rng.integers(1, 4))
    terms = CollateralTerms(
        days=float(rng.choice([10.0, 60.0])),
        assets={
            a: AssetTerms(
                carry=float(rng.choice([0.0, 0.02, 0.06])),
                fee=float(rng.choice([0.0, 20.0])) / PRICES.get(a, 70_000.0),
                hours=float(rng.choice([0.5, 24.0])),
                lot=LOTS[a],
            )
            for a in assets
        },
        accounts={"book 0": AccountTerms(most={assets[1]: 3.0 * LOTS[assets[1]]})} if rng.random() < 0.4 else {},
    )
    buffer = float(rng.choice([0.0, 0.25]))
    return {"market": snapshot, "holdings": holdings, "wallets": [Wallet(balances=wallet)], "terms": terms,
            "buffer": buffer}  # fmt: skip


def everything(p: dict[str, Any]) -> float:
    """The least cost over all transfers in whole lots, margins by the engine; infinite where nothing keeps them."""
    terms, snapshot, holdings = p["terms"], p["market"], p["holdings"]
    places = [dict(p["wallets"][0].balances), *(dict(h.account.collateral) for h in holdings)]
    options = {a: _ways(a, places, p) for a in terms.assets}
    known: dict[tuple[int, tuple[float, ...]], float] = {}

    def room(k: int, balances: tuple[float, ...]) -> float:
        if (k, balances) not in known:
            h = holdings[k]
            own = dict(h.account.collateral) | dict(zip(options, balances, strict=True))
            own = {a: x for a, x in own.items() if x}
            found = h.model.requirement(h.account.model_copy(update={"collateral": own}), snapshot)
            known[k, balances] = (found.net_equity - (1.0 + p["buffer"]) * found.initial) * _usd(
                snapshot, found.currency
            )
        return known[k, balances]

    best = np.inf
    rows = [sorted((cost, state) for state, cost in ways.items()) for ways in options.values()]
    for one, two in product(*rows):
        cost = one[0] + two[0]
        if cost >= best:
            continue
        if all(room(k, (one[1][k + 1], two[1][k + 1])) >= -1e-6 for k in range(2)):
            best = cost
    return float(best)


def _usd(snapshot: pl.Market, currency: str) -> float:
    price = snapshot.price_of(currency)
    assert price is not None
    return price.price


def _ways(asset: str, places: list[dict[str, float]], p: dict[str, Any]) -> dict[tuple[float, ...], float]:
    """Balances of one asset everywhere after any transfers, and the least that these and holding them cost."""
    terms, snapshot = p["terms"], p["market"]
    own, price, lot = terms.assets[asset], _usd(p["market"], asset), LOTS[asset]
    open_to = [0, *(k + 1 for k, h in enumerate(p["holdings"]) if takes(h.model, snapshot, asset))]
    start = [b.get(asset, 0.0) for b in places]
    pairs = [(i, j) for i in open_to for j in open_to if i < j]
    most = int(sum(start) / lot + 1e-9)
    found: dict[tuple[float, ...], float] = {}
    for amounts in product(range(-most, most + 1), repeat=len(pairs)):
        state, cost = list(start), 0.0
        for (i, j), lots in zip(pairs, amounts, strict=True):
            if lots:
                source, target = (i, j) if lots > 0 else (j, i)
                state[source] -= abs(lots) * lot + own.fee
                state[target] += abs(lots) * lot
                cost += own.fee * price + abs(lots) * lot * price * (own.carry * own.hours / 8_760.0 + TIE)
        if min(state) < -1e-9 * lot:
            continue
        if any(
            state[k + 1] > terms.accounts[h.name].most.get(asset, np.inf) + 1e-9
            for k, h in enumerate(p["holdings"])
            if h.name in terms.accounts
        ):
            continue
        # beside everything in the wallet: what is not there earns nothing
        cost += (sum(start) - state[0]) * price * own.carry * terms.days / 365.0
        key = tuple(round(max(0.0, x), 9) for x in state)
        found[key] = min(cost, found.get(key, np.inf))
    return found
