"""Options without a volatility, carried at their worst bound: the answer is on the safe side of every volatility."""

from __future__ import annotations

import random

import pytest

import plimsoll as pl
from explained_pairs import PACKS, market_of, terms
from plimsoll.feeds import sample_book
from plimsoll.margin import Account, MarginModel
from plimsoll.market import Market

VOLS = (0.0, 0.05, 0.3, 0.6, 1.0, 2.0, 5.0)
BOOKS, TRIES = 12, 3

ON_DELTA = {"roll_shock", "delta_shock"}
"""Parts that charge a delta whatever it is worth: a bought option may cost more there than it could ever pay."""


def excess(model: MarginModel, account: Account, market: Market, how: str = "refuse") -> tuple[float, float]:
    """Equity over maintenance margin, without charges on delta alone, and what was added up for it."""
    found = model.assess(account, market, how)  # type: ignore[arg-type]
    maintenance = sum(c.maintenance for c in found.components if c.name not in ON_DELTA)
    return found.net_equity - maintenance, abs(found.net_equity) + abs(maintenance)


def marked(market: Market, vols: dict[str, float | None]) -> Market:
    """The market with these volatilities and no smile from which another could be had."""
    marks = {
        n: m.model_copy(update={"vol": vols[n], "price": None}) if n in vols else m for n, m in market.marks.items()
    }
    bare = tuple(e.model_copy(update={"svi": None}) for e in market.expiries)
    return market.model_copy(update={"marks": marks, "expiries": bare})


@pytest.mark.parametrize("rules", PACKS.values())
def test_no_volatility_brings_a_book_nearer_to_the_line_than_its_bound(rules: str) -> None:
    """A bought option counts for nothing and is no hedge in a scenario; in the floors, which ask for its size and not
    for its worth, it still stands against what was sold, as it does at every volatility.
    """
    model, seen = pl.margin_model(rules), 0
    for number in range(BOOKS):
        own = random.Random(number)
        settlement, coins, mode = terms(rules, own)
        market = market_of(1, 24, settlement)
        kinds = ("option", "perpetual") if rules.startswith("derive") else ("option", "future", "perpetual")
        account = sample_book(market, 3 + number % 9, number, coins, kinds).model_copy(update={"mode": mode})
        options = [n for p in account.positions if market.contracts[n := p.instrument].kind == "option"]
        lost = own.sample(options, min(len(options), own.choice((1, 2))))
        bound, _ = excess(model, account, marked(market, dict.fromkeys(lost)), "conservative")
        for _ in range(TRIES):
            vols = {name: own.choice(VOLS) for name in lost}
            known, size = excess(model, account, marked(market, vols))
            assert bound <= known + 1e-9 * max(1.0, size), (number, vols)
            seen += bound < known
    assert seen > BOOKS
