"""Published backtests computed again from their returns: published, ours and the difference, figure by figure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from plimsoll.documents import refuse
from plimsoll.validate.published import tables
from plimsoll.validate.published.folder import Published, Row, read_published
from plimsoll.validate.published.forecasts import WINDOW, Forecast, Progress, ewma, garch, historical, tail
from plimsoll.validate.result import F64

EXACT = 1e-9
"""Largest difference of a figure without a fit behind it, relative to the larger of its size and 1e-3."""

FITTED = 1e-4
"""The same where a likelihood was maximised: versions of the optimiser stop at other digits."""

JUMP = 0.5
"""Days with a larger log return either way are left out by the publisher's forecasts when the sizes say so."""

Status = Literal["equal", "differs", "not reproducible", "skipped"]

NEEDS = {
    "var": "the model's own forecasts, which are not in the folder and follow from no formula",
    "gjr": "its likelihood and version of the optimiser are not published, and none that was tried gives its figures",
}


@dataclass(frozen=True)
class Figure:
    """One number (or word) of a published table. `basis`: `returns` where it was computed from the returns alone,
    `fit` where a likelihood was maximised on them, `counts` where it follows from the row's own counts."""

    table: str
    model: str
    symbol: str
    level: float
    column: str
    published: Any
    ours: Any
    status: Status
    basis: str = ""
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Ours less the published one; `None` for words and where one is missing."""
        if isinstance(self.ours, bool) or not isinstance(self.ours, int | float):
            return None
        if not isinstance(self.published, int | float):
            return None
        return float(self.ours) - float(self.published)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**self.__dict__, "difference": self.difference}


@dataclass(frozen=True)
class Reproduction:
    """Every figure of a folder, and how it was read."""

    figures: tuple[Figure, ...]
    notes: tuple[str, ...]
    hashes: dict[str, str]

    def count(self, status: Status) -> int:
        """How many figures have this status."""
        return sum(f.status == status for f in self.figures)

    @property
    def complete(self) -> bool:
        """Whether every figure that can be computed was, and met the published one."""
        return self.count("differs") == 0 and self.count("skipped") == 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        words: tuple[Status, ...] = ("equal", "differs", "not reproducible", "skipped")
        return {
            "counts": {word: self.count(word) for word in words},
            "tolerance": {"returns": EXACT, "fit": FITTED},
            "notes": list(self.notes),
            "files": self.hashes,
            "figures": [f.to_dict() for f in self.figures],
        }


def reproduce(folder: str | Path, *, fits: bool = True, progress: Progress | None = None) -> Reproduction:
    """Compute every published figure of a folder that follows from its returns, and list the others with the reason.

    `fits=False` leaves out the models fitted day by day (minutes of work); their figures are then `skipped`. Raises
    `DocumentError` for a folder or file that is not of this shape.
    """
    figures: list[Figure] = []
    notes: list[str] = []
    hashes: dict[str, str] = {}
    for published in read_published(folder):
        hashes |= published.hashes
        work = _Asset(published, fits, progress)
        figures += [*work.var(), *work.tails(), *work.es()]
        notes += [f"{published.symbol}: {note}" for note in work.notes]
    return Reproduction(tuple(figures), tuple(notes), hashes)


class _Asset:
    """One asset: forecasts are computed once and shared by the tables."""

    def __init__(self, published: Published, fits: bool, progress: Progress | None) -> None:
        self.published = published
        self.fits = fits
        self.progress = progress
        self.notes: list[str] = []
        self.forecasts: dict[tuple[str, int], tuple[F64, Forecast]] = {}
        self.levels = sorted({float(r["alpha"]) for r in published.tables.get("var", [])} | {0.01})

    def var(self) -> Iterator[Figure]:
        """Figures of the VaR table."""
        for row in self.published.tables.get("var", []):
            model, level = str(row["model"]), float(row["alpha"])
            calibration, days = _whole(row, "n_cal"), _whole(row, "n_test")
            found = self._forecast(model, calibration + days)
            if found is None:
                yield from self._unknown("var", row, level, tables.counted_row(row, level))
                continue
            returns, forecast = found
            ours = tables.var_row(returns, forecast.quantile[level], level, calibration)
            yield from self._compared("var", row, level, ours, _basis(model))

    def tails(self) -> Iterator[Figure]:
        """Figures of the table of tail models."""
        rows, level = self.published.tables.get("tail", []), 0.01
        if not rows:
            return
        returns, computed = self.published.returns, {}
        for row in rows:
            days, method = _whole(row, "n_test"), str(row["method"])
            # every fit of the publisher failed where it says so: the fallback is then the model
            fit = int(row.get("garch_fails") or 0) < days
            slow = method == "EVT-POT" or fit
            if slow and not self.fits:
                yield from self._unmet("tail", method, row, level, "skipped", "a fit for every day (see --no-fits)")
                continue
            if returns.size - days < WINDOW:
                raise refuse("n_test", days, f"at most the returns less a window ({returns.size - WINDOW})", method)
            key = (days, fit)
            if key not in computed:
                found = tail(returns, returns.size - days, level, fit=fit, peaks=self.fits, progress=self.progress)
                computed[key] = tables.tail_rows(returns, returns.size - days, level, found)
                if not fit:
                    self.notes.append(
                        "the published FHS is plain historical simulation: all of its volatility fits failed "
                        f"({days} of {days} by its own column), and what stands in for them is one volatility a window"
                    )
            if method not in computed[key]:
                yield from self._unmet("tail", method, row, level, "not reproducible", NEEDS["var"])
                continue
            yield from self._compared("tail", row, level, computed[key][method], "fit" if slow else "returns", method)

    def es(self) -> Iterator[Figure]:
        """Figures of the ES table; the split is that of the VaR table's row of the same model."""
        level = 0.01
        for row in self.published.tables.get("es", []):
            model, days = str(row["model"]), _whole(row, "n_test")
            split = [
                _whole(r, "n_cal")
                for r in self.published.tables.get("var", [])
                if r["model"] == row["model"] and int(r["n_test"]) == days
            ]
            calibration = split[0] if split else self._split(days)
            found = None if calibration is None else self._forecast(model, calibration + days)
            if found is None or calibration is None:
                yield from self._unknown("es", row, level, {})
                continue
            returns, forecast = found
            ours = tables.es_row(returns, forecast.quantile[level], forecast.mean, forecast.std, level, calibration)
            yield from self._compared("es", row, level, ours, _basis(model))

    def _split(self, days: int) -> int | None:
        """Calibration days where no row says so: 70 % of the forecasts, if that leaves the test days there are."""
        for total in range(days, self.published.returns.size):
            if total - int(total * 0.7) == days and self._fitting(total) is not None:
                return total - days
        return None

    def _fitting(self, days: int) -> F64 | None:
        """The returns whose number, less a window, is that of the forecasts: all, or those without jumps."""
        whole = self.published.returns
        if whole.size - WINDOW == days:
            return whole
        calm = whole[np.abs(whole) <= JUMP]
        return calm if calm.size - WINDOW == days else None

    def _forecast(self, model: str, days: int) -> tuple[F64, Forecast] | None:
        """Returns of the forecast days and the forecasts, `None` for a model that cannot be computed."""
        makers: dict[str, Callable[[F64], Forecast]] = {
            "Hist-Sim": lambda r: historical(r, self.levels),
            "EWMA": lambda r: ewma(r, self.levels),
            "GARCH-N": lambda r: garch(r, self.levels, progress=self.progress),
        }
        if model not in makers or (model == "GARCH-N" and not self.fits):
            return None
        if (model, days) not in self.forecasts:
            returns = self._fitting(days)
            if returns is None:
                total = self.published.returns.size
                self.notes.append(
                    f"{model} has {days} days in its table, which is not the {total} returns less a window of {WINDOW}"
                )
                return None
            if returns.size < self.published.returns.size:
                left = self.published.returns.size - returns.size
                note = f"{left} days with a log return beyond {JUMP} are left out of the forecasts, as the sizes say"
                if note not in self.notes:
                    self.notes.append(note)
            forecast = makers[model](returns)
            if forecast.failed:
                self.notes.append(f"{model}: {forecast.failed} windows without a fit have their plain deviation")
            self.forecasts[model, days] = returns[WINDOW:], forecast
        return self.forecasts[model, days]

    def _unknown(self, table: str, row: Row, level: float, counted: dict[str, Any]) -> Iterator[Figure]:
        """A row whose forecasts are not at hand: what its own counts give is compared, the rest listed."""
        model = str(row["model"])
        skipped = model == "GARCH-N" and not self.fits
        reason = "a fit for every day (see --no-fits)" if skipped else NEEDS["gjr" if model == "GJR-GARCH" else "var"]
        yield from self._compared(
            table, {c: v for c, v in row.items() if c in counted}, level, counted, "counts", model
        )
        rest = {c: v for c, v in row.items() if c not in counted}
        yield from self._unmet(table, model, rest, level, "skipped" if skipped else "not reproducible", reason)

    def _compared(
        self, table: str, row: Row, level: float, ours: dict[str, Any], basis: str, model: str = ""
    ) -> Iterator[Figure]:
        name, symbol = model or str(row.get("model", "")), self.published.symbol
        for column, value in row.items():
            if column in _KEYS:
                continue
            if column not in ours:
                reason = "a column that no rule here computes"
                yield Figure(table, name, symbol, level, column, value, None, "not reproducible", "", reason)
                continue
            same = equal(value, ours[column], FITTED if basis == "fit" else EXACT)
            status: Status = "equal" if same else "differs"
            yield Figure(table, name, symbol, level, column, _plain(value), ours[column], status, basis)

    def _unmet(self, table: str, model: str, row: Row, level: float, status: Status, reason: str) -> Iterator[Figure]:
        for column, value in row.items():
            if column not in _KEYS:
                symbol = self.published.symbol
                yield Figure(table, model, symbol, level, column, _plain(value), None, status, "", reason)


_KEYS = {"model", "symbol", "alpha", "method"}


def _basis(model: str) -> str:
    return "fit" if model == "GARCH-N" else "returns"


def _whole(row: Row, column: str) -> int:
    value = row[column]
    if not isinstance(value, int) or value < 1:
        raise refuse(column, value, "a whole number of days above zero")
    return value


def _plain(value: Any) -> Any:
    """Booleans that a table spells as words."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def equal(published: Any, ours: Any, tolerance: float) -> bool:
    """Whether two entries agree: numbers to `tolerance` of the larger of their size and 1e-3, counts exactly."""
    published = _plain(published)
    if published is None or ours is None or isinstance(published, (str, bool)):
        return bool(published == ours)
    if isinstance(published, int) and isinstance(ours, int):
        return published == ours
    a, b = float(published), float(ours)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return abs(a - b) <= tolerance * max(abs(a), 1e-3)
