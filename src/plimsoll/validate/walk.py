"""Walking forward: each day a forecast from what was known, and the loss of the same book a day later.

Nothing later can reach a forecast: the model gets a copy of the history that ends at its instant. The realised loss is
the same full revaluation as that of the scenarios, in the one move that happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import content_hash, refuse
from plimsoll.kernels import expected_shortfall, value_at_risk
from plimsoll.market.history import DAY_NS, History, instant_ns, instant_of
from plimsoll.risk.engine import Run, evaluate
from plimsoll.risk.joint import JointBook, joint_losses
from plimsoll.risk.models import PlainCharge, RiskModel
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.moves import IV, FactorMoves
from plimsoll.validate.books import BookShape, book_of
from plimsoll.validate.chain_error import chain_days, chain_losses
from plimsoll.validate.levels import NOISE
from plimsoll.validate.result import F64, Hits

Progress = Callable[[str, int, int], None]
Forecaster = Callable[[FactorHistory, Mapping[str, JointBook]], dict[str, tuple[float, float]]]
"""From a history that ends now and the books of now to (VaR, ES) of each, in US dollars."""

NOISES = 20
"""Draws of the error of the volatility proxy on each day."""

REGIMES = ("calm", "normal", "stressed")
BOUNDS = (0.45, 0.80)
"""Annual volatility of the first coin, as known before the day, that ends the calm and begins the stressed regime."""


@dataclass(frozen=True)
class EngineModel:
    """A risk model of the engine as a forecaster. `factor` multiplies what it says: 0.5 is a model broken on purpose.

    Models without a charge of their own share the day's scenarios between books; for others the engine is asked book by
    book, and the forecast of VaR is the charge while the ES stays that of the scenarios (or the charge, if larger).
    """

    model: RiskModel
    name: str = ""
    factor: float = 1.0

    @property
    def label(self) -> str:
        """Its name in tables."""
        return self.name or self.model.name

    def __call__(self, history: FactorHistory, books: Mapping[str, JointBook]) -> dict[str, tuple[float, float]]:
        """(VaR, ES) of each book, USD."""
        charge = self.model.charge
        plain = isinstance(charge, PlainCharge) and charge.tail is None and charge.measure == "var"
        return self._shared(history, books) if plain else self._each(history, books)

    def _shared(self, history: FactorHistory, books: Mapping[str, JointBook]) -> dict[str, tuple[float, float]]:
        groups: dict[tuple[str, ...], list[str]] = {}
        for name, book in books.items():
            groups.setdefault(book.underlyings, []).append(name)
        found = {}
        for names in groups.values():
            moves = Run(self.model, books[names[0]], history, 1, None).moves()
            columns, _ = moves.columns(self.model.iv, theta=self.model.theta)
            for name in names:
                losses = joint_losses(books[name], columns, threads=1)
                var = float(value_at_risk(losses, self.model.level, moves.probability))
                es = float(expected_shortfall(losses, self.model.level, moves.probability))
                found[name] = (self.factor * var, self.factor * es)
        return found

    def _each(self, history: FactorHistory, books: Mapping[str, JointBook]) -> dict[str, tuple[float, float]]:
        found = {}
        for name, book in books.items():
            result = evaluate(self.model, book, history, threads=1)
            var = result.charge.value
            found[name] = (self.factor * var, self.factor * max(result.es.value, var))
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"label": self.label, "factor": self.factor, "hash": self.model.hash(), "model": self.model.name}


@dataclass(frozen=True, eq=False)
class Track:
    """One book: realised losses `[T]` and, by model, the forecasts of VaR and ES `[T]` made a day before.

    All are fractions of the price of the book's first coin on the day of the forecast, positive when bad.
    `times[T]` is when the loss was known; `noisy[T, K]` the losses with the error of the volatility proxy drawn in
    (empty for books without options), `on_chains[T, K]` those in a market that the proxy missed as it missed the chains
    of 2026 (`plimsoll.validate.chain_error`); `regime[T]` the regime known at the forecast.
    """

    shape: BookShape
    times: tuple[int, ...]
    losses: F64
    noisy: F64
    on_chains: F64
    regime: tuple[str, ...]
    var: Mapping[str, F64]
    es: Mapping[str, F64]
    skipped: int


@dataclass(frozen=True, eq=False)
class Walk:
    """Every book's track, the level, and the hashes of all that went in."""

    level: float
    tracks: tuple[Track, ...]
    hashes: Mapping[str, str]

    def track(self, name: str) -> Track:
        """The track of a book."""
        for t in self.tracks:
            if t.shape.name == name:
                return t
        raise refuse("book", name, f"one of {', '.join(t.shape.name for t in self.tracks)}")


