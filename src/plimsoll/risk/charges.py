"""The shapes of a charge, from plain VaR to those of clearing houses, as weights on scenarios.

Every term is linear in losses once its scenarios are known, so its Euler shares are rows of the P&L array. The shapes
are read from what the houses publish; the numbers in the documents are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from plimsoll.documents import refuse
from plimsoll.kernels import value_at_risk
from plimsoll.risk.legs import Binding, Component, Leg, bindings, deltas, part, stress_moves, stressed_rows
from plimsoll.risk.models import (
    BufferCharge,
    FilteredScenarios,
    HistoricalScenarios,
    PlainCharge,
    PrismaCharge,
    SimulatedScenarios,
    SizeCharges,
    Span2Charge,
    StansCharge,
    StressBlend,
)
from plimsoll.risk.tail import TailFit, peaks_over_threshold
from plimsoll.scenarios.moves import F64, FactorMoves
from plimsoll.scenarios.simulated import rank_correlation

if TYPE_CHECKING:
    from plimsoll.risk.engine import Run


@dataclass(frozen=True, eq=False)
class Made:
    """Components of a charge, the scenarios that set it, and how its error was found.

    `error` is that of the charge where it is less than the sum of those of the components.
    """

    components: tuple[Component, ...]
    binding: tuple[Binding, ...]
    method: str
    tail: TailFit | None = None
    error: float | None = None
    notes: tuple[str, ...] = field(default=())


def charge(run: Run) -> Made:
    """The charge of the run's model."""
    return _SHAPES[run.model.charge.kind](run, run.model.charge)


def _measure(run: Run, leg: Leg, name: str, title: str, measure: str, factor: float = 1.0) -> Component:
    found = leg.measures.es if measure == "es" else leg.measures.var
    weights = factor * leg.weights(measure)
    shares = leg.shares(run.book, weights)
    return Component(name, title, factor * found.value, abs(factor) * found.standard_error, shares)


def _plain(run: Run, shape: PlainCharge) -> Made:
    leg = run.base
    if shape.tail is None:
        found = leg.measures.es if shape.measure == "es" else leg.measures.var
        component = _measure(run, leg, shape.measure, _NAMES[shape.measure], shape.measure)
        return Made((component,), bindings(leg, leg.weights(shape.measure), run.history), found.method)
    fit = peaks_over_threshold(leg.losses, run.model.level, shape.tail)
    found, weights = (fit.es, fit.weights) if shape.measure == "es" else (fit.var, fit.var_weights)
    # the fit takes scenarios as independent: windows that share returns, or days drawn twice, make it less sure
    wider = max(1.0, float(leg.losses.size / leg.measures.effective)) ** 0.5
    error = wider * found.standard_error
    notes = ("scenarios depend on each other: the tail's error is larger for it, its interval is not",)
    title = f"{_NAMES[shape.measure]} of the fitted tail"
    # weights add to the figure by homogeneity, to rounding; the figure itself is the formula's
    component = Component(shape.measure, title, found.value, error, leg.shares(run.book, weights))
    told = bindings(leg, leg.measures.weights, run.history)
    return Made((component,), told, found.method, fit, notes=notes if wider > 1.01 else ())


def _stress_leg(run: Run, rows: int) -> Leg:
    window = stressed_rows(run.history, run.sigma, rows)
    source = HistoricalScenarios(windows=getattr(run.model.scenarios, "windows", "overlapping"))
    return run.leg("stress period", run.plain(source, window))


def _stress_blend(run: Run, shape: StressBlend) -> Made:
    now, stress = run.base, _stress_leg(run, shape.stress_rows)
    w, m = shape.weight, shape.measure
    parts = (
        _measure(run, now, "now", f"{_NAMES[m]} now x {w:g}", m, w),
        _measure(run, stress, "stress", f"{_NAMES[m]} of the stress period x {1 - w:g}", m, 1.0 - w),
    )
    told = bindings(now, w * now.weights(m), run.history) + bindings(stress, (1 - w) * stress.weights(m), run.history)
    if shape.floor:
        whole = run.leg("whole history", run.plain(HistoricalScenarios()))
        lowest = _measure(run, whole, "floor", f"{_NAMES[m]} of the whole history, unscaled", m)
        if lowest.value > sum(c.value for c in parts):
            note = "the floor binds"
            return Made((lowest,), bindings(whole, whole.weights(m), run.history), "of the floor", notes=(note,))
    return Made(parts, told, "sum of the errors of the components, an upper bound")


