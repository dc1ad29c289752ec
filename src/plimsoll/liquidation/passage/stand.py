"""Where an account stands at each instant of each path, by the exact engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_option
from plimsoll.documents import DocumentError, refuse
from plimsoll.liquidation.funding import hours_of
from plimsoll.liquidation.later import later
from plimsoll.liquidation.passage.expiring import ALIKE, NODES, Payouts, payouts
from plimsoll.liquidation.path import underlyings_of
from plimsoll.liquidation.probe import ROUNDING
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import ACCOUNT, States, moved
from plimsoll.market import Market
from plimsoll.scenarios.moves import IV
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Progress = Callable[[str, int, int], None]

BLOCK = 4096
"""States given to a model at once."""


@dataclass(frozen=True, eq=False)
class Standings:
    """`equity[S]` and `needed[S]` (maintenance margin and fee of a liquidation) of one pool; NaN where refused."""

    equity: F64
    needed: F64

    @property
    def excess(self) -> F64:
        """Equity less what is needed, zero where the difference may be rounding."""
        gap = self.equity - self.needed
        found: F64 = np.where(np.abs(gap) <= ROUNDING * (np.abs(self.equity) + np.abs(self.needed)), 0.0, gap)
        return found

    @property
    def below(self) -> Bools:
        """`[S]` below its line; a state that the rules refuse counts as below."""
        with np.errstate(invalid="ignore"):
            return ~(self.excess >= 0.0)


@dataclass(eq=False)
class Ground:
    """An account under a model at the instants of paths: aged, with funding paid, and moved to where a path stands.

    `vols` are the underlyings of the options held whose implied volatility is on the paths. `base[k]` is the account
    and market at instant `k` with prices unmoved. `computed` counts the states that the engine assessed, `refused`
    those for which it had no number.
    """

    model: MarginModel
    account: Account
    market: Market
    paths: JointPaths
    computed: int = 0
    refused: int = 0
    refusal: str = ""
    base: list[tuple[Account, Market]] = field(default_factory=list)
    lines: dict[int, float] = field(default_factory=dict)
    paid: Payouts | None = None

    def __post_init__(self) -> None:
        self.spots = tuple(n for n in underlyings_of(self.account, self.market) if n in self.paths.names)
        missing = [n for n in underlyings_of(self.account, self.market) if n not in self.paths.names]
        if missing:
            raise refuse("paths.names", list(self.paths.names), "the price of every underlying held: " + missing[0])
        held = [self.market.contracts[p.instrument] for p in self.account.positions if p.quantity != 0.0]
        options = dict.fromkeys(c.underlying for c in held if is_option(c))
        self.optional = tuple(options)
        self.vols = tuple(n for n in options if n + IV in self.paths.names)
        hours = hours_of(self.model)
        self.paid = payouts(self.account, self.market, self.paths)
        left = [
            self.account if self.paid is None else self.paid.left(self.account, k) for k in range(self.paths.days.size)
        ]
        self.base = [later(a, self.market, float(d), hours) for a, d in zip(left, self.paths.days, strict=True)]

    @property
    def alike(self) -> bool:
        """Whether all volatilities of the account move by one factor, as the quick arithmetic of models wants it."""
        return len(self.optional) <= 1

    def time(self, k: int) -> datetime:
        """The instant `k`."""
        return self.base[k][1].time

    def states(self, k: int, at: npt.NDArray[np.intp]) -> States:
        """The states of paths `at` at instant `k`; of accounts whose volatilities move alike."""
        rows = self.paths.multiplier[k]
        spot = {n: np.ascontiguousarray(rows[self.paths.names.index(n), at]) for n in self.spots}
        return States(spot, self.vol(k, at))

    def vol(self, k: int, at: npt.NDArray[np.intp]) -> F64:
        """`[S]` multiplier of the one volatility, ones where none is on the paths."""
        if not self.vols:
            return np.ones(at.size)
        found: F64 = np.ascontiguousarray(self.paths.multiplier[k][self.paths.names.index(self.vols[0] + IV), at])
        return found

    def today(self) -> dict[str, Standings]:
        """Each pool as it stands now, before anything moves."""
        one = States({n: np.ones(1) for n in self.spots}, np.ones(1))
        with np.errstate(all="ignore"):
            tracks = self.model.along(self.account, self.market, one)
        return {t.subject: Standings(t.equity, t.needed) for t in tracks}

    def at(self, k: int, paths: npt.NDArray[np.intp]) -> dict[str, Standings]:
        """Each pool at instant `k` on some paths, exactly: the model's own arithmetic where the volatilities of the
        account move by one factor, else one assessment after the other in a market moved factor by factor."""
        if not self.alike:
            return _joined([self._one(k, int(p)) for p in paths])
        amount = self.amount(k, paths)
        different = np.unique(amount)
        if different.size <= ALIKE:
            found = [self._alike(k, paths[amount == x], float(x)) for x in different]
            return _placed(found, [np.flatnonzero(amount == x) for x in different])
        return self._interpolated(k, paths, amount)

    def amount(self, k: int, paths: npt.NDArray[np.intp]) -> F64:
        """`[S]` what options that have expired by instant `k` paid on these paths."""
        found: F64 = np.zeros(paths.size) if self.paid is None else self.paid.amount[k][paths]
        return found

    def _alike(self, k: int, paths: npt.NDArray[np.intp], amount: float) -> dict[str, Standings]:
        """Paths on which the same was paid out."""
        blocks = [paths[begin : begin + BLOCK] for begin in range(0, max(paths.size, 1), BLOCK)]
        return _joined([self.along(k, self.states(k, block), amount) for block in blocks])

    def _interpolated(self, k: int, paths: npt.NDArray[np.intp], amount: F64) -> dict[str, Standings]:
        """Between two amounts paid, each state margined at both and in the middle; where the sign is within twice the
        error of the middle, by itself with its own amount."""
        nodes = np.linspace(amount.min(), amount.max(), NODES + 1)
        cell = np.clip(np.searchsorted(nodes, amount, side="right") - 1, 0, NODES - 1)
        parts, places = [], []
        for c in np.unique(cell):
            mine = np.flatnonzero(cell == c)
            low, high = float(nodes[c]), float(nodes[c + 1])
            left, middle, right = (self._alike(k, paths[mine], x) for x in (low, 0.5 * (low + high), high))
            share = (amount[mine] - low) / (high - low)
            found, doubt = {}, np.zeros(mine.size, dtype=bool)
            for s in middle:
                x, z, y = (part.get(s, middle[s]) for part in (left, middle, right))
                equity, needed = x.equity + share * (y.equity - x.equity), x.needed + share * (y.needed - x.needed)
                error = np.abs(z.excess - 0.5 * (x.excess + y.excess)) + 1e-9 * (np.abs(z.equity) + np.abs(z.needed))
                found[s] = Standings(equity, needed)
                with np.errstate(invalid="ignore"):
                    doubt |= ~(np.abs(equity - needed) > 2.0 * error)
            for i in np.flatnonzero(doubt):
                own = self._alike(k, paths[mine[i : i + 1]], float(amount[mine[i]]))
                for s, t in own.items():
                    found[s].equity[i], found[s].needed[i] = t.equity[0], t.needed[0]
            parts.append(found)
            places.append(mine)
        return _placed(parts, places)

    def along(self, k: int, states: States, amount: float = 0.0) -> dict[str, Standings]:
        """Each pool in some states of instant `k` with what was paid out; halves a block that the model refuses until
        one state is left."""
        size = len(states)
        account, market = self.base[k]
        if self.paid is not None:
            account = self.paid.paid(account, amount)
        try:
            with np.errstate(all="ignore"):
                tracks = self.model.along(account, market, states)
        except DocumentError as error:
            if size == 1:
                self.computed += 1
                self.refused += 1
                self.refusal = self.refusal or str(error)
                return {}
            half = size // 2
            parts = [self.along(k, states.part(x), amount) for x in (slice(0, half), slice(half, size))]
            return _joined(parts, [half, size - half])
        self.computed += size
        return {t.subject: Standings(t.equity, t.needed) for t in tracks}

    def _one(self, k: int, p: int) -> dict[str, Standings]:
        """One state by one assessment, every underlying's volatility with its own factor."""
        account, market = self.moved(k, p)
        one = States({}, np.ones(1))
        self.computed += 1
        try:
            with np.errstate(all="ignore"):
                tracks = self.model.along(account, market, one)
        except DocumentError as error:
            self.refused += 1
            self.refusal = self.refusal or str(error)
            return {ACCOUNT: Standings(np.array([np.nan]), np.array([np.nan]))}
        return {t.subject: Standings(t.equity, t.needed) for t in tracks}

    def moved(self, k: int, p: int) -> tuple[Account, Market]:
        """The account and market at instant `k` of path `p`."""
        rows = self.paths.multiplier[k][:, p]
        spot = {n: float(rows[self.paths.names.index(n)]) for n in self.spots}
        vol = {n: float(rows[self.paths.names.index(n + IV)]) for n in self.vols}
        account, market = self.base[k]
        if self.paid is not None:
            account = self.paid.paid(account, float(self.paid.amount[k][p]))
        return moved(account, market, spot, vol)


def _joined(parts: list[dict[str, Standings]], sizes: list[int] | None = None) -> dict[str, Standings]:
    """Parts one after the other; a pool that a part does not name has no number there."""
    subjects = list(dict.fromkeys(s for part in parts for s in part))
    counts = sizes or [next((x.equity.size for x in part.values()), 1) for part in parts]

    def row(subject: str, name: str) -> F64:
        rows = [
            getattr(part[subject], name) if subject in part else np.full(n, np.nan)
            for part, n in zip(parts, counts, strict=True)
        ]
        return np.concatenate(rows)

    return {s: Standings(row(s, "equity"), row(s, "needed")) for s in subjects}


def _placed(parts: list[dict[str, Standings]], places: list[npt.NDArray[np.intp]]) -> dict[str, Standings]:
    """Parts put to their places among all."""
    joined = _joined(parts, [x.size for x in places])
    order = np.argsort(np.concatenate(places), kind="stable")
    return {s: Standings(t.equity[order], t.needed[order]) for s, t in joined.items()}
