"""The embedded demonstration: what the generator writes, small, and worth looking at."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.contracts import Option
from plimsoll.feeds import demo_account, demo_market, generated_market
from plimsoll.margin import margin_model
from plimsoll.margin.translate import same_exposure

DATA = Path(__file__).resolve().parents[2] / "src" / "plimsoll" / "feeds" / "data"


def test_the_market_is_the_generated_one_of_seed_7() -> None:
    market, full = demo_market(), generated_market(seed=7, underlyings=("BTC",))
    assert market.time == full.time
    assert market.indices == full.indices
    assert list(market.contracts) == list(full.contracts)
    for name, mark in market.marks.items():
        # volatilities are rounded, and the last digit may fall either way on another machine
        vol = full.marks[name].vol
        assert mark.vol == (None if vol is None else pytest.approx(vol, abs=1.1e-4))


def test_files_are_small() -> None:
    assert (DATA / "demo-market.json").stat().st_size < 300_000
    assert (DATA / "demo-account.json").stat().st_size < 10_000


def test_the_book_holds_25_positions_of_every_kind_and_sign() -> None:
    market, account = demo_market(), demo_account()
    assert len(account.positions) == 25
    contracts = [market.contracts[p.instrument] for p in account.positions]
    assert {c.kind for c in contracts} == {"option", "future", "perpetual"}
    assert len({c.expiry for c in contracts if isinstance(c, Option)}) == 8
    held = [(c, p.quantity) for c, p in zip(contracts, account.positions, strict=True) if isinstance(c, Option)]
    for call in (True, False):
        quantities = [q for c, q in held if c.call is call]
        assert min(quantities) < 0 < max(quantities)
    assert set(account.collateral) == {"USDC", "BTC"}


@pytest.mark.parametrize("rules", ["prbm@2026-03-27", "derive-pmrm2@2026-03-27"])
def test_the_account_stands_above_its_line_but_not_far(rules: str) -> None:
    account, market = same_exposure(demo_account(), demo_market())
    requirement = margin_model(rules).requirement(account, market)
    assert requirement.health is not None
    assert 1.1 < requirement.health < 3.0
    assert requirement.failures == ()
