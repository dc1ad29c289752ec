"""The passage of random accounts under every shipped rule set, against one requirement after the other."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import plimsoll as pl
from line_books import Desk, listed
from plimsoll.liquidation.funding import hours_of
from plimsoll.liquidation.later import later
from plimsoll.liquidation.passage.stand import Ground
from plimsoll.margin.path import States, moved, tracks_of
from plimsoll.scenarios.moves import IvLaw
from plimsoll.scenarios.path_makers import simulated_joint_paths
from plimsoll.scenarios.paths import JointPaths

NO_CONTRACTS = ("okx-margin", "lending", "opyn-naked", "opyn-spread", "span-arrays")
"""Rule sets that take none of the listed contracts."""

COINS = ["BTC", "ETH", "SOL"]
QUICK = ("prbm", "deribit-pm", "derive-srm", "binance-usdm", "hyperliquid-perps")
LABELS = [p.label for p in pl.shipped_packs() if not p.label.startswith(NO_CONTRACTS)]


@cache
def market() -> pl.Market:
    """The listed market, once."""
    return pl.Market.from_dict(listed())


def paths(size: int) -> JointPaths:
    """Three coins and their volatilities, at a day and a half and at three days."""
    near = [[1.0, 0.8, 0.7], [0.8, 1.0, 0.7], [0.7, 0.7, 1.0]]
    return simulated_joint_paths(
        COINS, near, [0.09, 0.11, 0.13], size=size, seed=9, steps=2, step_days=1.5, iv=IvLaw(), draws="plain"
    )


def check(label: str, accounts: int, size: int) -> tuple[int, int]:
    """States of random accounts of a rule set that agree, and those that were below their line."""
    desk = Desk.of(next(p for p in pl.shipped_packs() if p.label == label), market())
    drawn = paths(size)
    agreed = under = 0
    for n in range(accounts):
        account, places, _ = desk.draw(f"passage {n}", most=4)
        ground = Ground(desk.model, account, places, drawn)
        for k in range(2):
            found = ground.at(k, np.arange(size))
            for p in range(size):
                rows = drawn.multiplier[k][:, p]
                spot = {c: float(rows[f]) for f, c in enumerate(COINS)}
                vol = {c: float(rows[drawn.names.index(c + " iv")]) for c in COINS}
                there = moved(*later(account, places, float(drawn.days[k]), hours_of(desk.model)), spot, vol)
                (own,) = (tracks_of(desk.model.assess, *there, _still()),)
                for track in own:
                    one, other = found[track.subject].excess[p], float(track.equity[0] - track.needed[0])
                    size_of = abs(float(track.equity[0])) + abs(float(track.needed[0])) + 1e-9
                    assert one == pytest.approx(
                        other, abs=max(1e-8 * size_of, _unit(label, account, places, there[1]))
                    ), (
                        label,
                        n,
                        k,
                        p,
                        track.subject,
                        one,
                        other,
                    )
                    agreed += 1
                    under += bool(found[track.subject].below[p])
    return agreed, under


def _unit(label: str, account: pl.Account, before: pl.Market, after: pl.Market) -> float:
    """What rounding may differ by, where a model counts in whole numbers: Drift.

    A moved price is rounded to a millionth of a dollar and a size to 1e-9 coins; `moved` writes the profit of a move
    into the account from neither rounded, `along` computes it from both. Values are cut to a millionth besides.
    """
    if not label.startswith("drift"):
        return 0.0
    unit = 0.0
    for position in account.positions:
        then, now = (m.marks[position.instrument].price for m in (before, after))
        assert then is not None
        assert now is not None
        unit += 0.5e-6 * abs(position.quantity) + 0.5e-9 * abs(now - then) + 4e-6
    return unit


def _still() -> States:
    return States({}, np.ones(1))


@pytest.mark.parametrize("label", [next(x for x in reversed(LABELS) if x.startswith(q)) for q in QUICK])
def test_some_rule_sets(label: str) -> None:
    assert check(label, 1, 3)[0] >= 6


@pytest.mark.long
@pytest.mark.parametrize("label", LABELS)
def test_every_rule_set(label: str) -> None:
    agreed, under = check(label, 20, 10)
    assert agreed >= 400
    assert under > 0
