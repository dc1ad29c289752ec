"""What stands against margin at Aevo."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from plimsoll.documents import DocumentError, Problem
from plimsoll.margin.book import Book
from plimsoll.margin.components import known_collateral
from plimsoll.margin.parts.linear import held_value

F64 = npt.NDArray[np.float64]


def equity_of(book: Book, haircuts: Mapping[str, float], currency: str, marks: F64) -> float:
    """Collateral after its haircut, value of options, unrealised profit and funding, in `currency`.

    Prices are those in USD over that of the settlement currency. An asset that is owed counts whole. Raises
    `DocumentError` for an asset without a haircut or a price.
    """
    known_collateral(book.account.collateral, haircuts)
    total = 0.0
    for asset, amount in book.account.collateral.items():
        if amount != 0.0:
            worth = amount * _price(book, asset) / _price(book, currency) if asset != currency else amount
            total += worth * (1.0 - haircuts[asset] if amount > 0 else 1.0)
    return total + held_value(book, marks)


def _price(book: Book, asset: str) -> float:
    price = book.market.price_of(asset)
    if price is None or price.price <= 0.0:
        raise DocumentError(Problem(f"market.assets.{asset}", "nothing", "a USD price above zero of this asset"))
    return price.price
