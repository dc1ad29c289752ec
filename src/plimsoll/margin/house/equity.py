"""Net equity as the house models count it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.book import Book
from plimsoll.risk import unit_values
from plimsoll.scenarios import Scenarios


def net_equity(book: Book, haircuts: Mapping[str, float]) -> float:
    """Collateral after haircuts, option and spot value, unrealised profit and unsettled funding, USD.

    An asset that is owed is charged its haircut on top. Raises `DocumentError` where the market has no price of an
    asset that is held.
    """
    total = 0.0
    for asset, amount in book.account.collateral.items():
        if amount == 0.0:
            continue
        price = book.market.price_of(asset)
        if price is None:
            raise DocumentError(Problem(f"market.assets.{asset}", "nothing", "a USD price of this collateral"))
        haircut = haircuts[asset]
        total += amount * price.price * (1.0 - haircut if amount >= 0 else 1.0 + haircut)
    value = unit_values(book.plan, Scenarios.build([1.0]), "usd", book.quantity)[:, 0]
    owed = np.where(book.unrealised + book.funding == 0.0, 0.0, (book.unrealised + book.funding) * book.plan.settle)
    return total + float(np.where(book.quantity == 0.0, 0.0, book.quantity * value).sum()) + float(owed.sum())
