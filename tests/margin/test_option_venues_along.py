"""Deribit, Derive and OKX options along paths: all states at once against one assessment after the other."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from builders import NOW, at
from line_books import Desk, listed
from plimsoll.documents import DocumentError
from plimsoll.liquidation.path import Path
from plimsoll.liquidation.probe import Probe
from plimsoll.margin.parts import following
from plimsoll.margin.path import States, Track, tracks_of
from random_books import SOME

Doc = dict[str, Any]

SPOT = {"BTC": 70_000.0, "ETH": 2_500.0}
# at its last instant, within the averaging of a settlement, within a day, at and beside the tenors of the rules
SECONDS = (0.0, 900.0, 30_000.0, 86_400.0 * 1.4, 86_400.0 * 30.0, 86_400.0 * 31.7, 86_400.0 * 200.0)
PAST = -7_200.0
FAMILIES = {
    "deribit-pm": (("BTC", "ETH"), ("option", "option", "future", "perpetual"), ("linear", "inverse")),
    "deribit-pm-contingency": (("BTC", "ETH"), ("option", "option", "future", "perpetual"), ("linear", "inverse")),
    "deribit-sm": (("BTC", "ETH"), ("option", "future", "perpetual"), ("linear", "inverse")),
    "derive-srm": (("BTC", "ETH"), ("option", "option", "perpetual"), ("linear",)),
    "derive-pmrm1": (("BTC", "ETH"), ("option", "option", "perpetual"), ("linear",)),
    "derive-pmrm2": (("BTC", "ETH"), ("option", "option", "perpetual"), ("linear",)),
    "okx-options": (("BTC", "ETH"), ("option",), ("linear", "inverse")),
}
"""Coins, kinds and styles of each model; accounts that it still refuses are refused along a path too."""

WEIRD = 0.1
"""How often something is drawn that a model may refuse, or that stands at an edge of what it takes."""


class Dice(random.Random):
    """Random numbers of one book."""

    def often(self, part: float) -> bool:
        """True in that part of the draws."""
        return self.random() < part


def book(model: str, seed: int) -> tuple[Doc, Doc]:
    """An account with at most six positions, and its market."""
    dice = Dice(f"{model} {seed}")
    coins, kinds, styles = FAMILIES[model]
    coins = coins if "pmrm" not in model else (dice.choice(coins),)
    style, stable = dice.choice(styles), "USDT" if dice.often(WEIRD if "derive" in model else 0.4) else "USDC"
    crossed = model in ("deribit-sm", "derive-srm") and dice.often(0.4)
    if style == "inverse" and not crossed:
        coins = (dice.choice(coins),)
    rows, instruments, marks, expiries, orders = [], [], {}, {}, []
    for n in range(dice.randint(0 if dice.often(WEIRD) else 1, 6)):
        coin, kind = dice.choice(coins), dice.choice(kinds)
        own = dice.choice(styles) if crossed else style
        usd = own == "inverse" and kind != "option"
        name = f"{coin}-{kind}-{n}"
        row: Doc = {"kind": kind, "name": name, "underlying": coin, "settlement": own}
        row |= {
            "currency": coin if own == "inverse" else stable,
            "multiplier": 10.0 if usd else dice.choice((1.0, 0.1)),
        }
        held: Doc = {"instrument": name, "quantity": dice.choice((1.0, -1.0)) * 10.0 ** dice.uniform(-2.0, 2.0)}
        held["quantity"] *= SPOT[coin] / 10.0 if usd else 1.0
        mark: Doc = {"price": SPOT[coin] * dice.uniform(0.95, 1.05)}
        if kind != "perpetual":
            seconds = dice.choice(SECONDS if dice.often(0.9) else (PAST,))
            row["expiry"] = at(seconds)
            expiries.setdefault((coin, seconds), expiry(dice, coin, seconds))
        if kind == "option":
            strike = float(f"{SPOT[coin] * dice.choice((dice.uniform(0.5, 1.8), 0.9, 1.0, 1.1)):.3g}")
            row |= {"strike": strike, "call": dice.often(0.5)}
            mark = {"vol": dice.choice((dice.uniform(0.2, 1.5), 0.01, 0.0))} if dice.often(0.7) else {}
            if dice.often(0.2):
                mark["price"] = 0.02 if own == "inverse" else 0.02 * SPOT[coin]
        else:
            entry = SPOT[coin] * dice.uniform(0.7, 1.3)
            held |= dice.choice(({}, {"entry_price": entry}, {"unrealised_pnl": dice.uniform(-5.0, 5.0)}))
            if kind == "perpetual" and dice.often(0.3):
                held["unsettled_funding"] = dice.uniform(-1.0, 1.0)
            if dice.often(WEIRD):
                held["quantity"] = 0.0
            if kind == "future" and dice.often(0.3):
                mark = {}
        if mark:
            marks[name] = mark | ({"confidence": 0.5} if dice.often(WEIRD) else {})
        instruments.append(row)
        rows.append(held)
        if dice.often(0.15):
            price = abs(dice.uniform(0.01, 0.1)) * (1.0 if own == "inverse" else SPOT[coin])
            orders.append({"instrument": name, "quantity": held["quantity"] or 1.0, "price": price})
    assets: Doc = {stable: {"price": dice.choice((1.0, 0.97, 1.01))}}
    indices: Doc = {coin: {"price": price} for coin, price in SPOT.items()}
    if dice.often(WEIRD):
        indices[stable] = {"price": 1.0}
    collateral = {stable: dice.uniform(-1e4, 1e5)}
    if dice.often(0.5):
        collateral |= {coin: dice.uniform(0.0, 3.0) for coin in (coins if dice.often(0.7) else SPOT)}
    reported = {"correlation_contingency": 0.5, "open_orders_margin": 0.25} if dice.often(0.3) else {}
    if model == "okx-options" and dice.often(0.3):
        reported = {"margin_factor": 1.3}
    account = {"positions": rows, "collateral": collateral, "orders": orders, "reported": reported}
    account |= {"mode": "cross" if crossed or model == "okx-options" else "portfolio"}
    market = {"time": NOW, "indices": indices, "assets": assets, "expiries": list(expiries.values())}
    market |= {"instruments": instruments, "marks": marks}
    return (
        {"schema": "plimsoll.account", "schema_version": 1} | account,
        {"schema": "plimsoll.market", "schema_version": 1} | market,
    )


def expiry(dice: Dice, coin: str, seconds: float) -> Doc:
    """A row of the market: a forward of which a part may stand, a settlement once it is due, perhaps a smile."""
    price = SPOT[coin] * dice.uniform(0.9, 1.1)
    fixed = 0.5 if seconds == 900.0 else 0.0
    row: Doc = {"underlying": coin, "expiry": at(seconds)}
    if seconds > 0.0 or dice.often(0.5):
        row["forward"] = {"variable": price * (1.0 - fixed), "fixed": price * fixed}
    if seconds <= 0.0 and dice.often(0.9):
        row["settlement"] = price
    if dice.often(0.9):
        row["svi"] = {"a": 0.01, "b": 0.1, "rho": -0.3, "m": 0.05, "sigma": 0.2, "forward": price, "tau": 0.1}
    row["rate"] = {"value": dice.choice((0.0, 0.05, -0.02))}
    return row


def path_of(seed: int, size: int = 5) -> States:
    """Some states of a path, the unmoved one among them; every kind of path."""
    dice = Dice(f"path {seed}")
    x = np.array([1.0, *(float(np.exp(dice.gauss(0.0, 0.8))) for _ in range(size - 2)), dice.choice((1e-4, 50.0))])
    betas = dice.choice(({"BTC": 1.0}, {"BTC": 1.0, "ETH": 1.0}, {"BTC": 0.7, "ETH": -0.4}, {"ETH": 1.3, "USDC": 0.1}))
    vol = x ** -dice.choice((0.3, 1.0)) if dice.often(0.5) else np.ones(size)
    return States({name: x**beta for name, beta in betas.items()}, vol)


def compared(model: pl.MarginModel, account: pl.Account, market: pl.Market, states: States) -> bool:
    """Hold `along` to one assessment after the other; whether it gave numbers, if not the same refusal."""
    slow, fast = ending(tracks_of, model.assess, account, market, states), ending(model.along, account, market, states)
    if not isinstance(slow, tuple):
        assert fast == slow
        return False
    assert [t.subject for t in fast] == [t.subject for t in slow]
    for got, want in zip(fast, slow, strict=True):
        np.testing.assert_allclose(got.equity, want.equity, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got.maintenance, want.maintenance, rtol=1e-9, atol=1e-9)
    return True


def ending(call: Callable[..., tuple[Track, ...]], *arguments: Any) -> Any:
    """What a call gives, or the problems that it raises."""
    try:
        return call(*arguments)
    except DocumentError as error:
        return error.problems


@cache
def models(family: str) -> list[pl.MarginModel]:
    """Every shipped pack of a model, and what its rules allow beside them."""
    packs = [p for p in pl.shipped_packs() if p.model == family]
    if family == "deribit-sm":
        # no source has the venue's rates of linear options; the rules are ready for them
        linear = {"linear_options": dict(packs[-1].parameters["inverse_options"], put_mark_rate=0.4)}
        packs.append(packs[-1].model_copy(update={"parameters": packs[-1].parameters | linear}))
    return [pl.margin_model(p) for p in packs]


@pytest.mark.parametrize("family", list(FAMILIES))
@SOME
@given(st.integers(0, 10**9), st.integers(0, 10**3))
def test_a_path_is_one_assessment_after_the_other(family: str, seed: int, pack: int) -> None:
    account, market = book(family, seed)
    model = models(family)[pack % len(models(family))]
    compared(model, pl.Account.from_dict(account), pl.Market.from_dict(market), path_of(seed))


@pytest.mark.parametrize("family", list(FAMILIES))
def test_states_at_the_end_of_numbers_are_refused_as_they_are_one_by_one(family: str) -> None:
    found = []
    for seed in range(12):
        account, market = (d.from_dict(c) for d, c in zip((pl.Account, pl.Market), book(family, seed), strict=True))
        for x in (1e-320, 1e-160, 1e-30, 1e60, 1e306, np.inf, 0.0, -1.0, np.nan):
            states = States({"BTC": np.array([1.0, x]), "ETH": np.array([1.1, 1.0])}, np.ones(2))
            found.append(compared(models(family)[-1], account, market, states))
        wild = States({"BTC": np.ones(3), "ETH": np.ones(3)}, np.array([1.0, 1e-30, 1e120]))
        compared(models(family)[-1], account, market, wild)
    assert {True, False} == set(found)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_thousands_of_states_take_no_assessment(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk.of(models(family)[0].rules, pl.Market.from_dict(listed()))
    account, market, path = desk.draw("many states")
    states = path.at(np.geomspace(1e-3, 1e3, 2 * following.BLOCK + 7))
    some = np.array([0, following.BLOCK - 1, following.BLOCK, 2 * following.BLOCK + 6])
    slow = tracks_of(desk.model.assess, account, market, states.part(some))

    def forbidden(*_: Any) -> tuple[Track, ...]:
        raise AssertionError("one assessment after the other")

    monkeypatch.setattr(following, "tracks_of", forbidden)
    (whole,), (one,) = desk.model.along(account, market, states), slow
    (alone,) = desk.model.along(account, market, states.part(some))
    for name in ("equity", "maintenance"):
        np.testing.assert_allclose(getattr(whole, name)[some], getattr(one, name), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(getattr(alone, name), getattr(one, name), rtol=1e-9, atol=1e-9)


def test_a_line_is_found_where_far_states_are_refused() -> None:
    account, market = (d.from_dict(c) for d, c in zip((pl.Account, pl.Market), book("deribit-pm", 3), strict=True))
    probe = Probe(models("deribit-pm")[-1], account, market, Path({"BTC": 20.0, "ETH": 20.0}, None))
    (track,) = probe.tracks(np.array([1e-18, 0.9, 1.0, 1e17])).values()
    assert np.isnan(track.equity[[0, 3]]).all()
    assert np.isfinite(track.equity[[1, 2]]).all()
    assert probe.refusal
