"""Every position and order of an account with its standard margin under each reading of the rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Option, Settlement
from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.parts.marks import option_marks
from plimsoll.margin.venues.deribit.settlement import named
from plimsoll.margin.venues.deribit.sm_charges import DECIMALS, Charge, binding_term, future_charge, short_option_charge
from plimsoll.margin.venues.deribit.sm_parameters import FutureRates, OptionRates, SmParameters
from plimsoll.market import Market
from plimsoll.risk import Plan, compile_plan

F64 = npt.NDArray[np.float64]

UNDERLYING_READINGS = ("forward", "index")
"""What an option counts as out of the money against: the forward of its expiry, or the index."""

SHARE_READINGS = ("slope", "share")
"""The maintenance margin of a future: its own rate and slope, or a part of the initial margin."""


@dataclass(frozen=True)
class Row:
    """Margin of one position or order in its settlement currency; `initial` and `maintenance` by reading.

    `kind`: `futures`, `options` or `orders`; `paths` are the parameters that it rests on. `term`: which of
    `sm_charges.TERMS` sets the initial margin of a short option, by reading.
    """

    subject: str
    kind: str
    currency: str
    paths: tuple[str, ...]
    initial: dict[str, float]
    maintenance: dict[str, float]
    term: dict[str, str] | None = None


def rates_path(contract: Contract) -> str:
    """Where a pack holds the rates of a contract."""
    settlement = getattr(contract, "settlement", Settlement.LINEAR)
    if isinstance(contract, Option):
        return f"{settlement}_options"
    return f"futures.{contract.underlying}.{settlement}"


def rate_problems(p: SmParameters, account: Account, market: Market) -> list[Problem]:
    """Contracts for which the pack has no rates."""
    problems = []
    for path, contract in named(account, market):
        linear = getattr(contract, "settlement", None) is Settlement.LINEAR
        futures = p.futures.get(contract.underlying)
        if futures is None:
            got = f"{contract.name!r} on {contract.underlying} ({Reason.UNKNOWN_UNDERLYING.value})"
            problems.append(Problem(path, got, "underlyings " + ", ".join(p.futures)))
        elif isinstance(contract, Option):
            if linear and p.linear_options is None:
                got = f"{contract.name!r}, a linear option ({Reason.UNSUPPORTED_CONTRACT.value})"
                allowed = "inverse options: the venue's margin percentages for linear ones are not in any source"
                problems.append(Problem(path, got, allowed))
        elif (futures.linear if linear else futures.inverse) is None:
            kind = "linear" if linear else "inverse"
            got = f"{contract.name!r}, {kind} {contract.kind} ({Reason.UNSUPPORTED_CONTRACT.value})"
            problems.append(
                Problem(path, got, f"futures with rates in the pack; none for {kind} {contract.underlying}")
            )
    return problems


def _charge_rows(initial: Sequence[Charge], maintenance: Sequence[Charge]) -> tuple[dict[str, float], dict[str, float]]:
    firsts = {name: c.rounded().initial for name, c in zip(UNDERLYING_READINGS, initial, strict=True)}
    return firsts, {name: c.rounded().maintenance for name, c in zip(SHARE_READINGS, maintenance, strict=True)}


def option_rates(p: SmParameters, contract: Option) -> tuple[OptionRates, bool]:
    """The rates of an option that the pack takes, and whether it is linear."""
    linear = contract.settlement is Settlement.LINEAR
    rates = p.linear_options if linear else p.inverse_options
    assert rates is not None
    return rates, linear


def position_rows(p: SmParameters, plan: Plan, quantity: F64, marks: F64) -> list[Row]:
    """A row for each position that is charged; a long option has none, its premium is paid."""
    rows = []
    for i, contract in enumerate(plan.contracts):
        if quantity[i] == 0.0 or (plan.option[i] and quantity[i] > 0):
            continue
        size = float(abs(quantity[i]) * plan.multiplier[i])
        path: tuple[str, ...] = (rates_path(contract),)
        term = None
        if isinstance(contract, Option):
            ends, mark = (float(plan.price[i]), float(plan.spot[i])), float(marks[i])
            found, term = _short_option(p, contract, size, mark, ends), _terms(p, contract, mark, ends)
        else:
            coins = size / float(plan.price[i]) if contract.settlement is Settlement.INVERSE else size  # type: ignore[union-attr]
            found = _future(p, contract, coins, float(plan.spot[i]))
            path += ("maintenance_share",) if p.maintenance_share is not None else ()
        kind = "options" if plan.option[i] else "futures"
        rows.append(Row(contract.name, kind, contract.currency, path, *found, term))
    return rows


def _future(
    p: SmParameters, contract: Contract, coins: float, index: float
) -> tuple[dict[str, float], dict[str, float]]:
    inverse = getattr(contract, "settlement", None) is Settlement.INVERSE
    rates: FutureRates | None = getattr(p.futures[contract.underlying], "inverse" if inverse else "linear")
    assert rates is not None
    price = 1.0 if inverse else index
    plain = future_charge(rates, coins, price)
    return _charge_rows((plain, plain), (plain, future_charge(rates, coins, price, p.maintenance_share)))


def _short_option(
    p: SmParameters, contract: Option, coins: float, mark: float, underlyings: tuple[float, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """`underlyings` are the forward and the index, in the order of `UNDERLYING_READINGS`."""
    rates, linear = option_rates(p, contract)
    charges = []
    for u in underlyings:
        one = short_option_charge(rates, contract.call, contract.strike, u, mark, u if linear else 1.0)
        charges.append(Charge(one.initial * coins, one.maintenance * coins))
    most = max(charges, key=lambda c: c.maintenance)
    return _charge_rows(charges, (most, most))


def _terms(p: SmParameters, contract: Option, mark: float, underlyings: tuple[float, float]) -> dict[str, str]:
    rates, linear = option_rates(p, contract)
    found = {}
    for name, u in zip(UNDERLYING_READINGS, underlyings, strict=True):
        one = short_option_charge(rates, contract.call, contract.strike, u, mark, u if linear else 1.0)
        found[name] = binding_term(rates, one, contract.call, contract.strike, u)
    return found


def order_rows(p: SmParameters, account: Account, market: Market) -> list[Row]:
    """A row for each open order: its own initial margin at its own price, the premium of an option that is bought.

    Nothing is netted against positions, and a reduce-only order is free. Raises `DocumentError` for an order whose
    contract is not listed or has no price.
    """
    live = [(i, o) for i, o in enumerate(account.orders) if o.quantity != 0.0 and not o.reduce_only]
    problems = [
        Problem(
            f"account.orders[{i}].instrument", f"{o.instrument!r} ({Reason.UNKNOWN_INSTRUMENT.value})", "listed ones"
        )
        for i, o in live
        if o.instrument not in market.contracts
    ]
    if problems:
        raise DocumentError(problems)
    plan = compile_plan([market.contracts[o.instrument] for _, o in live], market)
    side = np.array([o.quantity for _, o in live], dtype=np.float64)
    for row, failure in plan.failures.items():
        path = f"account.orders[{live[row][0]}].instrument"
        problems.append(Problem(path, failure.subject, f"{failure.reason.value}: {failure.message}"))
    if problems:
        raise DocumentError(problems)
    marks = option_marks(plan, market, side)
    rows = []
    for i, (index, order) in enumerate(live):
        contract = plan.contracts[i]
        size = float(abs(order.quantity) * plan.multiplier[i])
        none = dict.fromkeys(SHARE_READINGS, 0.0)
        if isinstance(contract, Option) and order.quantity > 0:
            premium = round(size * order.price, DECIMALS)
            initial = dict.fromkeys(UNDERLYING_READINGS, premium)
        elif isinstance(contract, Option):
            ends = (float(plan.price[i]), float(plan.spot[i]))
            initial = _short_option(p, contract, size, float(marks[i]), ends)[0]
        else:
            inverse = getattr(contract, "settlement", None) is Settlement.INVERSE
            coins = size / (order.price or float(plan.price[i])) if inverse else size
            initial = _future(p, contract, coins, float(plan.spot[i]))[0]
        subject = f"order {index} {contract.name}"
        rows.append(Row(subject, "orders", contract.currency, (rates_path(contract),), initial, none))
    return rows
