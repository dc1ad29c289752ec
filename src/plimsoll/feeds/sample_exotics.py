"""A small example book with one option of every payoff, on the expiry of a market that is nearest to a month."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from plimsoll.contracts import Option, Perpetual, Settlement
from plimsoll.documents import DAY_SECONDS, refuse
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.risk import compile_plan, plan_pnl, unit_values
from plimsoll.scenarios import grid

DAYS = 30.0

LEGS: tuple[tuple[str, str, dict[str, Any], float, float], ...] = (
    ("UO-C", "barrier_option", {"call": True, "up": True, "knock_in": False, "barrier": 1.15}, 0.98, -1.0),
    ("DI-P", "barrier_option", {"call": False, "up": False, "knock_in": True, "barrier": 0.88}, 1.00, 2.0),
    ("DIGITAL-C", "digital_option", {"call": True, "pays": "cash", "cash": 0.1}, 1.05, -2.0),
    ("AMERICAN-P", "american_option", {"call": False}, 1.02, -0.5),
    ("ASIAN-C", "asian_option", {"call": True, "average": "arithmetic"}, 1.00, 2.0),
    ("POWER-C", "power_option", {"call": True, "power": 2.0, "cap": 0.5}, 1.05, -0.5),
    ("EVERLASTING-C", "perpetual_option", {"call": True, "style": "everlasting", "holding_rate": 52.0}, 1.00, -1.0),
)
"""Name, kind, terms (levels and payouts as parts of the forward), strike over forward, quantity in coins."""


def sample_exotics(
    market: Market, underlying: str | None = None, settlement: str = "linear", cash: str = "USDC"
) -> tuple[Account, Market]:
    """An account with the seven options of `LEGS`, bought and sold, and `market` with these contracts listed.

    On the expiry of `underlying` (default: the first by name) nearest to 30 days that has a forward and a vanilla
    option with a volatility; strikes, barriers and payouts are rounded to three digits, and each contract is marked
    at the volatility of the vanilla option whose strike is nearest. `settlement` is `linear` (in `cash`) or
    `inverse`. The fixings of the average are daily over the last week. Collateral in `cash`: 1.5 times the worst
    loss over spot +-16 % and volatility +40 and -22 %, and what was received for the options. Same arguments, same
    documents.

    Raises `DocumentError` where the market lacks what is needed, and for an unknown underlying or settlement.
    """
    if settlement not in (Settlement.LINEAR.value, Settlement.INVERSE.value):
        raise refuse("settlement", settlement, "'linear' or 'inverse'")
    unit = market.price_of(cash)
    if unit is None or unit.price <= 0.0:
        raise refuse(f"market.assets.{cash}", None, "a USD price of the collateral")
    coin = _underlying(market, underlying)
    expiry, forward, strikes, vols = _smile(market, coin)
    currency = coin if settlement == "inverse" else cash
    stem = f"{coin}-{expiry:%d%b%y}".upper()
    rows, marks, positions = [], {}, []
    for name, kind, terms, strike, quantity in LEGS:
        own = dict(terms)
        for field in sorted({"barrier", "cash", "cap"} & own.keys()):
            own[field] = _rounded(own[field] * forward)
        if kind == "asian_option":
            own["fixings"] = [expiry - timedelta(days=6.0 - i) for i in range(7)]
        if kind != "perpetual_option":
            own["expiry"] = expiry
        level = _rounded(strike * forward)
        label = f"{stem}-{level:g}-{name}" if kind != "perpetual_option" else f"{coin}-{level:g}-{name}"
        shared = {"name": label, "underlying": coin, "settlement": settlement, "currency": currency}
        rows.append({"kind": kind, **shared, "strike": level, **own})
        marks[label] = {"vol": float(vols[np.argmin(np.abs(strikes - level))])}
        positions.append({"instrument": label, "quantity": quantity})
    content = market.to_dict()
    content["instruments"] = [*content["instruments"], *rows]
    content["marks"] = {**content["marks"], **marks}
    listed = Market.from_dict(content, "sample market")
    plan = compile_plan([listed.contracts[str(p["instrument"])] for p in positions], listed)
    sizes = np.array([leg[-1] for leg in LEGS])
    moves = grid([0.84, 0.92, 1.0, 1.08, 1.16], [0.4, -0.22])
    worst = float((sizes[:, None] * plan_pnl(plan, moves, "usd")).sum(axis=0).min())
    value = float(sizes @ unit_values(plan, grid([1.0], [0.0]), "usd")[:, 0])
    hedge = _perpetual(market, coin, settlement, currency)
    if hedge is not None:
        positions.append({"instrument": hedge.name, "quantity": -0.25 / _coins(hedge, market)})
    usd = 1.5 * max(-worst, 0.02 * forward) - min(value, 0.0)
    account = {
        "schema": Account.SCHEMA,
        "schema_version": Account.VERSION,
        "name": f"sample of exotic options on {coin}",
        "as_of": market.time,
        "positions": positions,
        "collateral": {cash: float(np.ceil(usd / unit.price / 100.0) * 100.0)},
    }
    return Account.from_dict(account, "sample book"), listed


def _underlying(market: Market, asked: str | None) -> str:
    listed = sorted({c.underlying for c in market.instruments if c.underlying in market.indices})
    if asked is None and listed:
        return listed[0]
    if asked is None or asked not in listed:
        raise refuse("underlying", asked, "one of " + (", ".join(listed) or "the market's, which lists none"))
    return asked


def _smile(market: Market, coin: str) -> tuple[datetime, float, Any, Any]:
    """Expiry, forward, strikes and volatilities of the vanilla options of the expiry nearest to `DAYS`."""
    found: dict[datetime, list[tuple[float, float]]] = {}
    options = [c for c in market.instruments if isinstance(c, Option) and c.underlying == coin]
    plan = compile_plan(options, market)
    for i, option in enumerate(options):
        if i not in plan.failures and market.seconds_to(option.expiry) >= 8.0 * DAY_SECONDS and plan.vol[i] > 0.0:
            found.setdefault(option.expiry, []).append((option.strike, float(plan.vol[i])))
    if not found:
        raise refuse(
            "market.instruments", f"no usable option on {coin}", "an option of a week or more with a volatility"
        )
    expiry = min(found, key=lambda e: (abs(market.seconds_to(e) - DAYS * DAY_SECONDS), e))
    forward = market.expiry_table[coin, expiry].forward
    assert forward is not None
    strikes, vols = np.array(sorted(found[expiry])).T
    return expiry, forward.price, strikes, vols


def _perpetual(market: Market, coin: str, settlement: str, currency: str) -> Perpetual | None:
    """The first marked perpetual by name that settles as the options do."""
    for contract in sorted(market.instruments, key=lambda c: c.name):
        mark = market.marks.get(contract.name)
        same = isinstance(contract, Perpetual) and contract.underlying == coin and contract.currency == currency
        if same and contract.settlement == settlement and mark is not None and mark.price:  # type: ignore[union-attr]
            return contract  # type: ignore[return-value]
    return None


def _coins(perpetual: Perpetual, market: Market) -> float:
    if perpetual.settlement is Settlement.INVERSE:
        return perpetual.multiplier / float(market.marks[perpetual.name].price or np.nan)
    return perpetual.multiplier


def _rounded(value: float) -> float:
    """Three digits, which reads like a listed level."""
    return float(f"{value:.3g}")
