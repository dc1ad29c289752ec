"""What the table hides, drawn from the fit: entries, closing prices, lots, cushions, and with them who goes under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import ndtr, ndtri

from plimsoll.documents import refuse
from plimsoll.laboratory.replay.entries import draw_entries
from plimsoll.laboratory.replay.fit import ReplayFit, cushion_rows, cushions, features
from plimsoll.laboratory.replay.marks import Marks, excursions, fall_in_rounds
from plimsoll.laboratory.replay.positions import F64, I64, B, Positions
from plimsoll.laboratory.replay.rounds import Asked, CloseAt, Horizon, Winners, asked, orders_of, queue

MAINTENANCE = {"BTC": 0.0125, "ETH": 0.02, "SOL": 0.025}
"""Half of 1 over the greatest leverage (40, 25, 20) that the venue offers; others are taken as 10, assumed."""


@dataclass(frozen=True)
class Assumptions:
    """What the table does not say and no flag decides. All of it is assumed, and varied one by one.

    ```
    rounds, steps   into how many rounds the fall is cut, and each round into how many steps
    deeper          how much further than the known entries the fall went, as a part of the lowest mark
    maintenance     multiplies the maintenance rates
    fee             of a liquidation, part of the notional: it brings the bankruptcy price nearer
    leverage        multiplies the leverage of everybody
    width           multiplies the standard deviation of the entries
    least_gain      part of the price: the least distance between entry and close, so that lots stay finite
    close_at        price of the venue's closes
    whole           whether the venue closes whole positions
    horizon         when winners are judged: at the end of their round, at the lowest mark, at the end of the window
    pure            leave out the deleveraged of whom something was still open at the end
    ```
    """

    rounds: int = 16
    steps: int = 4
    deeper: float = 0.0
    maintenance: float = 1.0
    fee: float = 0.0
    leverage: float = 1.0
    width: float = 1.0
    least_gain: float = 0.005
    close_at: CloseAt = "bankruptcy"
    whole: bool = True
    horizon: Horizon = "round"
    pure: bool = False
    rates: Mapping[str, float] = field(default_factory=lambda: MAINTENANCE)
    other_rate: float = 0.05

    def __post_init__(self) -> None:
        for name, fine, allowed in (
            ("rounds", self.rounds >= 1, "one or more"),
            ("steps", self.steps >= 1, "one or more"),
            ("deeper", 0.0 <= self.deeper < 1.0, "from zero up, below one"),
            ("maintenance", self.maintenance > 0.0, "above zero"),
            ("fee", 0.0 <= self.fee < 0.1, "from zero up, below 0.1"),
            ("leverage", self.leverage > 0.0, "above zero"),
            ("width", self.width > 0.0, "above zero"),
            ("least_gain", 0.0 < self.least_gain < 0.5, "above zero, below 0.5"),
        ):
            if not fine:
                raise refuse(f"assumptions.{name}", getattr(self, name), allowed)

    def rate(self, asset: str) -> float:
        """The maintenance rate of an asset, part of the notional."""
        return min(self.rates.get(asset, self.other_rate) * self.maintenance, 0.9)


@dataclass(frozen=True, eq=False)
class Event:
    """One asset of one draw: its winners, what is asked of them step by step, its marks, and the winners' places in the
    queue at each round (`orders_of`)."""

    asset: str
    winners: Winners
    ask: Asked
    marks: Marks
    orders: Sequence[I64]


@dataclass(frozen=True, eq=False)
class Likely:
    """Chances `[n]` of both flags of each position, and a set of flags drawn from them or observed."""

    liquidated: B
    deleveraged: B


def flags_of(positions: Positions, marks: Mapping[str, Marks], model: ReplayFit, random: np.random.Generator) -> Likely:
    """The flags of the table, or where it has none a draw from the fit."""
    if positions.liquidated is not None and positions.deleveraged is not None:
        return Likely(positions.liquidated, positions.deleveraged)
    made = features(positions, marks, model.assets, (model.size_centre, model.size_scale))
    drawn = {"liquidated": np.zeros(len(positions), dtype=bool), "deleveraged": np.zeros(len(positions), dtype=bool)}
    for flag, out in drawn.items():
        for long in (True, False):
            here = positions.closed & (positions.long == long)
            chance = model.model(long, flag).chance(getattr(made, flag)[here])
            out[here] = random.random(int(here.sum())) < chance
    return Likely(**drawn)


def event(
    positions: Positions,
    marks: Mapping[str, Marks],
    model: ReplayFit,
    weight: F64,
    likely: Likely,
    assumed: Assumptions,
    random: np.random.Generator,
) -> Event | None:
    """What is hidden in `positions` of one asset, given the flags; None where nobody was deleveraged or went under.

    The fall drives it: longs go under, shorts are asked. In order: the path; for each short the price at which it was
    closed (somewhere on the fall), its entry on the side of it that the sign of its gain names, and lots = gain over
    distance; for each liquidated long a cushion below the fall that it went through, and with the maintenance rate its
    bankruptcy price; its lots as for the shorts. The longs are scaled so that the venue's queue closes as many lots
    as were taken from the shorts that are flagged: what the book took of the rest, the table does not say.
    """
    asset = str(positions.asset[0])
    m = marks[asset]
    m = Marks(m.start, m.low * (1.0 - assumed.deeper), m.end, m.evidence)
    path = fall_in_rounds(m, assumed.rounds, assumed.steps, random)
    shorts = np.flatnonzero(~positions.long & (positions.closed | (positions.left > 0.0)) & (weight > 0.0))
    longs = np.flatnonzero(positions.long & likely.liquidated & positions.closed & (weight > 0.0))
    if assumed.pure:
        shorts = shorts[~likely.deleveraged[shorts] | (positions.left[shorts] == 0.0)]
    if not shorts.size or not longs.size:
        return None
    entry, lots = entries_and_lots(positions.rows(shorts), model, m, assumed, random)
    taken = likely.deleveraged[shorts] & positions.closed[shorts]
    total = float((lots * weight[shorts])[taken].sum())
    if total <= 0.0:
        return None
    rate = assumed.rate(asset)
    losers = positions.rows(longs)
    known = cushions(cushion_rows(losers, marks, model.assets), model.cushions.draw(random))
    against, _ = excursions(losers, marks)
    u = random.random(longs.size)
    share = ndtr((np.log(against) - known.place) / known.width)
    cushion = np.exp(known.place + known.width * ndtri(np.clip(u * share, 1e-12, 1.0 - 1e-12)))
    # leverage times k is a margin over k, and what the position can lose before the line shrinks with it
    cushion = np.maximum((cushion * (1.0 - rate) + rate) / assumed.leverage - rate, 0.0) / (1.0 - rate)
    base = np.where(losers.fresh, losers.entry, m.start)
    bankruptcy = base * (1.0 - np.minimum(cushion, 0.999)) * (1.0 - rate) * (1.0 + assumed.fee)
    _, owed_lots = entries_and_lots(losers, model, m, assumed, random)
    ask = asked(bankruptcy, owed_lots * weight[longs], path)
    if ask.lots.sum() <= 0.0:
        return None
    winners = winners_of(positions.rows(shorts), marks, model, entry, lots * weight[shorts], m, assumed, random)
    orders = orders_of(winners, ask)
    return Event(asset, winners, _scaled(ask, winners, orders, total, assumed.whole), m, orders)


def _scaled(ask: Asked, winners: Winners, orders: Sequence[I64], total: float, whole: bool) -> Asked:
    """`ask` times a number with which the venue's queue closes `total` lots, as it did.

    Lots by lots that is a division. With whole positions more is closed than is asked, so the number is halved down to,
    among those with which every lot that is asked finds a winner; it can be met only to the size of a position.
    """
    most = total / float(ask.lots.sum())
    if not whole:
        return replace(ask, lots=ask.lots * most, deficit=ask.deficit * most)
    low, high = 0.0, most
    for _ in range(SEARCHES):
        scale = high if low == 0.0 and high == most else (low + high) / 2.0
        tried = queue(winners, replace(ask, lots=ask.lots * scale, deficit=ask.deficit * scale), orders=orders)
        closed = float(tried.closed.sum())
        if closed > total * (1.0 + CLOSE_ENOUGH) or tried.missing > CLOSE_ENOUGH * total:
            if scale == high == most:
                low = 1e-3 * most
            high = scale
        else:
            low = scale
            if closed > total * (1.0 - CLOSE_ENOUGH) or scale == most:
                break
    return replace(ask, lots=ask.lots * low, deficit=ask.deficit * low)


SEARCHES, CLOSE_ENOUGH = 8, 0.02
"""Of the scale of what is asked: tries at most, and the part of the lots within which one is good enough."""


def entries_and_lots(
    positions: Positions, model: ReplayFit, m: Marks, assumed: Assumptions, random: np.random.Generator
) -> tuple[F64, F64]:
    """Entries, and lots closed and left, of positions of one asset and side."""
    long = bool(positions.long[0])
    place, width = model.entries_of(long).draw(random)
    close = m.start * np.exp(random.random(len(positions)) * np.log(m.low / m.start))
    above = (positions.realised > 0.0) != long
    drawn = draw_entries(close, m.start, above, place, width * assumed.width, random)
    # who closed nothing has no sign: its entry is anywhere
    free = m.start * np.exp(place + width * assumed.width * random.standard_normal(len(positions)))
    entry = np.where(positions.fresh, positions.entry, np.where(positions.closed, drawn, free))
    distance = np.maximum(np.abs(entry - close), assumed.least_gain * close)
    return entry, np.abs(positions.realised) / distance + positions.left


def winners_of(
    shorts: Positions,
    marks: Mapping[str, Marks],
    model: ReplayFit,
    entry: F64,
    lots: F64,
    m: Marks,
    assumed: Assumptions,
    random: np.random.Generator,
) -> Winners:
    """Leverage of the shorts: as the file has it, else drawn from the cushions of the longs of the asset."""
    rate = assumed.rate(shorts.asset[0])
    known = cushions(cushion_rows(shorts, marks, model.assets), model.cushions.draw(random))
    cushion = np.exp(known.place + known.width * random.standard_normal(len(shorts)))
    drawn = assumed.leverage / (cushion + rate * (1.0 + cushion))
    return Winners(lots, entry, np.where(np.isnan(shorts.leverage), drawn, shorts.leverage), m.start)
