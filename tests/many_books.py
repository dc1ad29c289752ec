"""Random blocks of accounts over the contracts of one random world, and what the exact engine says of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import plimsoll as pl
from plimsoll.margin.many import Positions, Totals
from random_books import World, quantities, worlds

LINEAR = {"styles": ("linear",), "kinds": ("option", "option", "option", "perpetual")}
COINS = {"kinds": ("option", "option", "option", "future", "perpetual")}
PACKS: dict[str, dict[str, Any]] = {
    "prbm@2026-01-01": {},
    "dsa@2026-01-01": {},
    "derive-pmrm2@2025-04-18": LINEAR,
    "derive-pmrm1@2025-04-18": LINEAR,
    "derive-srm@2025-04-18": LINEAR,
    "deribit-sm@2022-06-01": COINS,
    "deribit-pm@2024-06-17": COINS,
}
"""A pack of every model and the contracts that it takes, more or less: what it refuses is part of the test."""


@st.composite
def blocks(draw: st.DrawFn, most: int = 10, accounts: int = 6, **kinds: Any) -> tuple[World, Positions]:
    """A world and accounts in its contracts: some empty, some with an instrument twice."""
    world = draw(worlds(most=most, **kinds))
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
    held = np.array([q for _, q in flat], dtype=np.float64)
    return world, Positions(names, indptr, np.array([i for i, _ in flat], dtype=np.int64), held)


def document(positions: Positions, a: int) -> pl.Account:
    """The document of one account, without collateral."""
    held: dict[str, float] = {}
    for j in range(positions.indptr[a], positions.indptr[a + 1]):
        name = positions.instruments[positions.indices[j]]
        held[name] = held.get(name, 0.0) + float(positions.quantity[j])
    rows = [{"instrument": n, "quantity": q} for n, q in held.items() if q != 0.0]
    return pl.Account.from_dict({"schema": "plimsoll.account", "schema_version": 1, "positions": rows})


def same(found: Totals, positions: Positions, model: pl.MarginModel, market: pl.Market, gross: float = 0.0) -> None:
    """Hold every account of a block to `assess`, 1e-9 relative and a hair of the gross notional."""
    for a in range(len(positions)):
        account = document(positions, a)
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
    return sum(50.0 * 8 * leg.multiplier * max(leg.strike, 70_000.0) for leg in world.legs)
