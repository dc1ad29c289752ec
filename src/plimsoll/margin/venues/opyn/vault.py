"""A vault of Opyn read from an account: its options, its collateral, and what a vault cannot hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plimsoll.contracts import Contract, Option, Settlement
from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.path import States
from plimsoll.margin.venues.opyn.formulas import cash_value
from plimsoll.margin.venues.opyn.parameters import SpreadParameters
from plimsoll.market import Market

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Held:
    """One option of a vault: `size` in options, without sign."""

    contract: Option
    size: float

    @property
    def name(self) -> str:
        """Name of the option."""
        return self.contract.name


@dataclass(frozen=True)
class Vault:
    """At most one sold and one bought option; `currency` is what it holds, `collateral` how much of it.

    `expired` vaults owe what the options pay at the settlement price.
    """

    short: Held | None
    long: Held | None
    currency: str
    collateral: float
    expired: bool

    @classmethod
    def of(cls, p: SpreadParameters, account: Account, market: Market) -> Vault:
        """The vault of an account that `vault_problems` has passed."""
        rows = [(x.quantity, market.contracts[x.instrument]) for x in account.positions if x.quantity]
        held = [(q, Held(c, abs(q) * c.multiplier)) for q, c in rows if isinstance(c, Option)]
        short = next((h for q, h in held if q < 0), None)
        long = next((h for q, h in held if q > 0), None)
        one = short or long
        balances = [a for a, v in account.collateral.items() if v != 0.0]
        currency = one.contract.currency if one is not None else next(iter(balances), p.strike_asset)
        expired = one is not None and market.seconds_to(one.contract.expiry) <= 0.0
        return cls(short, long, currency, account.collateral.get(currency, 0.0), expired)

    def paid(self, held: Held | None, market: Market) -> float:
        """What an option of an expired vault pays. Raises `DocumentError` without a settlement price."""
        if held is None:
            return 0.0
        c = held.contract
        row = market.expiry_table.get((c.underlying, c.expiry))
        if row is None or row.settlement is None or (row.settlement == 0.0 and c.call):
            path = f"market.expiries.{c.underlying} {c.expiry.isoformat()}.settlement"
            raise DocumentError(Problem(path, "nothing", "the settlement price of the expired option"))
        return held.size * float(cash_value(c.call, c.strike, np.array(row.settlement)))


def spot_of(contract: Option, market: Market, states: States) -> F64:
    """`[K]` prices of the coin. Raises `DocumentError` where the market has no index of it."""
    index = market.indices.get(contract.underlying)
    if index is None:
        raise DocumentError(Problem(f"market.indices.{contract.underlying}", "nothing", "the price of this coin, USD"))
    return index.price * states.multiplier(contract.underlying)


def vault_problems(p: SpreadParameters, account: Account, market: Market) -> list[Problem]:
    """Options that no vault takes, orders, and collateral of another kind than the options need."""
    found, held = [], []
    for i, position in enumerate(account.positions):
        path, contract = f"account.positions[{i}].instrument", market.contracts.get(position.instrument)
        if position.quantity == 0.0:
            continue
        if contract is None:
            got = f"{position.instrument!r} ({Reason.UNKNOWN_INSTRUMENT.value})"
            found.append(Problem(path, got, f"one of the {len(market.contracts)} instruments of the market"))
        elif not _listed(p, contract):
            got = f"{contract.name!r}, {contract.kind} on {contract.underlying} ({Reason.UNSUPPORTED_CONTRACT.value})"
            allowed = f"puts that settle in {p.strike_asset} and calls that settle in their coin, on "
            found.append(Problem(path, got, allowed + ", ".join(sorted(set(p.tokens) - {p.strike_asset}))))
        else:
            held.append((path, position.quantity, contract))
    for sign, word in ((-1.0, "sold"), (1.0, "bought")):
        mine = [(path, c) for path, q, c in held if q * sign > 0]
        if len(mine) > 1:
            allowed = f"one {word} option in a vault: a document for each"
            found += [Problem(path, f"{c.name!r}, one of {len(mine)} {word} options", allowed) for path, c in mine]
    if account.orders:
        got = f"{len(account.orders)} orders"
        found.append(Problem("account.orders", got, "none: a vault has no orders"))
    currency = getattr(held[0][2], "currency", None) if held else None
    for asset, amount in account.collateral.items():
        path = f"account.collateral.{asset}"
        if amount != 0.0 and (asset not in p.tokens or (currency is not None and asset != currency)):
            got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
            found.append(Problem(path, got, currency or "one of " + ", ".join(sorted(p.tokens))))
        elif amount < 0.0:
            found.append(Problem(path, repr(amount), "at least zero: nothing is borrowed"))
    balances = [a for a, v in account.collateral.items() if v != 0.0]
    if currency is None and len(balances) > 1:
        found.append(Problem("account.collateral", ", ".join(sorted(balances)), "one collateral token in a vault"))
    return found


def _listed(p: SpreadParameters, contract: Contract) -> bool:
    if not isinstance(contract, Option) or contract.underlying not in p.tokens:
        return False
    if contract.underlying == p.strike_asset:
        return False
    wanted = (Settlement.INVERSE, contract.underlying) if contract.call else (Settlement.LINEAR, p.strike_asset)
    return (contract.settlement, contract.currency) == wanted
