"""What the commands that move collateral read alike: wallets, terms, floors and rules of capital."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plimsoll.optimise.collateral import CapitalRules, CollateralTerms, Wallet


def read_wallets(paths: tuple[str, ...]) -> list[Wallet]:
    """The wallets, with names that differ."""
    from plimsoll.optimise.collateral import Wallet

    found = [Wallet.load(path) for path in paths]
    names = [w.name for w in found]
    if len(set(names)) == len(names):
        return found
    return [w.model_copy(update={"name": f"{w.name} {k + 1}"}) for k, w in enumerate(found)]


def read_terms(path: str | None, days: float | None) -> CollateralTerms:
    """The terms of a file or the assumed ones, kept `days`."""
    from plimsoll.optimise.collateral import CollateralTerms, assumed_terms

    found = assumed_terms() if path is None else CollateralTerms.load(path)
    return found if days is None else CollateralTerms.from_dict(found.to_dict() | {"days": days}, "--days")


def read_rules(path: str | None) -> CapitalRules | None:
    """The rules of capital in a file, if there is one."""
    from plimsoll.optimise.collateral import CapitalRules

    return None if path is None else CapitalRules.load(path)


def read_floors(texts: tuple[str, ...]) -> dict[str, float]:
    """`NAME=USD` as a table."""
    from plimsoll.documents import refuse

    found = {}
    for text in texts:
        name, _, amount = text.rpartition("=")
        try:
            found[name] = float(amount)
        except ValueError:
            raise refuse("--floor", text, "the name of an account, = and US dollars") from None
    return found
