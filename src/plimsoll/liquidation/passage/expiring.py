"""What options that expire on the way pay, path by path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Option, is_dated
from plimsoll.documents import DAY_SECONDS, refuse
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.scenarios.paths import JointPaths

F64 = npt.NDArray[np.float64]

NODES = 16
"""Cells over the amount paid, within which excess is interpolated."""

ALIKE = 12
"""So many different amounts are each done by themselves."""


@dataclass(frozen=True, eq=False)
class Payouts:
    """`amount[K][P]` of one `currency` paid to the account by instant `k`, and what has `gone` by then.

    An option pays its intrinsic value at the price of the first instant at or after its expiry.
    """

    currency: str
    amount: tuple[F64, ...]
    gone: tuple[frozenset[str], ...]

    def left(self, account: Account, k: int) -> Account:
        """The account without what has expired by instant `k`, nothing paid for it, its orders lapsed."""
        gone = self.gone[k]
        if not gone:
            return account
        changes = {
            "positions": tuple(p for p in account.positions if p.instrument not in gone),
            "orders": tuple(o for o in account.orders if o.instrument not in gone),
        }
        return account.model_copy(update=changes)

    def paid(self, account: Account, amount: float) -> Account:
        """The account with an amount in its balance of the currency."""
        if amount == 0.0:
            return account
        balances = dict(account.collateral)
        balances[self.currency] = balances.get(self.currency, 0.0) + amount
        return account.model_copy(update={"collateral": balances})


def payouts(account: Account, market: Market, paths: JointPaths) -> Payouts | None:
    """What the account is paid on each path; `None` where nothing of it expires within the horizon.

    Raises `DocumentError` where something other than a plain option in the shared pool expires, or options of several
    settlement currencies do.
    """
    times = [market.time + timedelta(seconds=float(d) * DAY_SECONDS) for d in paths.days]
    held = [p for p in account.positions if p.quantity != 0.0 and p.instrument in market.contracts]
    ending = [(p, market.contracts[p.instrument]) for p in held if _ends(market.contracts[p.instrument], times[-1])]
    if not ending:
        return None
    for p, c in ending:
        if not isinstance(c, Option) or c.settlement == "quanto" or p.isolated_margin is not None:
            got = f"{paths.days[-1]:g} days, in which {c.name} expires"
            allowed = "an end before what is no plain linear or inverse option in the shared pool expires"
            raise refuse("horizon", got, allowed)
    currencies = sorted({c.currency for _, c in ending if isinstance(c, Option)})
    if len(currencies) > 1:
        got = f"{paths.days[-1]:g} days, in which options pay {' and '.join(currencies)}"
        raise refuse("horizon", got, "an end before a second currency is paid")
    amount, gone = [], []
    total = np.zeros(paths.weight.size)
    done: set[str] = set()
    for k, time in enumerate(times):
        for p, c in ending:
            if isinstance(c, Option) and c.expiry <= time and c.name not in done:
                total = total + p.quantity * _payoff(c, market, paths, k)
        done |= {c.name for _, c in ending if isinstance(c, Option) and c.expiry <= time}
        amount.append(total)
        gone.append(frozenset(done))
    return Payouts(currencies[0], tuple(amount), tuple(gone))


def _ends(contract: Contract, last: datetime) -> bool:
    return is_dated(contract) and contract.expiry <= last


def _payoff(c: Option, market: Market, paths: JointPaths, k: int) -> F64:
    """`[P]` of one contract in its settlement currency."""
    row = next((r for r in market.expiries if (r.underlying, r.expiry) == (c.underlying, c.expiry)), None)
    if row is None or row.forward is None:
        raise refuse(f"market.expiries.{c.underlying}", f"no forward of {c.expiry.isoformat()}", "one for its payout")
    moves = paths.multiplier[k][paths.names.index(c.underlying)]
    price = row.forward.fixed + row.forward.variable * moves
    intrinsic = np.maximum(price - c.strike, 0.0) if c.call else np.maximum(c.strike - price, 0.0)
    found: F64 = c.multiplier * (intrinsic / price if c.settlement == "inverse" else intrinsic)
    return found
