"""Which contracts an account holds, in which currency it settles, and what stands against its margin."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from plimsoll.contracts import Contract, Settlement, is_exotic
from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.market import Market
from plimsoll.risk import unit_values
from plimsoll.scenarios import Scenarios

STABLES = ("USDC", "USDT")
"""Currencies in which linear contracts settle."""


def named(account: Account, market: Market) -> list[tuple[str, Contract]]:
    """Path and contract of every listed position and order that is not empty."""
    rows = [(f"account.positions[{i}].instrument", p.instrument, p.quantity) for i, p in enumerate(account.positions)]
    rows += [(f"account.orders[{i}].instrument", o.instrument, o.quantity) for i, o in enumerate(account.orders)]
    return [(path, market.contracts[n]) for path, n, q in rows if q != 0.0 and n in market.contracts]


def contract_problems(account: Account, market: Market) -> list[Problem]:
    """Contracts the venue lacks: exotic, quanto, spot as a position, inverse in another coin, linear in no stable."""
    problems = []
    for path, contract in named(account, market):
        settlement = getattr(contract, "settlement", None)
        known = (settlement is Settlement.INVERSE and contract.currency == contract.underlying) or (
            settlement is Settlement.LINEAR and contract.currency in STABLES
        )
        if is_exotic(contract):
            got = f"{contract.name!r}, {contract.kind.replace('_', ' ')} ({Reason.UNSUPPORTED_CONTRACT.value})"
            problems.append(Problem(path, got, "futures, perpetuals and European options: the venue lists no others"))
        elif not known:
            what = f"{settlement or ''} {contract.kind} settled in {contract.currency}".strip()
            got = f"{contract.name!r}, {what} ({Reason.UNSUPPORTED_CONTRACT.value})"
            allowed = "contracts settled in their own coin, or linear ones settled in " + " or ".join(STABLES)
            problems.append(Problem(path, got, allowed))
    return problems


def currency_problems(account: Account, market: Market) -> list[Problem]:
    """More than one settlement currency in an account whose currencies are kept apart."""
    found = sorted({contract.currency for _, contract in named(account, market)})
    if len(found) < 2:
        return []
    got = f"contracts that settle in {', '.join(found)} ({Reason.SEVERAL_CURRENCIES.value})"
    allowed = "one settlement currency, which the venue margins by itself: an account document for each"
    return [Problem("account.positions", got, allowed)]


def portfolio_problems(account: Account, market: Market, underlyings: Collection[str], no_cross: str) -> list[Problem]:
    """What a segregated portfolio margin on `underlyings` cannot take; `no_cross` says why not cross collateral."""
    problems = []
    if account.mode != "portfolio":
        got = f"{account.mode!r} ({Reason.UNSUPPORTED_MODE.value})"
        why = f": {no_cross}" if account.mode == "cross" else ""
        problems.append(Problem("account.mode", got, "'portfolio', segregated by settlement currency" + why))
    problems += contract_problems(account, market) + currency_problems(account, market)
    for path, contract in named(account, market):
        if contract.underlying not in underlyings:
            got = f"{contract.name!r} on {contract.underlying} ({Reason.UNKNOWN_UNDERLYING.value})"
            problems.append(Problem(path, got, "underlyings " + ", ".join(underlyings)))
    return problems


def settlement_currency(account: Account, market: Market, known: Collection[str]) -> str | None:
    """That of the contracts, else of the first balance in a known currency, else `None`."""
    for _, contract in named(account, market):
        return contract.currency
    for position in account.positions:
        if position.instrument in market.contracts:
            return market.contracts[position.instrument].currency
    return next((a for a, amount in account.collateral.items() if amount != 0.0 and a in known), None)


def idle_balances(account: Account, currency: str) -> tuple[str, ...]:
    """A note on balances that do not stand against margin in `currency`, if there are any."""
    idle = sorted(a for a, amount in account.collateral.items() if amount != 0.0 and a != currency)
    if not idle:
        return ()
    return (
        f"segregated: only {currency} stands against this margin; the balance in {', '.join(idle)} "
        f"counts for contracts settled in it",
    )


def segregated_equity(book: Book, currency: str) -> float:
    """Balance in the settlement currency, value of options, unrealised profit and funding."""
    value = unit_values(book.plan, Scenarios.build([1.0]), "settlement", book.quantity)[:, 0]
    held = np.where(book.quantity == 0.0, 0.0, book.quantity * value)
    return book.account.collateral.get(currency, 0.0) + float((held + book.unrealised + book.funding).sum())


def unused_reports(account: Account, used: Collection[str]) -> tuple[str, ...]:
    """A note on reported amounts that the model does not name."""
    unused = sorted(set(account.reported) - set(used))
    return (f"reported and not used by these rules: {', '.join(unused)}",) if unused else ()


def usd_price(book: Book, currency: str) -> float:
    """USD price of a currency. Raises `DocumentError` where the market has none."""
    price = book.market.price_of(currency)
    if price is None:
        raise DocumentError(Problem(f"market.assets.{currency}", "nothing", "a USD price of this currency"))
    return price.price
