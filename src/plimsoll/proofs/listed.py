"""The statement of an account as it stands: what it lists, what it pledges, and in which units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from plimsoll.documents import exact_decimal
from plimsoll.margin import Account
from plimsoll.market import Market
from plimsoll.proofs.account import MarginStatement, held_of
from plimsoll.proofs.commitments import Opening
from plimsoll.proofs.errors import NotProvableError
from plimsoll.proofs.requirement import Requirement
from plimsoll.proofs.shortfall import Measure, required
from plimsoll.proofs.terms import Pledged
from plimsoll.proofs.vault import Vault

Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Stated:
    """A statement and the private numbers of the account: positions, then collateral, in units of its terms."""

    statement: MarginStatement
    values: tuple[int, ...]

    @property
    def name(self) -> str:
        """What a vault calls the opening: venue, account and epoch."""
        terms = self.statement.terms
        return f"{terms.venue}/{terms.account}/{terms.epoch}"

    def opening(self, vault: Vault) -> Opening:
        """The opening that the vault has of these very numbers under this name, else a fresh one, put into it.

        Raises `NotProvableError` where the vault has other numbers under this name: one epoch has one book.
        """
        found = vault.entries.get(self.name)
        if found is None or found.values != self.values:
            found = Opening.of(self.values)
        vault.put(self.name, found)
        return found


def state_account(
    account: Account,
    market: Market,
    measure: Measure,
    *,
    pseudonym: str,
    epoch: str,
    venue: str = "",
    also: Sequence[str] = (),
    underlyings: Sequence[str] = (),
    quantity_bits: int = 32,
    money_bits: int = 80,
    reach: int | None = None,
    told: Told | None = None,
) -> Stated:
    """The statement that the account's collateral covers its margin, by `measure` in `market`.

    The public list of instruments has those held, those of `also` and all of `underlyings`. Raises `NotProvableError`
    where the model has no provable form, the account holds what a statement cannot hold, or the collateral does not
    cover the requirement.
    """
    say = told or (lambda _text, _done, _total: None)
    say("the requirement in integers", 0, 4)
    requirement = required(measure, _listed(account, market, also, underlyings), market, reach)
    # what is pledged, and what is owed by a loss that is not settled
    held = held_of(account, market, requirement)
    assets = [a for a, amount in held.items() if account.collateral.get(a) or amount < 0] or [requirement.currency]
    say("the rows", 1, 4)
    statement = MarginStatement.of(
        requirement,
        venue=venue or account.venue or "unnamed",
        account=pseudonym,
        epoch=epoch,
        collateral=[_pledged(a, held.get(a, Fraction(0)), requirement) for a in assets],
        quantity_decimals=max((exact_decimal(p.quantity)[1] for p in account.positions), default=0),
        quantity_bits=quantity_bits,
        money_bits=money_bits,
    )
    quantities, amounts = statement.units(account, market)
    if statement.written.excess(quantities, amounts) < 0:
        raise NotProvableError("the collateral does not cover the requirement: there is nothing to prove")
    return Stated(statement, (*quantities, *amounts))


def _listed(account: Account, market: Market, also: Sequence[str], underlyings: Sequence[str]) -> tuple[str, ...]:
    """The public list of instruments, in the order of the market."""
    wanted = {p.instrument for p in account.positions if p.quantity} | set(also)
    wanted |= {c.name for c in market.instruments if c.underlying in underlyings}
    listed = [c.name for c in market.instruments if c.name in wanted]
    return (*listed, *sorted(wanted - set(listed)))


def _pledged(asset: str, amount: Fraction, requirement: Requirement) -> Pledged:
    """An asset in units of 1e-8 if one of it is worth more than ten of the currency, else of 1e-6."""
    if asset not in requirement.prices:
        raise NotProvableError(f"{asset}: the rules name no haircut for it, or the market no price")
    dear = requirement.prices[asset][0] > 10 ** (requirement.array_decimals + 1)
    return Pledged(asset=asset, decimals=8 if dear else 6, owed=amount < 0)
