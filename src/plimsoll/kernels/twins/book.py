"""The incremental book in numpy."""

from __future__ import annotations

import operator
from threading import RLock

import numpy as np

from plimsoll.kernels.accounts import Holdings
from plimsoll.kernels.book import Book
from plimsoll.kernels.checks import FloatArray, IntArray
from plimsoll.kernels.twins.selection import equal_tail


class NumpyBook(Book):
    """Losses [A, S] as an array, positions as one dictionary per account."""

    def __init__(self, held: Holdings, level: float | None, limit: float) -> None:
        self.accounts, self.scenarios = held.indptr.size - 1, held.pnl.shape[1]
        self.instruments = held.pnl.shape[0]
        self._level, self._limit = level, limit
        self._pnl = held.pnl.copy()
        self._largest = np.abs(self._pnl).max(axis=1, initial=0.0)
        # a list keeps an instrument that was given twice apart
        self._held: list[list[tuple[int, float]]] = [
            list(zip(held.indices[x:y].tolist(), held.quantity[x:y].tolist(), strict=True))
            for x, y in zip(held.indptr[:-1], held.indptr[1:], strict=True)
        ]
        self._lost = np.zeros((self.accounts, self.scenarios))
        self._lock = RLock()
        self._check_rows(self._largest)
        for a, positions in enumerate(self._held):
            self._check_gross(a, positions, self._largest)
        self._rebuild(1)

    def worst(self, account: int, instrument: int, quantity: float) -> float:
        with self._lock:
            return float(self._after(account, instrument, quantity).max()) + 0.0

    def var(self, account: int, instrument: int, quantity: float) -> float:
        return self._tail(account, instrument, quantity)[0]

    def es(self, account: int, instrument: int, quantity: float) -> float:
        return self._tail(account, instrument, quantity)[1]

    def apply(self, account: int, instrument: int, quantity: float) -> None:
        with self._lock:
            after = self._after(account, instrument, quantity)
            positions = list(self._held[account])
            at = next((k for k, (i, _) in enumerate(positions) if i == instrument), None)
            if at is None:
                at = len(positions)
                positions.append((operator.index(instrument), 0.0))
            positions[at] = (positions[at][0], positions[at][1] + quantity)
            self._check_gross(account, positions, self._largest)
            if positions[at][1] == 0.0:
                del positions[at]
            self._held[account] = positions
            self._lost[account] = after

    def _tail(self, account: int, instrument: int, quantity: float) -> tuple[float, float]:
        with self._lock:
            after = self._after(account, instrument, quantity)
            if self._level is None:
                raise ValueError("level: none was given for this book")
            quantile, shortfall = equal_tail(after, self._level)
            return float(quantile) + 0.0, float(shortfall) + 0.0

    def _after(self, account: int, instrument: int, quantity: float) -> FloatArray:
        a, i = self._within("account", account, self.accounts), self._within("instrument", instrument, self.instruments)
        if not np.isfinite(quantity) or not abs(quantity) * float(self._largest[i]) <= self._limit:
            limit = f"must be finite and |quantity * pnl| at most {self._limit}"
            raise ValueError(f"quantity: got {quantity}, {limit}")
        with np.errstate(under="ignore"):
            return np.asarray(self._lost[a] - quantity * self._pnl[i])

    @staticmethod
    def _within(name: str, index: int, count: int) -> int:
        at = operator.index(index)
        if not 0 <= at < count:
            raise IndexError(f"{name}: got {at}, " + (f"must be from 0 to {count - 1}" if count else "there is none"))
        return at

    def _check_rows(self, largest: FloatArray) -> None:
        if not (largest <= self._limit).all():
            raise ValueError("pnl: a number is not finite or too large")

    def _check_gross(self, account: int, positions: list[tuple[int, float]], largest: FloatArray) -> None:
        with np.errstate(over="ignore"):
            gross = sum(abs(q) * float(largest[i]) for i, q in positions)
        if not gross <= self._limit:
            raise ValueError(
                f"quantity * pnl: account {account} has a gross sum of {gross}, must be at most {self._limit}"
            )

    def _worst_each(self, a: IntArray, i: IntArray, q: FloatArray, threads: int, out: FloatArray) -> None:
        with self._lock:
            out[:] = [self.worst(*order) for order in zip(a.tolist(), i.tolist(), q.tolist(), strict=True)]

    def _var_each(self, a: IntArray, i: IntArray, q: FloatArray, threads: int, out: FloatArray) -> None:
        with self._lock:
            out[:] = [self.var(*order) for order in zip(a.tolist(), i.tolist(), q.tolist(), strict=True)]

    def _es_each(self, a: IntArray, i: IntArray, q: FloatArray, threads: int, out: FloatArray) -> None:
        with self._lock:
            out[:] = [self.es(*order) for order in zip(a.tolist(), i.tolist(), q.tolist(), strict=True)]

    def _reprice(self, instrument: IntArray, pnl: FloatArray, threads: int) -> None:
        with self._lock:
            slot: dict[int, int] = {}
            for r, i in enumerate(instrument.tolist()):
                if self._within("instrument", i, self.instruments) in slot:
                    raise ValueError(f"instrument: got {i} twice")
                slot[i] = r
            largest = self._largest.copy()
            largest[instrument] = np.abs(pnl).max(axis=1, initial=0.0)
            self._check_rows(largest)
            touched = [a for a, positions in enumerate(self._held) if any(i in slot for i, _ in positions)]
            for a in touched:
                self._check_gross(a, self._held[a], largest)
            change = pnl - self._pnl[instrument]
            for a in touched:
                for i, q in self._held[a]:
                    if i in slot:
                        self._lost[a] -= q * change[slot[i]]
            self._pnl[instrument] = pnl
            self._largest = largest

    def _rebuild(self, threads: int) -> None:
        with self._lock, np.errstate(under="ignore"):
            self._lost[:] = 0.0
            for a, positions in enumerate(self._held):
                for i, q in positions:
                    self._lost[a] -= q * self._pnl[i]

    def _losses(self, account: int, out: FloatArray) -> None:
        with self._lock:
            out[:] = self._lost[self._within("account", account, self.accounts)]

    def _positions(self) -> list[list[tuple[int, float]]]:
        with self._lock:
            return [list(positions) for positions in self._held]