def walk_forward(
    models: Sequence[EngineModel],
    shapes: Sequence[BookShape],
    levels: History,
    *,
    start: Any = None,
    until: Any = None,
    least: int = 250,
    look_back: int = 500,
    noise: float = NOISE,
    seed: int = 0,
    progress: Progress | None = None,
) -> Walk:
    """Forecast every day from `start` to `until` for every book and model, and take the loss of the next day.

    `levels` are daily levels of every factor (`factor_levels`). A forecast needs `least` returns of all factors of the
    book and uses the last `look_back`. A day whose next close is missing is skipped and counted, not bridged. Models
    must have one level and a horizon of one day. Raises `DocumentError` for models, dates or levels that do not fit.
    """
    level = _checked(models, shapes, levels)
    first = int(levels.times[0]) if start is None else instant_ns(start, "start")
    last = int(levels.times[-1]) if until is None else instant_ns(until, "until")
    tracks = []
    # books of the same factors share a day's scenarios
    groups: dict[tuple[str, ...], list[BookShape]] = {}
    for shape in shapes:
        groups.setdefault(_factors(shape, levels), []).append(shape)
    work = sum(len(levels) for _ in groups)
    done = 0
    for factors, members in groups.items():
        own = levels.select(list(factors))
        history = FactorHistory.of_levels(own)
        rows = {shape.name: _Rows(shape, [m.label for m in models]) for shape in members}
        good: Hits = np.asarray(np.isfinite(own.values).all(axis=1))
        for t in range(len(own) - 1):
            done += 1
            now, then = int(own.times[t]), int(own.times[t + 1])
            if progress is not None and t % 10 == 0:
                progress(f"{', '.join(s.name for s in members)}: {instant_of(now):%Y-%m-%d}", done, work)
            if not first <= now or then > last or int(np.searchsorted(history.times, now, side="right")) < least:
                continue
            if not (good[t] and good[t + 1]):
                for row in rows.values():
                    row.skipped += 1
                continue
            known = history.until(now).last(look_back)
            here = dict(zip(own.names, own.values[t].tolist(), strict=True))
            books = {shape.name: book_of(shape, here, instant_of(now)) for shape in members}
            coin = members[0].coins[0]
            regime = _regime(known, coin)
            columns = _realised(models[0].model, own, t, noise, seed)
            forecasts = {m.label: m(known, books) for m in models}
            move = {n: float(own.values[t + 1, f] / own.values[t, f]) for f, n in enumerate(own.names)}
            for name, book in books.items():
                losses = joint_losses(book, columns, threads=1) / here[coin]
                chains = _on_chains(rows[name].shape, models[0].model, here, move, now, seed) / here[coin]
                told = {m: forecasts[m][name] for m in forecasts}
                rows[name].add(then, losses, losses[0] + chains, regime, told, here[coin])
        tracks += [rows[shape.name].track() for shape in members]
    order = {shape.name: i for i, shape in enumerate(shapes)}
    tracks.sort(key=lambda t: order[t.shape.name])
    settings = {"least": least, "look_back": look_back, "seed": seed, "noise": noise, "bounds": list(BOUNDS)}
    hashes = {
        "levels": levels.hash,
        "models": content_hash([m.to_dict() for m in models]),
        "books": content_hash([s.to_dict() for s in shapes]),
        "settings": content_hash(settings),
    }
    return Walk(level, tuple(tracks), hashes)


