"""Least expected shortfall, or worst loss, of the user's own arrays: routes in order, and what holds of the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import PlimsollError, refuse
from plimsoll.optimise.solver import MissingSolverError
from plimsoll.optimise.tail_programs.certificate import Certificate, certify
from plimsoll.optimise.tail_programs.cuts import kelley
from plimsoll.optimise.tail_programs.interior import interior_point
from plimsoll.optimise.tail_programs.program import TailProgram, make_program
from plimsoll.optimise.tail_programs.rows import GaveUpError, conic, has_point, simplex
from plimsoll.optimise.tail_programs.screening import Screened, band_of, everything, screened
from plimsoll.optimise.tail_programs.threads import one_thread
from plimsoll.risk.plan import F64

Route = Literal["auto", "interior", "cuts", "screened simplex", "simplex", "screened conic"]

GAP = 1e-8
"""Relative gap at which a route's point is taken, unless another is asked for."""

AIM = 1e-2
"""Part of it that the interior point is asked for, since what it counts is not yet the certificate."""

FEW = 2_000
"""Scenarios up to which a worst case is first tried by cuts."""

Tell = Callable[[str], None]


class NoPointError(PlimsollError):
    """No point is within the rows and boxes."""


class UnprovedError(PlimsollError):
    """No route came to a point whose certificate is good enough; `best` is the nearest, if any."""

    def __init__(self, route: tuple[str, ...], best: Certificate | None) -> None:
        self.route, self.best = route, best
        text = "no point was proved to be the least: " + "; ".join(route)
        super().__init__(text)


@dataclass(frozen=True, eq=False)
class TailAnswer:
    """The least that was found, and its proof.

    `x[N]`; `objective = cost @ x + tail`; `bound`, below which no point within the limits is; `gap`, relative; `tail`,
    the mean of the worst losses, and `at`, the loss at which they begin (value at risk); `weights[S]` of the scenarios
    in that mean and `prices[R]` of the rows, which prove the bound: by how much the objective changes with a unit of
    the row's side. `route` is what was tried, ending with what answered; `rows` the scenarios that were rows.
    """

    x: F64
    objective: float
    bound: float
    gap: float
    tail: float
    at: float
    weights: F64
    prices: F64
    rounds: int
    rows: int
    steps: int
    route: tuple[str, ...]


def minimum_es(
    pnl: npt.ArrayLike,
    level: float,
    rows: tuple[Any, npt.ArrayLike, npt.ArrayLike] | None = None,
    boxes: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    *,
    cost: npt.ArrayLike | None = None,
    base: npt.ArrayLike | None = None,
    probability: npt.ArrayLike | None = None,
    gap: float = GAP,
    route: Route = "auto",
    progress: Tell | None = None,
) -> TailAnswer:
    """Minimise `cost @ x` plus the expected shortfall of `-(base + x @ pnl)` at `level`, within rows and boxes.

    `pnl[N, S]` is what a unit of each variable gains in each scenario, `base[S]` what is gained anyhow; `rows` are
    `(matrix[R, N], lower, upper)`, `boxes` `(low, high)`; infinite sides are none. Scenarios are equally likely unless
    `probability[S]` says otherwise. Raises `DocumentError` for arrays that cannot be used and for an objective without
    a least value, `NoPointError` where no point is within the limits, `UnprovedError` where no route proves its point.

    >>> import numpy as np
    >>> returns = np.random.default_rng(1).standard_t(4, (3, 500)) * np.array([[0.01], [0.02], [0.04]])
    >>> found = minimum_es(returns, 0.95, rows=(np.ones((1, 3)), 1.0, 1.0), boxes=(0.0, 1.0))
    >>> found.gap <= 1e-8, float(round(found.x.sum(), 9))
    (True, 1.0)
    """
    program = make_program(pnl, level, base=base, probability=probability, cost=cost, rows=rows, boxes=boxes)
    return solve(program, gap=gap, route=route, progress=progress)


def minimum_loss(
    pnl: npt.ArrayLike,
    rows: tuple[Any, npt.ArrayLike, npt.ArrayLike] | None = None,
    boxes: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
    *,
    cost: npt.ArrayLike | None = None,
    base: npt.ArrayLike | None = None,
    gap: float = GAP,
    route: Route = "auto",
    progress: Tell | None = None,
) -> TailAnswer:
    """Minimise `cost @ x` plus the largest loss of all scenarios: see `minimum_es`."""
    program = make_program(pnl, None, base=base, cost=cost, rows=rows, boxes=boxes)
    return solve(program, gap=gap, route=route, progress=progress)


