"""First passage: closed form, exact engine, checked surface, several coins, expiries, pools, rare events."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import plimsoll as pl
from naive.passage import carried, perpetual_passage, reflection
from passage_books import MODEL, PRICE, account, joint, lognormal, market, option, strangle
from plimsoll.documents import DocumentError
from plimsoll.liquidation.passage import bridge, compare, effective_size, first_passage, passage
from plimsoll.liquidation.passage.estimate import chance_of
from plimsoll.margin.path import States
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import filtered_joint_paths, simulated_joint_paths
from plimsoll.scenarios.paths import JointPaths
from plimsoll.scenarios.tilting import Tilt, tails

# a long of one coin with 8 % of maintenance: cash + S - S0 = 0.08 S
LONG = account(9_000.0, {"BTC-P": 1.0})
LINE = (PRICE - 9_000.0) / (0.92 * PRICE)


@given(
    st.floats(0.5, 1.8).filter(lambda x: abs(x - 1.0) > 0.02),
    st.floats(0.01, 0.08),
    st.floats(0.5, 30.0),
    st.floats(-0.01, 0.01),
)
def test_the_closed_form_is_the_integral_of_the_density(line: float, sigma: float, days: float, drift: float) -> None:
    wanted = reflection(line, sigma, days, drift)
    assert float(first_passage(line, sigma, days, drift=drift)) == pytest.approx(wanted, abs=2e-5)


def test_edges_of_the_closed_form() -> None:
    assert first_passage(1.0, 0.03, [0.0, 1.0]).tolist() == [1.0, 1.0]
    assert first_passage(0.9, 0.0, [1.0, 20.0], drift=-0.01).tolist() == [0.0, 1.0]
    assert first_passage(0.9, 0.03, 0.0) == 0.0
    grown = first_passage(0.9, 0.03, np.linspace(0.1, 300.0, 200))
    assert (np.diff(grown) >= 0.0).all()
    assert grown[-1] < 1.0
    for bad in ({"line": 0.0}, {"sigma": float("nan")}, {"days": [-1.0]}, {"drift": float("inf")}):
        with pytest.raises(DocumentError):
            first_passage(**({"line": 0.9, "sigma": 0.03, "days": [1.0]} | bad))


def test_simulation_meets_the_closed_form_within_its_error() -> None:
    paths = lognormal(20_000, 0.03, 3)
    found = passage(MODEL, LONG, market(coins={"BTC": PRICE}), paths, between=0.03)
    closed = first_passage(LINE, 0.03, paths.days)
    for k, one in enumerate(found.curve()):
        assert abs(one.value - closed[k]) < 4.0 * one.error
        assert one.error < 0.003
    seldom = passage(MODEL, LONG, market(coins={"BTC": PRICE}), paths)
    assert seldom.probability().value < closed[-1] - 4.0 * seldom.probability().error
    often = passage(MODEL, LONG, market(coins={"BTC": PRICE}), lognormal(20_000, 0.03 / 24**0.5, 72, gap=1 / 24))
    assert seldom.probability().value < often.probability().value < closed[-1]


def test_a_line_above_is_bridged_too() -> None:
    short = account(9_000.0, {"BTC-P": -1.0})
    line = (PRICE + 9_000.0) / (1.08 * PRICE)
    paths = lognormal(20_000, 0.03, 4)
    found = passage(MODEL, short, market(coins={"BTC": PRICE}), paths, between=0.03).probability()
    assert abs(found.value - float(first_passage(line, 0.03, 4.0))) < 4.0 * found.error


def test_the_bridge_against_fine_paths() -> None:
    fine = np.random.default_rng(4).standard_normal((8_000, 400)) * 0.1 / 20.0
    walk = np.cumsum(fine, axis=1)
    ends = 0.05 - walk[:, -1:] * np.linspace(0.0, 1.0, 401)[1:] + walk - 0.02 * np.linspace(0.0, 1.0, 401)[1:]
    hit = (ends < 0.0).any(axis=1).mean()
    # discrete monitoring misses some: Broadie, Glasserman and Kou's shift of the barrier by 0.5826 sigma sqrt(dt)
    shift = 0.5826 * 0.1 / 20.0
    exact = bridge(np.array([0.05 + shift]), np.array([0.03 + shift]), 0.01)[0]
    assert hit == pytest.approx(exact, abs=0.02)


@given(st.sampled_from([-1.0, 1.0]), st.floats(4_200.0, 15_000.0), st.integers(0, 5))
def test_a_perpetual_is_that_of_the_hand(side: float, cash: float, seed: int) -> None:
    paths = lognormal(40, 0.05, 5, seed=seed)
    found = passage(MODEL, account(cash, {"BTC-P": side}), market(coins={"BTC": PRICE}), paths)
    for p in range(paths.weight.size):
        hand = perpetual_passage(cash, side, PRICE, PRICE, 0.08, paths.multiplier[:, 0, p].tolist())
        assert found.firsts()[p] == (5 if hand is None else hand)


@pytest.mark.parametrize("rules", ["prbm@2026-03-01", "deribit-pm@2026-01-30", "derive-pmrm2@2025-04-18"])
def test_surface_and_exact_engine_give_the_same_passages(rules: str) -> None:
    inverse, cash = rules.startswith("deribit"), 10_000.0 if rules.startswith("prbm") else 14_000.0
    rows, vols = strangle(inverse=inverse)
    held = account(0.0 if inverse else cash, {"PUT": -1.0, "CALL": -1.0}, coins={"BTC": 0.24} if inverse else {})
    paths = lognormal(3_000, 0.05, 2, iv=IvLaw())
    places = market(*rows, marks=vols, coins={"BTC": PRICE})
    exact = passage(pl.margin_model(rules), held, places, paths, route="exact")
    flat = passage(pl.margin_model(rules), held, places, paths, route="surface")
    assert 0.01 < exact.probability().value < 0.9
    np.testing.assert_array_equal(flat.firsts(), exact.firsts())
    assert flat.surface.given > 0
    assert flat.surface.checked > 0
    assert flat.surface.worst <= 1.0
    assert flat.computed < 0.6 * exact.computed


def test_a_surface_that_is_wrong_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its bounds made a hundredth, the sample finds an error beyond them and the instants are done exactly."""
    from plimsoll.liquidation.passage import surface

    rows, vols = strangle()
    held = account(14_000.0, {"PUT": -1.0, "CALL": -1.0})
    paths = lognormal(3_000, 0.05, 2, iv=IvLaw())
    places = market(*rows, marks=vols, coins={"BTC": PRICE})
    monkeypatch.setattr(surface, "SAFETY", 0.01)
    flat = passage(MODEL, held, places, paths, route="surface")
    assert flat.surface.failed > 0
    np.testing.assert_array_equal(flat.firsts(), passage(MODEL, held, places, paths, route="exact").firsts())


