"""Scenarios for `es(level)` from what a price history held."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plimsoll.documents import refuse
from plimsoll.market import Market
from plimsoll.risk.engine import Run
from plimsoll.risk.joint import joint_book
from plimsoll.risk.models import RiskModel
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.factors import FactorHistory

MOST = 100_000
"""Scenarios at most: every contract is revalued in each of them."""


def tail_columns(market: Market, history: FactorHistory, model: RiskModel) -> Mapping[str, Scenarios]:
    """The scenarios of a risk model for every coin of a history, one table each, equally likely.

    Of more than `MOST` every k-th is taken, in their order. Raises `DocumentError` for a model whose scenarios are not
    equally likely.
    """
    from plimsoll.contracts import Spot

    coins = [n for n in history.names if n in market.indices]
    if not coins:
        raise refuse("history", ", ".join(history.names) or "nothing", "one of " + ", ".join(sorted(market.indices)))
    book = joint_book([Spot(name=c, underlying=c) for c in coins], np.ones(len(coins)), market)
    moves = Run(model, book, history, None, None).moves()
    if moves.probability is not None:
        raise refuse("model", model.name, "a model whose scenarios are equally likely: each weighs the same in a row")
    columns, _ = moves.columns(model.iv, theta=model.theta)
    size = len(next(iter(columns.values())))
    if size <= MOST:
        return columns
    some = np.arange(0, size, -(-size // MOST))
    return {u: c.take(some) for u, c in columns.items()}