def solve(program: TailProgram, *, gap: float = GAP, route: Route = "auto", progress: Tell | None = None) -> TailAnswer:
    """Try the routes in order until one's certificate is good enough."""
    if not 0.0 < gap < 1.0:
        raise refuse("gap", gap, "a number above 0 and below 1")
    if route != "auto" and route not in ROUTES:
        raise refuse("route", route, "one of auto, " + ", ".join(ROUTES))
    told: list[str] = []
    best: Certificate | None = None
    with one_thread():
        for name in _order(program) if route == "auto" else (route,):
            try:
                found, words = ROUTES[name](program, gap, progress or _silent)
            except (GaveUpError, MissingSolverError) as why:
                told.append(f"{name}: {why}")
                _diagnose(program)
                continue
            told.append(f"{name}: {words}")
            # scales are undone with the rounding of a last digit
            proof = certify(program, np.clip(found.x, program.low, program.high), found.weights, found.prices)
            if proof.holds(gap) and found.proved:
                return TailAnswer(
                    proof.x, proof.objective, proof.bound, proof.gap, proof.tail, proof.at, proof.weights, proof.prices,
                    found.rounds, found.rows, found.steps, tuple(told),
                )  # fmt: skip
            told[-1] += f", gap {proof.gap:.1e}, limits to {proof.beyond:.1e}"
            if best is None or proof.gap < best.gap:
                best = proof
            _diagnose(program)
    raise UnprovedError(tuple(told), best)


def _silent(_text: str) -> None:
    """Nobody looks."""


def _order(program: TailProgram) -> tuple[str, ...]:
    worst = bool((program.most[program.most > 0.0] > 1.0).all())
    first = ("cuts", "interior") if worst and program.scenarios <= FEW else ("interior",)
    return (*first, "screened simplex", "simplex", "screened conic")


def _diagnose(program: TailProgram) -> None:
    """Why a route may have come to nothing: no point, or no least value. Raises what says so."""
    try:
        if not has_point(program):
            raise NoPointError("no point is within the rows and boxes")
    except MissingSolverError:
        pass
    if not (np.isinf(program.low).any() or np.isinf(program.high).any()):
        return
    ways = program.directions()
    found = screened(ways, interior_point, 1e-10)
    proof = certify(ways, found.x, found.weights, found.prices)
    size = float(np.abs(program.cost).max() + np.abs(ways.losses(proof.x)).max())
    if proof.beyond <= 1e-9 and proof.objective < -1e-7 * size:
        raise refuse("objective", "no least value", "an objective that no direction within the limits lowers forever")


def _interior(program: TailProgram, gap: float, tell: Tell) -> tuple[Screened, str]:
    found = screened(program, interior_point, AIM * gap, tell=tell)
    return found, f"{found.steps} steps, {found.rounds} rounds, {found.rows:,} of {program.scenarios:,} rows"


def _cuts(program: TailProgram, gap: float, tell: Tell) -> tuple[Screened, str]:
    tell("cuts")
    x, weights, prices, rounds, cuts = kelley(program, gap)
    found = Screened(x, 0.0, weights, prices, rounds, cuts, rounds, True, everything(program))
    return found, f"{rounds} rounds, {cuts} cuts"


def _screened_simplex(program: TailProgram, gap: float, tell: Tell) -> tuple[Screened, str]:
    found = screened(program, simplex, gap, tell=tell)
    return found, f"HiGHS, {found.rounds} rounds, {found.rows:,} of {program.scenarios:,} rows"


def _simplex(program: TailProgram, gap: float, tell: Tell) -> tuple[Screened, str]:
    tell(f"{program.scenarios:,} rows")
    screen = everything(program)
    point = simplex(band_of(program, screen), gap)
    weights = np.zeros(program.scenarios)
    weights[screen.band] = point.weights
    rows = int(screen.band.sum())
    found = Screened(point.x, point.level, weights, point.prices, 1, rows, point.steps, True, screen)
    return found, f"HiGHS, {rows:,} rows"


def _screened_conic(program: TailProgram, gap: float, tell: Tell) -> tuple[Screened, str]:
    found = screened(program, conic, gap, tell=tell)
    return found, f"Clarabel, {found.rounds} rounds, {found.rows:,} of {program.scenarios:,} rows"


ROUTES: dict[str, Callable[[TailProgram, float, Tell], tuple[Screened, str]]] = {
    "interior": _interior,
    "cuts": _cuts,
    "screened simplex": _screened_simplex,
    "simplex": _simplex,
    "screened conic": _screened_conic,
}
