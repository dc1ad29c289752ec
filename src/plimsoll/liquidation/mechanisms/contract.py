"""The contract of a liquidation mechanism: a scene in, a record of everything that moved out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from plimsoll.liquidation.mechanisms.ledger import ACCOUNT, BOOK, Fill, Party, Payment
from plimsoll.liquidation.mechanisms.terms import CloseTerms, PricePath
from plimsoll.margin import Account, MarginModel
from plimsoll.margin.path import ACCOUNT as WHOLE
from plimsoll.margin.requirement import Evidence
from plimsoll.market import Market


@dataclass(frozen=True)
class Scene:
    """An account below its line, the moment it is found so, and what happens from there.

    `market` is that of the detection, with the depth of each instrument; `path` moves its prices from there. `lots` are
    lot sizes in contracts by instrument. `subject` names the pool: the shared one, or an isolated position.
    """

    model: MarginModel
    account: Account
    market: Market
    terms: CloseTerms = field(default_factory=CloseTerms)
    path: PricePath = field(default_factory=PricePath)
    lots: Mapping[str, float] = field(default_factory=dict)
    subject: str = WHOLE


@dataclass(frozen=True)
class CloseOut:
    """What a mechanism did to a pool.

    `fills` and `payments` are in the order in which they happened; `money` and `lots` are what every party has more or
    less than at the start, in units by currency and lots by subject. Each column of both adds up to zero. USD:

    ```
    value_before   worth of the pool at the marks of the detection, `value_after` at the marks of the end
    drift          what prices did to it meanwhile
    slippage       what fills cost beside the mark of their moment
    fees, charges  what it paid for them
    taken          worth, at the marks of that moment, of what was taken over without being paid for
    value_after  = value_before + drift - slippage - fees - charges - taken
    ```

    `to` says who got the last four, by party. `bad_debt` is what the pool owes beyond all it has, and `deficit` what it
    owed so at the detection; a taker that takes over a pool worth less than nothing has that loss instead. `results`
    are USD at the marks of the end, by party. `done`: the pool is above its line, or empty.
    """

    mechanism: str
    evidence: Evidence
    assumed: str
    fills: tuple[Fill, ...]
    payments: tuple[Payment, ...]
    money: dict[tuple[Party, str], int]
    lots: dict[tuple[Party, str], int]
    account: Account
    market: Market
    seconds: float
    value_before: float
    value_after: float
    drift: float
    slippage: float
    fees: float
    charges: float
    taken: float
    maintenance_before: float
    maintenance_after: float
    equity_after: float
    to: dict[Party, float]
    closed: float
    bad_debt: float
    deficit: float
    results: dict[Party, float]
    done: bool
    why: str

    @property
    def cost(self) -> float:
        """USD that the holder loses to the liquidation itself: everything but what prices did."""
        return self.slippage + self.fees + self.charges + self.taken

    @property
    def health_after(self) -> float | None:
        """Equity over maintenance at the end; `None` where nothing is required any more."""
        return self.equity_after / self.maintenance_after if self.maintenance_after > 0.0 else None

    @property
    def loss_of_others(self) -> float:
        """USD that is not covered by the pool: bad debt, and what takers lost on what they took over."""
        return self.bad_debt + sum(max(0.0, -x) for p, x in self.results.items() if p not in (ACCOUNT, BOOK))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        names = (
            *("mechanism", "evidence", "assumed", "seconds", "value_before", "value_after", "drift", "slippage"),
            *("fees", "charges", "taken", "maintenance_before", "maintenance_after", "equity_after", "closed"),
            *("bad_debt", "deficit", "to", "results", "loss_of_others", "done", "why", "cost"),
        )
        return {
            **{n: getattr(self, n) for n in names},
            "fills": [vars(f) for f in self.fills],
            "payments": [vars(p) for p in self.payments],
            "account": self.account.to_dict(),
        }


class Mechanism(Protocol):
    """A way to liquidate a pool: pure and deterministic, so that the same scene gives the same record.

    A pool that is above its line gives an empty record.
    """

    @property
    def name(self) -> str:
        """What it is called in tables."""
        ...

    def run(self, scene: Scene) -> CloseOut:
        """Liquidate the scene's pool. Raises what the model raises."""
        ...
