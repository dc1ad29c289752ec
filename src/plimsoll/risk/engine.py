"""The risk engine: a model, a book and a history in; a charge with its error, components, shares and hashes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from plimsoll.documents import content_hash, refuse
from plimsoll.dynamics.ewma import ewma_variance
from plimsoll.risk.joint import JointBook
from plimsoll.risk.legs import Binding, Component, Leg, make_leg
from plimsoll.risk.measures import Estimate
from plimsoll.risk.models import FilteredScenarios, HistoricalScenarios, RiskModel, SimulatedScenarios, Variance
from plimsoll.risk.tail import TailFit
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.filtered import filtered, filtered_paths
from plimsoll.scenarios.historical import historical
from plimsoll.scenarios.moves import F64, FactorMoves
from plimsoll.scenarios.simulated import fit_dof, rank_correlation, simulated

Progress = Callable[[str, int, int], None]

LEAST_RETURNS = 60
"""Fewer returns than this give no filtered history and no dependence."""

WARM_UP = 30
"""Returns whose mean square begins the recursion of the variance."""


@dataclass(frozen=True, eq=False)
class RiskResult:
    """What a model asks for a book, in US dollars, positive for a requirement.

    `charge` with its standard error is the sum of `components`; `shares[N]` by position (`names`) add up to it. `var`
    and `es` are those of the model's own scenarios, `losses[S]` of the book in them, `probability[S]` or `None`.
    """

    model: RiskModel
    charge: Estimate
    var: Estimate
    es: Estimate
    components: tuple[Component, ...]
    binding: tuple[Binding, ...]
    names: tuple[str, ...]
    shares: F64
    losses: F64
    probability: F64 | None
    effective: float
    tail: TailFit | None
    proxies: tuple[str, ...]
    hashes: dict[str, str]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the losses are left out."""
        return {
            "model": self.model.name,
            "level": self.model.level,
            "horizon_days": self.model.horizon_days,
            "currency": "USD",
            "charge": self.charge.to_dict(),
            "var": self.var.to_dict(),
            "es": self.es.to_dict(),
            "scenarios": int(self.losses.size),
            "effective_scenarios": self.effective,
            "components": [c.to_dict() for c in self.components],
            "binding": [b.to_dict() for b in self.binding],
            "shares": [
                {"subject": n, "value": float(v)} for n, v in zip(self.names, self.shares.tolist(), strict=True)
            ],
            "tail": None if self.tail is None else self.tail.to_dict(),
            "iv": dict.fromkeys(self.proxies, "proxy"),
            "hashes": self.hashes,
            "notes": list(self.notes),
        }


class Run:
    """One computation: everything that legs of the same model share."""

    def __init__(
        self, model: RiskModel, book: JointBook, history: FactorHistory, threads: int | None, progress: Progress | None
    ) -> None:
        self.model, self.book, self.threads, self.progress = model, book, threads, progress
        own = history.of(book.underlyings)
        self.history = own.last(model.look_back) if model.look_back else own
        self.steps = self.history.steps(model.horizon_days)
        self.done = 0
        self.notes: list[str] = []
        if len(self.history) < max(LEAST_RETURNS, self.steps + 1):
            raise refuse("history", f"{len(self.history)} returns", f"at least {max(LEAST_RETURNS, self.steps + 1)}")

    def leg(self, name: str, moves: FactorMoves, *, theta: bool | None = None) -> Leg:
        """Revalue over `moves`."""
        if self.progress is not None:
            self.progress(f"{self.model.name}: {name}, {len(moves):,} scenarios", self.done, self.done + 1)
        self.done += 1
        on = self.model.theta if theta is None else theta
        return make_leg(name, self.book, moves, self.model.level, self.model.iv, theta=on, threads=self.threads)

    @cached_property
    def sigma(self) -> F64:
        """`[T + 1, F]` volatility of a step known before it, by the recursion that the model names."""
        source = self.model.scenarios
        found = volatility(self.history.returns, getattr(source, "decay", 0.97))
        kind: Variance = getattr(source, "variance", "ewma")
        if kind == "ewma":
            return found
        from plimsoll.dynamics.garch import garch_forecast

        for f, name in enumerate(self.history.names):
            forecast = garch_forecast(self.history.returns[:, f], kind, name=name)
            if forecast.model is None:
                assert forecast.failure is not None
                message = forecast.failure.message.partition(";")[0]
                self.notes.append(f"{name}: {message}; exponential weights instead")
            else:
                found[:, f] = np.sqrt(forecast.variance)
        return found

    @cached_property
    def residuals(self) -> F64:
        """`[T, F]` returns over the volatility known before them."""
        result: F64 = self.history.returns / self.sigma[:-1]
        return result

    @cached_property
    def base(self) -> Leg:
        """The model's own scenarios."""
        return self.leg("scenarios", self.moves())

    def moves(self) -> FactorMoves:
        """The moves that the model's scenarios describe."""
        source = self.model.scenarios
        if isinstance(source, HistoricalScenarios):
            return self.plain(source)
        if isinstance(source, FilteredScenarios):
            return self.filter(source)
        return self.simulate(source, rank_correlation(self.residuals))

    def plain(self, source: HistoricalScenarios, rows: tuple[int, int] | None = None) -> FactorMoves:
        """Unscaled windows of the history, or of some of its rows."""
        h, (first, end) = self.history, rows or (0, len(self.history))
        moves = historical(
            h.names, h.returns[first:end], steps=self.steps, step_days=h.step_days, windows=source.windows,
            age=source.age, moves=source.moves,
        )  # fmt: skip
        if rows is None or moves.origin is None:
            return moves
        return FactorMoves(
            moves.names, moves.multiplier, moves.days, moves.probability, moves.lag, None, moves.origin + first
        )

    def filter(self, source: FilteredScenarios, now: F64 | None = None) -> FactorMoves:
        """Filtered windows, at the volatility of the next step or at `now[F]`."""
        h, sigma = self.history, self.sigma
        if now is not None:
            sigma = np.vstack([sigma[:-1], now[None, :]])
        if source.paths:
            return filtered_paths(
                h.names, h.returns, sigma, size=source.paths, decay=source.decay, seed=source.seed, steps=self.steps,
                step_days=h.step_days, cap=source.cap,
            )  # fmt: skip
        return filtered(
            h.names, h.returns, sigma, steps=self.steps, step_days=h.step_days, windows=source.windows,
            age=source.age, moves=source.moves, cap=source.cap, damping=source.damping, scaling=source.scaling,
        )  # fmt: skip

    def simulate(self, source: SimulatedScenarios, correlation: F64) -> FactorMoves:
        """Monte Carlo moves with a given correlation of the copula."""
        h = self.history
        dof: float | list[float] = 4.0
        if source.marginal == "t":
            dof = source.marginal_dof or [fit_dof(self.residuals[:, f]) for f in range(len(h.names))]
        return simulated(
            h.names, correlation, self.sigma[-1], size=source.size, seed=source.seed, steps=self.steps,
            step_days=h.step_days, copula=source.copula, dof=source.dof, skew=source.skew, marginal=source.marginal,
            marginal_dof=dof, residuals=self.residuals if source.marginal == "empirical" else None,
            jumps=source.jumps, draws=source.draws, trim=source.trim,
        )  # fmt: skip


