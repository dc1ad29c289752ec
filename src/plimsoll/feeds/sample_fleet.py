"""A reproducible random venue of accounts in linear contracts, for the study of a new schedule."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plimsoll.documents import refuse
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
