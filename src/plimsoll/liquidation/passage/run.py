"""First passage of equity against maintenance margin along joint paths, for every pool of an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.liquidation.evidence import rules_known
from plimsoll.liquidation.passage.between import crossed
from plimsoll.liquidation.passage.estimate import Estimate, chance_of, effective_size, mean_error
from plimsoll.liquidation.passage.stand import Ground, Progress
from plimsoll.liquidation.passage.surface import Told, below
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import ACCOUNT
from plimsoll.market import Market
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Route = Literal["auto", "exact", "surface"]

ANY = "any pool"
"""The subject of the first passage of the pool that is first."""

NOW = -1
"""The instant of a pool that is below its line before anything moves."""


@dataclass(frozen=True, eq=False)
class Passage:
    """When each pool of an account is first below its line, path by path.

    `first[subject][P]` is the instant: its number in `days[K]`, `NOW` for a pool that is below today, `K` where it
    stays above. `hit[K, P]` replaces it where the passage between instants is counted by its probability. `computed`
    states were assessed by the exact engine, `surface` says how many signs came from interpolation and how that was
    checked. `refused` states, for which the rules have no number, count as below.
    """

    account: str
    rules: str
    paths: JointPaths
    first: dict[str, I64]
    hit: F64 | None
    route: str
    monitored: str
    computed: int
    refused: int
    refusal: str
    surface: Told
    assumptions: tuple[str, ...]
    days: F64 = field(default_factory=lambda: np.empty(0))

    @property
    def subjects(self) -> tuple[str, ...]:
        """The pools; `ANY` in front of them where there are several."""
        names = tuple(self.first)
        return names if len(names) == 1 else (ANY, *names)

    def firsts(self, subject: str | None = None) -> I64:
        """`[P]` instants of a pool, or of the first of all pools."""
        if subject is None or subject == ANY:
            found: I64 = np.min(list(self.first.values()), axis=0)
            return found
        if subject not in self.first:
            raise refuse("subject", subject, "one of " + ", ".join(self.subjects))
        return self.first[subject]

    def indicator(self, k: int, subject: str | None = None) -> F64:
        """`[P]` one where the pool was below its line by instant `k` (or the probability of it), else zero."""
        if self.hit is not None:
            row: F64 = self.hit[k]
            return row
        return (self.firsts(subject) <= k).astype(np.float64)

    def probability(self, subject: str | None = None, k: int | None = None) -> Estimate:
        """The probability of a first passage by instant `k`, by default the last."""
        return chance_of(self.indicator(self.days.size - 1 if k is None else k, subject), self.paths)

    def curve(self, subject: str | None = None) -> tuple[Estimate, ...]:
        """The probability by each instant."""
        return tuple(self.probability(subject, k) for k in range(self.days.size))

    def quantile(self, part: float, subject: str | None = None) -> float | None:
        """The first instant (days) by which `part` of all passages within the horizon have happened; `None` without
        any."""
        values = [e.value for e in self.curve(subject)]
        if values[-1] <= 0.0:
            return None
        at = int(np.argmax(np.array(values) >= part * values[-1] - 1e-15))
        return float(self.days[at])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "account": self.account,
            "rules": self.rules,
            "paths": int(self.paths.weight.size),
            "effective_paths": effective_size(self.paths.weight),
            "days": self.days.tolist(),
            "route": self.route,
            "monitored": self.monitored,
            "computed": self.computed,
            "surface": vars(self.surface),
            "refused": self.refused,
            "pools": [
                {
                    "subject": s,
                    "probability": self.probability(s).to_dict(),
                    "median_days": self.quantile(0.5, s),
                    "curve": [e.to_dict() for e in self.curve(s)],
                }
                for s in self.subjects
            ],
            "assumptions": list(self.assumptions),
        }


def passage(
    model: MarginModel,
    account: Account,
    market: Market,
    paths: JointPaths,
    *,
    route: Route = "auto",
    between: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Passage:
    """The first passage of every pool of `account` below its maintenance margin, computed again at every instant.

    At each instant the account is aged and funding paid as `liquidation.later` does, then prices and volatilities go
    where the path is. `route`: `exact` asks the model in each state (its own arithmetic on states where it has one);
    `surface` interpolates the excess and computes exactly where its sign is in doubt (`passage.surface`), for accounts
    that depend on one underlying; `auto` takes it where such an account holds options. Between instants
    nothing is looked at, unless `between` gives the daily standard deviation of paths of a normal copula with normal
    marginals, no jumps and constant volatility: then, for one underlying without options and one pool with one line,
    the passage of the Brownian bridge between two instants is counted by its probability, exact in law. Raises
    `DocumentError` for an account that the model refuses, an expiry within the horizon, and paths without a price.
    """
    ground = Ground(model, account, market, paths)
    one = len(ground.spots) == 1 and ground.alike
    if route not in ("auto", "exact", "surface"):
        raise refuse("route", route, "'auto', 'exact' or 'surface'")
    if route == "surface" and not one:
        raise refuse("route", route, "'exact': a surface is over one underlying and its volatility")
    flat = route == "surface" or (route == "auto" and one and bool(ground.optional))
    start = ground.today()
    with np.errstate(all="ignore"):
        here = model.assess(account, market, "refuse")
    told, hit = Told(), None
    count, size = paths.days.size, paths.weight.size
    first = {s: np.full(size, NOW if t.below[0] else count, dtype=np.int64) for s, t in start.items()}
    if between is not None:
        hit = crossed(ground, start, between)
    else:
        rng = np.random.default_rng([seed, 77])
        for k in range(count):
            if progress is not None:
                progress(f"day {paths.days[k]:g}", k, count)
            alive = np.flatnonzero(np.any([f == count for f in first.values()], axis=0))
            if not alive.size:
                break
            if flat:
                signs = below(ground, k, alive, rng, told)
            else:
                signs = {s: t.below for s, t in ground.at(k, alive).items()}
            for subject, f in first.items():
                there = signs.get(subject, np.ones(alive.size, dtype=bool))
                f[alive[there & (f[alive] == count)]] = k
    return Passage(
        account=account.name,
        rules=model.rules.label,
        paths=paths,
        first=first,
        hit=hit,
        route="line" if hit is not None else "surface" if flat else "exact",
        monitored=_monitored(paths, between),
        computed=ground.computed,
        refused=ground.refused,
        refusal=ground.refusal,
        surface=told,
        assumptions=(*_assumptions(ground), *rules_known(here)),
        days=paths.days,
    )


@dataclass(frozen=True)
class Difference:
    """The probability of one account less that of another on the same paths, with the error of the difference.

    `apart` is the error that two independent sets of paths would have given.
    """

    value: float
    error: float
    apart: float

    def to_dict(self) -> dict[str, float]:
        """Plain JSON values."""
        return dict(vars(self))


def compare(one: Passage, other: Passage, k: int | None = None) -> Difference:
    """`P(one) - P(other)` by instant `k`, with common random numbers: both have to be on the same paths."""
    if one.paths is not other.paths:
        raise refuse(
            "paths", "two sets of paths", "the same paths for both, so that chance falls out of the difference"
        )
    at = one.days.size - 1 if k is None else k
    x = one.paths.weight * (one.indicator(at) - other.indicator(at))
    mean = float(x.mean())
    apart = float(np.hypot(one.probability(k=at).error, other.probability(k=at).error))
    return Difference(mean, mean_error(x, one.paths.clusters), apart)


def _monitored(paths: JointPaths, between: float | None) -> str:
    if between is not None:
        return "at every moment: between instants by the law of the Brownian bridge"
    gaps = np.diff(paths.days, prepend=0.0)
    even = bool(np.allclose(gaps, gaps[0], rtol=1e-6))
    often = f"every {_span(float(gaps[0]))}" if even else f"at {paths.days.size} instants"
    return f"{often} only: a passage between instants that is over by the next one is not seen"


def _span(days: float) -> str:
    if days >= 1.0 - 1e-9:
        return "day" if abs(days - 1.0) < 1e-9 else f"{days:g} days"
    return "hour" if abs(days * 24.0 - 1.0) < 1e-6 else f"{days * 24.0:.3g} hours"


def _assumptions(ground: Ground) -> tuple[str, ...]:
    vol = "no option is held"
    if ground.optional:
        still = [n for n in ground.optional if n not in ground.vols]
        vol = "every volatility of an underlying moves by the factor of its path, strikes keep their smile"
        if still:
            vol = f"volatilities of {', '.join(still)} stay where they are"
    return (
        "options age, funding is paid at today's rates and marks, nothing is traded or paid in",
        vol,
        "coins held as collateral move with their price",
    )


__all__ = ["ACCOUNT", "ANY", "NOW", "Difference", "Passage", "compare", "passage"]
