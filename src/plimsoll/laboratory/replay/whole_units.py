"""One draw through the waterfall of `plimsoll.liquidation`: whole lots, whole units, each of its three rankings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from plimsoll.laboratory.replay.hidden import Event
from plimsoll.laboratory.replay.positions import F64
from plimsoll.liquidation.waterfall.documents import Holding, Layer, Member, Ranking, VenueState
from plimsoll.liquidation.waterfall.run import Outcome, waterfall

UNDER, GOOD = "under water", "longs in good standing"
FEWEST = 50_000
"""Lots in which what is asked is cut: what is lost by rounding is below a thousandth of a per cent."""

RANKINGS: tuple[Ranking, ...] = get_args(Ranking)


@dataclass(frozen=True)
class Ranked:
    """What one ranking did with all that was asked of an asset at once, at the mark of the last step.

    `owed` and `paid` in USD: equal where the winners could pay. `asked` winners gave something; `hardest` is the share
    of what was paid that the ten who paid most bore; `worst` the greatest part of its own profit that one paid.
    """

    asset: str
    ranking: str
    owed: float
    paid: float
    winners: int
    asked: int
    hardest: float
    worst: float


def venue_of(event: Event, ranking: Ranking, adl: bool = True) -> VenueState:
    """The asset as a venue in default, in cents: its winners, one account under water with all that was asked, and one
    that holds the rest of the longs."""
    asked = float(event.ask.lots.sum())
    lot = asked / FEWEST
    price = float(event.ask.at[-1])
    units = max(1, round(price * lot * 100))
    members, net, short = [], 0, event.winners
    held = np.rint(short.lots / lot).astype(np.int64)
    for i in np.flatnonzero(held).tolist():
        lots = int(held[i])
        profit = round(float(short.entry[i] - price) * lot * lots * 100)
        equity = max(1, round(units * lots / max(float(short.leverage[i]), 1e-6)) + max(profit, 0))
        members.append(
            Member(name=f"short {i}", equity=equity, positions={event.asset: Holding(lots=-lots, profit=profit)})
        )
        net += lots
    under = min(FEWEST, net)
    owed = round(float(event.ask.deficit.sum()) * 100)
    members.append(Member(name=UNDER, equity=-owed, positions={event.asset: Holding(lots=under)}))
    if net - under:
        rest = Holding(lots=net - under)
        members.append(Member(name=GOOD, equity=units * (net - under), positions={event.asset: rest}))
    move = max(1, units // 10)
    order: tuple[Layer, ...] = ("adl",) if adl else ("socialised",)
    return VenueState(
        currency="USD",
        decimals=2,
        members=tuple(members),
        order=order,
        ranking=ranking,
        prices={event.asset: units},
        scenarios={event.asset: (move, -move)},
    )


def ranked(event: Event) -> tuple[Ranked, ...]:
    """Each ranking of auto-deleveraging, and last `socialised`: from profits in proportion, without a close."""
    found = [_told(event, r, waterfall(venue_of(event, r))) for r in RANKINGS]
    return (*found, _told(event, "socialised", waterfall(venue_of(event, RANKINGS[0], adl=False))))


def _told(event: Event, name: str, outcome: Outcome) -> Ranked:
    paid: dict[str, int] = outcome.deleveraging_cost
    profits = {m.name: max(0, sum(h.profit for h in m.positions.values())) for m in outcome.venue.members}
    amounts: F64 = np.sort(np.array(list(paid.values()), dtype=float))[::-1]
    total = float(amounts.sum())
    with_profit = [paid[n] / profits[n] for n in paid if profits[n] > 0]
    return Ranked(
        asset=event.asset,
        ranking=name,
        owed=outcome.owed / 100.0,
        paid=total / 100.0,
        winners=sum(1 for m in outcome.venue.members if m.name not in (UNDER, GOOD)),
        asked=len(paid),
        hardest=float(amounts[:10].sum() / total) if total else 0.0,
        worst=max(with_profit, default=0.0),
    )
