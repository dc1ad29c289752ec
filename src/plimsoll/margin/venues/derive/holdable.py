"""Which accounts a manager of Derive can hold, and why not."""

from __future__ import annotations

from collections.abc import Collection

from plimsoll.contracts import Contract, Option, Perpetual, Settlement
from plimsoll.documents import Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.market import Market


def underlying_of(account: Account, market: Market, fits: dict[str, Collection[str]]) -> str:
    """The one underlying of the positions; for an account of collateral only, the first that it fits.

    `fits` maps each underlying of the pack to the assets it takes, cash included.
    """
    found = held_underlyings(account, market)
    if found:
        return sorted(found)[0]
    for name, assets in fits.items():
        if name in market.indices and all(a in assets for a, amount in account.collateral.items() if amount != 0.0):
            return name
    return next(iter(fits))


def held_underlyings(account: Account, market: Market) -> tuple[str, ...]:
    """Underlyings of the listed positions that are not empty, in order of appearance."""
    found: dict[str, None] = {}
    for _, _, contract in _held(account, market):
        found[contract.underlying] = None
    return tuple(found)


def _held(account: Account, market: Market) -> list[tuple[int, float, Contract]]:
    return [
        (i, p.quantity, market.contracts[p.instrument])
        for i, p in enumerate(account.positions)
        if p.instrument in market.contracts and p.quantity != 0.0
    ]


def contract_problems(account: Account, market: Market, cash: str) -> list[Problem]:
    """Positions other than linear options and perpetuals, and those that settle in another currency than `cash`."""
    problems = []
    for i, _, contract in _held(account, market):
        linear = isinstance(contract, (Option, Perpetual)) and contract.settlement is Settlement.LINEAR
        path = f"account.positions[{i}].instrument"
        if not linear:
            what = f"{getattr(contract, 'settlement', '')} {contract.kind}".replace("_", " ").strip()
            got = f"{contract.name!r}, {what} ({Reason.UNSUPPORTED_CONTRACT.value})"
            problems.append(Problem(path, got, "linear options and perpetuals (see --same-exposure)"))
        elif contract.currency != cash:
            got = f"{contract.name!r}, settled in {contract.currency} ({Reason.UNSUPPORTED_CONTRACT.value})"
            problems.append(Problem(path, got, f"contracts that settle in {cash}"))
    return problems


def underlying_problems(account: Account, market: Market, known: Collection[str]) -> list[Problem]:
    """Underlyings that the rules do not list."""
    return [
        Problem("account.positions", f"{u!r} ({Reason.UNKNOWN_UNDERLYING.value})", "underlyings " + ", ".join(known))
        for u in held_underlyings(account, market)
        if u not in known
    ]


def single_problems(account: Account, market: Market, manager: str) -> list[Problem]:
    """More than one underlying in an account whose manager knows one."""
    held = held_underlyings(account, market)
    if len(held) < 2:
        return []
    got = f"{', '.join(sorted(held))} ({Reason.SEVERAL_UNDERLYINGS.value})"
    return [Problem("account.positions", got, f"one underlying for each {manager} account")]


def size_problems(account: Account, market: Market, positions: int, expiries: int | None) -> list[Problem]:
    """More positions or (unless `None`) expiries than the manager allows."""
    held = _held(account, market)
    problems = []
    if len(held) > positions:
        got = f"{len(held)} positions ({Reason.TOO_MANY_POSITIONS.value})"
        problems.append(Problem("account.positions", got, f"at most {positions}"))
    dates = {c.expiry for _, _, c in held if isinstance(c, Option)}
    if expiries is not None and len(dates) > expiries:
        got = f"{len(dates)} expiries ({Reason.TOO_MANY_EXPIRIES.value})"
        problems.append(Problem("account.positions", got, f"at most {expiries}"))
    return problems


def collateral_problems(account: Account, taken: Collection[str], cash: str) -> list[Problem]:
    """Balances in assets that are not taken, and assets other than cash that are owed."""
    problems = []
    for asset, amount in account.collateral.items():
        path = f"account.collateral.{asset}"
        if asset == cash or amount == 0.0:
            continue
        if asset not in taken:
            allowed = "assets these rules know: " + ", ".join(sorted({*taken, cash}))
            problems.append(Problem(path, f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})", allowed))
        elif amount < 0:
            problems.append(Problem(path, repr(amount), f"an amount of at least zero; only {cash} can be owed"))
    return problems