@pytest.mark.parametrize("expiry", ["2026-04-01T00:00:00Z", "2026-03-02T00:00:00Z"])
@pytest.mark.parametrize("inverse", [False, True])
def test_every_state_is_that_of_the_account_carried_along(expiry: str, inverse: bool) -> None:
    """Excess against moving and ageing step by step; the near expiry ends at the second of four instants."""
    rows, vols = strangle(expiry, inverse=inverse)
    held = account(9_000.0, {"PUT": -1.0, "CALL": -1.0, "BTC-P": 0.3}, coins={"BTC": 0.2})
    places = market(*rows, marks=vols, coins={"BTC": PRICE})
    paths = lognormal(12, 0.06, 4, gap=0.5, iv=IvLaw())
    from plimsoll.liquidation.passage.stand import Ground

    ground = Ground(MODEL, held, places, paths)
    found = [ground.at(k, np.arange(12))["account"].excess for k in range(4)]
    for p in range(12):
        loop = carried(MODEL, held, places, list(paths.names), paths.multiplier[:, :, p].tolist(), paths.days.tolist())
        np.testing.assert_allclose([x[p] for x in found], loop, rtol=1e-9, atol=1e-6)


def test_many_amounts_paid_are_interpolated_with_the_same_passages() -> None:
    """Options that expire in the money on most paths: cells over the amount against each path by itself."""
    rows, vols = strangle("2026-03-02T00:00:00Z", inverse=True)
    near = option("NEAR", "BTC", 50_000.0, call=True, expiry="2026-03-02T00:00:00Z", inverse=True)
    held = account(3_000.0, {"NEAR": -1.5, "PUT": -1.0, "BTC-P": -0.5}, coins={"BTC": 0.15})
    places = market(*rows, near, marks=vols | {"NEAR": {"vol": 0.6}}, coins={"BTC": PRICE})
    paths = lognormal(400, 0.05, 4, gap=0.5)
    found = passage(MODEL, held, places, paths, route="exact")
    assert 0.02 < found.probability().value < 0.98
    again = []
    for p in range(0, 400, 8):
        loop = carried(MODEL, held, places, list(paths.names), paths.multiplier[:, :, p].tolist(), paths.days.tolist())
        again.append(next((k for k, x in enumerate(loop) if x < 0.0), 4))
    np.testing.assert_array_equal(found.firsts()[::8], again)


