"""Capital efficiency: factors that really make coverage equal, savings with their sign, and books that save nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest

import plimsoll as pl
from naive import efficiency as naive
from plimsoll.documents import DocumentError
from plimsoll.feeds.demo import demo_account, demo_market
from plimsoll.feeds.generated_history import generated_history
from plimsoll.feeds.sample import sample_book
from plimsoll.margin import Account, Position
from plimsoll.risk import compile_plan, plan_pnl, unit_values
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.factors import FactorHistory
from plimsoll.scenarios.historical import historical
from plimsoll.scenarios.moves import IvLaw
from plimsoll.validate.efficiency import WAYS, Efficiency, efficiency

MODEL = pl.margin_model("prbm@2026-01-30")
MARKET = demo_market()
HISTORY = FactorHistory.of_levels(generated_history(MARKET.time))
LEVEL = 0.02


def books() -> list[Account]:
    """A hedged book, one with options of both signs, one position alone."""
    mixed = sample_book(MARKET, 5, 3)
    alone = sample_book(MARKET, 1, 4)
    return [demo_account(), *(a.model_copy(update={"name": n}) for a, n in ((mixed, "mixed"), (alone, "alone")))]


@pytest.fixture(scope="module")
def found() -> Efficiency:
    return efficiency(MODEL, [(a, MARKET) for a in books()], HISTORY, level=LEVEL)


def losses_of(account: Account) -> list[list[float]]:
    """`[position][day]` by the P&L array of each contract by itself."""
    own = HISTORY.of(["BTC"])
    columns, _ = historical(own.names, own.returns, step_days=own.step_days).columns(IvLaw())
    rows = []
    for p in account.positions:
        plan = compile_plan([MARKET.contracts[p.instrument]], MARKET)
        contract = plan.contracts[0]
        side = np.array([p.quantity])
        flow = plan_pnl(plan, columns["BTC"], "settlement", side)[0]
        now = float(unit_values(plan, Scenarios.build([1.0]), "settlement", side)[0, 0])
        if contract.currency == "BTC":
            before, after = MARKET.indices["BTC"].price, MARKET.indices["BTC"].price * columns["BTC"].spot
        else:
            price = MARKET.price_of(contract.currency)
            assert price is not None
            before, after = price.price, np.full(flow.size, price.price)
        usd = (flow + now) * after - now * before if contract.kind == "option" else flow * after
        rows.append((-p.quantity * usd).tolist())
    return rows


def test_the_factors_are_the_least_that_cover_as_often_as_was_asked(found: Efficiency) -> None:
    accounts = books()
    losses = [losses_of(a) for a in accounts]
    whole = [[MODEL.requirement(a, MARKET).initial] for a in accounts]
    alone = [
        [MODEL.requirement(a.model_copy(update={"positions": (p,)}), MARKET).initial for p in a.positions]
        for a in accounts
    ]
    days = sum(len(x[0]) for x in losses)
    assert found.days * len(accounts) == days
    for way, margins in (("portfolio", whole), ("cross", alone), ("isolated", alone)):
        assert found.factors[way] == pytest.approx(naive.least_factor(losses, margins, way, LEVEL), rel=1e-6)
        assert found.raw_exceptions[way] == pytest.approx(naive.covered_by(losses, margins, way, 1.0) / days)
        assert LEVEL - 1.0 / days < found.exceptions[way] <= LEVEL


def test_savings_follow_from_the_margins_and_have_a_sign(found: Efficiency) -> None:
    for book in found.books:
        own = book.ways["portfolio"]
        for way in WAYS:
            row = book.ways[way]
            assert row.initial == pytest.approx(found.factors[way] * row.raw)
            assert row.capital >= row.initial * (1.0 - 1e-12)
        for way in ("cross", "isolated"):
            assert book.saved[way] == pytest.approx(1.0 - own.initial / book.ways[way].initial)
        # the same P&L on less margin is more
        assert own.returns is not None
        isolated = book.ways["isolated"].returns
        assert isolated is not None
        assert own.returns * own.initial == pytest.approx(isolated * book.ways["isolated"].initial)
    # the rules ask the same of one position, alone or not: whatever the portfolio saves there is its factor's doing
    alone = next(b for b in found.books if b.name == "alone")
    assert alone.ways["portfolio"].raw == pytest.approx(alone.ways["isolated"].raw, rel=1e-12)
    assert alone.without_saving("cross")
    assert alone.name in [b.name for b in found.without_saving("cross")]
    content = found.to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert "alone" in content["without_saving"]["cross"]


def test_exceptions_of_the_books_are_those_of_the_whole(found: Efficiency) -> None:
    for way in WAYS:
        total = sum(b.ways[way].exceptions for b in found.books)
        assert total == round(found.exceptions[way] * found.days * len(found.books))


def test_what_cannot_be_is_refused_and_what_is_refused_is_named() -> None:
    odd = Account(name="odd", positions=(Position(instrument="NOTHING", quantity=1.0),), collateral={})
    one = books()[2]
    found = efficiency(MODEL, [(one, MARKET), (odd, MARKET)], HISTORY, level=LEVEL)
    assert [b.name for b in found.books] == ["alone"]
    assert "NOTHING" in found.left_out["odd"]
    with pytest.raises(DocumentError, match="books"):
        efficiency(MODEL, [(odd, MARKET)], HISTORY)
    with pytest.raises(DocumentError, match="level"):
        efficiency(MODEL, [(one, MARKET)], HISTORY, level=0.0)
    with pytest.raises(DocumentError, match="at least one exception"):
        efficiency(MODEL, [(one, MARKET)], HISTORY, level=1e-6)
