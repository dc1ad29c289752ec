"""A thing that can be done about the probability of a margin call, and all of them in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from plimsoll.liquidation.passage.estimate import Estimate
from plimsoll.margin import Account, MarginModel
from plimsoll.optimise.desk import Holding
from plimsoll.optimise.terms import TradingTerms

SURE = 1.645
"""Standard errors by which a remedy has to lower the probability to count as one."""


@dataclass(frozen=True)
class RemedyTerms:
    """`called` is the probability that is to be kept. Collateral is added in `asset` at `carry` a year (assumed),
    trades cost what `trading` says, `worth` is that of a dollar of margin to a hedge. `cuts` is how many positions are
    tried alone, those with the largest share of the margin first. `others` are rule sets that the account could be
    moved to as a whole, `beside` accounts of the desk to which positions of it could go.
    """

    called: float = 0.01
    asset: str = "USDC"
    carry: float = 0.08
    worth: float = 0.02
    cuts: int = 6
    trading: TradingTerms = field(default_factory=TradingTerms)
    others: tuple[MarginModel, ...] = ()
    beside: tuple[Holding, ...] = ()


@dataclass(frozen=True, eq=False)
class Remedy:
    """One thing to do. `removed` is by how much the probability of a call falls, with the standard `error` of that
    difference on the same paths; `relief` by how much the exact initial margin falls, US dollars. `outside` is the
    worst loss beyond the grids after it. `keeps` says whether the probability asked for is kept, `refused` why it is
    not to be done (empty: it may be). Where positions go to another account (`place`), `other` is that account after
    it, a call is one at either of the two, and margins and losses are those of both, each by itself.
    """

    kind: str
    words: str
    cost: float
    chance: Estimate
    removed: float
    error: float
    initial: float
    relief: float
    outside: float
    keeps: bool
    trades: Mapping[str, float]
    account: Account
    rules: str
    refused: str = ""
    other: Account | None = None

    @property
    def sure(self) -> bool:
        """Whether the probability falls by more than the paths could feign."""
        return self.removed > SURE * self.error

    @property
    def per_point(self) -> float | None:
        """US dollars for each percentage point of probability removed; `None` where none is."""
        return self.cost / (100.0 * self.removed) if self.sure else None

    @property
    def per_thousand(self) -> float | None:
        """US dollars for each 1,000 of initial margin freed; `None` where none is."""
        return 1_000.0 * self.cost / self.relief if self.relief > 1e-6 * max(1.0, self.initial) else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        content = {k: v for k, v in vars(self).items() if k not in ("chance", "account", "other", "trades")}
        return content | {
            "chance": self.chance.to_dict(),
            "trades": dict(self.trades),
            "per_point": self.per_point,
            "per_thousand": self.per_thousand,
        }


@dataclass(frozen=True, eq=False)
class Remedies:
    """The account as it is and what can be done: `ranked` by cost for each point of probability, then what removes
    none; `refused` what may not be done. `failed` says what could not be tried, and why.
    """

    chance: Estimate
    initial: float
    outside: float
    called: float
    days: float
    ranked: tuple[Remedy, ...]
    refused: tuple[Remedy, ...]
    failed: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def cheapest(self) -> Remedy | None:
        """The cheapest that keeps the probability asked for."""
        keeping = [r for r in self.ranked if r.keeps]
        return min(keeping, key=lambda r: r.cost) if keeping else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "chance": self.chance.to_dict(),
            "initial": self.initial,
            "outside": self.outside,
            "called": self.called,
            "days": self.days,
            "ranked": [r.to_dict() for r in self.ranked],
            "refused": [r.to_dict() for r in self.refused],
            "failed": list(self.failed),
            "notes": list(self.notes),
        }
