"""Capital before and after a placement, each book under the rules that were best for it."""

from __future__ import annotations

from collections.abc import Sequence

from plimsoll.documents import refuse
from plimsoll.market import Market
from plimsoll.optimise.placement import Placement, Venue
from plimsoll.optimise.variation.change import CapitalChange, change_of
from plimsoll.optimise.variation.outlook import Outlook


def change_placed(
    found: Placement, venues: Sequence[Venue], market: Market, outlook: Outlook | None, fresh: Outlook, p: float
) -> CapitalChange:
    """What a placement does to capital, held against the paths of `fresh`. Raises `DocumentError` without either."""
    if outlook is None:
        raise refuse("outlook", "nothing", "the paths that the placement was chosen on")
    before = [(v.name, v.account, v.models[0]) for v in venues]
    chosen = [next(m for m in v.models if m.rules.label == r) for v, r in zip(venues, found.rules, strict=True)]
    after = [(v.name, a, m) for v, a, m in zip(venues, found.accounts, chosen, strict=True)]
    return change_of(market, before, after, outlook, fresh, p)
