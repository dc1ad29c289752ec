"""Sample books: reproducible, in lots, of instruments that can be valued, and funded."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.chain_files import NOW, ladder, write_parquet
from plimsoll.contracts import Option
from plimsoll.documents import DocumentError
from plimsoll.feeds import generated_market, import_chain, sample_book
from plimsoll.margin import margin_model
from plimsoll.market import Market

INVERSE = generated_market()
LINEAR = generated_market(settlement="linear")
PRBM = margin_model("prbm@2026-01-01")


def test_same_arguments_same_account() -> None:
    first = sample_book(INVERSE, 50, 7)
    assert sample_book(INVERSE, 50, 7).to_json() == first.to_json()
    assert sample_book(INVERSE, 50, 8).positions != first.positions


def test_the_order_of_instruments_does_not_matter() -> None:
    fields = {f: getattr(INVERSE, f) for f in Market.model_fields}
    turned = Market.model_validate(fields | {"instruments": INVERSE.instruments[::-1]})
    assert sample_book(turned) == sample_book(INVERSE)


@given(
    positions=st.integers(0, 200),
    seed=st.integers(0, 10_000),
    market=st.sampled_from([INVERSE, LINEAR]),
    coins=st.sampled_from([None, ["ETH"], ["BTC", "ETH"]]),
)
def test_every_book_is_in_lots_and_within_its_limits(positions: int, seed: int, market: Market, coins: Any) -> None:
    book = sample_book(market, positions, seed, coins)
    assert len(book.positions) == positions
    contracts = [market.contracts[p.instrument] for p in book.positions]
    assert {c.underlying for c in contracts} <= set(coins or ["BTC"])
    assert len({c.expiry for c in contracts if isinstance(c, Option)}) <= 10
    for contract, position in zip(contracts, book.positions, strict=True):
        lots = 10.0 if isinstance(contract, Option) else 1.0 if market is INVERSE else 1_000.0
        assert position.quantity != 0.0
        assert position.quantity * lots == pytest.approx(round(position.quantity * lots), abs=1e-6)
        assert (position.entry_price is None) == isinstance(contract, Option)
    assert set(book.collateral) == {"USDC", (coins or ["BTC"])[0]}
    assert min(book.collateral.values()) > 0


@pytest.mark.parametrize("market", [INVERSE, LINEAR], ids=["inverse", "linear"])
def test_books_hold_every_kind_and_both_signs(market: Market) -> None:
    book = sample_book(market, 50, 7)
    kinds = [market.contracts[p.instrument].kind for p in book.positions]
    assert (kinds.count("perpetual"), kinds.count("future"), kinds.count("option")) == (1, 5, 44)
    options = [p.quantity for p in book.positions if market.contracts[p.instrument].kind == "option"]
    assert min(options) < 0 < max(options)


@pytest.mark.parametrize("seed", range(12))
def test_books_are_funded_but_not_rich(seed: int) -> None:
    health = PRBM.requirement(sample_book(INVERSE, 50, seed), INVERSE).health
    assert health is not None
    assert 1.0 < health < 10.0


def test_strikes_lie_near_the_forward() -> None:
    book = sample_book(INVERSE, 60, 7, kinds=["option"])
    strikes = [c.strike for p in book.positions if isinstance(c := INVERSE.contracts[p.instrument], Option)]
    assert len(strikes) == 60
    near = [abs(k / INVERSE.indices["BTC"].price - 1.0) < 0.5 for k in strikes]
    assert sum(near) > 45


def test_kinds_narrow_the_draw() -> None:
    book = sample_book(INVERSE, 7, kinds=["future"])
    assert {INVERSE.contracts[p.instrument].kind for p in book.positions} == {"future"}


def test_an_empty_book_keeps_its_collateral() -> None:
    book = sample_book(INVERSE, 0)
    assert book.positions == ()
    assert PRBM.requirement(book, INVERSE).net_equity > 0


@pytest.mark.parametrize("coins", [["BTC"], ["ETH"], ["BTC", "ETH"]])
@pytest.mark.parametrize("seed", range(4))
def test_cash_may_be_a_coin_and_none_of_it_is_lost(coins: list[str], seed: int) -> None:
    """The same book with the same equity, to the step in which cash is rounded: some 100 USD."""
    prices = {"USDC": 1.0, **{coin: INVERSE.indices[coin].price for coin in ("BTC", "ETH")}}
    stable, coined = sample_book(INVERSE, 20, seed, coins), sample_book(INVERSE, 20, seed, coins, cash="BTC")
    assert coined.positions == stable.positions
    assert set(coined.collateral) == {"BTC", coins[0]}
    worth = [sum(amount * prices[a] for a, amount in book.collateral.items()) for book in (stable, coined)]
    assert worth[1] == pytest.approx(worth[0], abs=200.0)


def test_what_cannot_be_valued_or_ends_within_the_hour_is_not_drawn(tmp_path: Any) -> None:
    soon = ladder((70_000.0,), expiry_datetime=NOW + timedelta(minutes=59))
    dark = ladder((300_000.0,), implied_volatility=None, mark_price=0.0)
    for i, entry in enumerate(soon):
        entry["instrument_name"] = f"SOON-{i}"
        entry["futures_instrument_name"] = "SYN.SOON"
    market = import_chain(write_parquet(tmp_path / "c.parquet", [*ladder(), *soon, *dark]))
    # six options, a future and the perpetual can be valued; two options end too soon, two have no volatility
    assert len(market.instruments) == 12
    names = {p.instrument for p in sample_book(market, 8).positions}
    assert len(names) == 8
    assert not any(n.startswith("SOON") or "300000" in n for n in names)
    with pytest.raises(DocumentError, match="at most 8"):
        sample_book(market, 9)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"positions": -1}, "positions"),
        ({"positions": 10_000}, "positions"),
        ({"positions": 2.0}, "positions"),
        ({"seed": -7}, "seed"),
        ({"underlyings": ["SOL"]}, "underlyings"),
        ({"underlyings": "BTC"}, "underlyings"),
        ({"underlyings": []}, "underlyings"),
        ({"kinds": ["swap"]}, "kinds"),
        ({"kinds": "option"}, "kinds"),
        ({"kinds": []}, "kinds"),
        ({"cash": "DAI"}, "market.assets.DAI"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        sample_book(INVERSE, **arguments)
    assert caught.value.problems[0].path == path


def test_cash_that_is_worth_nothing() -> None:
    assets = {**INVERSE.to_dict()["assets"], "LUNA": {"price": 0.0}}
    market = Market.from_dict({**INVERSE.to_dict(), "assets": assets})
    with pytest.raises(DocumentError, match=r"market.assets.LUNA: got 0.0; allowed: a USD price .* above zero"):
        sample_book(market, cash="LUNA")


def test_a_market_without_instruments() -> None:
    with pytest.raises(DocumentError) as caught:
        sample_book(Market(time=INVERSE.time, indices=INVERSE.indices, assets=INVERSE.assets))
    assert caught.value.problems[0].path == "market.instruments"
