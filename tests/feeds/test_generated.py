"""The generated market: the same for the same seed, and free of arbitrage where it says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from plimsoll.contracts import Future, Option, Perpetual, Settlement
from plimsoll.documents import DocumentError
from plimsoll.feeds import generated_market
from plimsoll.feeds.generated import expiries_after
from plimsoll.market import Expiry, Market
from plimsoll.pricing import inverse_price, price, svi_total_variance, svi_vol

YEAR = 365 * 86_400.0


@pytest.fixture(scope="module")
def market() -> Market:
    return generated_market()


def test_same_seed_same_market(market: Market) -> None:
    assert generated_market(7).hash() == market.hash()
    assert generated_market(8).hash() != market.hash()


def test_coins_do_not_influence_each_other(market: Market) -> None:
    alone = generated_market(underlyings=("ETH",))
    assert alone.indices["ETH"] == market.indices["ETH"]
    assert alone.marks == {n: m for n, m in market.marks.items() if n.startswith("ETH")}


def test_it_has_eight_expiries_and_every_kind_of_contract(market: Market) -> None:
    bitcoin = [c for c in market.instruments if c.underlying == "BTC"]
    expiries = {c.expiry for c in bitcoin if isinstance(c, Option)}
    assert len(expiries) == 8
    assert sum(isinstance(c, Future) for c in bitcoin) == 7
    assert sum(isinstance(c, Perpetual) for c in bitcoin) == 1
    for expiry in expiries:
        strikes = [c.strike for c in bitcoin if isinstance(c, Option) and c.expiry == expiry and c.call]
        assert 15 <= len(strikes) <= 60
        assert strikes == sorted(set(strikes))


@pytest.mark.parametrize("settlement", ["inverse", "linear"])
def test_marks_are_black_76_of_their_volatility_and_that_is_the_smile(settlement: Any) -> None:
    market = generated_market(seed=3, settlement=settlement)
    value, unit = (inverse_price, 5e-9) if settlement == "inverse" else (price, 5e-5)
    for contract in market.instruments:
        if not isinstance(contract, Option):
            continue
        row = market.expiry_table[contract.underlying, contract.expiry]
        mark = market.marks[contract.name]
        assert row.svi is not None
        assert row.forward is not None
        smile = svi_vol(contract.strike, **row.svi.model_dump())
        assert mark.vol == pytest.approx(float(smile), abs=5.1e-5)
        years = market.seconds_to(contract.expiry) / YEAR
        model = float(value(row.forward.price, contract.strike, years, mark.vol, contract.call))
        assert mark.price == pytest.approx(model, abs=unit * 1.01)


def test_inverse_and_linear_are_the_same_market_in_other_contracts(market: Market) -> None:
    linear = generated_market(settlement="linear")
    assert linear.indices == market.indices
    assert linear.expiries == market.expiries
    contract = linear.contracts["BTC_USDC-PERPETUAL"]
    assert isinstance(contract, Perpetual)
    assert (contract.settlement, contract.currency, contract.multiplier) == (Settlement.LINEAR, "USDC", 1.0)
    assert market.contracts["BTC-PERPETUAL"].model_dump()["multiplier"] == 10.0


@pytest.mark.parametrize("seed", range(6))
def test_smiles_carry_no_arbitrage(seed: int) -> None:
    """Density above zero in each expiry (Durrleman's condition) and total variance that grows with time."""
    market = generated_market(seed=seed)
    k = np.linspace(-1.0, 1.0, 801)
    for coin in market.indices:
        before = np.zeros_like(k)
        for row in sorted((e for e in market.expiries if e.underlying == coin), key=lambda e: e.expiry):
            variance = _variance(row, k)
            assert (variance > before).all()
            before = variance
            first = np.gradient(variance, k)
            second = np.gradient(first, k)
            density = (1 - k * first / (2 * variance)) ** 2 - first**2 / 4 * (1 / variance + 0.25) + second / 2
            # the ends of the grid have one-sided derivatives
            assert (density[3:-3] > 0).all()


def _variance(row: Expiry, k: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    assert row.svi is not None
    s = row.svi
    return np.asarray(svi_total_variance(k, s.a, s.b, s.rho, s.m, s.sigma))


def test_smiles_lean_to_the_downside(market: Market) -> None:
    for row in market.expiries:
        assert row.svi is not None
        assert row.svi.rho < 0


@pytest.mark.parametrize("hours", range(0, 24 * 95, 29))
def test_expiries_are_eight_and_later_than_an_hour(hours: int) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    found = expiries_after(now)
    times = [e for e, _ in found]
    assert len(times) == 8
    assert times == sorted(set(times))
    assert times[0] > now + timedelta(hours=1)
    assert {(e.hour, e.minute) for e in times} == {(8, 0)}
    assert all(e.weekday() == 4 for e, listed in found if listed)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"underlyings": ("BTC", "DOGE")}, "underlyings"),
        ({"settlement": "quanto"}, "settlement"),
        ({"time": "2026-03-27T08:30:00"}, "time"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, Any], path: str) -> None:
    with pytest.raises(DocumentError) as caught:
        generated_market(**arguments)
    assert caught.value.problems[0].path == path
