"""Random blocks of accounts over the contracts of one random world, and what the exact engine says of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

import plimsoll as pl
from plimsoll.margin.many import Positions, Totals
from random_books import INDEX, World, quantities, worlds

LINEAR: dict[str, Any] = {"styles": ("linear",), "kinds": ("option", "option", "option", "perpetual")}
COINS: dict[str, Any] = {"kinds": ("option", "option", "option", "future", "perpetual")}
ONE: dict[str, Any] = {"underlyings": ("BTC",)}
OPTIONS: dict[str, Any] = {"kinds": ("option",)}
INVERSE: dict[str, Any] = {"styles": ("inverse",)}
FUTURES: dict[str, Any] = {"kinds": ("future", "perpetual")}
TETHER: dict[str, Any] = {"styles": ("linear",), "coin": "USDT"}
SWAPS: dict[str, Any] = {"styles": ("linear",), "kinds": ("perpetual",)}
PACKS: dict[str, tuple[dict[str, Any], ...]] = {
    "prbm@2026-01-01": ({},),
    "prbm-whole@2026-01-01": ({},),
    "dsa@2026-01-01": ({},),
    "span@2026-01-01": ({},),
    "lending@2026-01-01": (COINS,),
    "span-arrays@2024-12-25": (ONE,),
    "derive-pmrm2@2025-04-18": (LINEAR | ONE, LINEAR | ONE, LINEAR),
    "derive-pmrm1@2025-04-18": (LINEAR | ONE, LINEAR | ONE, LINEAR),
    "derive-srm@2025-04-18": (LINEAR,),
    "deribit-sm@2022-06-01": (COINS | INVERSE | ONE, COINS | ONE),
    "deribit-pm@2023-10-30": (COINS | INVERSE | ONE, COINS | {"styles": ("linear",)}, COINS | ONE),
    "deribit-pm@2024-06-17": (COINS | INVERSE | ONE, COINS | {"styles": ("linear",)}, COINS | ONE),
    "binance-usdm@2025-01-01": (FUTURES | TETHER, FUTURES | TETHER, COINS | TETHER),
    "binance-coinm@2025-01-01": (FUTURES | INVERSE | ONE, FUTURES | INVERSE),
    "binance-pm@2025-02-06": (FUTURES | {"coin": "USDT"} | ONE, FUTURES | TETHER),
    "binance-options@2025-01-01": ({"kinds": ("option",)} | TETHER, COINS | TETHER),
    "hyperliquid-perps@2026-01-01": (SWAPS, SWAPS, LINEAR),
    "hyperliquid-pm@2026-08-01": (SWAPS, SWAPS, LINEAR),
    "paradex-pm@2025-06-01": (LINEAR,),
    "paradex-pm@2026-06-01": (LINEAR,),
    "paradex-xm@2025-01-01": (LINEAR,),
    "paradex-xm@2026-06-01": (LINEAR,),
    "aevo-sm@2024-01-01": (LINEAR | {"kinds": ("option",)}, LINEAR),
    "aevo-pm@2024-01-01": (LINEAR | {"underlyings": ("ETH",)}, LINEAR | {"underlyings": ("ETH",)}, LINEAR),
    "dydx-v4@2026-09-01": (SWAPS, SWAPS, LINEAR),
    "okx-pm@2025-01-15": (COINS, COINS | ONE),
    "okx-futures@2023-05-19": ({"kinds": ("perpetual", "future"), "underlyings": ("ETH",)} | INVERSE,),
    "okx-margin@2023-01-15": (COINS,),
    "okx-options@2026-05-01": (OPTIONS | INVERSE | ONE, OPTIONS | {"styles": ("linear",)}, OPTIONS | ONE),
    "bybit-uta@2025-09-05": (LINEAR, {"kinds": ("future", "perpetual")}, COINS),
    "bybit-pm@2026-03-24": (LINEAR, COINS | {"styles": ("linear",)}, COINS),
    "drift@2026-05-01": (SWAPS, SWAPS, LINEAR),
    "synthetix-v3@2025-07-01": (SWAPS | {"coin": "USD"}, SWAPS | {"coin": "USD"}, LINEAR | {"coin": "USD"}),
    "opyn-naked@2022-09-01": (OPTIONS, OPTIONS | {"styles": ("linear",)} | ONE),
    "opyn-spread@2022-09-01": (OPTIONS, OPTIONS | {"styles": ("linear",)} | ONE),
    "gmx-v2@2026-04-01": (SWAPS,),
}
"""A pack of every model and the contracts that it takes, more or less: what it refuses is part of the test."""


STRIKES = st.sampled_from([0.0, 0.9, 1.0, 1.1])
TRUST = st.sampled_from([1.0, 1.0, 0.9, 0.54, 0.3, 0.0])


@st.composite
def blocks(draw: st.DrawFn, pack: str, most: int = 10, accounts: int = 6) -> tuple[World, Positions]:
    """A world and accounts in its contracts: some empty, some with an instrument twice."""
    world = draw(worlds(most=most, **draw(st.sampled_from(PACKS[pack]))))
    if draw(st.booleans()):
        # few strikes, so that options meet
        legs = [replace(leg, strike=INDEX[leg.underlying] * draw(STRIKES)) for leg in world.legs]
        world = replace(world, legs=tuple(legs))
    names = tuple(leg.name for leg in world.legs)
    rows = draw(
        st.lists(
            st.lists(st.tuples(st.integers(0, len(names) - 1), quantities() | st.just(0.0)), max_size=8),
            min_size=1,
            max_size=accounts,
        )
    )
    flat = [lot for row in rows for lot in row]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    held = np.array([q for _, q in flat], dtype=np.float64) * draw(st.sampled_from([1.0, 1.0, 300.0]))
    return world, Positions(names, indptr, np.array([i for i, _ in flat], dtype=np.int64), held)


@st.composite
def markets(draw: st.DrawFn, world: World) -> pl.Market:
    """The market of a world with rates, and with doubts about prices now and then."""
    content = world.market()
    if draw(st.booleans()):
        for row in content["expiries"]:
            row["rate"] = {"value": draw(st.sampled_from([-0.1, 0.0, 0.05, 0.3])), "confidence": draw(TRUST)}
            row["forward"]["confidence"] = draw(TRUST)
            row["vol_confidence"] = draw(TRUST)
        for row in [*content["marks"].values(), *content["indices"].values()]:
            row["confidence"] = draw(TRUST)
    return pl.Market.from_dict(content)


def document(positions: Positions, a: int, mode: str = "portfolio") -> pl.Account:
    """The document of one account, without collateral."""
    held: dict[str, float] = {}
    for j in range(positions.indptr[a], positions.indptr[a + 1]):
        name = positions.instruments[positions.indices[j]]
        held[name] = held.get(name, 0.0) + float(positions.quantity[j])
    rows = [{"instrument": n, "quantity": q} for n, q in held.items() if q != 0.0]
    return pl.Account.from_dict({"schema": "plimsoll.account", "schema_version": 1, "mode": mode, "positions": rows})


def same(found: Totals, positions: Positions, model: pl.MarginModel, market: pl.Market, gross: float = 0.0) -> None:
    """Hold every account of a block to `assess`, 1e-9 relative and a hair of the gross notional."""
    for a in range(len(positions)):
        account = document(positions, a, model.MODES[0])
        own = assessed(model, account, market)
        if isinstance(own, pl.DocumentError):
            assert np.isnan([found.initial[a], found.maintenance[a], found.equity[a]]).all()
            told = sorted((p.got, p.allowed) for p in own.problems)
            assert sorted((p.got, p.allowed) for p in found.refused[a]) == told
            assert all(p.path.startswith(f"accounts[{a}]") for p in found.refused[a])
            continue
        assert a not in found.refused
        assert found.currency[a] == (own.currency or model.rules.currency)
        for got, want in (
            (found.initial[a], sum(c.initial for c in own.components)),
            (found.maintenance[a], sum(c.maintenance for c in own.components)),
            (found.equity[a], own.net_equity),
        ):
            assert abs(got - want) <= 1e-9 * max(abs(want), abs(own.net_equity)) + 1e-13 * gross, (a, got, want)


def assessed(model: pl.MarginModel, account: pl.Account, market: pl.Market) -> Any:
    """What the exact engine says, or its refusal."""
    try:
        return model.assess(account, market, "refuse")
    except pl.DocumentError as error:
        return error


def notional(world: World) -> float:
    """What double precision may be about: the sum of the sizes of the legs in USD, at the largest size that is
    drawn.
    """
    return sum(300.0 * 50.0 * 8 * leg.multiplier * max(leg.strike, 70_000.0) for leg in world.legs)
