"""Answers of the optimiser checked again, and refused where the start has to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from plimsoll.market import Market
from plimsoll.optimise.answer import Answer
from plimsoll.optimise.desk import Desk
from plimsoll.optimise.placement import Placement, Venue, desk_under
from plimsoll.optimise.recheck.check import Recheck, recheck
from plimsoll.optimise.terms import TradingTerms
from plimsoll.optimise.ticket import Ticket


def recheck_answer(desk: Desk, answer: Answer, **options: Any) -> Recheck:
    """`recheck` of the accounts of a desk before and after the trades of an answer."""
    before = [p.holding for p in desk.places]
    after = [replace(p.holding, account=desk.after(p, y)) for p, y in zip(desk.places, answer.trades, strict=True)]
    return recheck(desk.market, before, after, **options)


def recheck_placement(
    market: Market, venues: Sequence[Venue], found: Placement, terms: TradingTerms | None = None, **options: Any
) -> Recheck:
    """`recheck` of the books under the rules that they are under, and placed under the best."""
    best = [next(m for m in v.models if m.rules.label == r) for v, r in zip(venues, found.rules, strict=True)]
    now, then = (desk_under(market, venues, models, terms=terms) for models in ([v.models[0] for v in venues], best))
    before = [p.holding for p in now.places]
    after = [
        replace(p.holding, account=then.after(p, y)) for p, y in zip(then.places, found.answer.trades, strict=True)
    ]
    return recheck(market, before, after, **options)


def refused_placement(found: Placement, checked: Recheck) -> Placement:
    """The books as they were, under the rules that they were under."""
    answer = refused(found.answer, checked)
    first = found.tried[0].rules
    return replace(
        found, after=found.before, bound=None, capital=(found.capital[0], found.capital[0]), rules=first, answer=answer
    )


def refused(answer: Answer, found: Recheck) -> Answer:
    """The answer with the start kept: nothing is traded, and the notes say what was larger."""
    books = tuple(replace(b, after=b.before, cost=0.0, premium=0.0) for b in answer.books)
    return replace(
        answer,
        status="refused",
        after=answer.before,
        bound=None,
        gap=None,
        trades=tuple(np.zeros_like(y) for y in answer.trades),
        capital=(answer.capital[0], answer.capital[0]),
        books=books,
        limits=tuple(replace(k, after=k.before, price=0.0) for k in answer.limits),
        exhausted=(),
        outside=(answer.outside[0], answer.outside[0]),
        ticket=Ticket((), True, 1),
        notes=(*answer.notes, *(f"refused: {r}" for r in found.reasons), "the start is kept; --allow-riskier trades"),
    )
