"""The liquidation line at account level: every move of a stated path at which equity equals maintenance margin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.liquidation.evidence import rules_known
from plimsoll.liquidation.funding import hours_of
from plimsoll.liquidation.grid import explored, grid_of
from plimsoll.liquidation.later import later
from plimsoll.liquidation.path import Path, together, underlyings_of
from plimsoll.liquidation.probe import Probe, states_at
from plimsoll.liquidation.roots import Root, Side, roots
from plimsoll.liquidation.sigma import Sigma, sigma_of
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.model import Assessment
from plimsoll.margin.path import ACCOUNT, Track, moved
from plimsoll.margin.pools import SHARED
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]

LOW, HIGH = 1e-3, 100.0
"""Default range of `1 + x`: from a thousandth of today's prices to a hundred times."""

POINTS, QUICK_POINTS = 160, 4_000
"""Default points to begin with: for models that assess state by state, and for those with arithmetic on paths."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Line:
    """One move at which a pool's equity equals its maintenance margin.

    `move` is `x` and `multiplier` is `1 + x`. `side`: `falling` when the pool is below its line at lower prices,
    `rising` when at higher ones, `touching` when it comes to the line and turns. `jump`: the margin jumps there, as
    where a tier charges the whole position. `prices` are the index prices there (USD) and `marks` those of the
    futures and perpetuals held. `deviations` is the log move in daily standard deviations, `None` without a sigma.
    `maintenance` is with the fee of a liquidation, where the venue sets one against equity beside the margin.
    """

    subject: str
    move: float
    multiplier: float
    side: Side
    jump: bool
    prices: dict[str, float]
    marks: dict[str, float]
    deviations: float | None
    equity: float
    maintenance: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "subject": self.subject,
            "move": self.move,
            "multiplier": self.multiplier,
            "side": self.side,
            "jump": self.jump,
            "prices": self.prices,
            "marks": self.marks,
            "deviations": self.deviations,
            "equity": self.equity,
            "maintenance": self.maintenance,
        }


@dataclass(frozen=True, eq=False)
class PoolLines:
    """The lines of one pool, nearest first by `|ln(1 + x)|`, and its curve `[K]` for a picture.

    `above`: the pool is on or above its line now. Below it, `shortfall` is the money that lifts it today and the
    lines are the moves that would. Amounts in the currency of the requirement. `lead` is the moving underlying of
    which the pool holds most, and `sigma` the volatility by which its distances are measured.
    """

    subject: str
    lead: str | None
    sigma: Sigma
    equity: float
    maintenance: float
    above: bool
    lines: tuple[Line, ...]
    multipliers: F64
    equities: F64
    maintenances: F64

    @property
    def shortfall(self) -> float:
        """What is missing to the line now, zero above it."""
        return 0.0 if self.above else self.maintenance - self.equity

    def nearest(self, sign: int) -> Line | None:
        """The nearest line below today's prices (`sign` -1) or above them (+1)."""
        return next((x for x in self.lines if (x.multiplier < 1.0) == (sign < 0)), None)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the curve."""
        return {
            "subject": self.subject,
            "lead": self.lead,
            "sigma": {"annual": self.sigma.annual, "source": self.sigma.source},
            "equity": self.equity,
            "maintenance": self.maintenance,
            "above": self.above,
            "shortfall": self.shortfall,
            "lines": [x.to_dict() for x in self.lines],
        }


@dataclass(frozen=True, eq=False)
class Liquidation:
    """The lines of every pool of an account along a path, with everything that was assumed.

    `range` is what was asked for and `searched` the stretch around today on which the rules give numbers. `notes` end
    with those of the requirement as it stands.
    """

    account: str
    rules: str
    currency: str
    path: Path
    range: tuple[float, float]
    searched: tuple[float, float]
    pools: tuple[PoolLines, ...]
    assumptions: tuple[str, ...]
    notes: tuple[str, ...]
    computed: int

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all pools, nearest first."""
        found = [x for p in self.pools for x in p.lines]
        return tuple(sorted(found, key=lambda x: abs(np.log(x.multiplier))))

    @property
    def above(self) -> bool:
        """Whether every pool is on or above its line."""
        return all(p.above for p in self.pools)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "account": self.account,
            "rules": self.rules,
            "currency": self.currency,
            "path": self.path.to_dict(),
            "range": [x - 1.0 for x in self.range],
            "searched": [x - 1.0 for x in self.searched],
            "above": self.above,
            "pools": [p.to_dict() for p in self.pools],
            "assumptions": list(self.assumptions),
            "notes": list(self.notes),
        }