def test_volatilities_of_several_coins_move_each_by_its_own() -> None:
    rows, vols = strangle()
    other = option("E", "ETH", 2_400.0, call=False, expiry="2026-04-01T00:00:00Z")
    held = account(12_000.0, {"PUT": -1.0, "E": -5.0, "ETH-P": 2.0})
    places = market(*rows, other, marks=vols | {"E": {"vol": 0.8}})
    paths = joint(10)
    found = passage(MODEL, held, places, paths)
    for p in range(10):
        loop = carried(MODEL, held, places, list(paths.names), paths.multiplier[:, :, p].tolist(), paths.days.tolist())
        assert found.firsts()[p] == next((k for k, x in enumerate(loop) if x < 0.0), 4)
    with pytest.raises(DocumentError, match="surface"):
        passage(MODEL, held, places, paths, route="surface")


def test_every_pool_has_its_own_passage() -> None:
    model = pl.margin_model("binance-usdm@2026-01-01")
    places = _usdt()
    rows: list[dict[str, Any]] = [
        {"instrument": "BTCUSDT", "quantity": 1.0, "isolated_margin": 4_000.0, "entry_price": PRICE},
        {"instrument": "ETHUSDT", "quantity": -20.0, "isolated_margin": 3_000.0, "entry_price": 2_500.0},
    ]
    held = pl.Account.from_dict(
        {"schema": "plimsoll.account", "schema_version": 1, "name": "a", "mode": "isolated", "positions": rows,
         "collateral": {"USDT": 20_000.0}}
    )  # fmt: skip
    paths = joint(500, steps=6)
    found = passage(model, held, places, paths)
    assert set(found.first) >= {"BTCUSDT", "ETHUSDT"}
    assert found.subjects[0] == "any pool"
    alone = held.model_copy(update={"positions": held.positions[:1]})
    np.testing.assert_array_equal(passage(model, alone, places, paths).firsts("BTCUSDT"), found.firsts("BTCUSDT"))
    both = found.probability("BTCUSDT").value + found.probability("ETHUSDT").value
    assert max(found.probability(s).value for s in found.first) <= found.probability().value <= both
    assert found.probability().value > 0.05


def _usdt() -> pl.Market:
    names = {"BTCUSDT": ("BTC", PRICE), "ETHUSDT": ("ETH", 2_500.0)}
    return pl.Market.from_dict(
        {
            "schema": "plimsoll.market",
            "schema_version": 1,
            "time": "2026-03-01T00:00:00Z",
            "indices": {c: {"price": p} for c, p in names.values()},
            "assets": {"USDT": {"price": 1.0}},
            "instruments": [
                {"kind": "perpetual", "name": n, "underlying": c, "settlement": "linear", "currency": "USDT"}
                for n, (c, _) in names.items()
            ],
            "marks": {n: {"price": p} for n, (_, p) in names.items()},
        }
    )


def test_common_random_numbers_take_chance_out_of_a_difference() -> None:
    paths = lognormal(4_000, 0.03, 3)
    places = market(coins={"BTC": PRICE})
    one = passage(MODEL, LONG, places, paths)
    more = passage(MODEL, account(9_300.0, {"BTC-P": 1.0}), places, paths)
    found = compare(one, more)
    assert found.value == pytest.approx(one.probability().value - more.probability().value)
    assert found.value > 0.0
    assert found.error < 0.5 * found.apart
    same = compare(one, one)
    assert (same.value, same.error) == (0.0, 0.0)
    with pytest.raises(DocumentError, match="same paths"):
        compare(one, passage(MODEL, LONG, places, lognormal(4_000, 0.03, 3)))


