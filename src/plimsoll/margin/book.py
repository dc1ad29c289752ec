"""An account met with a market: contracts, quantities and everything that could not be valued."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Failure, Problem, Reason, refuse
from plimsoll.margin.account import Account, Position
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan
from plimsoll.risk.plan import INVERSE

F64 = npt.NDArray[np.float64]
OnFailure = Literal["refuse", "conservative"]

_BOUNDED_LONG = {Reason.MISSING_VOL, Reason.MISSING_FORWARD, Reason.EXPIRED_UNSETTLED, Reason.MISSING_FIXING}
_BOUNDED_SHORT = {Reason.MISSING_VOL}


_ALLOWED = {
    Reason.UNKNOWN_INSTRUMENT: "an instrument that market.instruments lists",
    Reason.MISSING_INDEX: "an underlying that market.indices prices",
    Reason.MISSING_PRICE: "a settlement currency that market.assets or market.indices prices",
    Reason.MISSING_FORWARD: "an expiry with a forward in market.expiries",
    Reason.MISSING_MARK: "an instrument with a price above zero in market.marks",
    Reason.MISSING_OPEN_INTEREST: "an instrument with an open_interest in market.marks",
    Reason.MISSING_VOL: "an option with a volatility in market.marks or a valid smile in market.expiries",
    Reason.MISSING_FIXING: "an option on an average with the accrued average of its known fixings",
    Reason.EXPIRED_UNSETTLED: "an expiry in the past only with its settlement in market.expiries",
}


class MarginRefusedError(DocumentError):
    """No requirement could be computed; `failures` names why, position by position."""

    def __init__(self, failures: list[Failure], paths: list[str]) -> None:
        self.failures = tuple(failures)
        super().__init__(
            [
                Problem(path, f"{f.subject!r} ({f.reason.value}: {f.message})", _ALLOWED.get(f.reason, "another"))
                for path, f in zip(paths, failures, strict=True)
            ]
        )


@dataclass(frozen=True, eq=False)
class Book:
    """`N` positions (of zero quantity only if money is still to settle).

    `positions` as the account has them, `plan`, signed `quantity[N]`, `unrealised[N]` and `funding[N]`.

    `unrealised` and `funding` are in each contract's settlement currency. `failures` are those the caller chose to
    live with.
    """

    account: Account
    market: Market
    positions: tuple[Position, ...]
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
    stays in the book at its worst no-arbitrage bound and the failure is carried in the result. For options other than
    the European vanilla one that holds where they were bought; one that was sold has no bound and is refused.

    No volatility would then leave less above the maintenance margin. The initial margin has no such bound where it is
    more than the loss of a scenario (1.2 times, say), nor have charges on delta alone, such as Deribit's roll shock: a
    bought option without a volatility is neither worth anything nor charged, while one with a volatility can be charged
    a little more than it is worth. Floors that count options by their size net one that was bought without a volatility
    too, for it is held at every volatility.
    """
    if on_failure not in ("refuse", "conservative"):
        raise refuse("on_failure", on_failure, "'refuse' or 'conservative'")
    if account.as_of is not None and account.as_of > market.time:
        allowed = f"an instant not after market.time {market.time.isoformat()}"
        raise refuse("account.as_of", account.as_of.isoformat(), allowed)
    _check_names(account, market)
    held = [
        (i, p) for i, p in enumerate(account.positions) if p.quantity != 0.0 or p.unrealised_pnl or p.unsettled_funding
    ]
    plan = compile_plan([market.contracts[p.instrument] for _, p in held], market)
    _check_money(plan, held)
    quantity = np.array([p.quantity for _, p in held], dtype=np.float64)
    kept, refused, paths = [], [], []
    for row, failure in plan.failures.items():
        if quantity[row] == 0.0:
            continue
        allowed_reasons = _BOUNDED_LONG if quantity[row] > 0 else _BOUNDED_SHORT
        # what was sold of another option than the vanilla one has no bound
        bounded = plan.option[row] or (plan.exotic[row] and quantity[row] > 0)
        if on_failure == "conservative" and bounded and failure.reason in allowed_reasons:
            kept.append(failure.model_copy(update={"effect": "conservative"}))
        else:
            refused.append(failure)
            paths.append(f"account.positions[{held[row][0]}].instrument")
    if refused:
        raise MarginRefusedError(refused, paths)
    if account.orders:
        message = "this rule set charges nothing for resting orders; the margin is that of the positions"
        subject = f"{len(account.orders)} open orders"
        kept.append(
            Failure(reason=Reason.ORDERS_NOT_CHARGED, subject=subject, message=message, effect="notice"),
        )
    unrealised = np.array([unrealised_profit(plan, row, p) for row, (_, p) in enumerate(held)], dtype=np.float64)
    funding = np.array([p.unsettled_funding for _, p in held], dtype=np.float64)
    return Book(account, market, tuple(p for _, p in held), plan, quantity, unrealised, funding, tuple(kept))


def _check_names(account: Account, market: Market) -> None:
    """Refuse positions and orders in instruments that the market does not list."""
    failures, paths = [], []
    named = [(f"account.positions[{i}].instrument", p.instrument) for i, p in enumerate(account.positions)]
    named += [(f"account.orders[{i}].instrument", o.instrument) for i, o in enumerate(account.orders)]
    message = f"not among the {len(market.contracts)} instruments of the market"
    for path, name in named:
        if name not in market.contracts:
            reason = Reason.UNKNOWN_INSTRUMENT
            failures.append(Failure(reason=reason, subject=name, message=message, effect="refused"))
            paths.append(path)
    if failures:
        raise MarginRefusedError(failures, paths)


def _check_money(plan: Plan, held: list[tuple[int, Position]]) -> None:
    """Refuse unsettled money where a contract has none: it would vanish."""
    problems = []
    for contract, (i, position) in zip(plan.contracts, held, strict=True):
        if position.unrealised_pnl and contract.kind not in ("future", "perpetual"):
            allowed = f"nothing for {contract.kind} positions: their profit is in their value"
            problems.append(Problem(f"account.positions[{i}].unrealised_pnl", repr(position.unrealised_pnl), allowed))
        if position.unsettled_funding and contract.kind != "perpetual":
            allowed = f"zero for {contract.kind} positions: only perpetuals have funding"
            got = repr(position.unsettled_funding)
            problems.append(Problem(f"account.positions[{i}].unsettled_funding", got, allowed))
    if problems:
        raise DocumentError(problems)


def unrealised_profit(plan: Plan, row: int, position: Position) -> float:
    """Profit not yet settled, in the settlement currency; options carry theirs in their value."""
    if plan.contracts[row].kind not in ("future", "perpetual"):
        return 0.0
    if position.unrealised_pnl is not None:
        return position.unrealised_pnl
    entry = position.entry_price
    if entry is None:
        return 0.0
    m, price = plan.multiplier[row], plan.price[row]
    if plan.style[row] == INVERSE:
        return float(position.quantity * m * (1.0 / entry - 1.0 / price))
    return float(position.quantity * m * (price - entry))
