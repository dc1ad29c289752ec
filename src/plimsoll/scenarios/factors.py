"""The history of the factors of a book: log returns of one step, their names and instants."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plimsoll.documents import refuse
from plimsoll.market.history import DAY_NS, History
from plimsoll.scenarios.moves import BASIS, F64, I64, IV, checked_returns


@dataclass(frozen=True, eq=False)
class FactorHistory:
    """`returns[T, F]` log returns over `step_days`, oldest first; `times[T]` when each was known, nanoseconds UTC.

    `names[F]` as for `FactorMoves`: `BTC`, `BTC iv`, `BTC basis`. Built by `FactorHistory.build`, which checks.
    """

    names: tuple[str, ...]
    returns: F64
    times: I64
    step_days: float
    source: str = ""
    left_out: int = 0

    @classmethod
    def build(
        cls,
        names: Sequence[str],
        returns: npt.ArrayLike,
        *,
        times: npt.ArrayLike | None = None,
        step_days: float = 1.0,
        source: str = "",
    ) -> FactorHistory:
        """Without `times`, steps are counted from the epoch. Raises `DocumentError` naming the field."""
        if len(set(names)) != len(names) or not names:
            raise refuse("history.names", list(names), "one or more names, each once")
        if not (np.isfinite(step_days) and step_days > 0.0):
            raise refuse("history.step_days", step_days, "a number above zero")
        array = checked_returns(names, returns)
        if times is None:
            at = np.arange(1, array.shape[0] + 1, dtype=np.int64) * int(step_days * DAY_NS)
        else:
            at = np.asarray(times, dtype=np.int64)
        if at.shape != (array.shape[0],):
            raise refuse("history.times", f"shape {at.shape}", f"({array.shape[0]},), one for each return")
        if (np.diff(at) <= 0).any():
            where = int(np.argmax(np.diff(at) <= 0)) + 1
            raise refuse(f"history.times[{where}]", int(at[where]), "an instant after the one before")
        return cls(tuple(names), array, at, float(step_days), source)

    @classmethod
    def of_levels(cls, history: History, underlyings: Sequence[str] | None = None, source: str = "") -> FactorHistory:
        """Log returns of a history of levels, whose names are those of the factors; of some underlyings, or of all.

        The first row is the first at which every factor has a level. A return without a level at either end is left
        out for all factors, since a scenario is a joint move; `left_out` counts such rows, and nothing is bridged.
        """
        if underlyings is not None:
            history = history.select(_factors_of(history.names, underlyings))
        known = np.isfinite(history.values).all(axis=1)
        if known.sum() < 3:
            raise refuse("history", f"{int(known.sum())} rows with every factor", "at least 3")
        times, returns = history.log_returns()
        first = int(np.argmax(known))
        times, returns = times[first:], returns[first:]
        good = np.isfinite(returns).all(axis=1)
        made = cls.build(
            history.names, returns[good], times=times[good], step_days=history.step_ns / DAY_NS, source=source
        )
        return replace(made, left_out=int((~good).sum()))

    def __len__(self) -> int:
        return int(self.returns.shape[0])

    def of(self, underlyings: Sequence[str]) -> FactorHistory:
        """Only the factors of these underlyings. Raises `DocumentError` for one whose price has no history."""
        names = tuple(_factors_of(self.names, underlyings))
        at = [self.names.index(n) for n in names]
        return replace(self, names=names, returns=np.ascontiguousarray(self.returns[:, at]))

    def until(self, instant_ns: int) -> FactorHistory:
        """What was known at an instant, itself included: nothing later can reach a model that gets this."""
        end = int(np.searchsorted(self.times, instant_ns, side="right"))
        if end < 2:
            raise refuse("history", f"{end} returns known by then", "at least 2")
        return replace(self, returns=self.returns[:end], times=self.times[:end])

    def last(self, count: int) -> FactorHistory:
        """The last `count` returns, or all if there are fewer."""
        return replace(self, returns=self.returns[-count:], times=self.times[-count:])

    def steps(self, horizon_days: float) -> int:
        """Steps in a horizon, which must be a whole number of them."""
        ratio = horizon_days / self.step_days
        steps = round(ratio)
        if steps < 1 or abs(ratio - steps) > 1e-6:
            raise refuse("horizon", f"{horizon_days:g} days", f"a whole number of steps of {self.step_days:g} days")
        return steps

    def hash(self) -> str:
        """SHA-256 of names, step, instants and returns."""
        digest = hashlib.sha256()
        digest.update(repr((self.names, self.step_days)).encode())
        digest.update(np.ascontiguousarray(self.times, dtype="<i8").tobytes())
        digest.update(np.ascontiguousarray(self.returns, dtype="<f8").tobytes())
        return "sha256:" + digest.hexdigest()


def _factors_of(names: Sequence[str], underlyings: Sequence[str]) -> list[str]:
    """The factors of some underlyings, in their order. Raises `DocumentError` for one whose price is not there."""
    for name in underlyings:
        if name not in names:
            known = ", ".join(n for n in names if not n.endswith((IV, BASIS))) or "none"
            raise refuse(f"history.{name}", "no history of its price", f"every underlying held; there are {known}")
    wanted = {name + kind for name in underlyings for kind in ("", IV, BASIS)}
    return [n for n in names if n in wanted]