def _span2(run: Run, shape: Span2Charge) -> Made:
    x, m = shape.weight, shape.measure
    now, stress = run.base, _stress_leg(run, shape.stress_rows)
    heavy = _measure(run, stress, "stress", f"stress risk x {1 - x:g}: stress period", m, 1.0 - x)
    told = bindings(stress, (1.0 - x) * stress.weights(m), run.history)
    if shape.moves:
        moves = stress_moves(run.history.names, shape.moves, run.model.horizon_days)
        made = run.leg("hypothetical days", moves)
        worst = int(np.argmax(made.losses))
        if (1.0 - x) * made.losses[worst] > heavy.value:
            weights = np.zeros(made.losses.size)
            weights[worst] = 1.0 - x
            label = shape.moves[worst].label
            heavy = part(run.book, made, "stress", f"stress risk x {1 - x:g}: {label}", weights, 0.0)
            told = tuple(Binding(f"{label}: {b.label}", b.loss, b.weight) for b in bindings(made, weights, None))
    first = _measure(run, now, "historical", f"historical risk, {_NAMES[m]} x {x:g}", m, x)
    parts = (first, heavy, *size_charges(run, shape.size))
    return Made(
        parts,
        bindings(now, x * now.weights(m), run.history) + told,
        "sum of the errors of the components, an upper bound",
    )


def size_charges(run: Run, size: SizeCharges) -> tuple[Component, Component]:
    """Liquidity: half a spread on each position's deltas. Concentration: a rate on net delta beyond a limit."""
    names, table = deltas(run.book)
    liquidity = size.half_spread * np.abs(table).sum(axis=1)
    net = table.sum(axis=0)
    beyond = np.array([max(0.0, abs(float(n)) - size.limit(u)) for u, n in zip(names, net.tolist(), strict=True)])
    # the share of a position is its part of the net delta: hedges take charge away
    unit = np.divide(table, net, out=np.zeros_like(table), where=beyond > 0.0)
    concentrated = size.concentration * (unit @ beyond)
    return (
        Component("liquidity", "liquidity: half a spread", float(liquidity.sum()), 0.0, liquidity),
        Component("concentration", "concentration", size.concentration * float(beyond.sum()), 0.0, concentrated),
    )


def _samples(leg: Leg, level: float, shape: PrismaCharge) -> tuple[F64, float]:
    """`[S]` weights of sub-samples, correlation break and compression, and the error of their mean."""
    size = leg.losses.size
    mean, values = np.zeros(size), []
    for k in range(shape.samples):
        at = np.arange(k, size, shape.samples)
        if at.size < 2:
            raise refuse("charge.samples", shape.samples, f"at most {size // 2}, for {size} scenarios")
        values.append(float(value_at_risk(leg.losses[at], level)))
        mean[at[int(np.flatnonzero(leg.losses[at] == values[-1])[0])]] += 1.0 / shape.samples
    base = float(mean @ leg.losses)
    broken = np.zeros(size)
    windows = [np.arange(a, a + shape.break_rows) for a in range(0, size - shape.break_rows + 1, shape.break_rows)]
    if len(windows) > 1 and shape.break_factor > 0.0:
        vars_ = np.array([float(value_at_risk(leg.losses[w], level)) for w in windows])
        sd = float(vars_.std(ddof=1))
        if shape.break_factor * sd > shape.break_cap * abs(base):
            broken = shape.break_cap * np.sign(base) * mean
        elif sd > 0.0:
            for w, v in zip(windows, vars_.tolist(), strict=True):
                slope = shape.break_factor * (v - float(vars_.mean())) / ((len(windows) - 1) * sd)
                broken[w[int(np.flatnonzero(leg.losses[w] == v)[0])]] += slope
    compression = shape.compression * mean
    return np.vstack([mean, broken, compression]), leg.measures.var.standard_error


def _prisma(run: Run, shape: PrismaCharge) -> Made:
    found = []
    for leg, factor, words in (
        (run.base, 1.0, "filtered history"),
        (_stress_leg(run, shape.stress_rows), shape.stress_weight, f"stress period x {shape.stress_weight:g}"),
    ):
        weights, error = _samples(leg, run.model.level, shape)
        titles = (f"mean VaR of {shape.samples} sub-samples", "correlation break", "compression")
        parts = tuple(
            part(run.book, leg, name, f"{title}, {words}", factor * row, factor * error if name == "samples" else 0.0)
            for name, title, row in zip(("samples", "break", "compression"), titles, weights, strict=True)
            if name == "samples" or row.any()
        )
        found.append((sum(c.value for c in parts), parts, bindings(leg, factor * weights.sum(axis=0), run.history)))
    best = max(found, key=lambda f: f[0])
    notes = ("the stress period binds",) if best is found[1] else ()
    return Made(best[1], best[2], "of VaR of all scenarios; the break's own error is not counted", notes=notes)


