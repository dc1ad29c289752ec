"""The error of the volatility proxy on real chains, carried through the loss of a book, against a transcription."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from tests.naive.black import black_call_put

from plimsoll.dynamics.iv_proxy import IvProxy, ProxyErrors
from plimsoll.risk.joint import joint_losses
from plimsoll.risk.models import risk_model
from plimsoll.scenarios.moves import FactorMoves
from plimsoll.validate.books import book_of, library
from plimsoll.validate.chain_error import CHAIN_DRAWS, chain_days, chain_losses

HERE = {"BTC": 60_000.0, "BTC iv": 0.5, "ETH": 2_500.0, "ETH iv": 0.7}
MOVE = {"BTC": 0.93, "BTC iv": 1.15, "ETH": 0.9, "ETH iv": 1.1}
OPTIONS = [s.name for s in library() if s.options]


def interpolated(table: np.ndarray, errors: ProxyErrors, z: float, days: float) -> float:
    """The factor of one surface: linear in z and the logarithm of the days, flat outside the grid."""
    x = min(max(math.log(days), math.log(errors.days[0])), math.log(errors.days[-1]))
    rows = [np.interp(z, errors.steps, row) for row in table]
    return math.exp(float(np.interp(x, np.log(errors.days), rows)))


def added(name: str, day: int) -> float:
    """By loops: what each option is worth in the market that the proxy missed, less what it is by the proxy."""
    rule, total = risk_model("hs").iv.rule, 0.0
    for leg in library([name])[0].legs:
        if leg.kind not in ("call", "put"):
            continue
        proxy = IvProxy.load(leg.coin)
        errors = proxy.errors("realised")
        spot, level, years = HERE[leg.coin], HERE[leg.coin + " iv"], leg.tenor / 365.0
        k = leg.z * level * math.sqrt(years)
        up = 1.0 + float(rule.scale(np.array([leg.tenor * 86_400.0]))[0]) * (MOVE[leg.coin + " iv"] - 1.0)
        for sign, d, forward, tenor, scale in (
            (1.0, day, spot, leg.tenor, 1.0),
            (-1.0, day + 1, spot * MOVE[leg.coin], leg.tenor - 1.0, up),
        ):
            vol, middle = (scale * float(proxy.vol(x, years, level)) for x in (k, 0.0))
            market = middle * interpolated(errors.table[d], errors, 0.0, tenor)
            z = (k - math.log(forward / spot)) / (market * math.sqrt(tenor / 365.0))
            wrong = vol * interpolated(errors.table[d], errors, z, tenor)
            strike = spot * math.exp(k)
            side = int(leg.kind == "put")
            values = [black_call_put(forward, strike, tenor / 365.0, v)[side] for v in (wrong, vol)]
            total += sign * leg.quantity * (values[0] - values[1])
    return total


@pytest.mark.parametrize("name", OPTIONS)
def test_against_loops(name: str) -> None:
    days = np.array([0, 17, 59])
    found = chain_losses(library([name])[0], HERE, MOVE, risk_model("hs").iv.rule, days)
    assert found.tolist() == pytest.approx([added(name, int(d)) for d in days], rel=1e-9, abs=1e-6)
    assert (np.abs(found) > 1.0).all()  # dollars on a book of a bitcoin or two: an error is not nothing


@pytest.mark.parametrize("name", OPTIONS)
def test_an_error_of_the_level_alone_is_the_book_at_another_level(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every volatility a tenth higher on both days: the engine's loss of that book, marked a tenth higher."""
    model = risk_model("hs")

    def higher(self: IvProxy, source: Any) -> ProxyErrors:
        return ProxyErrors(np.full((3, 2, 2), math.log(1.1)), np.array([7.0, 180.0]), np.array([-2.0, 2.0]))

    monkeypatch.setattr(IvProxy, "errors", higher)
    shape = library([name])[0]
    names = tuple(c + kind for c in shape.coins for kind in ("", " iv"))
    columns, _ = FactorMoves(names, np.array([[MOVE[n]] for n in names]), 1.0).columns(model.iv)
    plain = book_of(shape, HERE, datetime(2026, 1, 1, tzinfo=UTC))
    vol = IvProxy.vol
    extra = chain_losses(shape, HERE, MOVE, model.iv.rule, np.array([0]))
    monkeypatch.setattr(IvProxy, "vol", lambda *a: 1.1 * vol(*a))
    dear = book_of(shape, HERE, datetime(2026, 1, 1, tzinfo=UTC))
    losses = [float(joint_losses(b, columns, threads=1)[0]) for b in (plain, dear)]
    assert losses[0] + extra[0] == pytest.approx(losses[1], rel=1e-8)


def test_no_error_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    none = ProxyErrors(np.zeros((3, 2, 2)), np.array([7.0, 180.0]), np.array([-2.0, 2.0]))
    monkeypatch.setattr(IvProxy, "errors", lambda *_: none)
    for shape in library():
        assert chain_losses(shape, HERE, MOVE, risk_model("hs").iv.rule, np.array([0, 1])).tolist() == [0.0, 0.0]


def test_draws_are_pairs_of_measured_days() -> None:
    count = len(IvProxy.load("BTC").errors("realised"))
    drawn = np.concatenate([chain_days(("BTC", "ETH"), t * 86_400 * 10**9, 0) for t in range(300)])
    assert (drawn.min(), drawn.max()) == (0, count - 2)
    one = chain_days(("BTC",), 86_400 * 10**9, 0)
    assert one.size == CHAIN_DRAWS
    assert one.tolist() == chain_days(("BTC",), 86_400 * 10**9, 0).tolist()
    assert one.tolist() != chain_days(("BTC",), 2 * 86_400 * 10**9, 0).tolist()
