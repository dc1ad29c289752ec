"""What is read from the options of an expiry, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest

from dynamics.chains import FORWARD, flat, market_of, svi_smile
from plimsoll.dynamics.quotes import GUESSED_HALF_SPREAD, LEAST_DOUBT, MOST_DOUBT, Quotes, read_quotes
from plimsoll.market import Market
from plimsoll.pricing import greeks

SMILE = {30.0: svi_smile(30.0, 0.004, 0.05, -0.3, 0.02, 0.15)}


def quotes(market: Market) -> Quotes:
    found = read_quotes(market, market.expiries[0])
    assert found is not None
    return found


def with_marks(market: Market, **changes: object) -> Market:
    """The market with some fields of every mark replaced."""
    content = market.to_dict()
    content["marks"] = {n: {**m, **changes} for n, m in content["marks"].items()}
    return Market.from_dict(content)


def test_one_entry_for_each_strike_in_order() -> None:
    found = quotes(market_of(SMILE))
    assert found.size == 21
    assert (np.diff(found.k) > 0.0).all()
    assert found.k == pytest.approx(np.linspace(-0.5, 0.5, 21), abs=1e-12)
    assert found.vol == pytest.approx([SMILE[30.0](k) for k in found.k], rel=1e-12)
    assert found.variance == pytest.approx(found.vol**2 * 30.0 / 365.0)
    assert (found.underlying, found.forward, found.tau) == ("BTC", FORWARD, pytest.approx(30.0 / 365.0))


def test_bid_and_ask_enclose_the_mark_and_make_the_doubt() -> None:
    found = quotes(market_of(SMILE, spread=0.002))
    assert (found.bid_vol[found.two_sided] < found.vol[found.two_sided]).all()
    assert (found.ask_vol > found.vol).all()
    assert 5 <= found.two_sided.sum() < found.size
    assert (found.bid_vol[~found.two_sided] == 0.0).all()
    middle = int(np.argmin(np.abs(found.k)))
    vega = float(greeks(FORWARD, FORWARD, found.tau, found.vol[middle], True).vega)
    assert found.doubt[middle] == pytest.approx(0.001 * FORWARD / vega)
    # half the width of bid to ask in volatility, to first order
    half = 0.5 * (found.ask_vol[middle] - found.bid_vol[middle])
    assert found.doubt[middle] == pytest.approx(half, rel=1e-3)
    assert found.doubt_of_variance[middle] == pytest.approx(2 * found.vol[middle] * found.tau * found.doubt[middle])


def test_the_doubt_is_bounded_on_both_sides() -> None:
    tight, wide = quotes(market_of(SMILE, spread=1e-9)), quotes(market_of(SMILE, spread=0.5))
    # in the middle a tight quote is not believed beyond half a point, in the wings a wide one counts as 50 points
    assert tight.doubt.min() == LEAST_DOUBT
    assert (wide.doubt == MOST_DOUBT).all()
    assert (wide.usable, wide.known) == (0, 0)
    assert tight.usable > 10


def test_without_quotes_the_doubt_is_guessed_from_vega() -> None:
    found = quotes(market_of(SMILE, spread=None))
    assert not found.two_sided.any()
    assert found.doubt.min() == pytest.approx(GUESSED_HALF_SPREAD)
    assert (np.isinf(found.ask_vol)).all()
    assert found.doubt[0] > found.doubt[10]


def test_the_option_out_of_the_money_is_asked_first() -> None:
    market = market_of(SMILE)
    content = market.to_dict()
    for name, mark in content["marks"].items():
        strike, call = float(name.split("-")[2]), name.endswith("C")
        if call != (strike >= FORWARD - 0.01):
            mark["vol"] = 5.0
    assert quotes(Market.from_dict(content)).vol == pytest.approx(quotes(market).vol)
    # and the other one where the first has no volatility
    for name, mark in content["marks"].items():
        if mark["vol"] != 5.0 and float(name.split("-")[2]) > 1.2 * FORWARD:
            del mark["vol"]
    found = quotes(Market.from_dict(content))
    assert (found.vol[found.k > 0.2] == 5.0).all()
    assert (found.vol[found.k < 0.1] < 2.0).all()


def test_crossed_quotes_count_as_none() -> None:
    market = with_marks(market_of(SMILE), bid=0.2, ask=0.1)
    found = quotes(market)
    assert not found.two_sided.any()
    assert found.doubt.min() == pytest.approx(GUESSED_HALF_SPREAD)


def test_linear_prices_are_in_dollars_and_quanto_options_are_left_out() -> None:
    market = market_of(SMILE)
    content = market.to_dict()
    for row in content["instruments"]:
        row["settlement"] = "linear"
    for mark in content["marks"].values():
        mark |= {side: mark[side] * FORWARD for side in ("bid", "ask") if mark.get(side)}
    linear = quotes(Market.from_dict(content))
    coin = quotes(market)
    for name in ("vol", "doubt", "bid_vol", "ask_vol"):
        assert getattr(linear, name) == pytest.approx(getattr(coin, name), rel=1e-12)
    for row in content["instruments"]:
        row["settlement"] = "quanto"
    assert read_quotes(Market.from_dict(content), Market.from_dict(content).expiries[0]) is None


@pytest.mark.parametrize("missing", ["vol", "forward", "time"])
def test_nothing_to_read_is_none(missing: str) -> None:
    market = market_of({30.0: flat(0.5)})
    content = market.to_dict()
    if missing == "vol":
        content["marks"] = {n: {**m, "vol": 0.0} for n, m in content["marks"].items()}
    elif missing == "forward":
        content["expiries"][0]["forward"] = None
    else:
        content["time"] = content["expiries"][0]["expiry"]
    changed = Market.from_dict(content)
    assert read_quotes(changed, changed.expiries[0]) is None
