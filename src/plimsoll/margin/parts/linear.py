"""Accounts in linear contracts that settle in one currency: which contracts are taken, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Option, Perpetual, PerpetualOption, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.book import Book
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]
_WORDS: dict[type, str] = {Perpetual: "perpetuals", Option: "options", PerpetualOption: "perpetual options"}


def named(account: Account, market: Market) -> list[tuple[str, Contract]]:
    """Path and contract of every listed position and order that is not empty."""
    rows = [(f"account.positions[{i}].instrument", p.instrument, p.quantity) for i, p in enumerate(account.positions)]
    rows += [(f"account.orders[{i}].instrument", o.instrument, o.quantity) for i, o in enumerate(account.orders)]
    return [(path, market.contracts[n]) for path, n, q in rows if q != 0.0 and n in market.contracts]


def contract_problems(
    account: Account, market: Market, currency: str, underlyings: Mapping[str, tuple[type, ...]]
) -> list[Problem]:
    """Contracts that are not taken: `underlyings` says for each underlying which kinds are."""
    kinds = {kind for some in underlyings.values() for kind in some}
    words = ", ".join(word for kind, word in _WORDS.items() if kind in kinds)
    problems = []
    for path, contract in named(account, market):
        linear = getattr(contract, "settlement", None) is Settlement.LINEAR and contract.currency == currency
        if not linear or type(contract) not in kinds:
            got = f"{contract.name!r}, {contract.kind.replace('_', ' ')} ({Reason.UNSUPPORTED_CONTRACT.value})"
            problems.append(Problem(path, got, f"{words} that are linear and settle in {currency}"))
        elif not isinstance(contract, underlyings.get(contract.underlying, ())):
            kind = contract.kind.replace("_", " ")
            got = f"{contract.name!r}, {kind} on {contract.underlying} ({Reason.UNKNOWN_UNDERLYING.value})"
            problems.append(Problem(path, got, f"underlyings with parameters of a {kind}: {', '.join(underlyings)}"))
    return problems


def held_value(book: Book, marks: F64) -> float:
    """Value of options at their marks (`[N]`, a coin), unrealised profit and funding, in the settlement currency."""
    held = np.where(book.plan.valued & (book.quantity != 0.0), book.quantity * book.plan.multiplier * marks, 0.0)
    return float((held + book.unrealised + book.funding).sum())
