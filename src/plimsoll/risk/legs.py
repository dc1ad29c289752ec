"""Legs of a charge: a set of scenarios met with a book, its losses, and parts of a charge as weights on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.risk.joint import JointBook, joint_losses, joint_rows
from plimsoll.risk.measures import TailMeasures, tail_measures
from plimsoll.risk.models import StressMove
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.moves import F64, IV, FactorMoves, IvLaw

MOST_BINDING = 5


@dataclass(frozen=True, eq=False)
class Leg:
    """`losses[S]` of the book in USD over `moves`, with their VaR and ES at the level of the model."""

    name: str
    moves: FactorMoves
    columns: Mapping[str, Scenarios]
    losses: F64
    measures: TailMeasures
    proxies: tuple[str, ...]

    def shares(self, book: JointBook, weights: F64) -> F64:
        """`[N]` parts of `weights @ losses` by position: they add up to it, for losses are linear in positions."""
        at = np.flatnonzero(weights)
        total = np.zeros(len(book))
        for part in np.array_split(at, max(1, at.size * len(book) // 2_000_000 + 1)):
            if part.size:
                few = {u: c.take(part) for u, c in self.columns.items()}
                total -= joint_rows(book, few) @ weights[part]
        result: F64 = total * book.quantity
        return result

    def at_binding(self) -> F64:
        """`[S]` weights that give the VaR: one on the scenario whose loss it is."""
        weights = np.zeros(self.losses.size)
        weights[self.measures.binding] = 1.0
        return weights

    def weights(self, measure: str) -> F64:
        """`[S]` weights that give the VaR or the ES."""
        return self.measures.weights if measure == "es" else self.at_binding()


def make_leg(
    name: str,
    book: JointBook,
    moves: FactorMoves,
    level: float,
    iv: IvLaw,
    *,
    theta: bool,
    threads: int | None = None,
) -> Leg:
    """Revalue the book in every scenario and take the measures."""
    columns, proxies = moves.columns(iv, theta=theta)
    losses = joint_losses(book, columns, threads=threads)
    found = tail_measures(losses, level, moves.probability, lag=moves.lag, clusters=moves.clusters)
    return Leg(name, moves, columns, losses, found, proxies)


@dataclass(frozen=True, eq=False)
class Component:
    """One term of a charge, USD: components add up to the charge, and `shares[N]` by position to the component.

    `standard_error` of a difference of two estimates is the sum of theirs, an upper bound.
    """

    name: str
    title: str
    value: float
    standard_error: float
    shares: F64

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values without the shares."""
        error = self.standard_error if np.isfinite(self.standard_error) else None
        return {"name": self.name, "title": self.title, "value": self.value, "standard_error": error}


def part(book: JointBook, leg: Leg, name: str, title: str, weights: F64, error: float) -> Component:
    """The component `weights @ losses` of a leg."""
    return Component(name, title, float(weights @ leg.losses), error, leg.shares(book, weights))


@dataclass(frozen=True)
class Binding:
    """A scenario that made the number: its moves as words, its loss in USD, its weight in the charge."""

    label: str
    loss: float
    weight: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"label": self.label, "loss": self.loss, "weight": self.weight}


def bindings(leg: Leg, weights: F64, history: FactorHistory | None, most: int = MOST_BINDING) -> tuple[Binding, ...]:
    """The scenarios of largest weighted loss, at most `most`."""
    at = np.flatnonzero(weights)
    order = at[np.argsort(-np.abs(weights[at] * leg.losses[at]), kind="stable")][:most]
    return tuple(Binding(label_of(leg, int(s), history), float(leg.losses[s]), float(weights[s])) for s in order)


def label_of(leg: Leg, scenario: int, history: FactorHistory | None) -> str:
    """The day a scenario comes from, if any, and how the factors move in it."""
    words = []
    for name in leg.moves.underlyings:
        column = leg.columns[name]
        flag = "~" if name in leg.proxies else ""
        words.append(f"{name} {column.spot[scenario] - 1.0:+.1%} iv {flag}{column.vol[scenario]:+.0%}")
    text = ", ".join(words)
    origin = leg.moves.origin
    if origin is not None and history is not None and origin[scenario] >= 0:
        day = np.datetime64(int(history.times[origin[scenario]]), "ns").astype("datetime64[m]")
        return f"{day}Z: {text}"
    return text


def deltas(book: JointBook) -> tuple[tuple[str, ...], F64]:
    """Underlyings and `[N, U]` USD gained by each position for a rise of 100 % of each, from moves of 1 % both ways."""
    names = book.underlyings
    result = np.empty((len(book), len(names)))
    still = Scenarios.build([1.0, 1.0])
    moved = Scenarios.build([1.01, 0.99])
    for k, name in enumerate(names):
        rows = joint_rows(book, {u: moved if u == name else still for u in names})
        result[:, k] = book.quantity * (rows[:, 0] - rows[:, 1]) / 0.02
    return names, result


def stress_moves(names: tuple[str, ...], moves: Sequence[StressMove], days: float) -> FactorMoves:
    """The hypothetical days of a charge as moves of the factors `names`; a price that none names does not move."""
    table = np.ones((len(names), len(moves)))
    for s, move in enumerate(moves):
        for f, name in enumerate(names):
            if name.endswith(IV):
                table[f, s] = np.exp(move.iv)
            else:
                table[f, s] = np.exp(move.prices.get(name, move.prices.get("*", 0.0)))
    return FactorMoves(names, table, days)


def stressed_rows(history: FactorHistory, sigma: npt.NDArray[np.float64], rows: int) -> tuple[int, int]:
    """First row and row after the last of the window of `rows` returns with the highest mean volatility.

    Each factor counts in units of its own mean, so that a calm factor says as much as a wild one.
    """
    size = min(rows, len(history))
    if size < 20:
        raise refuse("history", f"{len(history)} returns", "at least 20, for a stress window")
    relative = (sigma[:-1] / sigma[:-1].mean(axis=0)).mean(axis=1)
    sums = np.concatenate([[0.0], np.cumsum(relative)])
    first = int(np.argmax(sums[size:] - sums[:-size]))
    return first, first + size
