"""The book over joint scenarios: summed as it goes, row by row, and written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive.tail_risk import black
from plimsoll.documents import DocumentError
from plimsoll.risk import compile_plan, plan_pnl
from plimsoll.risk.joint import joint_book, joint_losses, joint_rows
from plimsoll.scenarios import Scenarios
from plimsoll.scenarios.moves import IvLaw
from tail_desk import MARKET, NAMES, book_of, desk_market, random_positions


def columns(rng: np.random.Generator, size: int, days: float = 1.0) -> dict[str, Scenarios]:
    rule = IvLaw().rule
    return {
        u: Scenarios.build(
            np.exp(0.1 * rng.standard_normal(size)), np.expm1(0.2 * rng.standard_normal(size)),
            basis=np.exp(0.01 * rng.standard_normal(size)), days=np.full(size, days), vol_rule=rule,
        )
        for u in ("BTC", "ETH")
    }  # fmt: skip


@given(st.integers(0, 100_000), st.integers(1, 12), st.sampled_from([0.0, 1.0, 8.0]), st.booleans())
def test_the_sum_is_that_of_the_rows(seed: int, count: int, days: float, coins: bool) -> None:
    rng = np.random.default_rng(seed)
    book = book_of(random_positions(rng, count), {"BTC": 0.3, "ETH": -2.0, "USDC": 1e6} if coins else None)
    shocks = columns(rng, 7, days)
    rows = joint_rows(book, shocks)
    gross = np.abs(book.quantity[:, None] * rows).sum(axis=0).max() + 1e5
    np.testing.assert_allclose(joint_losses(book, shocks), -(book.quantity @ rows), atol=1e-10 * gross)
    np.testing.assert_array_equal(joint_losses(book, shocks, threads=1), joint_losses(book, shocks, threads=2))


@given(st.integers(0, 1000))
def test_one_coin_alone_is_the_old_array(seed: int) -> None:
    rng = np.random.default_rng(seed)
    held = [n for n in NAMES if MARKET.contracts[n].underlying == "BTC"]
    contracts = [MARKET.contracts[n] for n in held]
    book = joint_book(contracts, np.ones(len(held)), MARKET)
    shocks = columns(rng, 5)
    old = plan_pnl(compile_plan(contracts, MARKET), shocks["BTC"], "usd")
    np.testing.assert_allclose(joint_rows(book, shocks), old, rtol=1e-9, atol=1e-9)


def test_by_hand() -> None:
    """A coin-settled put, a linear call, a coin-settled perpetual, a quanto one, and coins as collateral."""
    positions = {"BTC-30d-55000-P": -2.0, "ETH-7d-3500-C": 30.0, "BTC-INVERSE": 500.0, "ETH-IN-BTC": 4_000.0}
    book = book_of(positions, {"BTC": 1.5})
    btc, eth, day = 0.8, 0.75, 1.0
    iv = {"BTC": 0.3, "ETH": 0.2}
    shocks = {
        "BTC": Scenarios.build([btc], [iv["BTC"]], days=[day]),
        "ETH": Scenarios.build([eth], [iv["ETH"]], days=[day]),
    }
    f, strike, t = 70_000.0 * 1.01, 55_000.0, 30.0 / 365.0
    put = black(f, strike, 0.55 * math.sqrt(t), False) / f
    moved = black(f * btc, strike, 0.55 * 1.3 * math.sqrt(t - 1.0 / 365.0), False) / (f * btc)
    gain = -2.0 * (moved * 70_000.0 * btc - put * 70_000.0)
    f, t = 3_500.0 * (1.0 + 0.01 * 7.0 / 30.0), 7.0 / 365.0
    call = black(f, 3_500.0, 0.7 * math.sqrt(t), True)
    gain += 30.0 * (black(f * eth, 3_500.0, 0.7 * 1.2 * math.sqrt(t - 1.0 / 365.0), True) - call)
    gain += 500.0 * 100.0 / 70_000.0 * (1.0 - 1.0 / btc) * 70_000.0 * btc
    gain += 4_000.0 * 1e-5 * 3_500.0 * (eth - 1.0) * 70_000.0 * btc
    gain += 1.5 * 70_000.0 * (btc - 1.0)
    assert joint_losses(book, shocks)[0] == pytest.approx(-gain, rel=1e-10)


def test_options_expire_within_the_horizon() -> None:
    book = book_of({"BTC-7d-70000-C": 1.0})
    flat = {"BTC": Scenarios.build([1.1, 0.9], days=[10.0, 10.0])}
    f = 70_000.0 * (1.0 + 0.01 * 7.0 / 30.0)
    now = black(f, 70_000.0, 0.55 * math.sqrt(7.0 / 365.0), True)
    np.testing.assert_allclose(joint_losses(book, flat), [now - (1.1 * f - 70_000.0), now], rtol=1e-10)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: book_of({}), "book"),
        (lambda: book_of({}, {"USDC": 5.0}), "book"),
        (lambda: joint_book([MARKET.contracts["BTC-PERP"]], [1.0, 2.0], MARKET), "quantity"),
        (lambda: joint_book([MARKET.contracts["BTC-PERP"]], [float("nan")], MARKET), "quantity"),
        (lambda: book_of({"BTC-PERP": 1.0}, {"BTC": float("inf")}), "collateral.BTC"),
        (lambda: joint_losses(book_of({"ETH-PERP": 1.0}), {"BTC": Scenarios.build([1.0])}), "history.ETH"),
        (lambda: joint_losses(book_of({"ETH-IN-BTC": 1.0}), {"ETH": Scenarios.build([1.0])}), "history.BTC"),
        (
            lambda: joint_losses(
                book_of({"ETH-IN-BTC": 1.0}), {"ETH": Scenarios.build([1.0]), "BTC": Scenarios.build([1.0, 1.0])}
            ),
            "columns",
        ),
    ],
)
def test_bad_input_is_refused_by_field(make: object, path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        make()  # type: ignore[operator]
    assert caught.value.problems[0].path == path


def test_a_contract_without_a_value_is_refused_by_name() -> None:
    market = desk_market(marks={})
    contracts = [market.contracts["BTC-PERP"], market.contracts["ETH-7d-3500-C"]]
    with pytest.raises(DocumentError) as caught:
        joint_book(contracts, [1.0, 1.0], market)
    assert [p.path for p in caught.value.problems] == ["contracts.BTC-PERP", "contracts.ETH-7d-3500-C"]
    assert isinstance(market, pl.Market)
