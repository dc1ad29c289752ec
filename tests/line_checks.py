"""Lines held to a sweep: every sign change has its line, every line its sign change.

Three kinds of sweep. Futures by tiers have closed forms that share no code with the package. A model with arithmetic of
its own for a path is swept with that, and what it says is held to the requirement computed again in the moved market
at both sides of every kink, both sides of every line and at prices drawn from the sweep: the search is held to the
sweep, the sweep to the rules. Every other model is assessed again at each price.
"""

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
from plimsoll.documents import DocumentError
from plimsoll.liquidation import Line, Path, PoolLines, liquidation
from plimsoll.margin.parts.futures import TieredFutures
from plimsoll.margin.venues.deribit.sm_charges import DECIMALS

LOW, HIGH = 1e-3, 100.0
CLOSE = 1e-9
"""How far on both sides of a line, relative, the account has to be above it here and under it there."""

ROUGH = 20
"""A book that has to turn is looked for on so many times fewer prices."""

FURTHER = 1e-6
"""How far at most a line is looked at from, where a venue rounds its amounts."""

ONE_BY_ONE = ("span",)
"""Models whose path saves the moved market only, and computes each requirement whole: too slow for ten thousand."""

Curves = Callable[[Any], dict[str, tuple[Any, Any]]]
"""Multipliers to (equity, maintenance) of each pool."""


@dataclass
class Found:
    """What a sweep of accounts under one rule set met.

    `assessed` counts the states in which the requirement was computed again, `furthest` is the largest difference met
    there, as a part of equity and margin.
    """

    rules: str
    accounts: int = 0
    prices: int = 0
    assessed: int = 0
    furthest: float = 0.0
    pools: int = 0
    changes: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    sides: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)


def by_tiers(model: pl.MarginModel) -> bool:
    """Whether the model is held to closed forms: futures by tiers with the arithmetic that they share."""
    return isinstance(model, TieredFutures) and type(model).along is TieredFutures.along


def at_once(model: pl.MarginModel) -> bool:
    """Whether the model has arithmetic of its own for a path, which is swept and held to the assessment."""
    if model.MODEL in ONE_BY_ONE:
        return False
    return not by_tiers(model) and type(model).along is not pl.MarginModel.along


def twin(model: pl.MarginModel) -> str:
    """What the lines of a model are held to, in two words."""
    if by_tiers(model):
        return "closed form"
    return "path, assessed" if at_once(model) else "assessed again"


def rounding(model: pl.MarginModel, account: pl.Account, market: pl.Market, currency: str) -> float:
    """How much the venue's own rounding can move equity or margin.

    Deribit rounds positions and sums to nine decimals of a coin, dYdX charges whole millionths of a dollar, Drift
    counts prices in them. Within it excess is a staircase that may cross zero several times where it would once; one of
    them is reported.
    """
    if model.MODEL.startswith("deribit"):
        # billionths of a coin, which may be told in dollars
        unit = 1.0 if currency in market.indices else max(x.price for x in market.indices.values())
        return 10.0**-DECIMALS * (1 + len(account.positions)) * unit
    if model.MODEL == "dydx-v4":
        return 1e-6 * (2 + len(account.positions))
    if model.MODEL == "drift":
        coins = sum(abs(x) for name, x in account.collateral.items() if not name.startswith("USD"))
        whole = 1 + len(account.positions) + coins + sum(abs(p.quantity) for p in account.positions)
        # sizes are whole billionths of a coin, of which one may have come to a hundred times its price
        return 2e-6 * whole + 0.01 * len(account.positions)
    return 0.0


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
        return {s: (t.equity, t.needed) for s, t in tracks.items()}

    return curves


def path_curves(model: pl.MarginModel, account: pl.Account, market: pl.Market, path: Path) -> Curves:
    """The model's own arithmetic on paths; no number (NaN) where it refuses a state."""

    def tracks(m: Any) -> list[Any]:
        try:
            with np.errstate(all="ignore"):
                return [model.along(account, market, path.at(m))]
        except DocumentError:
            if m.size == 1:
                if m[0] == 1.0:
                    raise
                return [m.size]
        half = m.size // 2
        return tracks(m[:half]) + tracks(m[half:])

    def curves(m: Any) -> dict[str, tuple[Any, Any]]:
        parts = tracks(np.asarray(m))
        subjects = dict.fromkeys(t.subject for part in parts if not isinstance(part, int) for t in part)

        def row(subject: str, name: str) -> Any:
            found = []
            for part in parts:
                own = [] if isinstance(part, int) else [getattr(t, name) for t in part if t.subject == subject]
                found.append(own[0] if own else np.full(part if isinstance(part, int) else len(part[0].equity), np.nan))
            return np.concatenate(found)

        return {s: (row(s, "equity"), row(s, "needed")) for s in subjects}

    return curves