def liquidation(
    model: MarginModel,
    account: Account,
    market: Market,
    path: Path | None = None,
    *,
    low: float = LOW,
    high: float = HIGH,
    points: int | None = None,
    kinks: bool = True,
    sigma: float | None = None,
    ahead: float = 0.0,
    progress: Progress | None = None,
) -> Liquidation:
    """Every line of every pool of `account` for `low <= 1 + x <= high` along `path` (by default all prices together).

    ```
    excess(x) = equity(x) - maintenance(x)      of one pool, everything else in it counted
    line        excess changes its sign, or jumps over zero, or touches it
    ```

    Excess is computed on a grid that begins with `points`, half of them between a half and the double of today's
    prices, with both sides of every kink that the model names (strikes, ends of tiers), and is made finer wherever
    excess is so near to zero that it might reach it between two points (see `grid.explored`). Sign changes are closed
    in to 1e-12 of the price, and where excess comes near zero without crossing it the extreme is sought (see
    `roots.roots`). Without `kinks` those are left out, which is quicker and may miss a line beside a strike. With
    `ahead` the lines are those of that many days from now, prices unmoved until then, funding paid and options aged
    (see `later.later`). Raises `DocumentError` where the model refuses the account as it stands.
    """
    if not 0 < low < 1 < high < np.inf:
        raise refuse("range", f"{low!r} to {high!r}", "multipliers 0 < low < 1 < high")
    quick = type(model).along is not MarginModel.along
    points = (QUICK_POINTS if quick else POINTS) if points is None else points
    if not 8 <= points <= 10_000_000:
        raise refuse("points", points, "a number of grid points from 8 to 10,000,000")
    path = together(account, market) if path is None else path
    if ahead:
        account, market = later(account, market, ahead, hours_of(model))
    probe = Probe(model, account, market, path)
    with np.errstate(all="ignore"):
        here = model.assess(account, market, "refuse")
    curves = explored(probe, grid_of(low, high, points, probe.kinks() if kinks else np.empty(0)), progress)
    pools, stretch = [], (low, high)
    for subject, (m, track) in curves.items():
        if progress is not None:
            progress(f"lines of {subject}", 1, 1)
        found = roots(lambda x, s=subject: probe.excess(s, x), m)  # type: ignore[misc]
        lead = lead_of(subject, account, market, path)
        measured = sigma_of(replace(path, lead=lead), market, sigma)
        pools.append(_pool(probe, subject, m, track, found, lead, measured))
        stretch = (max(stretch[0], float(m[0])), min(stretch[1], float(m[-1])))
    return Liquidation(
        account=account.name,
        rules=model.rules.label,
        currency=here.currency or model.rules.currency,
        path=path,
        range=(low, high),
        searched=stretch,
        pools=tuple(pools),
        assumptions=_assumptions(model, account, market, path, ahead, here),
        notes=(*_notes(pools, (low, high), stretch, probe.refusal), *here.notes),
        computed=probe.computed,
    )


def lead_of(subject: str, account: Account, market: Market, path: Path) -> str | None:
    """The underlying of largest notional in a pool among those that move; `None` where it holds nothing that does."""
    if subject in (ACCOUNT, SHARED):
        own = account.model_copy(update={"positions": tuple(p for p in account.positions if p.isolated_margin is None)})
    else:
        nothing: dict[str, float] = {}
        named = tuple(p for p in account.positions if subject in (p.instrument, f"{p.instrument} {p.leg}"))
        own = account.model_copy(update={"positions": named, "collateral": nothing, "borrowed": nothing})
    return next((u for u in underlyings_of(own, market) if path.betas.get(u, 0.0) != 0.0), None)


