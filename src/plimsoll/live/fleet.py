"""Accounts to try an engine on: sample books of a market, each with a name of its own."""

from __future__ import annotations

from plimsoll.documents import refuse
from plimsoll.feeds.sample import sample_book
from plimsoll.margin import Account
from plimsoll.market import Market

BOOKS = 50
"""Different books; beyond, they repeat with other cash."""


def sample_accounts(market: Market, accounts: int = 200, positions: int = 12, seed: int = 7) -> list[Account]:
    """So many accounts, the same for the same arguments: `BOOKS` sample books, from tight to ample.

    A book that repeats has another part of its cash, from 0.8 to three times: some are near their line. Raises
    `DocumentError` for no account.
    """
    if accounts < 1:
        raise refuse("accounts", accounts, "at least 1")
    coins = sorted(u for u in market.indices if any(c.underlying == u for c in market.instruments))
    books = [
        sample_book(market, positions, seed * 1_000 + k, underlyings=[coins[k % len(coins)]])
        for k in range(min(accounts, BOOKS))
    ]
    found = []
    for a in range(accounts):
        book = books[a % BOOKS]
        part = 1.0 if a < BOOKS else 0.8 + 2.2 * ((a // BOOKS * 7 + a) % 23) / 22.0
        cash = {asset: round(amount * part, 6) for asset, amount in book.collateral.items()}
        found.append(book.model_copy(update={"name": f"account {a}", "collateral": cash, "as_of": None}))
    return found
