"""The replay: draws of what the table hides, the venue's deleveraging against ours, and how sure each number is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plimsoll.documents import refuse
from plimsoll.laboratory.replay.calibration import Calibration, Interval, calibrate, halves, interval, resampled
from plimsoll.laboratory.replay.fit import FLAGS, SIDES, ReplayFit, features, fit, shipped_fit
from plimsoll.laboratory.replay.hidden import Assumptions, Event, event, flags_of
from plimsoll.laboratory.replay.marks import Marks, marks_of
from plimsoll.laboratory.replay.positions import F64, I64, Positions
from plimsoll.laboratory.replay.ranking import Pointed, pointed
from plimsoll.laboratory.replay.rounds import Taken, in_proportion, profits_only, queue
from plimsoll.laboratory.replay.whole_units import Ranked, ranked

POLICIES = ("production", "queue by lots", "pro-rata", "profits only")
MEASURES = ("notional", "needed", "taken", "overshoot", "left", "hardest")
ALL = "all"
TOP = 0.01
"""`hardest` is the share of what was taken that this part of the winners bore."""

PUBLISHED_NOTIONAL = 2_103.1e6
PUBLISHED_OVERSHOOT = (45.0e6, 51.7e6)
"""USD, the whole venue in these twelve minutes: closed by deleveraging, and taken beyond need (Chitra, Thogiti,
Trujillo Ramirez and Xu, "Autodeleveraging as Online Learning", table 1)."""

SHARE_DRAWS = 100
WHOLE_ASSETS = 8
"""Assets of a file, those with most positions, that go through the waterfall in whole units."""

Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """One policy on one asset or on all: USD closed, and the rest over the USD that the venue's queue closed.

    `needed` is what those who went under owed, `taken` what winners lost by it, `overshoot` the difference, `left` what
    the venue loses on positions that it keeps; `hardest` is a share of `taken`.
    """

    asset: str
    policy: str
    notional: Interval
    needed: Interval
    taken: Interval
    overshoot: Interval
    left: Interval
    hardest: Interval


@dataclass(frozen=True)
class Varied:
    """What changes when one assumption does: the overshoot of the venue's queue over what it closed, and of the queue
    by lots, over all assets."""

    what: str
    production: Interval
    by_lots: Interval


@dataclass(frozen=True)
class Share:
    """The part of an asset's side that has a flag: as the fit has it, and as observed (None without flags)."""

    asset: str
    side: str
    flag: str
    predicted: Interval
    observed: float | None


@dataclass(frozen=True, eq=False)
class Replay:
    """Everything that a replay found. `flags` is `file`, or `fit` where the table has none; `draws` that made a number
    of those asked are `made`. `overshoots` `[draws, assets + 1]` are those of the venue's queue, all together last."""

    source: str
    positions: int
    accounts: int
    assets: tuple[str, ...]
    seed: int
    draws: int
    made: int
    flags: str
    fitted: str
    fit: ReplayFit
    marks: Mapping[str, Marks]
    traps: Mapping[str, int]
    shares: tuple[Share, ...]
    calibration: tuple[Calibration, ...]
    pointed: tuple[Pointed, ...]
    outcomes: tuple[Outcome, ...]
    sensitivity: tuple[Varied, ...]
    ranked: tuple[Ranked, ...]
    skipped: Mapping[str, str]
    overshoots: F64

    def outcome(self, asset: str, policy: str) -> Outcome:
        """One policy on one asset, or on `all`."""
        return next(o for o in self.outcomes if o.asset == asset and o.policy == policy)

    @property
    def published(self) -> tuple[float, float]:
        """The published overshoot of the venue over what it closed: least and greatest."""
        return PUBLISHED_OVERSHOOT[0] / PUBLISHED_NOTIONAL, PUBLISHED_OVERSHOOT[1] / PUBLISHED_NOTIONAL


