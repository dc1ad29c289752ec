"""The private books of a venue made of its accounts as they stand in a market, and of the reserves that it states."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping, Sequence
from fractions import Fraction

from plimsoll.documents import ceiling, exact_decimal, refuse
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.proofs.account import _exact, _unsettled
from plimsoll.proofs.venue import Marked, Reserve, VenueBooks
from plimsoll.risk import compile_plan, unit_values
from plimsoll.scenarios import Scenarios

DECIMALS = 8
"""Equities are whole numbers of `10**-DECIMALS` USD."""

SMALLEST = 6
"""Decimals that a position may have, so that a mark in whole numbers is right to a cent for each contract."""

FINE = 10_000
"""What a unit of an asset is worth at least, in those, so that its rounded value is right to a part in ten thousand."""


def gather_books(
    accounts: Sequence[Account],
    market: Market,
    reserves: Mapping[str, float],
    *,
    venue: str,
    epoch: str,
    bits: int = 56,
) -> VenueBooks:
    """The books of all accounts of a venue in USD.

    A balance is what lies in the account, less what is borrowed, with profit that is not settled and funding, rounded
    up: what is owed to a customer is never understated. Marks are what one unit of a position adds besides (the value
    of an option; nothing for futures, whose profit is in the balances), rounded to the nearest, which comes to nothing
    over all accounts because open interest balances. `reserves` are amounts by asset, rounded down.

    Raises `DocumentError` for an asset without a reserve or a price, a contract without a value, a quantity of too many
    decimals, and two accounts of one name.
    """
    held = [_held(account, market) for account in accounts]
    for asset in sorted({asset for balances in held for asset in balances} - set(reserves)):
        raise refuse(f"reserves.{asset}", "nothing", "what the venue holds of it: an account has it, or owes it")
    assets = [_reserve(asset, amount, market) for asset, amount in sorted(reserves.items())]
    quantities = [{p.instrument: p.quantity for p in account.positions if p.quantity} for account in accounts]
    names = [c.name for c in market.instruments if any(c.name in own for own in quantities)]
    for i, own in enumerate(quantities):
        for name in own.keys() - set(names):
            raise refuse(f"accounts[{i}].positions.{name}", name, "an instrument of the market")
    decimals = 0
    for i, own in enumerate(quantities):
        for name, quantity in own.items():
            decimals = max(decimals, exact_decimal(quantity)[1])
            if decimals > SMALLEST:
                raise refuse(f"accounts[{i}].positions.{name}", quantity, f"a quantity of at most {SMALLEST} decimals")
    terms = {
        "venue": venue,
        "epoch": epoch,
        "nonce": secrets.token_hex(16),
        "currency": "USD",
        "decimals": DECIMALS,
        "quantity_decimals": decimals,
        "instruments": [m.model_dump() for m in _marked(names, market, decimals)],
        "assets": [a.model_dump() for a in assets],
        "bits": bits,
    }
    holders = [
        {
            "name": account.name or f"account {i}",
            "positions": {name: int(_exact(q) * 10**decimals) for name, q in own.items()},
            "balances": {a.name: ceiling(balances.get(a.name, Fraction(0)) * 10**a.decimals) for a in assets},
        }
        for i, (account, own, balances) in enumerate(zip(accounts, quantities, held, strict=True))
    ]
    head = {"schema": VenueBooks.SCHEMA, "schema_version": VenueBooks.VERSION}
    return VenueBooks.from_dict({**head, "terms": terms, "accounts": holders})


def _held(account: Account, market: Market) -> dict[str, Fraction]:
    """Balances by asset, with what is borrowed taken off and what is not settled added."""
    found: dict[str, Fraction] = {asset: _exact(amount) for asset, amount in account.collateral.items() if amount}
    for asset, amount in account.borrowed.items():
        found[asset] = found.get(asset, Fraction(0)) - _exact(amount)
    for asset, profit in _unsettled(account, market).items():
        found[asset] = found.get(asset, Fraction(0)) + profit
    return found


def _reserve(asset: str, amount: float, market: Market) -> Reserve:
    """An asset in the largest number of decimals, at most eight, in which a unit is still worth enough."""
    price = market.price_of(asset)
    if price is None or price.price <= 0:
        raise refuse(f"reserves.{asset}", "an asset without a price in the market", "one with a USD price above zero")
    worth = Fraction(price.price) * 10**DECIMALS
    fine = next((d for d in range(8, 0, -1) if worth / 10**d >= FINE), 0)
    units = _exact(amount) * 10**fine
    return Reserve(name=asset, decimals=fine, value=round(worth / 10**fine), reserve=math.floor(units))


def _marked(names: Sequence[str], market: Market, decimals: int) -> tuple[Marked, ...]:
    plan = compile_plan([market.contracts[name] for name in names], market)
    for i, failure in sorted(plan.failures.items()):
        raise refuse(f"positions.{names[i]}", failure.message, "a contract that the market can value")
    values = unit_values(plan, Scenarios.build([1.0]), "usd")[:, 0].tolist() if names else []
    unit = Fraction(10**DECIMALS, 10**decimals)
    return tuple(Marked(name=n, mark=round(Fraction(v) * unit)) for n, v in zip(names, values, strict=True))