def _stans(run: Run, shape: StansCharge) -> Made:
    source = run.model.scenarios
    assert isinstance(source, SimulatedScenarios)
    base = run.base
    apart, joined = dependence(run.history.names, rank_correlation(run.residuals))
    others = [
        run.leg("correlation 0", run.simulate(source, apart)),
        run.leg("correlation 1", run.simulate(source, joined)),
    ]
    pairs = list(combinations(run.book.underlyings, 2))
    # one pair alone is the book itself
    if len(run.book.underlyings) > 2:
        others += [run.leg(f"only {a} and {b}", only(base.moves, (a, b))) for a, b in pairs]
    worst = max(others, key=lambda leg: leg.measures.es.value)
    first = _measure(run, base, "es", "ES", "es")
    told = bindings(base, base.measures.weights, run.history)
    q = shape.quarter
    if worst.measures.es.value <= base.measures.es.value:
        return Made((first,), told, base.measures.es.method)
    extra, less = _measure(run, worst, "extra", "", "es", q), _measure(run, base, "less", "", "es", -q)
    added = Component(
        "dependence",
        f"{q:g} x (ES with {worst.name} - ES)",
        extra.value + less.value,
        extra.standard_error + less.standard_error,
        extra.shares + less.shares,
    )
    # base and stressed draws share their numbers: their errors are at most added
    error = (1.0 - q) * base.measures.es.standard_error + q * worst.measures.es.standard_error
    return Made((first, added), told, "weighted sum of both errors, an upper bound", error=error)


def dependence(names: Sequence[str], correlation: F64) -> tuple[F64, F64]:
    """Correlations `[F, F]` with underlyings independent of each other, and with all of them in step.

    In the first the factors of one underlying keep theirs. In the second every factor is a copy of the same number or
    of its negative: volatilities move with or against prices as they do in `correlation`.
    """
    owner = [n.split(" ")[0] for n in names]
    same = np.array([[a == b for b in owner] for a in owner])
    apart: F64 = np.where(same, correlation, 0.0)
    sign = np.ones(len(names))
    for f, (name, own) in enumerate(zip(names, owner, strict=True)):
        if name != own and own in names and correlation[f, list(names).index(own)] < 0.0:
            sign[f] = -1.0
    return apart, np.outer(sign, sign)


def only(moves: FactorMoves, underlyings: tuple[str, ...]) -> FactorMoves:
    """The same moves with all factors but those of some underlyings at rest."""
    table = moves.multiplier.copy()
    for f, name in enumerate(moves.names):
        if name.split(" ")[0] not in underlyings:
            table[f] = 1.0
    return FactorMoves(
        moves.names, table, moves.days, moves.probability, moves.lag, moves.clusters, moves.origin, moves.floored
    )


def _buffer(run: Run, shape: BufferCharge) -> Made:
    source = run.model.scenarios
    assert isinstance(source, FilteredScenarios)
    past, now = run.sigma[:-1], run.sigma[-1]
    floored = np.maximum(now, np.quantile(past, shape.floor_quantile, axis=0))
    stress = np.clip((now / np.median(past, axis=0) - shape.calm) / (shape.stressed - shape.calm), 0.0, 1.0)
    base = run.base
    lifted = run.leg("floored volatility", run.filter(source, floored)) if (floored > now).any() else base
    parts = [_measure(run, base, "var", "VaR", "var")]
    if lifted is not base:
        parts.append(_difference(run, "floor", "volatility floor", lifted, base, "var"))
    error = lifted.measures.var.standard_error
    alone = [run.leg(f"{u} alone", only(lifted.moves, (u,))) for u in run.book.underlyings]
    if len(alone) > 1:
        least = (1.0 - shape.diversification_cap) * sum(leg.measures.var.value for leg in alone)
        if least > lifted.measures.var.value:
            legs = [_measure(run, leg, "", "", "var", 1.0 - shape.diversification_cap) for leg in alone]
            whole = _measure(run, lifted, "", "", "var", -1.0)
            error = sum(c.standard_error for c in legs)
            parts.append(_summed("diversification", "cap on diversification", [*legs, whole]))
    buffer = 1.0 + shape.buffer * (1.0 - stress)
    if (buffer > 1.0).any():
        grown = FactorMoves(
            lifted.moves.names, lifted.moves.multiplier ** buffer[:, None], lifted.moves.days,
            lifted.moves.probability, lifted.moves.lag, None, lifted.moves.origin,
        )  # fmt: skip
        buffered = run.leg("buffered", grown)
        parts.append(_difference(run, "buffer", "buffer not used up", buffered, lifted, "var"))
        error *= max(1.0, buffered.measures.var.standard_error / max(lifted.measures.var.standard_error, 1e-300))
    notes = tuple(f"{n}: stress {s:.0%}" for n, s in zip(run.history.names, stress.tolist(), strict=True))
    told = bindings(lifted, lifted.at_binding(), run.history)
    return Made(tuple(parts), told, "of the VaR that the parts add up to", error=error, notes=notes)


def _difference(run: Run, name: str, title: str, more: Leg, less: Leg, measure: str) -> Component:
    return _summed(name, title, [_measure(run, more, "", "", measure), _measure(run, less, "", "", measure, -1.0)])


def _summed(name: str, title: str, parts: list[Component]) -> Component:
    shares: F64 = np.sum([p.shares for p in parts], axis=0)
    return Component(name, title, sum(p.value for p in parts), sum(p.standard_error for p in parts), shares)


_NAMES = {"var": "VaR", "es": "ES"}

_SHAPES: dict[str, Callable[[Run, Any], Made]] = {
    "plain": _plain,
    "stress_blend": _stress_blend,
    "span2": _span2,
    "prisma": _prisma,
    "stans": _stans,
    "buffer": _buffer,
}
