"""The Greeks margin against a naive twin that shares no line with it, on random books."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import assume, given

import plimsoll as pl
from dsa_toy import toy
from naive import jets
from naive.black import black, call_delta
from naive.dsa import GREEKS, box_charge, core, dsa, quadratic, worst_of_quadratic
from naive.jets import Jet
from random_books import SECONDS, SOME, World, worlds

LAW = {"vol_power_short": 0.3, "vol_power_long": 0.13}
CHARGED = {"tolerance": 0.1, "delta_rate": 0.05, "min_delta__net": 0.02, "min_delta__hedged": 0.01}


@pytest.mark.rule("DSA-01", "DSA-02", "DSA-03", "DSA-04", "DSA-05", "DSA-06", "DSA-09", "DSA-10", "DSA-12")
@SOME
@given(worlds(kinds=("option", "option", "future", "perpetual", "spot")))
@pytest.mark.parametrize("cap", [True, False])
def test_dsa_equals_its_twin_on_random_books(cap: bool, world: World) -> None:
    # the twin differentiates, so it has no opinion at a kink
    assume(all(leg.kind != "option" or (leg.vol > 0.05 and SECONDS[leg.expiry] > 0) for leg in world.legs))
    model = toy(**LAW, **CHARGED, min_delta__cap_long_options=cap)
    found = model.requirement(pl.Account.from_dict(world.account()), pl.Market.from_dict(world.market()))
    parameters, w, total = model.rules.parameters, found.workings, 0.0
    gross = sum(abs(leg.quantity * leg.multiplier) * max(leg.strike, 70_000.0) for leg in world.legs)
    for coin, parts in dsa(parameters, *world.twin()).items():
        used, revalued = box_charge(parameters, parts, w[f"{coin}.bound"])
        expected = dict(zip((f"coefficient.{name}" for name in GREEKS), parts["greeks"], strict=True))
        expected |= {name: parts[name] for name in ("expansion", "delta", "min_delta", "full", "seen")}
        for name, amount in (expected | {"used": used}).items():
            slack = 1e-9 * max(1.0, abs(amount)) + 1e-13 * gross
            assert abs(w[f"{coin}.{name}"] - amount) <= slack, f"{coin}.{name}"
        # between two amounts that are the same but for rounding, rounding may decide
        same = abs(parts["full"] - parts["expansion"]) <= 1e-9 + 1e-13 * gross
        assert same or w[f"{coin}.full_used"] == float(revalued)
        total += core(parts, used)
    assert found.initial == pytest.approx(total, rel=1e-9, abs=1e-9 + 1e-13 * gross)
    assert found.maintenance == pytest.approx(0.5 * total, rel=1e-9, abs=1e-9 + 1e-13 * gross)


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize(("forward", "vol", "t"), [(100.0, 0.5, 0.2), (80.0, 1.1, 0.01), (130.0, 0.3, 1.5)])
def test_a_jet_has_the_value_the_delta_and_the_differences(call: bool, forward: float, vol: float, t: float) -> None:
    found = jets.black(call, Jet(forward, x=1.0), 100.0, t, Jet(vol, y=1.0))
    assert found.f == pytest.approx(black(call, forward, 100.0, t, vol), rel=1e-12)
    assert found.x == pytest.approx(call_delta(forward, 100.0, t, vol) - (0.0 if call else 1.0), rel=1e-12)

    def at(f: float, v: float) -> float:
        return black(call, forward + f, 100.0, t, vol + v)

    f, v = 1e-3 * forward, 1e-3 * vol
    bump = (at(0, v) - at(0, -v)) / (2 * v)
    assert found.y == pytest.approx(bump, rel=1e-4)
    assert found.xx == pytest.approx((at(f, 0) - 2 * at(0, 0) + at(-f, 0)) / f**2, rel=1e-3)
    assert found.yy == pytest.approx((at(0, v) - 2 * at(0, 0) + at(0, -v)) / v**2, rel=1e-3, abs=1e-3)
    cross = (at(f, v) - at(f, -v) - at(-f, v) + at(-f, -v)) / (4 * f * v)
    assert found.xy == pytest.approx(cross, rel=1e-3, abs=1e-4)


def test_jets_obey_the_rules_of_calculus() -> None:
    x, y = Jet(2.0, x=1.0), Jet(3.0, y=1.0)
    # x^2 y / (x + y) at (2, 3), by hand
    found = x * x * y / (x + y)
    assert found.f == pytest.approx(12.0 / 5.0, rel=1e-15)
    assert [found.x, found.y] == pytest.approx([1.92, 0.32], rel=1e-14)
    assert [found.xx, found.xy, found.yy] == pytest.approx([0.432, 0.352, -0.128], rel=1e-13)
    assert jets.log(x).xx == pytest.approx(-0.25, rel=1e-15)
    assert jets.cdf(-x).xx == pytest.approx(2.0 * math.exp(-2.0) / math.sqrt(2.0 * math.pi), rel=1e-14)


def test_the_twin_finds_the_worst_point_of_a_quadratic() -> None:
    """Against every point of a fine grid, on quadratics of every signature."""
    draw = random.Random(5)
    box = {"move": 0.16, "vol_down": 0.22, "vol_up": 0.4}
    for _ in range(60):
        greeks = [draw.uniform(-1.0, 1.0) * scale for scale in (1.0, 20.0, 1.0, 10.0, 8.0)]
        grid = [(-0.16 + 0.004 * i, -0.22 + 0.01 * j) for i in range(81) for j in range(63)]
        seen = max(0.0, *(-quadratic(greeks, x, y) for x, y in grid))
        # half a cell beside a turning point the quadratic has risen by no more than this
        slack = 0.5 * (abs(greeks[1]) * 0.002**2 + 2.0 * abs(greeks[3]) * 0.002 * 0.005 + abs(greeks[4]) * 0.005**2)
        assert seen - 1e-12 <= worst_of_quadratic(greeks, box) <= seen + slack + 1e-12