class _Rows:
    """What one book gathers."""

    def __init__(self, shape: BookShape, models: list[str]) -> None:
        self.shape = shape
        self.times: list[int] = []
        self.losses: list[F64] = []
        self.chains: list[F64] = []
        self.regime: list[str] = []
        self.forecasts: dict[str, list[tuple[float, float]]] = {m: [] for m in models}
        self.skipped = 0

    def add(
        self,
        time: int,
        losses: F64,
        chains: F64,
        regime: str,
        forecasts: Mapping[str, tuple[float, float]],
        price: float,
    ) -> None:
        """One day."""
        self.times.append(time)
        self.losses.append(losses)
        self.chains.append(chains)
        self.regime.append(regime)
        for model, (var, es) in forecasts.items():
            self.forecasts[model].append((var / price, es / price))

    def track(self) -> Track:
        """All days as arrays."""
        if not self.times:
            raise refuse("start", "no day", f"a span in which {self.shape.name} has enough history and a next close")
        losses = np.array(self.losses)
        made = {m: np.array(f) for m, f in self.forecasts.items()}
        noisy = losses[:, 1:] if self.shape.options else np.empty((len(losses), 0))
        return Track(
            self.shape,
            tuple(self.times),
            losses[:, 0],
            noisy,
            np.array(self.chains),
            tuple(self.regime),
            {m: f[:, 0] for m, f in made.items()},
            {m: f[:, 1] for m, f in made.items()},
            self.skipped,
        )


def _realised(model: RiskModel, levels: History, t: int, noise: float, seed: int) -> Any:
    """Columns of the move that happened, and of the same move with `NOISES` draws of the proxy's error."""
    move = levels.values[t + 1] / levels.values[t]
    table = np.repeat(move[:, None], 1 + NOISES, axis=1)
    draws = np.random.default_rng([seed, int(levels.times[t]) // DAY_NS]).standard_normal(NOISES)
    for f, name in enumerate(levels.names):
        if name.endswith(IV):
            table[f, 1:] *= np.exp(noise * draws)
    return FactorMoves(levels.names, table, model.horizon_days).columns(model.iv, theta=model.theta)[0]


def _on_chains(
    shape: BookShape, model: RiskModel, here: Mapping[str, float], move: Mapping[str, float], now: int, seed: int
) -> F64:
    """`[K]` what the errors measured on the chains add to the loss, USD; empty for books without options."""
    if not shape.options:
        return np.empty(0)
    elapsed = model.horizon_days if model.theta else 0.0
    days = chain_days(shape.coins, now, seed)
    return chain_losses(shape, here, move, model.iv.rule, days, elapsed=elapsed)


def _factors(shape: BookShape, levels: History) -> tuple[str, ...]:
    from plimsoll.scenarios.moves import BASIS

    wanted = [coin + kind for coin in shape.coins for kind in ("", IV)]
    if shape.basis:
        wanted += [coin + BASIS for coin in shape.coins]
    missing = [n for n in wanted if n not in levels.names]
    if missing:
        raise refuse(f"levels.{missing[0]}", "no such factor", f"a level for each factor of the book {shape.name}")
    return tuple(n for n in levels.names if n in wanted)


def _regime(history: FactorHistory, coin: str) -> str:
    """By the exponentially weighted volatility of the coin that was known."""
    returns = history.returns[-250:, history.names.index(coin)]
    weights = 0.94 ** np.arange(returns.size - 1, -1, -1)
    annual = float(np.sqrt(365 * (weights @ returns**2) / weights.sum()))
    return REGIMES[int(np.searchsorted(BOUNDS, annual, side="right"))]


def _checked(models: Sequence[EngineModel], shapes: Sequence[BookShape], levels: History) -> float:
    if not models or not shapes:
        raise refuse("models", "no model or no book", "at least one of each")
    labels = [m.label for m in models]
    if len(set(labels)) != len(labels):
        raise refuse("models", labels, "each name once")
    if levels.step_ns != DAY_NS:
        raise refuse("levels.step_ns", levels.step_ns, f"{DAY_NS}, one day")
    for m in models:
        if m.model.horizon_days != 1.0 or m.model.level != models[0].model.level:
            got = f"{m.label}: {m.model.level:g} over {m.model.horizon_days:g} days"
            raise refuse("models", got, f"the level of the first ({models[0].model.level:g}) and one day")
    return 1.0 - models[0].model.level
