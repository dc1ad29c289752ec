"""Fleets, paths and venues for tests of the cascade: small, random and awkward ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plimsoll.laboratory.fleet import FleetArrays
from plimsoll.laboratory.instruments import Instrument
from plimsoll.laboratory.liquidity import Calm, Liquidity, Makers
from plimsoll.laboratory.policy import StaticRates
from plimsoll.margin.parts.tiers import Tier, TierTable
from plimsoll.rates.schedule import RateSchedule
from plimsoll.scenarios.stress_path import StressPath

ASSETS = ("BTC", "ETH", "SOL")
PRICES = {"BTC": 60_000.0, "ETH": 2_500.0, "SOL": 140.0}


def schedule(scale: float = 1.0) -> RateSchedule:
    table = TierTable(
        tiers=(
            Tier(upto=50_000.0, maintenance=0.01 * scale, initial=0.02 * scale),
            Tier(upto=500_000.0, maintenance=0.025 * scale, initial=0.05 * scale),
            Tier(upto=None, maintenance=0.05 * scale, initial=0.1 * scale),
        )
    )
    return RateSchedule.from_dict(
        {
            "schema": RateSchedule.SCHEMA,
            "schema_version": 1,
            "name": "three tiers",
            "effective": "2026-01-01T00:00:00Z",
            "assets": dict.fromkeys(ASSETS, table),
        }
    )


def rates(scale: float = 1.0) -> StaticRates:
    return StaticRates(schedule(scale))


def liquidity(depth: float = 1e6, refill: float = 0.2, makers: Makers | None = None) -> Liquidity:
    shape = (0.2, 1.0, 4.0)
    return Liquidity(
        underlyings={
            a: Calm(moves=(0.002, 0.01, 0.05), depth=tuple(depth * s * x for s in shape), refill=refill)
            for a, x in zip(ASSETS, (1.0, 0.6, 0.2), strict=True)
        },
        makers=Makers() if makers is None else makers,
    )


def fall(move: float = -0.2, steps: int = 12, *, lag: int = 0, gas: float = 1.0, pegs: int = 0) -> StressPath:
    """All prices go evenly by `move`, minute by minute; `pegs` gives USDC a price that falls to 0.9."""
    part = np.linspace(0.0, 1.0, steps + 1)
    ones = np.ones((steps + 1, len(ASSETS)))
    return StressPath(
        "fall",
        60.0,
        ASSETS,
        1.0 + move * part[:, None] * ones,
        ones.copy(),
        ones.copy(),
        np.full(steps + 1, lag, dtype=np.int64),
        np.linspace(1.0, gas, steps + 1),
        ("USDC",) if pegs else (),
        (1.0 - 0.1 * part[:, None]) if pegs else np.zeros((steps + 1, 0)),
    )


def random_fleet(
    rng: np.random.Generator, accounts: int, *, inverse: bool = False, collateral: bool = False, decimals: int = 6
) -> FleetArrays:
    """Accounts near their line: equity is one to three times a tenth of their largest position."""
    unit = 10**decimals
    kinds = [Instrument(a, a, 10.0 ** -(k + 2)) for k, a in enumerate(ASSETS)]
    currencies, decimal = ["USD"], [decimals]
    if inverse:
        kinds.append(Instrument("BTC-USD", "BTC", 10.0, "inverse"))
        currencies.append("BTC")
        decimal.append(8)
    if collateral:
        currencies.append("USDC")
        decimal.append(6)
    indptr, indices, lots, cash, entry = [0], [], [], [], []
    for _ in range(accounts):
        own = [0] * len(currencies)
        held = np.sort(rng.permutation(len(kinds))[: int(rng.integers(1, len(kinds) + 1))])
        largest = 0.0
        for n in held.tolist():
            what = kinds[n]
            notional = float(np.exp(rng.normal(np.log(30_000.0), 1.0))) * (1 if rng.random() < 0.65 else -1)
            largest = max(largest, abs(notional))
            gain = float(rng.normal(1.0, 0.05))
            if what.kind == "linear":
                price = round(PRICES[what.underlying] * what.lot * unit)
                count, c = round(notional / (PRICES[what.underlying] * what.lot)), 0
            else:
                price = -round(what.lot / PRICES[what.underlying] * 1e8)
                count, c = round(notional / what.lot), 1
            indices.append(n)
            lots.append(count)
            entry.append(round(count * price * gain))
            own[c] -= count * price
        equity = largest * float(rng.uniform(0.03, 0.3))
        if inverse and collateral and rng.random() < 0.3:
            own[1] += round(equity / PRICES["BTC"] * 1e8)
        elif collateral and rng.random() < 0.5:
            own[-1] += round(equity * 1e6)
        else:
            own[0] += round(equity * unit)
        cash.append(own)
        indptr.append(len(indices))
    return FleetArrays(
        tuple(kinds),
        PRICES,
        tuple(currencies),
        tuple(decimal),
        np.array(indptr, dtype=np.int64),
        np.array(indices, dtype=np.int64),
        np.array(lots, dtype=np.int64),
        np.array(cash, dtype=np.int64).reshape(accounts, len(currencies)),
        np.array(entry, dtype=np.int64),
        rng.permutation(accounts).astype(np.int64),
    )


__all__ = [
    "ASSETS",
    "fall",
    "liquidity",
    "random_fleet",
    "rates",
    "schedule",
]


def socialised_last(layers: Sequence[str]) -> tuple[str, ...]:
    """The layers in their order, but for the one that can only be the last."""
    return tuple(sorted(layers, key="socialised".__eq__))
