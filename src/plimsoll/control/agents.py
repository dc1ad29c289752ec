"""The people of a controlled venue: who trades how much at which margin, what they post, and who answers a call."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from plimsoll.control.terms import Agents
from plimsoll.laboratory.holders import Called, Seen

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Traits:
    """What an account keeps for an episode: `size` USD, `elasticity` of its volume to the rate, `cushion` above its
    initial margin, all `[A]`."""

    size: F64
    elasticity: F64
    cushion: F64

    @classmethod
    def drawn(cls, rules: Agents, random: np.random.Generator) -> Traits:
        """One set of people."""
        a = rules.accounts
        size = rules.size * np.exp(rules.spread * random.standard_normal(a))
        return cls(size, rules.elasticity * (0.5 + random.random(a)), random.exponential(rules.cushion, a))


@dataclass(frozen=True, eq=False)
class Wishes:
    """Of those who trade now, `rows`: the `notional` (USD, signed) that each wants, and `lost`, USD of volume that the
    rate and the spread kept away (below zero: drew in)."""

    rows: I64
    notional: F64
    lost: float


class Crowd:
    """The decisions of an episode. Every draw is made by account and step whatever the rate is, so that two policies
    on the same seed meet the same people."""

    def __init__(self, rules: Agents, step_hours: float, random: np.random.Generator) -> None:
        self.rules, self.random = rules, random
        self.traits = Traits.drawn(rules, random)
        self.chance = 1.0 - np.exp(-rules.per_day * step_hours / 24.0)
        self.tops = np.zeros(rules.accounts)

    def first(self, rate: float) -> F64:
        """What everybody holds when the episode begins, USD `[A]`, signed: nobody's side follows anything yet."""
        r, t = self.rules, self.traits
        side = np.where(self.random.random(r.accounts) < 0.5 + r.lean, 1.0, -1.0)
        return np.asarray(side * t.size * (rate / r.reference) ** -t.elasticity)

    def wishes(self, held: I64, rate: float, trend: float, thin: float) -> Wishes:
        """Who trades in this step. `held[A]` lots (their sign is kept), `trend` the return of `trend_hours` over its
        usual size, `thin` the half spread over its calm value."""
        r, t = self.rules, self.traits
        u, flip, z, side = self.random.random((4, r.accounts))
        rows = np.flatnonzero(u < self.chance)
        long = 0.5 + r.lean + r.follow * float(np.tanh(trend))
        new = np.where(side[rows] < min(1.0, max(0.0, long)), 1.0, -1.0)
        kept = (flip[rows] < r.keeps) & (held[rows] != 0)
        sign = np.where(kept, np.sign(held[rows]), new)
        # a triangle-free normal: the logistic's quantile, scaled to unit variance, so that a draw is one uniform
        noise = np.log(z[rows] / (1.0 - z[rows])) * (np.sqrt(3.0) / np.pi)
        free = t.size[rows] * np.exp(r.noise * noise)
        left = (rate / r.reference) ** -t.elasticity[rows] * thin**-r.touch
        return Wishes(rows, sign * free * left, float((free * (1.0 - left)).sum()))


@dataclass
class Answering(Called):
    """`Called`, which also counts the USD that was called for (units, `asked`), when the call is made."""

    asked: int = 0
    _open: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def pays(self, seen: Seen) -> I64:
        """What is due now."""
        low = seen.held & (seen.equity < self.call * seen.line)
        new = low & ~self._open if self._open.size else low
        self._open = low
        self.asked += int(np.ceil(np.maximum(0.0, self.target * seen.line[new] - seen.equity[new])).sum())
        return super().pays(seen)
