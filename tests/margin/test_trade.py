"""A trade at the mark changes the margin, not what the account is worth."""

from __future__ import annotations

import pytest

import plimsoll as pl
from plimsoll.feeds import demo_account, demo_market
from plimsoll.margin import traded
from plimsoll.margin.translate import same_exposure

RULES = "derive-pmrm2@2026-03-27"


def linear_book() -> tuple[pl.Account, pl.Market]:
    return same_exposure(demo_account(), demo_market())


def with_entry(account: pl.Account, name: str, price: float) -> pl.Account:
    rows = [p.model_dump() for p in account.positions]
    for row in rows:
        if row["instrument"] == name:
            row |= {"entry_price": price, "unrealised_pnl": None, "unsettled_funding": 12.5}
    return pl.Account.from_dict(account.to_dict() | {"positions": rows})


@pytest.mark.parametrize("quantity", [0.25, -0.25, None])
def test_equity_stays_when_a_perpetual_with_an_entry_price_is_traded(quantity: float | None) -> None:
    account, market = linear_book()
    name = next(p.instrument for p in account.positions if market.contracts[p.instrument].kind == "perpetual")
    account = with_entry(account, name, 61_000.0)
    held = next(p.quantity for p in account.positions if p.instrument == name)
    model = pl.margin_model(RULES)
    change = model.incremental(account, market, name, -held if quantity is None else quantity)
    assert change.before.net_equity == pytest.approx(change.after.net_equity, abs=1e-6)
    assert change.initial != 0.0


def test_an_option_is_paid_for() -> None:
    account, market = linear_book()
    name = next(p.instrument for p in account.positions if market.contracts[p.instrument].kind == "option")
    change = pl.margin_model(RULES).incremental(account, market, name, 2.0)
    assert change.before.net_equity == pytest.approx(change.after.net_equity, rel=1e-9)
    bought = traded(account, market, name, 2.0)
    assert bought.collateral["USDC"] < account.collateral["USDC"]


def test_a_coin_settled_option_is_paid_in_coin() -> None:
    account, market = demo_account(), demo_market()
    name = next(p.instrument for p in account.positions if market.contracts[p.instrument].kind == "option")
    bought = traded(account, market, name, 1.0)
    assert bought.collateral["USDC"] == account.collateral["USDC"]
    assert bought.collateral["BTC"] < account.collateral["BTC"]


def test_what_cannot_be_traded_is_named() -> None:
    account, market = linear_book()
    with pytest.raises(pl.DocumentError, match="no-such"):
        traded(account, market, "no-such", 1.0)
    with pytest.raises(pl.DocumentError, match="quantity"):
        traded(account, market, account.positions[0].instrument, 1e12)