def replay(
    positions: Positions,
    *,
    model: ReplayFit | None = None,
    given: Mapping[str, tuple[float, float]] | None = None,
    assumed: Assumptions | None = None,
    seed: int = 0,
    draws: int = 200,
    vary: bool = True,
    told: Told | None = None,
) -> Replay:
    """Fit on half of the accounts, test on the other half, and draw the deleveraging `draws` times.

    Each draw takes its accounts anew (bootstrap), its coefficients and entries from their posteriors, everything hidden
    from these, and a path. Same table, seed and build: same bits. With `model` nothing is fitted; without flags and
    without a model the shipped fit answers, and flags are drawn as well. Without `vary` there is no sensitivity.
    Raises `DocumentError` where no asset has anything to replay.
    """
    assumed = assumed or Assumptions()
    if draws < 2:
        raise refuse("--draws", draws, "two or more")
    marks = marks_of(positions, given)
    known = positions.liquidated is not None
    chosen = halves(positions, seed)
    source = "a file"
    if model is None:
        model, source = (
            (fit(positions.rows(chosen), marks), "half of the accounts") if known else (shipped_fit(), "shipped")
        )
    sensitivities = variations(assumed) if vary else ()
    steps, few = 3 + draws + len(sensitivities), max(20, draws // 8)
    tell = told or _silent
    tell("testing the fit", 0, steps)
    tests = calibrate(positions, marks, model, chosen, seed) if known else ()
    order = pointed(positions, marks, model, chosen, assumed, seed) if known else ()
    shares = _shares(positions, marks, model, seed)
    parts = [(np.flatnonzero(positions.asset == a), positions.rows(positions.asset == a)) for a in positions.assets]
    weights = resampled(positions.account, draws, np.random.default_rng([seed, 3]))
    found = np.full((draws, len(positions.assets) + 1, len(POLICIES), len(MEASURES)), np.nan)
    for d in range(draws):
        tell("drawing what is hidden", 1 + d, steps)
        found[d] = _draw(parts, marks, model, weights[d], assumed, [seed, 4, d])
    made = int(np.isfinite(found[:, -1, 0, 0]).sum())
    if not made:
        got = "no asset with liquidated longs and deleveraged shorts"
        raise refuse(
            "was_liquidated, was_adl", got, "an asset with both, in which something was closed", positions.source
        )
    varied = []
    for k, (what, other) in enumerate(sensitivities):
        tell("varying what is assumed", 1 + draws + k, steps)
        rows = np.stack(
            [_draw(parts, marks, model, weights[d], other, [seed, 4, d])[-1] for d in range(min(few, draws))]
        )
        at = MEASURES.index("overshoot")
        varied.append(Varied(what, _middle(rows[:, 0, at]), _middle(rows[:, 1, at])))
    tell("the waterfall in whole units", steps - 2, steps)
    outcomes = tuple(
        Outcome(asset, policy, *(_middle(found[:, a, p, m]) for m in range(len(MEASURES))))
        for a, asset in enumerate((*positions.assets, ALL))
        if np.isfinite(found[:, a, 0, 0]).any()
        for p, policy in enumerate(POLICIES)
    )
    whole, skipped = _whole_units(positions, marks, model, assumed, seed)
    return Replay(
        source=positions.source,
        positions=len(positions),
        accounts=len(set(positions.account.tolist())),
        assets=positions.assets,
        seed=seed,
        draws=draws,
        made=made,
        flags="file" if known else "fit",
        fitted=source,
        fit=model,
        marks=marks,
        traps=positions.traps(),
        shares=shares,
        calibration=tests,
        pointed=order,
        outcomes=outcomes,
        sensitivity=tuple(varied),
        ranked=whole,
        skipped=skipped,
        overshoots=found[:, :, 0, MEASURES.index("overshoot")],
    )


def _silent(text: str, done: int, total: int) -> None:
    """Nobody is told."""


def _middle(draws: F64) -> Interval:
    known = draws[np.isfinite(draws)]
    return interval(float(np.median(known)) if known.size else float("nan"), draws)


def variations(base: Assumptions) -> tuple[tuple[str, Assumptions], ...]:
    """What is varied, one at a time, beside the base."""
    rows = (
        ("nothing", base),
        ("path: half the rounds", replace(base, rounds=max(1, base.rounds // 2))),
        ("path: twice the rounds", replace(base, rounds=base.rounds * 2)),
        ("path: one step in a round", replace(base, steps=1)),
        ("path: 3 % deeper", replace(base, deeper=min(0.99, base.deeper + 0.03))),
        ("judged at the lowest mark", replace(base, horizon="low")),
        ("judged at the end of the window", replace(base, horizon="end")),
        ("fee of 0.1 %", replace(base, fee=0.001)),
        ("maintenance: half", replace(base, maintenance=base.maintenance / 2.0)),
        ("maintenance: twice", replace(base, maintenance=base.maintenance * 2.0)),
        ("leverage: half", replace(base, leverage=base.leverage / 2.0)),
        ("leverage: twice", replace(base, leverage=base.leverage * 2.0)),
        ("entries: half as wide", replace(base, width=base.width / 2.0)),
        ("entries: twice as wide", replace(base, width=base.width * 2.0)),
        ("close at the oracle's last price", replace(base, close_at="oracle")),
        ("venue closes lots, not positions", replace(base, whole=False)),
        ("without those still open", replace(base, pure=True)),
    )
    return tuple(r for i, r in enumerate(rows) if i == 0 or r[1] != base)


def _draw(
    parts: Sequence[tuple[I64, Positions]],
    marks: Mapping[str, Marks],
    model: ReplayFit,
    weight: F64,
    assumed: Assumptions,
    key: Sequence[int],
) -> F64:
    """`[assets + 1, policies, measures]` of one draw; NaN where an asset has nothing to replay."""
    found = np.full((len(parts) + 1, len(POLICIES), len(MEASURES)), np.nan)
    totals = np.zeros((len(POLICIES), 4))
    closed_by_venue = 0.0
    for a, (rows_of, there) in enumerate(parts):
        # streams of its own for each asset, so that varying one assumption moves nothing else
        likely = flags_of(there, marks, model, np.random.default_rng([*key, a, 0]))
        made = event(there, marks, model, weight[rows_of], likely, assumed, np.random.default_rng([*key, a, 1]))
        if made is None:
            continue
        rows = policies(made, assumed)
        base = rows[0].notional
        if base <= 0.0:
            continue
        for p, t in enumerate(rows):
            dollars = (t.notional, t.needed, t.taken, t.left)
            totals[p] += dollars
            found[a, p] = _measures(dollars, base, hardest(t.burden))
        closed_by_venue += base
    if closed_by_venue > 0.0:
        for p in range(len(POLICIES)):
            t = totals[p]
            found[-1, p] = _measures((t[0], t[1], t[2], t[3]), closed_by_venue, float("nan"))
    return found


def _measures(dollars: tuple[float, float, float, float], base: float, share: float) -> F64:
    notional, needed, taken, left = dollars
    return np.array([notional, needed / base, taken / base, (taken - needed) / base, left / base, share])


def policies(made: Event, assumed: Assumptions) -> tuple[Taken, ...]:
    """Each of `POLICIES` on one draw."""
    horizon, end = assumed.horizon, made.marks.end
    return (
        queue(made.winners, made.ask, whole=assumed.whole, close_at=assumed.close_at, horizon=horizon, end=end),
        queue(made.winners, made.ask, whole=False, horizon=horizon, end=end),
        in_proportion(made.winners, made.ask, horizon=horizon, end=end),
        profits_only(made.winners, made.ask, horizon=horizon, end=end),
    )


def hardest(burden: F64) -> float:
    """The share of all that is taken that the hardest hit `TOP` of the winners bear; NaN where nothing is."""
    total = float(burden.sum())
    if total <= 0.0:
        return float("nan")
    count = max(1, round(TOP * burden.size))
    return float(np.sort(burden)[::-1][:count].sum() / total)


def _shares(positions: Positions, marks: Mapping[str, Marks], model: ReplayFit, seed: int) -> tuple[Share, ...]:
    """Predicted shares of each flag by asset and side, over draws of the coefficients and of the flags."""
    made = features(positions, marks, model.assets, (model.size_centre, model.size_scale))
    found = []
    for s, (side, long) in enumerate(zip(SIDES, (True, False), strict=True)):
        here = positions.closed & (positions.long == long)
        for f, flag in enumerate(FLAGS):
            random = np.random.default_rng([seed, 5, f, s])
            regression, x = model.model(long, flag), getattr(made, flag)[here]
            drawn = [regression.chance(x, regression.draw(random)) for _ in range(SHARE_DRAWS)]
            hits = np.array([random.random(len(c)) < c for c in drawn])
            chance = regression.chance(x)
            y = getattr(positions, flag)
            for asset in positions.assets:
                rows = positions.asset[here] == asset
                if rows.any():
                    observed = None if y is None else float(y[here][rows].mean())
                    shares = hits[:, rows].mean(axis=1)
                    found.append(Share(asset, side, flag, interval(float(chance[rows].mean()), shares), observed))
    order = {name: k for k, name in enumerate((*positions.assets, *SIDES, *FLAGS))}
    found.sort(key=lambda s: (order[s.asset], order[s.side], order[s.flag]))
    return tuple(found)


def _whole_units(
    positions: Positions, marks: Mapping[str, Marks], model: ReplayFit, assumed: Assumptions, seed: int
) -> tuple[tuple[Ranked, ...], dict[str, str]]:
    """One draw of each asset through the waterfall, and why an asset has none."""
    names, counts = np.unique(positions.asset, return_counts=True)
    largest = set(names[np.argsort(-counts, kind="stable")[:WHOLE_ASSETS]].tolist())
    rows: list[Ranked] = []
    skipped: dict[str, str] = {}
    for a, asset in enumerate(positions.assets):
        if asset not in largest:
            skipped[asset] = f"in no whole units: not among the {WHOLE_ASSETS} assets with most positions"
            continue
        there = positions.rows(positions.asset == asset)
        likely = flags_of(there, marks, model, np.random.default_rng([seed, 6, a, 0]))
        one = np.random.default_rng([seed, 6, a, 1])
        made = event(there, marks, model, np.ones(len(there)), likely, assumed, one)
        if made is None:
            skipped[asset] = "no liquidated long went under, or no short was deleveraged"
        else:
            rows.extend(ranked(made))
    return tuple(rows), skipped
