"""What an optimisation found: before and after under the exact rules, its proof, its price, and its ticket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plimsoll.margin.requirement import Requirement
from plimsoll.optimise.measure import Trades
from plimsoll.optimise.ticket import Ticket

BEYOND = 1e-5
"""How far a bound may be above an answer, of the larger of both and a dollar, by the tolerances of a solver."""


def proved(bound: float | None, after: float) -> float | None:
    """What an answer of `after` may claim as its bound: no more than itself, and nothing where the bound is above it.

    An answer that is below what nothing can be below either breaks a limit (a start that is kept because a solver was
    stopped before it had a point) or shows the bound to be none.

    >>> proved(9.0, 10.0), proved(10.0 + 1e-9, 10.0), proved(11.0, 10.0)
    (9.0, 10.0, None)
    """
    if bound is None or not abs(bound) < float("inf"):
        return None
    return None if bound - after > BEYOND * max(1.0, abs(bound), abs(after)) else min(bound, after)


@dataclass(frozen=True)
class Kept:
    """A limit and where the answer stands. `price` is what the objective changes by for one unit more of the bound, in
    US dollars by `unit` (of the linear program around the answer); zero where it does not bind, and where
    the answer is local.
    """

    name: str
    sense: str
    bound: float
    before: float
    after: float
    price: float
    unit: str


@dataclass(frozen=True)
class Exhausted:
    """A ladder that is used up: one more contract at the last price would lower the objective by `worth` dollars."""

    book: str
    instrument: str
    side: str
    most: float
    worth: float


@dataclass(frozen=True, eq=False)
class BookChange:
    """Requirements of a book before and after, by the exact engine; `cost` and `premium` paid in US
    dollars, `rate` the dollars of the currency of its margin.

    `standing` says whether the optimum is that of the rules or of steps on a bound, and why.
    """

    name: str
    before: Requirement
    after: Requirement
    cost: float
    premium: float
    exact: bool
    why: str
    rate: float


@dataclass(frozen=True, eq=False)
class Answer:
    """The least of an objective within limits.

    `status`: `optimal` (the gap was closed), `stopped` (by the user or an effort that was used up: the best point so
    far), `local` (convex steps on a bound, each re-priced: better than the start, no claim beyond),
    `no saving` (the start is kept), `refused` (by `plimsoll.optimise.recheck`: the start is kept). `before` and
    `after` are the objective with exact margins, `bound` what no trades within the limits can be below and `gap`
    relative to it; `None` for a local answer, which has no bound. `capital` are the initial margins of all books
    before and after, US dollars. `outside` are the worst losses beyond the grids before and after, US dollars.
    `route` is what solvers did.
    """

    status: str
    objective: str
    before: float
    after: float
    bound: float | None
    gap: float | None
    names: tuple[tuple[str, ...], ...]
    trades: Trades
    capital: tuple[float, float]
    books: tuple[BookChange, ...]
    limits: tuple[Kept, ...]
    exhausted: tuple[Exhausted, ...]
    outside: tuple[float, float]
    ticket: Ticket
    route: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def saving(self) -> float:
        """What the objective is lower by, US dollars."""
        return self.before - self.after

    @property
    def relief(self) -> float:
        """What the margins of all books are lower by under the exact rules, US dollars."""
        return self.capital[0] - self.capital[1]

    @property
    def cost(self) -> float:
        """What the trades cost, US dollars."""
        return sum(b.cost for b in self.books)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "status": self.status,
            "objective": {"text": self.objective, "before": self.before, "after": self.after, "saving": self.saving},
            "bound": self.bound,
            "gap": self.gap,
            "capital": {"before": self.capital[0], "after": self.capital[1]},
            "cost": self.cost,
            "outside_loss": {"before": self.outside[0], "after": self.outside[1]},
            "books": [
                {
                    "name": b.name,
                    "exact": b.exact,
                    "why_not_exact": b.why,
                    "usd_of_currency": b.rate,
                    "cost": b.cost,
                    "premium": b.premium,
                    "before": b.before.to_dict(),
                    "after": b.after.to_dict(),
                }
                for b in self.books
            ],
            "limits": [vars(k) for k in self.limits],
            "exhausted": [vars(e) for e in self.exhausted],
            "ticket": {
                "complete": self.ticket.complete,
                "slices": self.ticket.slices,
                "steps": [vars(s) for s in self.ticket.steps],
            },
            "route": list(self.route),
            "notes": list(self.notes),
        }
