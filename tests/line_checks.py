"""Lines held to a sweep: every sign change has its line, every line its sign change."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import plimsoll as pl
from line_books import KINDS, Desk, assessed, funded
from naive.line import futures_pools, sign_changes, sweep, tier_points
from plimsoll.liquidation import Line, Path, PoolLines, liquidation
from plimsoll.margin.parts.futures import TieredFutures

LOW, HIGH = 1e-3, 100.0
CLOSE = 1e-9
"""How far on both sides of a line, relative, the account has to be above it here and under it there."""

GRAIN = {"dydx-v4": 5e-6}
"""Rules that charge whole units of a currency: equity less maintenance of a few positions moves in steps up to this."""

STEPS = {"drift": 1e-7}
"""The same for rules that count in whole numbers: nothing moves between two millionths of a dollar of a price."""

Curves = Callable[[Any], dict[str, tuple[Any, Any]]]
"""Multipliers to (equity, maintenance) of each pool."""


@dataclass
class Found:
    """What a sweep of accounts under one rule set met."""

    rules: str
    accounts: int = 0
    prices: int = 0
    pools: int = 0
    changes: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    sides: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


def by_tiers(model: pl.MarginModel) -> bool:
    """Whether the model is held to closed forms: futures by tiers with the arithmetic that they share."""
    return isinstance(model, TieredFutures) and type(model).along is TieredFutures.along


def naive_curves(
    model: TieredFutures, account: pl.Account, market: pl.Market, path: Path
) -> tuple[Curves, list[float]]:
    """Closed forms of a tier venue along a path, and the multipliers of the path at which tiers end."""
    rules = {}
    for p in account.positions:
        contract = market.contracts[p.instrument]
        found = model.rule(contract)
        assert found is not None
        table, unit = found[1].model_dump(), found[2]
        rules[p.instrument] = {"table": table, "unit": unit, "fee": model.close_fee_rate(contract)}
    content, snapshot = account.to_dict(), market.to_dict()
    # a document leaves out what is empty
    content.setdefault("collateral", {})
    points = [
        k ** (1.0 / path.betas[u])
        for u, ks in tier_points(content, snapshot, rules).items()
        for k in ks
        if path.betas.get(u, 0.0) != 0.0
    ]

    def curves(m: Any) -> dict[str, tuple[Any, Any]]:
        return futures_pools(content, snapshot, rules, {u: m**b for u, b in path.betas.items()})

    return curves, points


def slow_curves(model: pl.MarginModel, account: pl.Account, market: pl.Market, path: Path) -> Curves:
    """The requirement computed again in each moved market."""

    def curves(m: Any) -> dict[str, tuple[Any, Any]]:
        tracks = assessed(model, account, market, path, m)
        return {s: (t.equity, t.maintenance) for s, t in tracks.items()}

    return curves


def drawn(desk: Desk, seed: int, points: int, most: int, reach: float) -> tuple[Any, ...]:
    """Account with the cash of its kind, market, path, kind, multipliers, and the sweep before the cash was changed."""
    model, kind, reached = desk.model, KINDS[seed % len(KINDS)], ""
    for attempt in range(12 if by_tiers(model) else 2):
        name = f"{seed}" if attempt == 0 else f"{seed} again {attempt}"
        dice = random.Random(f"cash {model.rules.label} {name}")
        account, market, path = desk.draw(name, most, turning=kind in ("tangent", "two"))
        (currency,) = account.collateral
        curves, kinks = curves_of(model, account, market, path)
        m = sweep(1.0 / reach if reach < HIGH else LOW, reach, points, kinks)
        before = curves(m)
        main = next(s for s in before if s in ("account", "shared"))
        excess = before[main][0] - before[main][1]
        richer = account.model_copy(update={"collateral": {currency: 1.0e4}})
        there = slow_curves(model, richer, market, path)(np.ones(1))[main][0][0]
        worth = (there - before[main][0][m == 1.0][0]) / (1.0e4 - account.collateral[currency])
        funds, reached = funded(account, kind, m, excess, worth, dice)
        if reached == kind:
            break
    return funds, market, path, reached, m, before, main


def curves_of(model: pl.MarginModel, account: pl.Account, market: pl.Market, path: Path) -> tuple[Curves, list[float]]:
    """The twin's curves and where it says that they may bend, along the path."""
    if by_tiers(model):
        return naive_curves(model, account, market, path)  # type: ignore[arg-type]
    kinks = [
        k ** (1.0 / path.betas[u])
        for u, ks in model.kinks(account, market).items()
        for k in ks.tolist()
        if path.betas.get(u, 0.0) != 0.0
    ]
    return slow_curves(model, account, market, path), kinks


