"""A reproducible random venue of accounts in linear contracts, for the study of a new schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np

from plimsoll.documents import refuse
from plimsoll.laboratory.fleet import FleetArrays, usual_lot
from plimsoll.laboratory.instruments import Instrument
from plimsoll.laboratory.setup import CascadeVenue
from plimsoll.margin.parts.tiers import Tier, TierTable
from plimsoll.rates.impact import Fleet
from plimsoll.rates.schedule import RateSchedule, initial_margin

USUAL_PRICES = {"BTC": 88_000.0, "ETH": 3_000.0, "SOL": 180.0}
USUAL_VOLUME = {"BTC": 2.0e10, "ETH": 9.0e9, "SOL": 1.5e9}


def sample_fleet(
    schedule: RateSchedule,
    accounts: int = 1000,
    seed: int = 7,
    prices: Mapping[str, float] | None = None,
    volume: Mapping[str, float] | None = None,
) -> Fleet:
    """Accounts that were all opened within their initial margin under `schedule`, two thirds of the positions long.

    Sizes are lognormal around 30,000 USD with a heavy tail; equity is the initial margin times one plus an
    exponential, so that many accounts stand close to it. Prices and volumes default to round ones of BTC, ETH and SOL;
    assets are those of both the schedule and the prices. Same arguments, same document.

    Raises `DocumentError` for no account or no common asset.
    """
    if accounts < 1:
        raise refuse("accounts", accounts, "at least 1")
    quotes = dict(USUAL_PRICES if prices is None else prices)
    traded = dict(USUAL_VOLUME if volume is None else volume)
    assets = [a for a in quotes if a in schedule.assets]
    if not assets:
        raise refuse("schedule.assets", sorted(schedule.assets), f"one of {', '.join(quotes)}")
    random = np.random.default_rng(seed)
    rows = []
    for k in range(accounts):
        chosen = random.permutation(len(assets))[: int(random.integers(1, len(assets) + 1))]
        total = float(np.exp(random.normal(np.log(30_000.0), 1.8)))
        signs = random.choice((-1.0, 1.0), size=chosen.size, p=(1 / 3, 2 / 3))
        parts = random.dirichlet(np.ones(chosen.size)) * total * signs
        margin = sum(
            float(initial_margin(schedule.assets[assets[i]], np.array([v]))[0])
            for i, v in zip(chosen, parts, strict=True)
        )
        rows.append(
            {
                "name": f"account-{k + 1:05d}",
                "equity": round(margin * (1.0 + float(random.exponential(0.6))), 2),
                "positions": {assets[i]: float(v) / quotes[assets[i]] for i, v in zip(chosen, parts, strict=True)},
            }
        )
    return Fleet.from_dict(
        {
            "schema": Fleet.SCHEMA,
            "schema_version": Fleet.VERSION,
            "prices": {a: quotes[a] for a in assets},
            "volume": {a: traded[a] for a in assets},
            "accounts": tuple(rows),
        }
    )


def sample_schedule() -> RateSchedule:
    """Round rates for samples, of no venue: 1, 2.5 and 5 % of maintenance to 100,000, 1,000,000 USD and beyond, twice
    as much initial margin."""
    table = TierTable(
        tiers=tuple(
            Tier(upto=upto, maintenance=rate, initial=2.0 * rate)
            for upto, rate in ((1e5, 0.01), (1e6, 0.025), (None, 0.05))
        )
    )
    return RateSchedule(
        name="sample", effective=datetime(2026, 1, 1, tzinfo=UTC), assets=dict.fromkeys(USUAL_PRICES, table)
    )


def sample_fleet_arrays(
    schedule: RateSchedule,
    venue: CascadeVenue,
    accounts: int = 100_000,
    seed: int = 7,
    prices: Mapping[str, float] | None = None,
) -> FleetArrays:
    """Accounts by the same law as `sample_fleet`, drawn together, as arrays in whole lots: 10^5 in a second.

    Sizes, sides, shares and equity follow the same distributions, from other draws. Positions count as entered at the
    prices. Raises `DocumentError` for no account or no common asset.
    """
    if accounts < 1:
        raise refuse("accounts", accounts, "at least 1")
    quotes = dict(USUAL_PRICES if prices is None else prices)
    assets = [a for a in quotes if a in schedule.assets]
    if not assets:
        raise refuse("schedule.assets", sorted(schedule.assets), f"one of {', '.join(quotes)}")
    random, many, unit = np.random.default_rng(seed), len(assets), 10.0**venue.decimals
    held = random.random((accounts, many)).argsort(axis=1) < random.integers(1, many + 1, accounts)[:, None]
    weight = np.where(held, random.exponential(size=(accounts, many)), 0.0)
    total = np.exp(random.normal(np.log(30_000.0), 1.8, accounts))
    sign = np.where(random.random((accounts, many)) < 2.0 / 3.0, 1.0, -1.0)
    notional = sign * weight / weight.sum(axis=1, keepdims=True) * total[:, None]
    margin = sum(initial_margin(schedule.assets[a], notional[:, n]) for n, a in enumerate(assets))
    equity = margin * (1.0 + random.exponential(0.6, accounts))
    instruments = tuple(Instrument(a, a, venue.lots.get(a, usual_lot(quotes[a]))) for a in assets)
    each = np.array([round(quotes[i.name] * i.lot * unit) for i in instruments], dtype=np.int64)
    lots = np.rint(notional / np.array([quotes[i.name] * i.lot for i in instruments])).astype(np.int64)
    filled = lots != 0
    rows, columns = np.nonzero(filled)
    cost = lots[rows, columns] * each[columns]
    cash = np.floor(equity * unit).astype(np.int64)
    np.subtract.at(cash, rows, cost)
    return FleetArrays(
        instruments,
        {a: quotes[a] for a in assets},
        (venue.currency,),
        (venue.decimals,),
        np.concatenate([[0], np.cumsum(filled.sum(axis=1))]).astype(np.int64),
        columns.astype(np.int64),
        lots[rows, columns],
        cash.reshape(-1, 1),
        cost,
        np.arange(accounts, dtype=np.int64),
    )