def _pool(
    probe: Probe, subject: str, m: F64, track: Track, found: tuple[Root, ...], lead: str | None, sigma: Sigma
) -> PoolLines:
    excess, noise = probe.gap(track)
    at = int(np.searchsorted(m, 1.0))
    ordered = sorted(found, key=lambda r: abs(np.log(r.at)))
    return PoolLines(
        subject=subject,
        lead=lead,
        sigma=sigma,
        equity=float(track.equity[at]),
        maintenance=float(track.maintenance[at]),
        above=bool(excess[at] >= -noise[at]),
        lines=tuple(_line(probe, subject, r, sigma) for r in ordered),
        multipliers=m,
        equities=track.equity,
        maintenances=track.maintenance,
    )


def _line(probe: Probe, subject: str, root: Root, sigma: Sigma) -> Line:
    track = probe.tracks(np.array([root.at]))[subject]
    states = states_at(probe.path, root.at)
    spot = {u: float(x[0]) for u, x in states.spot.items()}
    _, there = moved(probe.account, probe.market, spot, float(states.vol[0]))
    return Line(
        subject=subject,
        move=root.at - 1.0,
        multiplier=root.at,
        side=root.side,
        jump=root.jump,
        prices={u: x.price for u, x in there.indices.items()},
        marks={
            n: x.price
            for n, x in there.marks.items()
            if x.price is not None and there.contracts[n].kind in ("future", "perpetual")
        },
        deviations=sigma.deviations(root.at),
        equity=float(track.equity[0]),
        maintenance=float(track.maintenance[0]),
    )


def _assumptions(
    model: MarginModel, account: Account, market: Market, path: Path, ahead: float, here: Assessment
) -> tuple[str, ...]:
    owed = sum(1 for p in account.positions if p.unsettled_funding)
    start = ""
    if ahead:
        start = f"in {ahead:g} days, funding paid at today's rates, options aged, what expires paid out; then "
    paid = f"funding owed so far counts ({owed} positions)" if owed else "no funding is owed so far"
    return (
        path.words(),
        start + "at once: no time passes, nothing is traded, paid in or taken out on the way",
        f"{paid}; none falls due on the way",
        _orders(model, account, market),
        "a fee of closing counts where the rules put it into the maintenance margin or set it against equity beside it",
        *rules_known(here),
    )


def _orders(model: MarginModel, account: Account, market: Market) -> str:
    if not account.orders:
        return "the account has no open orders"
    with np.errstate(all="ignore"):
        sums = [
            sum(c.maintenance for c in model.assess(held, market, "refuse").components)
            for held in (account, account.model_copy(update={"orders": ()}))
        ]
    if sums[0] == sums[1]:
        return (
            f"{len(account.orders)} open orders: neither filled nor cancelled; they add nothing to maintenance margin"
        )
    return (
        f"{len(account.orders)} open orders: neither filled nor cancelled; they add {sums[0] - sums[1]:,.6g} to the "
        "maintenance margin now and are counted along the path"
    )


def _notes(
    pools: list[PoolLines], asked: tuple[float, float], searched: tuple[float, float], refusal: str
) -> tuple[str, ...]:
    found = []
    for p in pools:
        if not p.above:
            found.append(
                f"{p.subject} is below its line now by {p.shortfall:,.6g}: that money lifts it, or the moves listed"
            )
        if any(x.side == "touching" for x in p.lines):
            found.append(f"{p.subject} touches its line without going below: no room for rounding is left there")
    found += [
        f"searched to {searched[x] - 1.0:+.2%} only: beyond, the rules give no number ({refusal})"
        for x in (0, 1)
        if searched[x] != asked[x]
    ]
    return tuple(found)