def check(
    desk: Desk, seed: int, points: int, tally: Found, most: int = 5, reach: float = HIGH, start: int | None = None
) -> None:
    """Draw an account, give it the cash of its kind, and hold its lines to a sweep of `points` prices and all kinks.

    Prices up to times `reach`; the search begins with `start` points.
    """
    account, market, path, kind, m, before, main = drawn(desk, seed, points, most, reach)
    curves, _ = curves_of(desk.model, account, market, path)
    found = liquidation(desk.model, account, market, path, low=float(m[0]), high=float(m[-1]), points=start)
    swept = curves(m) if by_tiers(desk.model) else _lifted(before, main, curves, m)
    assert {p.subject for p in found.pools} == set(swept)
    tally.accounts += 1
    tally.prices += m.size
    tally.kinds[kind] += 1
    grain = GRAIN.get(desk.model.MODEL, 0.0)
    for pool in found.pools:
        held(pool, m, *swept[pool.subject], at=lambda x, s=pool.subject: curves(x)[s], tally=tally, grain=grain)  # type: ignore[misc]


def _lifted(before: dict[str, tuple[Any, Any]], main: str, curves: Curves, m: Any) -> dict[str, tuple[Any, Any]]:
    """The sweep with other cash: its shared equity higher by what that adds, the same in three places, else anew."""
    few = np.array([m[m.size // 3], 1.0, m[2 * m.size // 3]])
    after = curves(few)
    at = [int(np.flatnonzero(m == x)[0]) for x in few]
    lifts = after[main][0] - before[main][0][at]
    same = np.abs(after[main][1] - before[main][1][at]).max() <= 1e-9 * np.abs(before[main][1]).max()
    if not same or np.ptp(lifts) > 1e-9 * (np.abs(lifts).max() + np.abs(before[main][0][at]).max()):
        return curves(m)
    return before | {main: (before[main][0] + lifts[1], before[main][1])}


def held(pool: PoolLines, m: Any, equity: Any, maintenance: Any, at: Any, tally: Found, grain: float = 0.0) -> None:
    """Every sign change of the sweep holds an odd number of lines; each line is where the sign changes."""
    crossing = [x for x in pool.lines if x.side != "touching"]
    for low, high in sign_changes(m, equity, maintenance):
        inside = [x for x in crossing if low * (1 - CLOSE) <= x.multiplier <= high * (1 + CLOSE)]
        assert len(inside) % 2 == 1, (
            f"{pool.subject}: between {low!r} and {high!r} the sign changes, lines {pool.lines}"
        )
        tally.changes += 1
    close = STEPS.get(tally.rules.partition("@")[0], CLOSE)
    for line in pool.lines:
        _at_its_place(line, crossing, at, grain, close)
    here = np.flatnonzero(m == 1.0)[0]
    excess = equity[here] - maintenance[here]
    hair = 1e-11 * (abs(equity[here]) + abs(maintenance[here]))
    assert pool.above == (excess >= 0) or abs(excess) <= hair
    distances = [abs(np.log(x.multiplier)) for x in pool.lines]
    assert distances == sorted(distances)
    tally.pools += 1
    tally.lines["3+" if len(pool.lines) > 2 else str(len(pool.lines))] += 1
    tally.sides.update(x.side for x in pool.lines)


def _at_its_place(line: Line, crossing: list[Line], at: Any, grain: float, close: float) -> None:
    others = [x.multiplier for x in crossing if x is not line]
    if any(abs(x / line.multiplier - 1.0) < 3 * close for x in others):
        return
    equity, maintenance = at(line.multiplier * np.array([1.0 - close, 1.0, 1.0 + close]))
    excess, size = equity - maintenance, np.abs(equity) + np.abs(maintenance)
    clear = np.abs(excess) > np.maximum(1e-12 * size, grain)
    if line.side == "touching":
        assert (excess >= -np.maximum(1e-11 * size, grain)).all(), line
    elif line.side == "falling":
        assert not clear[0] or excess[0] < 0, (line, excess)
        assert not clear[2] or excess[2] > 0, (line, excess)
    else:
        assert not clear[0] or excess[0] > 0, (line, excess)
        assert not clear[2] or excess[2] < 0, (line, excess)
