"""An account met with a market: contracts, quantities and everything that could not be valued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Failure, Problem, Reason, refuse
from plimsoll.margin.account import Account
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan

F64 = npt.NDArray[np.float64]
OnFailure = Literal["refuse", "conservative"]

_BOUNDED_LONG = {Reason.MISSING_VOL, Reason.MISSING_FORWARD, Reason.EXPIRED_UNSETTLED}
_BOUNDED_SHORT = {Reason.MISSING_VOL}


class MarginRefusedError(DocumentError):
    """No requirement could be computed; `failures` names why, position by position."""

    def __init__(self, failures: list[Failure], paths: list[str]) -> None:
        self.failures = tuple(failures)
        super().__init__(
            [
                Problem(path, f.subject, f"{f.reason.value}: {f.message}")
                for path, f in zip(paths, failures, strict=True)
            ]
        )


@dataclass(frozen=True, eq=False)
class Book:
    """`N` positions (of zero quantity only if money is still to settle).

    `plan`, signed `quantity[N]`, `unrealised[N]` and `funding[N]`.

    `unrealised` and `funding` are in each contract's settlement currency. `failures` are those the caller chose to
    live with.
    """

    account: Account
    market: Market
    plan: Plan
    quantity: F64
    unrealised: F64
    funding: F64
    failures: tuple[Failure, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Instrument names, one for each position."""
        return tuple(c.name for c in self.plan.contracts)

    @property
    def underlyings(self) -> tuple[str, ...]:
        """Underlyings of the positions, sorted."""
        return tuple(sorted({c.underlying for c in self.plan.contracts}))


def open_book(account: Account, market: Market, on_failure: OnFailure = "refuse") -> Book:
    """Look every position up. Raises `MarginRefusedError` for what has no value and no bound.

    With `on_failure="conservative"` an option without a volatility (or, if long, without a forward or settlement)
    stays in the book at its worst no-arbitrage bound and the failure is carried in the result.
    """
    if on_failure not in ("refuse", "conservative"):
        raise refuse("on_failure", on_failure, "'refuse' or 'conservative'")
    if account.as_of is not None and account.as_of > market.time:
        raise refuse(
            "account.as_of",
            account.as_of.isoformat(),
            f"an instant not after market.time {market.time.isoformat()}",
        )
    positions = [
        (i, p) for i, p in enumerate(account.positions) if p.quantity != 0.0 or p.unrealised_pnl or p.unsettled_funding
    ]
    unknown = [
        (
            f"account.positions[{i}].instrument",
            Failure(
                reason=Reason.UNKNOWN_INSTRUMENT,
                subject=p.instrument,
                message=f"not among the {len(market.contracts)} instruments of the market",
                effect="refused",
            ),
        )
        for i, p in positions
        if p.instrument not in market.contracts
    ]
    if unknown:
        raise MarginRefusedError([f for _, f in unknown], [path for path, _ in unknown])
    plan = compile_plan([market.contracts[p.instrument] for _, p in positions], market)
    quantity = np.array([p.quantity for _, p in positions], dtype=np.float64)
    kept, refused, paths = [], [], []
    for row, failure in plan.failures.items():
        if quantity[row] == 0.0:
            continue
        allowed = _BOUNDED_LONG if quantity[row] > 0 else _BOUNDED_SHORT
        if on_failure == "conservative" and plan.option[row] and failure.reason in allowed:
            kept.append(failure.model_copy(update={"effect": "conservative"}))
        else:
            refused.append(failure)
            paths.append(f"account.positions[{positions[row][0]}].instrument")
    if refused:
        raise MarginRefusedError(refused, paths)
    if account.orders:
        kept.append(
            Failure(
                reason=Reason.ORDERS_NOT_CHARGED,
                subject=f"{len(account.orders)} open orders",
                message="this rule set charges nothing for resting orders; the margin is that of the positions",
                effect="notice",
            )
        )
    unrealised = np.array([_unrealised(plan, row, positions[row][1]) for row in range(len(positions))])
    funding = np.array([p.unsettled_funding for _, p in positions])
    return Book(account, market, plan, quantity, unrealised.reshape(-1), funding.reshape(-1), tuple(kept))


def _unrealised(plan: Plan, row: int, position: object) -> float:
    """Profit not yet settled, in the settlement currency; options carry theirs in their value."""
    entry = getattr(position, "entry_price", None)
    reported = getattr(position, "unrealised_pnl", None)
    if plan.contracts[row].kind not in ("future", "perpetual"):
        return 0.0
    if reported is not None:
        return float(reported)
    if entry is None:
        return 0.0
    quantity = getattr(position, "quantity", 0.0)
    m, price = plan.multiplier[row], plan.price[row]
    if plan.style[row] == 1:
        return float(quantity * m * (1.0 / entry - 1.0 / price))
    return float(quantity * m * (price - entry))