def evaluate(
    model: RiskModel,
    book: JointBook,
    history: FactorHistory,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> RiskResult:
    """What `model` asks for `book`, from what `history` held. Same inputs, same bits, whatever `threads`.

    Raises `DocumentError` naming the field: an underlying without history, too few returns, a horizon that is no whole
    number of steps, a contract that cannot be valued.
    """
    from plimsoll.risk.charges import charge

    run = Run(model, book, history, threads, progress)
    made = charge(run)
    base = run.base
    total = float(sum(c.value for c in made.components))
    error = float(sum(c.standard_error for c in made.components)) if made.error is None else made.error
    shares = np.sum([c.shares for c in made.components], axis=0)
    held = content_hash(
        {
            "names": list(book.names),
            "quantity": book.quantity.tolist(),
            "contracts": [c.model_dump(mode="json") for c in book.contracts],
            "prices": {n: float(v) for n, v in book.prices.items()},
            "marks": {
                u: [p.price.tolist(), np.nan_to_num(p.vol).tolist(), p.seconds.tolist()] for u, p in book.plans.items()
            },
        }
    )
    notes = [*base.moves.notes, *run.notes]
    if base.moves.floored:
        notes.append(f"{base.moves.floored} moves would have passed through zero and were stopped")
    if base.proxies:
        notes.append("iv: proxy for " + ", ".join(base.proxies) + ": no history of implied volatility was given")
    if isinstance(model.scenarios, SimulatedScenarios):
        notes.append("errors are those of drawing: volatility, correlation and shape are taken as known")
    if run.history.left_out:
        notes.append(f"{run.history.left_out} returns without every factor were left out")
    return RiskResult(
        model=model,
        charge=Estimate(total, error, made.method),
        var=base.measures.var,
        es=base.measures.es,
        components=made.components,
        binding=made.binding,
        names=book.names,
        shares=shares,
        losses=base.losses,
        probability=base.moves.probability,
        effective=base.measures.effective,
        tail=made.tail,
        proxies=base.proxies,
        hashes={"model": model.hash(), "history": run.history.hash(), "book": held},
        notes=(*notes, *made.notes),
    )


def volatility(returns: F64, decay: float) -> F64:
    """`[T + 1, F]` standard deviation known before each return, `v' = decay * v + (1 - decay) * r^2`.

    It begins with the mean square of the first `WARM_UP` returns; never exactly zero, so that a price that has not
    moved yet has a scale.
    """
    start = np.mean(returns[:WARM_UP] ** 2, axis=0)
    columns = [ewma_variance(returns[:, f], decay, seed=float(start[f])) for f in range(returns.shape[1])]
    result: F64 = np.sqrt(np.maximum(np.column_stack(columns), 1e-24))
    return result
