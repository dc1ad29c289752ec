"""Joint paths from filtered history and from simulation: the one-horizon generators with every instant kept.

Volatility moves along each path. For equal seeds and arguments the last instant is, bit for bit, what
`filtered.filtered_paths` and `simulated.simulated` give; both share their steps with what is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.scenarios.filtered import BLOCK, PathDrawing
from plimsoll.scenarios.moves import BASIS, F64, I64, IV, LEAST_MULTIPLIER, IvLaw, whole
from plimsoll.scenarios.paths import JointPaths
from plimsoll.scenarios.sampling import CopulaKind, Draws, Jumps, Marginal, Sampler, Step, uniforms
from plimsoll.scenarios.simulated import checked_law
from plimsoll.scenarios.tilting import Mixture, Tilt, check_tilts

LEAST_UNIFORM = 1e-30
"""A uniform number that was raised to a power stays above zero."""


@dataclass(frozen=True)
class VolDynamics:
    """How the variance of a step follows the moves: `v' = (1 - a - b - c/2) V + (a + c 1[r < 0]) r^2 + b v`.

    `news` is `a`, `memory` `b`, `falls` `c`, which adds to the news of a fall; `V` is the square of `long_run[F]`, or
    of the volatility at the start. `r` is the whole move of the step, jumps in it: after a crash volatility stays
    high. Their sum is at most one; at one it is the exponentially weighted variance. Source: Glosten, Jagannathan and
    Runkle (1993).
    """

    news: float = 0.06
    memory: float = 0.93
    falls: float = 0.0
    long_run: tuple[float, ...] | None = None

    def checked(self, vols: F64) -> F64:
        """The long-run variance `[F]`. Raises `DocumentError` naming the field."""
        for name in ("news", "memory", "falls"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0.0):
                raise refuse(f"dynamics.{name}", getattr(self, name), "a finite number of at least zero")
        if self.persistence > 1.0 + 1e-12:
            raise refuse("dynamics", f"news + memory + falls / 2 = {self.persistence:g}", "at most 1")
        if self.long_run is None:
            return vols**2
        run = np.asarray(self.long_run, dtype=np.float64)
        if run.shape != vols.shape or not (np.isfinite(run) & (run >= 0.0)).all():
            raise refuse("dynamics.long_run", run.tolist(), f"{vols.size} finite numbers of at least zero")
        squared: F64 = run**2
        return squared

    @property
    def persistence(self) -> float:
        """`a + b + c / 2`."""
        return self.news + self.memory + self.falls / 2.0

    def after(self, variance: F64, moved: F64, long_run: F64) -> F64:
        """`[P, F]` variances of the next step."""
        news = self.news + self.falls * (moved < 0.0)
        result: F64 = (1.0 - self.persistence) * long_run + news * moved**2 + self.memory * variance
        return result


def filtered_joint_paths(
    names: Sequence[str],
    returns: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    size: int,
    decay: float,
    seed: int,
    steps: int,
    step_days: float = 1.0,
    cap: tuple[float, float] = (0.25, 4.0),
    keep: Sequence[int] | None = None,
    tilts: Sequence[Tilt] = (),
    iv: IvLaw | None = None,
) -> JointPaths:
    """Filtered history path by path: joint residuals of days drawn with replacement, volatility carried along.

    The arguments are those of `filtered_paths`, whose result for the same seed is the last instant. `keep` names the
    steps (from 1, ascending) that are kept, by default all. `tilts` draw days by `exp(by * z)`, `z` the standardised
    residual of the factor, in part of the paths, and `weight` takes that out again. With `iv`, factors `X iv` are
    added for underlyings without one, see `with_iv`. Clusters are the days drawn.

    >>> found = filtered_joint_paths(["BTC"], [[0.01], [-0.02]], [[0.02]] * 3, size=4, decay=0.9, seed=1, steps=3)
    >>> found.multiplier.shape, found.days.tolist()
    ((3, 1, 4), [1.0, 2.0, 3.0])
    """
    drawing = PathDrawing.build(names, returns, sigma, size=size, decay=decay, steps=steps, cap=cap)
    kept = _kept(keep, steps)
    check_tilts(tilts, names, jumps=False)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, drawing.returns.shape[0], (size, steps))
    weight = np.ones(size)
    if tilts:
        mixture = Mixture.of(tilts, steps, rng.random((size, 2)))
        drawn = _tilted_days(drawing, names, drawn, mixture, rng)
        weight = mixture.weight()
    multiplier = np.empty((len(kept), len(names), size))
    for begin in range(0, size, BLOCK):
        part = slice(begin, begin + BLOCK)
        total = np.zeros((drawn[part].shape[0], len(names)))
        for k, moved in enumerate(drawing.moves(drawn[part]), 1):
            total += moved
            if k in kept:
                multiplier[kept[k], :, part] = np.exp(total).T
    days = np.array([k * step_days for k in kept])
    made = JointPaths(tuple(names), np.maximum(multiplier, LEAST_MULTIPLIER), days, weight, drawn.astype(np.int64))
    return made if iv is None else with_iv(made, iv)


def simulated_joint_paths(
    names: Sequence[str],
    correlation: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    size: int,
    seed: int,
    steps: int,
    step_days: float = 1.0,
    copula: CopulaKind = "t",
    dof: float = 4.0,
    skew: float = 0.0,
    marginal: Marginal = "t",
    marginal_dof: float | Sequence[float] = 4.0,
    residuals: npt.ArrayLike | None = None,
    jumps: Jumps | None = None,
    dynamics: VolDynamics | None = None,
    draws: Draws = "antithetic",
    trim: float = 1e-9,
    keep: Sequence[int] | None = None,
    tilts: Sequence[Tilt] = (),
    iv: IvLaw | None = None,
    drift: Sequence[float] | None = None,
) -> JointPaths:
    """At least `size` simulated paths of `F` factors, every step drawn anew from the copula, marginals and jumps.

    The arguments are those of `simulated`, whose result for the same seed and draws is the last instant where there
    are no `dynamics`, no `drift` and no tilts. `dynamics` moves the volatility of the steps along the path (constant
    without). `drift[F]` is added to the log move of each step. `tilts` shift the independent normal numbers so that
    the factor's own moves by `by` and the others by their correlation with it; they need two dimensions more.
    """
    root, vols = checked_law(names, correlation, sigma, size, steps)
    kept = _kept(keep, steps)
    check_tilts(tilts, names, jumps=jumps is not None)
    push = np.zeros(len(names)) if drift is None else np.asarray(drift, dtype=np.float64)
    if push.shape != vols.shape or not np.isfinite(push).all():
        raise refuse("drift", push.tolist(), f"{vols.size} finite numbers, a log move for each step")
    sampler = Sampler(
        names,
        root,
        copula=copula,
        dof=dof,
        skew=skew,
        marginal=marginal,
        marginal_dof=marginal_dof,
        residuals=residuals,
        jumps=jumps,
        step_days=step_days,
        trim=trim,
    )
    points, clusters = uniforms(size, sampler.width * steps + (2 if tilts else 0), seed, draws)
    mixture = Mixture.of(tilts, steps, points[:, -2:]) if tilts else None
    long_run = None if dynamics is None else dynamics.checked(vols)
    variance: F64 = np.broadcast_to(vols**2, (points.shape[0], len(names)))
    total = np.zeros((points.shape[0], len(names)))
    multiplier = np.empty((len(kept), len(names), points.shape[0]))
    for k in range(steps):
        step = _step(sampler, points[:, k * sampler.width : (k + 1) * sampler.width], mixture, k, names)
        moved = step.unit * (vols if dynamics is None else np.sqrt(variance))
        total += moved
        if step.jump is not None:
            total += step.jump
            moved = moved + step.jump
        if drift is not None:
            total += push
        if dynamics is not None and long_run is not None:
            variance = dynamics.after(variance, moved, long_run)
        if k + 1 in kept:
            multiplier[kept[k + 1]] = np.maximum(np.exp(total), LEAST_MULTIPLIER).T
    weight = np.ones(points.shape[0]) if mixture is None else mixture.weight()
    days = np.array([k * step_days for k in kept])
    made = JointPaths(tuple(names), multiplier, days, weight, clusters)
    return made if iv is None else with_iv(made, iv)


def with_iv(paths: JointPaths, law: IvLaw) -> JointPaths:
    """The paths with a factor `X iv` for each underlying `X` without one, by the declared law.

    The log move of the level from now is `fall * max(-r, 0) + rise * max(r, 0) + vol_of_vol * W`, held within the cap:
    `r` the log move of the price from now, `W` a Brownian motion of its own, seeded, so that each instant has the law
    of `IvLaw.log_moves` for its days (its very numbers, for paths of one instant).
    """
    spots = [n for n in paths.names if not n.endswith((IV, BASIS))]
    gaps = np.sqrt(np.diff(paths.days, prepend=0.0))
    names, rows = list(paths.names), [paths.multiplier]
    for salt, name in enumerate(spots):
        if name + IV in paths.names:
            continue
        r = np.log(paths.multiplier[:, paths.names.index(name)])
        z = np.random.default_rng([law.seed, salt]).standard_normal(r.shape)
        noise = np.cumsum((law.vol_of_vol * gaps)[:, None] * z, axis=0)
        level = law.fall * np.maximum(-r, 0.0) + law.rise * np.maximum(r, 0.0) + noise
        rows.append(np.exp(np.clip(level, -law.cap, law.cap))[:, None])
        names.append(name + IV)
    return replace(paths, names=tuple(names), multiplier=np.concatenate(rows, axis=1))


def _kept(keep: Sequence[int] | None, steps: int) -> dict[int, int]:
    """Where each step that is kept goes."""
    whole("horizon", steps, 1)
    if keep is None:
        return {k: k - 1 for k in range(1, steps + 1)}
    wanted = list(keep)
    if not wanted or wanted != sorted(set(wanted)) or wanted[0] < 1 or wanted[-1] > steps:
        raise refuse("keep", wanted, f"steps from 1 to {steps}, ascending")
    return {k: i for i, k in enumerate(wanted)}


def _step(sampler: Sampler, u: F64, mixture: Mixture | None, k: int, names: Sequence[str]) -> Step:
    """One step, from the law that each path is drawn from, its log ratios told to the mixture."""
    if mixture is None:
        return sampler.step(u)
    correlation = sampler.root @ sampler.root.T
    ways = []
    for t in mixture.tilts:
        f = list(names).index(t.toward)
        # the shift of least norm that moves the factor's own number by `by`
        ways.append(t.by * sampler.root[f] / max(float(correlation[f, f]), 1e-300))
    active = [mixture.active(k, j) for j in range(len(ways))]
    shift = np.sum([a[:, None] * h for a, h in zip(active, ways, strict=True)], axis=0)
    more = np.ones(u.shape[0])
    for j, t in enumerate(mixture.tilts):
        more[mixture.which == j + 1] = t.jumps
    mixing = len(names) if sampler.copula != "normal" else None
    if mixing is not None:
        power = np.ones(u.shape[0])
        for a, t in zip(active, mixture.tilts, strict=True):
            power[a > 0.0] = t.heavy
        u = u.copy()
        u[:, mixing] = np.maximum(u[:, mixing] ** power, LEAST_UNIFORM)
    step = sampler.step(u, shift, more)
    rate = 0.0 if sampler.jumps is None else sampler.jumps.per_day * sampler.step_days
    for j, (t, h) in enumerate(zip(mixture.tilts, ways, strict=True)):
        counts = None
        if step.count is not None and t.jumps != 1.0:
            counts = step.count * np.log(t.jumps) - rate * (t.jumps - 1.0)
        ratio = step.normals @ h - 0.5 * float(h @ h)
        if mixing is not None and t.heavy != 1.0:
            # the density of a uniform number raised to a power
            ratio = ratio - np.log(t.heavy) + (1.0 / t.heavy - 1.0) * np.log(u[:, mixing])
        mixture.told(k, j, ratio, counts)
    return step


def _tilted_days(
    drawing: PathDrawing, names: Sequence[str], drawn: npt.NDArray[np.int64], mixture: Mixture, rng: np.random.Generator
) -> I64:
    """The days with those of tilted steps drawn by `exp(by * z)`, the log ratios told to the mixture."""
    count = drawing.returns.shape[0]
    laws = []
    for t in mixture.tilts:
        z = (drawing.returns / drawing.sigma[:-1])[:, list(names).index(t.toward)]
        z = (z - z.mean()) / max(float(z.std()), 1e-300)
        log = t.by * z - np.max(t.by * z)
        laws.append(np.exp(log) / np.exp(log).sum())
    result = drawn.copy()
    u = rng.random(drawn.shape)
    for k in range(drawn.shape[1]):
        for j, law in enumerate(laws):
            mine = mixture.active(k, j) > 0.0
            edges = np.cumsum(law)
            result[mine, k] = np.minimum(np.searchsorted(edges, u[mine, k] * edges[-1], side="right"), count - 1)
        for j, law in enumerate(laws):
            with np.errstate(divide="ignore"):
                logs = np.log(law * count)
            mixture.told(k, j, logs[result[:, k]])
    return result.astype(np.int64)