def drawn(desk: Desk, seed: int, points: int, most: int, reach: float) -> tuple[Any, ...]:
    """Account with the cash of its kind, market, path, kind, multipliers, and the sweep before the cash was changed."""
    model, kind, reached = desk.model, KINDS[seed % len(KINDS)], ""
    for attempt in range(2 if twin(model) == "assessed again" else 12):
        name = f"{seed}" if attempt == 0 else f"{seed} again {attempt}"
        dice = random.Random(f"cash {model.rules.label} {name}")
        account, market, path = desk.draw(name, most, turning=kind in ("tangent", "two"))
        (currency,) = account.collateral
        curves, kinks = curves_of(model, account, market, path)
        ends = (1.0 / reach if reach < HIGH else LOW, reach)
        if at_once(model) and kind in ("tangent", "two"):
            rough = sweep(*ends, points // ROUGH, kinks)
            before = curves(rough)
            main = next(s for s in before if s in ("account", "shared"))
            excess = before[main][0] - before[main][1]
            bends = np.sign(np.diff(excess[np.isfinite(excess)]))
            if attempt < 11 and not (bends[1:] != bends[:-1]).any():
                continue
        m = sweep(*ends, points, kinks)
        before = curves(m)
        main = next(s for s in before if s in ("account", "shared"))
        excess = before[main][0] - before[main][1]
        if not np.isfinite(excess).all():
            m, before = _known(m, before)
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
    return (path_curves if at_once(model) else slow_curves)(model, account, market, path), kinks


def check(
    desk: Desk,
    seed: int,
    points: int,
    tally: Found,
    most: int = 5,
    reach: float = HIGH,
    start: int | None = None,
    assessed_at: int = 30,
) -> None:
    """Draw an account, give it the cash of its kind, and hold its lines to a sweep of `points` prices and all kinks.

    Prices up to times `reach`; the search begins with `start` points. A sweep with the model's own arithmetic on paths
    is assessed again at about `assessed_at` prices.
    """
    account, market, path, kind, m, before, main = drawn(desk, seed, points, most, reach)
    curves, kinks = curves_of(desk.model, account, market, path)
    found = liquidation(desk.model, account, market, path, low=float(m[0]), high=float(m[-1]), points=start)
    step = rounding(desk.model, account, market, found.currency)
    if at_once(desk.model):
        # kinks can hang on the cash
        beside = [x for k in kinks for x in (k * (1.0 - 1e-9), k * (1.0 + 1e-9)) if m[0] < x < m[-1]]
        m = np.unique([*m, *beside])
    swept = _lifted(before, main, curves, m) if twin(desk.model) == "assessed again" else curves(m)
    assert {p.subject for p in found.pools} == set(swept)
    if at_once(desk.model):
        at = states_of_interest(m, kinks, [x.multiplier for x in found.lines], assessed_at, random.Random(f"{seed}"))
        as_assessed(slow_curves(desk.model, account, market, path), curves, swept, m, at, tally, step)
    tally.accounts += 1
    tally.prices += m.size
    tally.kinds[kind] += 1
    if twin(desk.model) == "assessed again":
        tally.assessed += m.size
    for pool in found.pools:
        held(pool, m, *swept[pool.subject], at=lambda x, s=pool.subject: curves(x)[s], tally=tally, step=step)  # type: ignore[misc]


def _known(m: Any, curves: dict[str, tuple[Any, Any]]) -> tuple[Any, dict[str, tuple[Any, Any]]]:
    """The stretch around today on which the rules give numbers."""
    fine = np.all([np.isfinite(x) for pair in curves.values() for x in pair], axis=0)
    here = int(np.flatnonzero(m == 1.0)[0])
    gaps = np.flatnonzero(~fine)
    first = int(max((g + 1 for g in gaps if g < here), default=0))
    last = int(min((g for g in gaps if g > here), default=m.size))
    return m[first:last], {s: (e[first:last], x[first:last]) for s, (e, x) in curves.items()}


def states_of_interest(m: Any, kinks: list[float], lines: list[float], count: int, dice: random.Random) -> Any:
    """Multipliers of the sweep at which the requirement is computed again, beside lines first, then beside kinks, then
    anywhere; at most half of them beside kinks where there are very many."""
    beside = [x * (1.0 + e) for x in lines for e in (-CLOSE, CLOSE)]
    bends = [x * (1.0 + e) for x in kinks for e in (-1e-9, 1e-9)]
    bends = [x for x in bends if m[0] < x < m[-1]]
    if len(bends) > count:
        bends = dice.sample(bends, count)
    anywhere = [float(m[dice.randrange(m.size)]) for _ in range(max(count - len(bends), count // 3))]
    return np.unique([*beside, *bends, *anywhere])


def as_assessed(
    slow: Curves, curves: Curves, swept: dict[str, tuple[Any, Any]], m: Any, at: Any, tally: Found, step: float = 0.0
) -> None:
    """The arithmetic on paths gives what the requirement gives, to 1e-9 of equity and margin, state by state, where
    nothing is rounded; a rounded amount may be a `step` off, as the prices of two computations differ in the last bit.
    """
    exact, fast = slow(at), curves(at)
    assert exact.keys() == fast.keys() == swept.keys()
    here = int(np.flatnonzero(m == 1.0)[0])
    place = np.searchsorted(m, at)
    own = (place < m.size) & (m[np.minimum(place, m.size - 1)] == at)
    for subject, (equity, kept) in exact.items():
        size = np.abs(equity) + np.abs(kept)
        today = abs(swept[subject][0][here]) + abs(swept[subject][1][here])
        # where what is far apart cancels, nothing is left but the last bits of its parts
        step = max(step, 1e-15 * float(size.max()))
        for got, swept_one, want in zip(fast[subject], swept[subject], (equity, kept), strict=True):
            off = np.abs(got - want)
            assert (off <= 1e-9 * size + 1e-12 * today + step).all(), (subject, at[np.argmax(off / size)], got, want)
            assert (np.abs(swept_one[place[own]] - want[own]) <= 1e-9 * size[own] + 1e-12 * today + step).all(), subject
            tally.furthest = max(tally.furthest, float((off / (size + today)).max()))
    tally.assessed += at.size


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


def held(pool: PoolLines, m: Any, equity: Any, maintenance: Any, at: Any, tally: Found, step: float = 0.0) -> None:
    """Every sign change of the sweep holds an odd number of lines; each line is where the sign changes.

    `step` is how much the venue's rounding can move the amounts: what is nearer to zero has no sign.
    """
    crossing = [x for x in pool.lines if x.side != "touching"]
    for low, high in sign_changes(m, equity, maintenance, step):
        inside = [x for x in crossing if low * (1 - CLOSE) <= x.multiplier <= high * (1 + CLOSE)]
        assert len(inside) % 2 == 1, (
            f"{pool.subject}: between {low!r} and {high!r} the sign changes, lines {pool.lines}"
        )
        tally.changes += 1
    for line in pool.lines:
        _at_its_place(line, crossing, at, step)
    here = np.flatnonzero(m == 1.0)[0]
    excess = equity[here] - maintenance[here]
    hair = 1e-11 * (abs(equity[here]) + abs(maintenance[here])) + step
    assert pool.above == (excess >= 0) or abs(excess) <= hair
    distances = [abs(np.log(x.multiplier)) for x in pool.lines]
    assert distances == sorted(distances)
    tally.pools += 1
    tally.lines["3+" if len(pool.lines) > 2 else str(len(pool.lines))] += 1
    tally.sides.update(x.side for x in pool.lines)


def _at_its_place(line: Line, crossing: list[Line], at: Any, step: float) -> None:
    others = [x.multiplier for x in crossing if x is not line]
    away = CLOSE
    while not any(abs(x / line.multiplier - 1.0) < 3 * away for x in others):
        equity, maintenance = at(line.multiplier * np.array([1.0 - away, 1.0, 1.0 + away]))
        excess, size = equity - maintenance, np.abs(equity) + np.abs(maintenance)
        clear = np.abs(excess) > 1e-12 * size + step
        if line.side == "touching":
            assert (excess >= -1e-11 * size - step).all(), line
        elif line.side == "falling":
            assert not clear[0] or excess[0] < 0, (line, excess)
            assert not clear[2] or excess[2] > 0, (line, excess)
        else:
            assert not clear[0] or excess[0] > 0, (line, excess)
            assert not clear[2] or excess[2] < 0, (line, excess)
        # as far away as it takes to be clear of the rounding
        away *= 10.0
        if step == 0.0 or (clear[0] and clear[2]) or away > FURTHER:
            return
