"""An account as a book of the risk engine: positions and coins that move with one table of scenarios."""

from __future__ import annotations

from plimsoll.margin.account import Account
from plimsoll.margin.book import Book, open_book
from plimsoll.market import Market
from plimsoll.risk.joint import JointBook, joint_book


def joint_account(account: Account, market: Market) -> tuple[JointBook, dict[str, float]]:
    """The account as a joint book, and its balance in units of every asset, coins without an index among them.

    Coins are those held, less those borrowed, with the unrealised profit and the funding that are not settled yet: all
    of them move with the price of the coin. Open orders are not in the book.
    """
    held = open_book(account, market)
    coins = coins_of(account, held)
    return joint_book(held.plan.contracts, held.quantity, market, coins), coins


def coins_of(account: Account, held: Book) -> dict[str, float]:
    """The balance of an account, opened as `held`, in units of every asset, as `joint_account` has it."""
    coins = dict(account.collateral)
    owed = [
        (c.currency, x) for c, x in zip(held.plan.contracts, (held.unrealised + held.funding).tolist(), strict=True)
    ]
    for asset, amount in [*owed, *((a, -x) for a, x in account.borrowed.items())]:
        coins[asset] = coins.get(asset, 0.0) + amount
    return coins