@pytest.mark.parametrize("kind", ["tails", "history"])
def test_rare_events_take_fewer_paths_when_tilted(kind: str) -> None:
    """A probability near 1e-4: the tilted estimate lies within four errors of the truth, with a tenth of the variance.

    The truth is the closed form of one instant (log-normal) or brute force with fifty times the paths (history).
    """
    from scipy.special import ndtr

    places = market(coins={"BTC": PRICE})
    if kind == "tails":
        # one instant only: below the line at the end of three days
        paths = lognormal(4_000, 0.03, 3, keep=[3], tilts=[Tilt("BTC", -2.1, 0.8)])
        cash = PRICE - 0.92 * PRICE * np.exp(-3.7 * 0.03 * 3**0.5)
        truth = float(ndtr((-3.7 * 0.03 * 3**0.5 + 1.5 * 0.03**2) / (0.03 * 3**0.5)))
        slack = 0.0
    else:
        returns = 0.03 * np.random.default_rng(5).standard_t(5, (700, 1))
        law: dict[str, Any] = {"decay": 0.97, "steps": 3}
        sigma = np.full((701, 1), 0.04)
        paths = filtered_joint_paths(["BTC"], returns, sigma, size=20_000, seed=1, tilts=tails("BTC", 3, 2.5), **law)
        brute = filtered_joint_paths(["BTC"], returns, sigma, size=1_000_000, seed=2, **law)
        bound = float(np.quantile(brute.multiplier[:, 0].min(axis=0), 1e-4))
        cash = PRICE - 0.92 * PRICE * bound
        truth = float((brute.multiplier[:, 0].min(axis=0) < bound).mean())
        slack = 4.0 * np.sqrt(truth / 1_000_000)
    found = passage(MODEL, account(cash, {"BTC-P": 1.0}), places, paths)
    one = found.probability()
    own = paths.weight * found.indicator(paths.days.size - 1)
    error = float(own.std() / np.sqrt(own.size))
    assert 5e-5 < truth < 2e-4
    assert abs(one.value - truth) < 4.0 * error + slack
    # the variance of plain paths is p (1 - p)
    assert own.var() < 0.1 * truth * (1.0 - truth)
    assert effective_size(paths.weight) > 0.05 * paths.weight.size


def test_the_far_tail_of_one_fat_step_is_reached() -> None:
    """Student t with four degrees of freedom, one step: the closed form at 1e-4 and 1e-6, without a million paths."""
    from scipy.special import stdtr

    paths = simulated_joint_paths(["BTC"], [[1.0]], [0.01], size=8_000, seed=3, steps=1, tilts=tails("BTC", 1))
    for sds in (-9.0, -25.0):
        truth = float(stdtr(4.0, sds * 2.0**0.5))
        cash = PRICE - 0.92 * PRICE * float(np.exp(0.01 * sds))
        found = passage(MODEL, account(cash, {"BTC-P": 1.0}), market(coins={"BTC": PRICE}), paths)
        own = paths.weight * found.indicator(0)
        error = float(own.std() / np.sqrt(own.size))
        assert abs(own.mean() - truth) < 4.0 * error
        assert error < 0.25 * truth
        assert own.var() < 0.05 * truth


def test_errors_cover() -> None:
    """Over 40 seeds the estimate is off by one of its own errors, and by nothing in the mean."""
    closed = float(first_passage(LINE, 0.05, 4.0))
    off = []
    for seed in range(40):
        found = passage(MODEL, LONG, market(coins={"BTC": PRICE}), lognormal(500, 0.05, 4, seed=seed), between=0.05)
        off.append((found.probability().value - closed) / found.probability().error)
    assert 0.6 < np.std(off) < 1.5
    assert abs(np.mean(off)) < 0.6


def test_an_account_below_today_is_below_from_the_start() -> None:
    found = passage(MODEL, account(3_000.0, {"BTC-P": 1.0}), market(coins={"BTC": PRICE}), lognormal(50, 0.03, 2))
    assert found.probability(k=0).value == 1.0
    assert (found.firsts() == -1).all()
    assert found.computed == 0
    assert found.quantile(0.5) == 1.0
    again = passage(
        MODEL, account(3_000.0, {"BTC-P": 1.0}), market(coins={"BTC": PRICE}), lognormal(50, 0.03, 2), between=0.03
    )
    assert again.probability(k=0).value == 1.0


