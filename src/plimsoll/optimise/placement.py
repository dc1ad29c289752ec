"""The same positions where they need least margin: over venues, sub-accounts and the modes of each.

Nothing is traded on balance: what one book buys another sells, contract for contract. Within a choice of modes that is
a linear program, in which the books meet only in what they exchange; the modes are tried one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from plimsoll.contracts import Contract
from plimsoll.documents import DocumentError, refuse
from plimsoll.margin.account import Account
from plimsoll.margin.model import MarginModel
from plimsoll.margin.modes import in_mode
from plimsoll.market import Market
from plimsoll.optimise import algebra as al
from plimsoll.optimise.answer import Answer
from plimsoll.optimise.desk import Desk, Holding, make_desk, takes_beside
from plimsoll.optimise.measure import start
from plimsoll.optimise.minimising import ConflictError, Tell, minimise
from plimsoll.optimise.solver import Effort
from plimsoll.optimise.terms import TradingTerms
from plimsoll.optimise.variation.outlook import Outlook

MOST = 64
"""Combinations of modes that are tried."""


@dataclass(frozen=True)
class Venue:
    """A book and the rule sets that it may be under: the first is the one it is under now."""

    name: str
    account: Account
    models: tuple[MarginModel, ...]


@dataclass(frozen=True, eq=False)
class Tried:
    """One combination of rule sets: what it comes to, or why it cannot be had."""

    rules: tuple[str, ...]
    answer: Answer | None
    why: str


@dataclass(frozen=True, eq=False)
class Placement:
    """The best combination and its trades. Amounts in US dollars, `worth * margin + cost`.

    `before` is the objective as the books stand under the rules they are under, `after` that of the best; `bound` what
    no placement can be below, over all combinations that were solved, `None` where one of them has none.
    """

    before: float
    after: float
    bound: float | None
    capital: tuple[float, float]
    rules: tuple[str, ...]
    answer: Answer
    tried: tuple[Tried, ...]
    accounts: tuple[Account, ...] = ()

    @property
    def saving(self) -> float:
        """What the objective is lower by."""
        return self.before - self.after

    @property
    def gap(self) -> float | None:
        """`after` less the bound, over the largest of both and a dollar."""
        if self.bound is None:
            return None
        return (self.after - self.bound) / max(1.0, abs(self.after), abs(self.bound))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "before": self.before,
            "after": self.after,
            "saving": self.saving,
            "bound": self.bound,
            "gap": self.gap,
            "capital": {"before": self.capital[0], "after": self.capital[1]},
            "rules": list(self.rules),
            "answer": self.answer.to_dict(),
            "tried": [
                {"rules": list(t.rules), "after": None if t.answer is None else t.answer.after, "why": t.why}
                for t in self.tried
            ],
        }


def exposure_of(contract: Contract) -> tuple[Any, ...]:
    """What two contracts have in common that are the same thing at two venues: all terms but name and multiplier."""
    terms = contract.model_dump()
    return tuple(sorted((k, str(v)) for k, v in terms.items() if k not in ("name", "multiplier")))


def exchanged(desk: Desk) -> tuple[al.Limit, ...]:
    """For each exposure that the books hold or may trade: on balance none is bought."""
    kinds: dict[tuple[Any, ...], dict[str, float]] = {}
    for place in desk.places:
        for contract, (buy, sell) in zip(place.exposures.plan.contracts, place.sides, strict=True):
            if buy.most or sell.most:
                own = kinds.setdefault(exposure_of(contract), {})
                own[contract.name] = float(getattr(contract, "multiplier", 1.0))
    limits = []
    for own in kinds.values():
        least = min(own.values())
        parts = [al.trades(n) if m == least else (m / least) * al.trades(n) for n, m in own.items()]
        limits.append((parts[0] if len(parts) == 1 else al.Total(tuple(parts))) == 0.0)
    return tuple(limits)


def place(
    market: Market,
    venues: Sequence[Venue],
    *,
    worth: float = 0.02,
    further: Sequence[al.Limit] = (),
    terms: TradingTerms | None = None,
    most: Mapping[str, tuple[float, float]] | None = None,
    effort: Effort | None = None,
    progress: Tell | None = None,
    outlook: Outlook | None = None,
    breach: float | None = None,
    transfer: float | None = None,
) -> Placement:
    """Where the positions of several books need least `worth * margin + cost`, over every combination of their modes.

    With `breach` it is `worth * capital + cost`, on the paths of `outlook`; see `Wish`.

    Each book keeps its initial margin within its own net equity, costs paid, or within what it is charged now where
    that is more: no transfer of collateral is part of it. Raises `DocumentError`: fewer than two choices, more than
    `MOST` combinations, what the rules that the books are under now refuse. Other combinations that cannot be had are
    among `tried`, with the reason.
    """
    if not 0.0 < worth < float("inf"):
        raise refuse("worth", worth, "dollars above zero for a dollar of margin freed")
    combinations = list(product(*(v.models for v in venues)))
    if not 1 < len(venues) + len(combinations) - 1 <= MOST + len(venues):
        raise refuse("venues", f"{len(combinations)} combinations", f"two books or modes, at most {MOST} combinations")
    tried: list[Tried] = []
    accounts: list[tuple[Account, ...]] = []
    before, charged = 0.0, 0.0
    for k, models in enumerate(combinations):
        labels = tuple(m.rules.label for m in models)
        if progress is not None:
            progress("placing under " + ", ".join(labels), k, len(combinations))
        try:
            desk = desk_under(market, venues, models, terms=terms, most=most, outlook=outlook)
            answer = minimise(
                desk,
                worth * al.capital(p=breach, transfer=transfer) + al.cost(),
                (*exchanged(desk), *_funded(desk, breach, transfer), *further),
                effort=effort,
            )
        except (ConflictError, DocumentError) as error:
            if k == 0:
                raise
            tried.append(Tried(labels, None, str(error).splitlines()[0]))
            continue
        if k == 0:
            before, charged = answer.before, answer.capital[0]
        tried.append(Tried(labels, answer, ""))
        accounts.append(tuple(desk.after(p, y) for p, y in zip(desk.places, answer.trades, strict=True)))
    solved = [t for t in tried if t.answer is not None]
    best = min(solved, key=lambda t: t.answer.after if t.answer is not None else float("inf"))
    assert best.answer is not None
    bounds = [t.answer.bound for t in solved if t.answer is not None]
    bound = None if any(b is None for b in bounds) else min(b for b in bounds if b is not None)
    return Placement(
        before,
        best.answer.after,
        bound,
        (charged, best.answer.capital[1]),
        best.rules,
        best.answer,
        tuple(tried),
        accounts[solved.index(best)],
    )


def desk_under(
    market: Market,
    venues: Sequence[Venue],
    models: Sequence[MarginModel],
    *,
    terms: TradingTerms | None = None,
    most: Mapping[str, tuple[float, float]] | None = None,
    outlook: Outlook | None = None,
) -> Desk:
    """The books, each under one of its rule sets, as a desk that may trade what they hold and all of them take."""
    holdings = [as_held(v, m, market) for v, m in zip(venues, models, strict=True)]
    taken = takers(holdings, held_names(venues), market)
    return make_desk(market, holdings, candidates=taken, terms=terms, most=most, outlook=outlook)


def held_names(venues: Sequence[Venue]) -> tuple[str, ...]:
    """What the books hold, each instrument once."""
    return tuple(dict.fromkeys(p.instrument for v in venues for p in v.account.positions if p.quantity))


def as_held(venue: Venue, model: MarginModel, market: Market) -> Holding:
    """The account in a mode of the rules."""
    account = venue.account
    if account.mode not in model.MODES:
        account = in_mode(model, account, market, next(m for m in model.MODES if m != "isolated"))
    return Holding(venue.name, account, model)


def takers(holdings: Sequence[Holding], names: tuple[str, ...], market: Market) -> tuple[str, ...]:
    """What every book can take; what one of them cannot stays where it is."""
    return tuple(n for n in names if all(takes_beside(h, n, market) for h in holdings))


def _funded(desk: Desk, breach: float | None, transfer: float | None) -> list[al.Limit]:
    """Margin (or capital) and costs of each book within its net equity, or within what it comes to now."""
    limits = []
    for p in desk.places:
        charged, found = desk.margin(p, p.holding.account)
        equity = found.net_equity * p.rate
        now = max(charged, p.rate * p.form.at(p.quantity))
        term = al.capital(p.name, p=breach, transfer=transfer)
        if breach is not None:
            now = max(now, start(desk, term))
        limits.append(term + al.cost(p.name) <= max(equity, now))
    return limits
