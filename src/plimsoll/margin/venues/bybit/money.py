"""Balances of a unified account in USD: what counts, what is borrowed, and the rates that the venue shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from plimsoll.documents import DocumentError, Problem, Reason
from plimsoll.margin.account import Account
from plimsoll.margin.venues.bybit.parameters import Borrow
from plimsoll.market import Market

Amount = Any
"""A float, or an array `[K]` along a path."""


@dataclass(frozen=True)
class Balances:
    """By asset: USD `price`, `equity` (balance less what is isolated, with profit) and `borrowed`, in the asset.

    Source: the venue's help on borrowing: what is missing of an asset once its profit, the options sold and the
    premiums of orders are counted is borrowed; an option bought does not stand in for it in cross margin.
    """

    price: dict[str, Amount]
    equity: dict[str, Amount]
    borrowed: dict[str, Amount]
    loans: dict[str, float]

    def counted(self, haircuts: Mapping[str, float]) -> Amount:
        """USD that stand against margin: what is owned less its haircut, what is owed in full."""
        total: Amount = 0.0
        for asset, amount in self.equity.items():
            net = amount - self.loans.get(asset, 0.0)
            owned = np.maximum(net, 0.0) * (1.0 - haircuts.get(asset, 1.0))
            total = total + (owned + np.minimum(net, 0.0)) * self.price[asset]
        return total

    def owed(self, asset: str) -> Amount:
        """USD borrowed of an asset."""
        return self.borrowed[asset] * self.price[asset]


def balances(
    account: Account,
    isolated: Mapping[str, float],
    profit: Mapping[str, Amount],
    options: Mapping[str, Amount],
    price: Mapping[str, Amount],
) -> Balances:
    """Balances of every asset that an account holds, owes or has profit in.

    `isolated` is the money set apart, `profit` that of shared positions, `options` what lowers the balance before it
    counts as borrowed (options sold, and premiums of orders as negative amounts), all in the asset.
    """
    names = dict.fromkeys([*account.collateral, *account.borrowed, *profit, *options])
    equity: dict[str, Amount] = {}
    borrowed: dict[str, Amount] = {}
    for asset in names:
        equity[asset] = account.collateral.get(asset, 0.0) - isolated.get(asset, 0.0) + profit.get(asset, 0.0)
        short = np.maximum(-(equity[asset] + options.get(asset, 0.0)), 0.0)
        borrowed[asset] = short + account.borrowed.get(asset, 0.0)
    return Balances({a: price[a] for a in names}, equity, borrowed, dict(account.borrowed))


def borrow_margin(held: Balances, rates: Borrow) -> tuple[list[str], Amount, Amount]:
    """Assets that are borrowed, with initial and maintenance margin of each in USD."""
    assets = [a for a in held.borrowed if np.any(np.asarray(held.borrowed[a]) > 0.0)]
    owed = [held.owed(a) for a in assets]
    return assets, [rates.initial * x for x in owed], [rates.maintenance * x for x in owed]


def asset_problems(account: Account, haircuts: Mapping[str, float]) -> list[Problem]:
    """Assets that the rules do not know."""
    named = [(f"account.collateral.{a}", a, v) for a, v in account.collateral.items()]
    named += [(f"account.borrowed.{a}", a, v) for a, v in account.borrowed.items()]
    found = []
    for path, asset, amount in named:
        if amount and asset not in haircuts:
            got = f"{amount!r} of {asset} ({Reason.UNKNOWN_CURRENCY.value})"
            found.append(Problem(path, got, "assets these rules know: " + ", ".join(sorted(haircuts))))
    return found


def usd_prices(account: Account, market: Market, currencies: list[str]) -> dict[str, float]:
    """USD price of every asset in use. Raises `DocumentError` naming each without one."""
    names = dict.fromkeys([*account.collateral, *account.borrowed, *currencies])
    prices = {a: market.price_of(a) for a in names}
    missing = [a for a, p in prices.items() if p is None]
    if missing:
        raise DocumentError([Problem(f"market.assets.{a}", "nothing", "a USD price of this currency") for a in missing])
    return {a: p.price for a, p in prices.items() if p is not None}


def account_rate(margin: float, balance: float, decimals: int = 4) -> float:
    """The venue's `accountIMRate` or `accountMMRate`: margin over balance, cut off after four decimals.

    The balance is the margin balance in cross margin and the equity in portfolio margin. Infinite where something is
    required of an account that has nothing.

    >>> account_rate(1304.50829757, 52197.86892104), account_rate(1069.93399838, 52197.86892104)
    (0.0249, 0.0204)
    """
    if margin <= 0.0:
        return 0.0
    unit = 10.0**decimals
    rate = margin / balance * unit if balance > 0.0 else math.inf
    return math.floor(rate) / unit if math.isfinite(rate) else math.inf


def account_rates(initial: float, maintenance: float, balance: float) -> dict[str, float]:
    """Both rates by name, where they are numbers."""
    rates = {"account_im_rate": account_rate(initial, balance), "account_mm_rate": account_rate(maintenance, balance)}
    return {name: rate for name, rate in rates.items() if math.isfinite(rate)}