def test_a_state_that_the_rules_refuse_counts_as_below(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = lognormal(64, 0.03, 1)
    along = type(MODEL).along

    def shy(self: Any, held: Any, places: Any, states: States) -> Any:
        if (states.spot["BTC"] > 1.04).any():
            raise DocumentError([])
        return along(self, held, places, states)

    monkeypatch.setattr(type(MODEL), "along", shy)
    found = passage(MODEL, LONG, market(coins={"BTC": PRICE}), paths)
    high = paths.multiplier[0, 0] > 1.04
    assert found.refused == high.sum() > 0
    assert (found.firsts()[high] == 0).all()
    assert found.probability().value == pytest.approx((high | (paths.multiplier[0, 0] < LINE)).mean())


def test_funding_moves_the_line_on_the_way() -> None:
    """A rate of a hundredth for eight hours, three times a day: what is paid is missing at the line, bridged or not."""
    content = market(coins={"BTC": PRICE}).to_dict()
    content["marks"]["BTC-P"]["funding_rate"] = 0.01
    dear = pl.Market.from_dict(content)
    paths = lognormal(4_000, 0.03, 3)
    free = passage(MODEL, LONG, market(coins={"BTC": PRICE}), paths)
    paying = passage(MODEL, LONG, dear, paths)
    levels = paths.multiplier[:, 0]
    # cash falls by 3 % of the mark a day: cash - 0.03 k S0 + S - S0 = 0.08 S
    lines = (PRICE - 9_000.0 + 0.03 * PRICE * paths.days) / (0.92 * PRICE)
    by_hand = (levels < lines[:, None]).any(axis=0)
    np.testing.assert_array_equal(paying.firsts() < 3, by_hand)
    assert paying.probability().value > free.probability().value
    assert passage(MODEL, LONG, dear, paths, between=0.03).probability().value > by_hand.mean()


def test_laws_of_several_coins_need_a_history() -> None:
    from plimsoll.liquidation.passage.laws import of_history, of_market
    from plimsoll.scenarios.factors import FactorHistory

    held, places = account(20_000.0, {"BTC-P": 0.2, "ETH-P": 3.0}), market()
    with pytest.raises(DocumentError, match="history"):
        of_market(held, places, 3.0, size=100, seed=1, step_days=1.0, annual=0.6)
    moves = 0.03 * np.random.default_rng(1).standard_normal((120, 3))
    known = FactorHistory.build(["BTC", "ETH", "BTC iv"], moves)
    law = of_history(known, held, places, 2.0, size=100, seed=1)
    assert law.paths.names == ("BTC", "ETH", "BTC iv", "ETH iv")
    assert any("of ETH by the declared law" in w for w in law.words)
    with pytest.raises(DocumentError, match="history"):
        of_history(known.last(40), held, places, 2.0, size=100, seed=1)
    with pytest.raises(DocumentError, match="horizon"):
        of_history(known, held, places, 1.5, size=100, seed=1)
    with pytest.raises(DocumentError, match="positions"):
        of_history(known, account(1.0, {}), places, 1.0, size=100, seed=1)


def test_none_met_is_bounded() -> None:
    paths = lognormal(300, 0.001, 1)
    one = passage(MODEL, LONG, market(coins={"BTC": PRICE}), paths).probability()
    assert (one.value, one.met) == (0.0, 0)
    assert one.at_most == pytest.approx(1.0 - 0.05 ** (1 / 300), rel=1e-9)
    assert one.effective is None


def test_the_bound_grows_with_what_is_met_and_holds_as_often_as_it_says() -> None:
    paths = lognormal(400, 0.001, 1)
    bounds = [chance_of(np.arange(400) < met, paths).at_most for met in (*range(12), 200, 399, 400)]
    assert bounds == sorted(bounds)
    # the chance that so many or fewer are met, were the bound the truth: 5 %
    for met, bound in zip(range(1, 12), bounds[1:12], strict=True):
        below = sum(comb(400, k) * bound**k * (1.0 - bound) ** (400 - k) for k in range(met + 1))
        assert below <= 0.05 + 1e-9


def test_weights_enter_the_mean() -> None:
    paths = JointPaths(("BTC",), np.full((1, 1, 4), 1.1), np.array([1.0]), np.array([0.5, 0.5, 1.5, 1.5]))
    one = chance_of(np.array([1.0, 0.0, 1.0, 0.0]), paths)
    assert one.value == 0.5
    assert one.met == 2


def test_bad_input_names_its_field() -> None:
    rows, vols = strangle()
    both = market(*rows, marks=vols)
    paths = lognormal(20, 0.03, 2)
    future = {"kind": "future", "name": "F", "underlying": "BTC", "settlement": "linear", "currency": "USDC",
              "expiry": "2026-03-02T00:00:00Z"}  # fmt: skip
    dated = market(future, marks={"F": {"price": PRICE}})
    for call, wanted in (
        (lambda: passage(MODEL, account(9e3, {"ETH-P": 1.0}), both, paths), "paths.names"),
        (lambda: passage(MODEL, LONG, both, paths, route="fast"), "route"),  # type: ignore[arg-type]
        (lambda: passage(MODEL, account(9e4, {"PUT": -1.0}), both, paths, between=0.03), "between"),
        (lambda: passage(MODEL, LONG, both, paths, between=-1.0), "between"),
        (lambda: passage(MODEL, account(9e3, {"F": 1.0}), dated, paths), "horizon"),
        (lambda: passage(MODEL, LONG, both, paths).firsts("ETHUSDT"), "subject"),
    ):
        with pytest.raises(DocumentError) as found:
            call()
        assert wanted in str(found.value)
