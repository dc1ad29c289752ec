"""What an account would be short of at its venue along joint paths, before a transfer can reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import is_dated, is_option
from plimsoll.documents import DAY_SECONDS, refuse
from plimsoll.liquidation.funding import hours_of
from plimsoll.liquidation.later import later
from plimsoll.margin.account import Account
from plimsoll.margin.model import MarginModel
from plimsoll.margin.path import States, moved
from plimsoll.market import Market
from plimsoll.scenarios.moves import BASIS, IV
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

Told = Callable[[int, int], None]
"""Instants that are done, and all of them."""


@dataclass(frozen=True, eq=False)
class Running:
    """Shortfalls of one account, in the currency of its requirement.

    ```
    shortfall[k, j] = maintenance(k, j) - (equity(k, j) - equity now)
    ```
    at instant `k` of path `j`: the equity it would have to have now for none to be missing then. Maintenance (with a
    liquidation fee where the venue sets one against equity) and equity are those of the exact engine in the moved
    market. `initial`, `maintenance` and `equity` are those of now, `rate` the US dollars of the currency.
    """

    initial: float
    maintenance: float
    equity: float
    currency: str
    rate: float
    shortfall: F64
    days: F64

    @cached_property
    def worst(self) -> F64:
        """`[P]` the largest shortfall of each path, that of now among them."""
        found: F64 = np.maximum(self.shortfall.max(axis=0), self.maintenance)
        return found

    @cached_property
    def when(self) -> I64:
        """`[P]` the instant of the largest shortfall, -1 for now."""
        at = np.argmax(self.shortfall, axis=0)
        return np.where(self.shortfall.max(axis=0) >= self.maintenance, at, -1).astype(np.int64)


def instants_until(paths: JointPaths, hours: float) -> int:
    """How many instants lie before a transfer of `hours` arrives, the first that is not earlier among them.

    Raises `DocumentError` where the paths end before.
    """
    reached = np.flatnonzero(paths.days * 24.0 >= hours * (1.0 - 1e-9))
    if not reached.size:
        end = f"{24.0 * float(paths.days[-1]):g} hours"
        raise refuse("paths.days", f"an end at {end}", f"paths that reach the transfer, {hours:g} hours ahead")
    return int(reached[0]) + 1


def running(
    model: MarginModel, account: Account, market: Market, paths: JointPaths, hours: float, told: Told | None = None
) -> Running:
    """The shortfalls of `account` until a transfer of `hours` arrives, checked at the instants of the paths only.

    Options age and funding is paid (see `aged`). Volatility moves where the paths say so. Raises `DocumentError`: an
    underlying without a path, a path of a basis (which the rules follow for no account), an account of several pools.
    """
    now = model.requirement(account, market)
    rate = market.price_of(now.currency)
    if rate is None:
        raise refuse(f"market.assets.{now.currency}", "nothing", "a USD price of the currency of the margin")
    _known(account, market, paths)
    count = instants_until(paths, hours)
    shortfall = np.empty((count, paths.weight.size))
    for k in range(count):
        equity, needed = _at(model, *aged(model, account, market, float(paths.days[k])), paths, k)
        shortfall[k] = needed - (equity - now.net_equity)
        if told is not None:
            told(k + 1, count)
    if not np.isfinite(shortfall).all():
        raise refuse("paths", "a shortfall that is no finite number", "paths that the rules can be applied on")
    return Running(
        now.initial, now.maintenance, now.net_equity, now.currency, rate.price, shortfall, paths.days[:count].copy()
    )


LAST = 60.0 / DAY_SECONDS
"""Days before its expiry at which a contract stops to age."""


def aged(model: MarginModel, account: Account, market: Market, days: float) -> tuple[Account, Market]:
    """The account `days` later, prices standing still, funding paid at today's rates at the hours of the rules.

    Where something that it holds expires before, time stops a minute earlier: the contract is then worth what it pays
    at the price of the path, and its margin is still asked for. Paid out at today's price it would have no risk left.
    """
    ends = [market.contracts[p.instrument] for p in account.positions if p.instrument in market.contracts]
    lives = [
        (c.expiry - market.time).total_seconds() / DAY_SECONDS for c in ends if is_dated(c) and c.expiry > market.time
    ]
    return later(account, market, max(0.0, min([days, *(x - LAST for x in lives)])), hours_of(model))


def _known(account: Account, market: Market, paths: JointPaths) -> None:
    basis = [n for n in paths.names if n.endswith(BASIS)]
    if basis:
        raise refuse(f"paths.names.{basis[0]}", "a basis", "prices and volatilities: forwards move with their index")
    held = [
        market.contracts[p.instrument] for p in account.positions if p.quantity and p.instrument in market.contracts
    ]
    coins = {a for a, x in (*account.collateral.items(), *account.borrowed.items()) if x and a in market.indices}
    moving = {c.underlying for c in held} | coins | {c.currency for c in held if c.currency in market.indices}
    missing = sorted(moving - set(paths.names))
    if missing:
        allowed = "a path of every price the account depends on; there are " + ", ".join(paths.names)
        raise refuse(f"paths.names.{missing[0]}", "nothing", allowed)


def _at(model: MarginModel, account: Account, market: Market, paths: JointPaths, k: int) -> tuple[F64, F64]:
    """Equity and what is needed `[P]` at instant `k`, of an account that is aged already."""
    size = paths.weight.size
    spot = {n: paths.multiplier[k, f] for f, n in enumerate(paths.names) if not n.endswith(IV)}
    vols = vols_of(account, market, paths, k)
    distinct = list({v.tobytes(): v for v in vols.values()}.values())
    if len(distinct) <= 1:
        return _track(model, account, market, States(spot, distinct[0] if distinct else np.ones(size)))
    equity, needed = np.empty(size), np.empty(size)
    still = States({}, np.ones(1))
    for j in range(size):
        here = moved(
            account, market, {n: float(x[j]) for n, x in spot.items()}, {u: float(v[j]) for u, v in vols.items()}
        )
        (equity[j],), (needed[j],) = _track(model, *here, still)
    return equity, needed


def vols_of(account: Account, market: Market, paths: JointPaths, k: int) -> dict[str, F64]:
    """`[P]` what the volatility of each underlying with options in the account is multiplied by at instant `k`."""
    held = [market.contracts[p.instrument] for p in account.positions if p.instrument in market.contracts]
    found, still = {}, np.ones(paths.weight.size)
    for u in dict.fromkeys(c.underlying for c in held if is_option(c)):
        row = u + IV
        found[u] = np.ascontiguousarray(paths.multiplier[k, paths.names.index(row)]) if row in paths.names else still
    return found


def _track(model: MarginModel, account: Account, market: Market, states: States) -> tuple[F64, F64]:
    tracks = model.along(account, market, states)
    if len(tracks) != 1:
        pools = ", ".join(t.subject for t in tracks)
        raise refuse(
            "account", f"{len(tracks)} pools: {pools}", "an account of one pool: each pool needs its own transfer"
        )
    return tracks[0].equity, tracks[0].needed
