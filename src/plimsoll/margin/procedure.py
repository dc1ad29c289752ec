"""What a venue does with a pool below its line, step by step, in words that every venue shares.

A venue's class says, for an account as it stands, which orders it sends, at which worst price, for which fee, or who
takes the account over. It sends nothing itself: `plimsoll.liquidation.mechanisms` meets the orders with a book and a
price path. Everything is a pure function of what is seen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from plimsoll.margin.account import Account, Position
from plimsoll.margin.path import ACCOUNT
from plimsoll.margin.pools import SHARED
from plimsoll.margin.requirement import Evidence
from plimsoll.market import Market
from plimsoll.risk import compile_plan
from plimsoll.risk.plan import INVERSE

Action = Literal["nothing", "orders", "take over"]
Against = Literal["book", "mark"]
"""`book`: what rests on the book, with its impact; `mark`: the venue's own pool, at the mark."""

Payee = Literal["insurance fund", "venue", "keeper", "backstop vault", "opposite holders"]


@dataclass(frozen=True)
class PoolView:
    """A pool of an account as the venue sees it now; amounts in the currency of the requirement.

    `seconds` since it was detected below its line, `since_partial` since a part of a position was last sent (`None`:
    never), `tried` the subjects for which an order was sent, `stuck` those whose last one found nobody. The account
    holds no orders any more.
    """

    account: Account
    market: Market
    subject: str
    equity: float
    maintenance: float
    seconds: float = 0.0
    since_partial: float | None = None
    tried: frozenset[str] = frozenset()
    stuck: frozenset[str] = frozenset()

    @property
    def held(self) -> dict[str, Position]:
        """The positions of this pool by subject: the instrument, with its leg where both are held apart."""
        return {subject_of(p): p for p in self.account.positions if p.quantity and belongs(p, self.subject)}

    def closing(self, parts: Mapping[str, float]) -> dict[str, float]:
        """Orders that close these parts of positions, signed contracts by subject."""
        held = self.held
        return {s: -held[s].quantity * min(1.0, part) for s, part in parts.items() if part > 0.0}

    def notionals(self) -> dict[str, float]:
        """Value without sign of each position in its settlement currency; of an option that of its underlying."""
        held = self.held
        plan = compile_plan([self.market.contracts[p.instrument] for p in held.values()], self.market)
        found = {}
        for i, (subject, p) in enumerate(held.items()):
            coins = abs(p.quantity) * float(plan.multiplier[i])
            inverse, option = plan.style[i] == INVERSE, bool(plan.valued[i])
            price = float(plan.price[i])
            found[subject] = coins if inverse and option else coins / price if inverse else coins * price
        return found


@dataclass(frozen=True)
class Decision:
    """What is done now, and when the venue looks again.

    `orders` are signed contracts by subject, one of which may open a position (a hedge). `limits` are worst prices in
    USD by subject; at `bankruptcy` no order fills beyond the price at which the pool has nothing left. `taker` takes
    over what remains of the pool. `charges` are paid out of the pool first, in USD by payee.
    """

    action: Action
    orders: dict[str, float] = field(default_factory=dict)
    wait: float = 0.0
    against: Against = "book"
    limits: dict[str, float] = field(default_factory=dict)
    bankruptcy: bool = False
    taker: Payee = "insurance fund"
    charges: dict[Payee, float] = field(default_factory=dict)
    partial: bool = False
    why: str = ""


NOTHING = Decision("nothing", why="above the line")


@dataclass(frozen=True)
class Assumed:
    """What the house supposes where a venue's rules are silent: the `part` of a position that is sent in a round, and
    the `seconds` from one round to the next."""

    part: float = 0.2
    seconds: float = 1.0


SUPPOSED = Assumed()


class Procedure(ABC):
    """How a venue liquidates. `evidence` is that of its weakest step; `assumed` names what no public rule says."""

    evidence: Evidence = "assumed"
    assumed: str = ""

    @abstractmethod
    def decide(self, pool: PoolView) -> Decision:
        """What the venue does with a pool as it stands; `nothing` ends the liquidation."""

    def fee(self, pool: PoolView, subject: str, quantity: float, notional: float) -> float:
        """Fee of a forced fill of `quantity` signed contracts worth `notional` without sign, settlement currency."""
        return 0.0

    @property
    def fee_payee(self) -> Payee:
        """Who gets that fee."""
        return "insurance fund"

    def fund_delta(self, pool: PoolView, subject: str, quantity: float, proceeds: float) -> float | None:
        """What the fund gets (pays, if negative) for a fill of `quantity` signed contracts that brought the pool
        `proceeds` (signed, settlement currency); `None` where the fee above is all."""
        return None


def subject_of(position: Position) -> str:
    """Name of a position within its account."""
    return position.instrument if position.leg == "net" else f"{position.instrument} {position.leg}"


def belongs(position: Position, subject: str) -> bool:
    """Whether a position is in the pool of that subject."""
    if subject in (ACCOUNT, SHARED):
        return position.isolated_margin is None
    return position.isolated_margin is not None and subject in (subject_of(position), position.instrument)


@dataclass(frozen=True)
class Offer:
    """What an auction offers now: at most `fraction` of the account for `price`, in the currency of the sale; below
    zero the fund pays the bidder."""

    fraction: float
    price: float


class Sale(ABC):
    """An account sold as it is, in parts: an auction whose price falls with time."""

    evidence: Evidence = "assumed"
    currency: str

    @property
    @abstractmethod
    def seconds(self) -> float:
        """How long the price falls."""

    @abstractmethod
    def offer(self, account: Account, market: Market, seconds: float) -> Offer | None:
        """What can be bid for after so many seconds; `None` once the account is above its line."""

    @abstractmethod
    def bid(self, account: Account, market: Market, seconds: float, fraction: float) -> float:
        """Take `fraction` and return what the bidder pays (below zero: gets)."""

    @property
    @abstractmethod
    def start_fee(self) -> float:
        """What starting costs the account."""
