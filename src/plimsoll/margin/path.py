"""Markets on the way: every price and volatility moved along a path, with the account's profit and loss kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from plimsoll.contracts import is_option
from plimsoll.documents import refuse
from plimsoll.margin.account import Account, Position
from plimsoll.margin.book import OnFailure
from plimsoll.market import Depth, Expiry, Mark, Market
from plimsoll.risk import compile_plan, plan_pnl
from plimsoll.scenarios import Scenarios

if TYPE_CHECKING:
    from plimsoll.margin.model import Assessment

F64 = npt.NDArray[np.float64]
ACCOUNT = "account"
"""Subject of the one track of an account without pools."""
LIQUIDATION_FEE = "liquidation_fee"
"""Working of an assessment: what a venue sets against equity beside the maintenance margin, see `Track`."""


@dataclass(frozen=True, eq=False)
class States:
    """`K` states of a market: `spot` holds for each underlying what its prices are multiplied by, `[K]`; an underlying
    that it does not name stays where it is. `vol[K]` multiplies every volatility."""

    spot: dict[str, F64]
    vol: F64

    def __len__(self) -> int:
        return self.vol.size

    def multiplier(self, underlying: str) -> F64:
        """`[K]` factors on the prices of an underlying."""
        return self.spot.get(underlying, np.ones(len(self)))

    def part(self, at: slice | npt.NDArray[np.intp]) -> States:
        """Some of the states, in that order."""
        return States({name: x[at] for name, x in self.spot.items()}, self.vol[at])


@dataclass(frozen=True, eq=False)
class Track:
    """Equity and maintenance margin of one pool along a path, `[K]`, in the currency of the requirement.

    `fee[K]` is what a liquidation would cost, where the venue sets it against equity beside a maintenance margin that
    does not hold it; `None` for nothing. The pool is on its line where equity meets `needed`.
    """

    subject: str
    equity: F64
    maintenance: F64
    fee: F64 | None = None

    @property
    def needed(self) -> F64:
        """`[K]` maintenance margin and fee."""
        return self.maintenance if self.fee is None else self.maintenance + self.fee


def tracks_of(
    assess: Callable[[Account, Market, OnFailure], Assessment], account: Account, market: Market, states: States
) -> tuple[Track, ...]:
    """One assessment after the other; see `MarginModel.along`."""
    equity: dict[str, list[float]] = {}
    maintenance: dict[str, list[float]] = {}
    fees: list[float] = []
    for k in range(len(states)):
        at = {name: float(x[k]) for name, x in states.spot.items()}
        try:
            with np.errstate(all="ignore"):
                found = assess(*moved(account, market, at, float(states.vol[k])), "refuse")
        except ValidationError:
            told = ", ".join(f"{name} times {x:g}" for name, x in at.items())
            raise refuse("path", told, "prices at which every amount is a finite number") from None
        rows = [(p.subject, p.equity, p.maintenance) for p in found.pools]
        rows = rows or [(ACCOUNT, found.net_equity, sum(c.maintenance for c in found.components))]
        for subject, e, m in rows:
            equity.setdefault(subject, []).append(e)
            maintenance.setdefault(subject, []).append(m)
        fees.append(0.0 if found.pools else found.workings.get(LIQUIDATION_FEE, 0.0))
    fee = np.array(fees) if any(fees) else None
    return tuple(Track(s, np.array(equity[s]), np.array(maintenance[s]), fee) for s in equity)


def strike_multipliers(account: Account, market: Market) -> dict[str, F64]:
    """For each underlying the multipliers that bring a forward to a strike that the account holds."""
    found: dict[str, set[float]] = {}
    plan = compile_plan(
        [market.contracts[p.instrument] for p in account.positions if p.instrument in market.contracts], market
    )
    for i in np.flatnonzero(plan.valued).tolist():
        ratio = float(plan.strike[i] / plan.price[i]) if plan.price[i] > 0 else np.nan
        if np.isfinite(ratio) and ratio > 0:
            found.setdefault(plan.contracts[i].underlying, set()).add(ratio)
    return {name: np.array(sorted(ratios)) for name, ratios in found.items()}


def moved(
    account: Account, market: Market, spot: Mapping[str, float], vol: float | Mapping[str, float] = 1.0
) -> tuple[Account, Market]:
    """The same positions after the prices of each underlying in `spot` and every volatility were multiplied: all by one
    `vol`, or those of each underlying by its own.

    Profit and loss is kept. Indices, the part of forwards that still moves, marks of futures and perpetuals, and
    prices of coins that have an index are multiplied; stable coins and other assets are not. A position without an
    entry price gets the cash flow of the move as unrealised profit. Order books of futures and perpetuals move with
    their mark, every level alike. Marked option prices and books of options describe the old price and are dropped;
    instruments that the account neither holds nor has an order for are left out, but for those with a book.
    Volatilities stay with their strike. Raises `DocumentError` for a multiplier that is not above zero.
    """
    vols = vol if isinstance(vol, Mapping) else {}
    same = 1.0 if isinstance(vol, Mapping) else vol
    for name, multiplier in (*spot.items(), ("vol", same), *vols.items()):
        if not multiplier > 0:
            raise refuse(f"multiplier.{name}", multiplier, "a number above zero")
    named = [*(p.instrument for p in account.positions), *(o.instrument for o in account.orders)]
    held = [name for name in dict.fromkeys([*named, *lasting_books(market)]) if name in market.contracts]
    plan = compile_plan([market.contracts[name] for name in held], market)
    steps = sorted({1.0, *spot.values()})
    place = {x: s for s, x in enumerate(steps)}
    flows = plan_pnl(plan, Scenarios.build(steps), "settlement")
    unit: dict[str, float] = {}
    factor: dict[str, float] = {}
    for i, contract in enumerate(plan.contracts):
        multiplier = spot.get(contract.underlying, 1.0)
        unit[contract.name] = float(flows[i, place[multiplier]])
        e = int(plan.group[i])
        total = plan.forward[e] if e >= 0 else np.nan
        moving = plan.variable[e] / total if e >= 0 and total > 0 else 1.0
        factor[contract.name] = 1.0 + (multiplier - 1.0) * (float(moving) if np.isfinite(moving) else 1.0)
    content: dict[str, Any] = {
        "time": market.time,
        "source": market.source,
        "indices": {n: x.model_copy(update={"price": x.price * spot.get(n, 1.0)}) for n, x in market.indices.items()},
        "assets": {
            n: x.model_copy(update={"price": x.price * spot.get(n, 1.0)}) if n in market.indices else x
            for n, x in market.assets.items()
        },
        "expiries": tuple(
            _moved_expiry(row, market, spot.get(row.underlying, 1.0), vols.get(row.underlying, same))
            for row in market.expiries
        ),
        "instruments": tuple(c for c in market.instruments if c.name in unit),
        "marks": {
            name: _moved_mark(
                mark,
                is_option(market.contracts[name]),
                factor[name],
                vols.get(market.contracts[name].underlying, same),
            )
            for name, mark in market.marks.items()
            if name in unit
        },
        "depth": {name: moved_book(market.depth[name], factor[name]) for name in lasting_books(market)},
    }
    # every part was validated when it was made; building anew also leaves the old snapshot's cached tables behind
    after = Market.model_construct(**content)
    positions = tuple(_moved_position(p, market, unit) for p in account.positions)
    return account.model_copy(update={"positions": positions}), after


def lasting_books(market: Market) -> tuple[str, ...]:
    """Instruments whose order book is one of a price that moves with the underlying: futures and perpetuals."""
    return tuple(n for n in market.depth if market.contracts[n].kind in ("future", "perpetual"))


def shifted(account: Account, market: Market, multiplier: float) -> tuple[Account, Market]:
    """The same positions after every price was multiplied, with profit and loss kept; see `moved`."""
    if not multiplier > 0:
        raise refuse("multiplier", multiplier, "a number above zero")
    underlyings = {
        *market.indices,
        *(r.underlying for r in market.expiries),
        *(c.underlying for c in market.instruments),
    }
    return moved(account, market, dict.fromkeys(underlyings, multiplier))


def _moved_expiry(row: Expiry, market: Market, multiplier: float, vol: float) -> Expiry:
    if row.expiry <= market.time:
        return row
    changes: dict[str, Any] = {}
    if row.forward is not None and multiplier != 1.0:
        forward = row.forward.model_copy(update={"variable": row.forward.variable * multiplier})
        changes["forward"] = forward
    if row.svi is not None and vol != 1.0:
        # total variance is linear in a and b
        changes["svi"] = row.svi.model_copy(update={"a": row.svi.a * vol * vol, "b": row.svi.b * vol * vol})
    return row.model_copy(update=changes) if changes else row


def moved_book(book: Depth, factor: float) -> Depth:
    """An order book with every price multiplied by a factor above zero."""
    if factor == 1.0:
        return book
    # prices stay in their order and above zero: nothing to validate again
    bids, asks = (tuple((p * factor, q) for p, q in side) for side in (book.bids, book.asks))
    return Depth.model_construct(bids=bids, asks=asks)


def _moved_mark(mark: Mark, option: bool, factor: float, vol: float) -> Mark:
    gone = {"bid": None, "ask": None}
    if option:
        return mark.model_copy(update={**gone, "price": None, "vol": None if mark.vol is None else mark.vol * vol})
    return mark.model_copy(update={**gone, "price": None if mark.price is None else mark.price * factor})


def _moved_position(position: Position, market: Market, unit: dict[str, float]) -> Position:
    contract = market.contracts.get(position.instrument)
    linear = contract is not None and contract.kind in ("future", "perpetual")
    if not linear or position.entry_price is not None or position.quantity == 0.0:
        return position
    gained = (position.unrealised_pnl or 0.0) + position.quantity * unit[position.instrument]
    return position.model_copy(update={"unrealised_pnl": gained})
