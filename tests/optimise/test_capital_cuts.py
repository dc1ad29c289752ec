"""What a program knows of a path: cuts that meet the exact shortfall, and lie below it for any other trades."""

from __future__ import annotations

import numpy as np
import pytest

from hedge_desks import chain, holding, random_book
from plimsoll.optimise import Desk, TradingTerms, make_desk
from plimsoll.optimise.variation import Outlook, same_time
from plimsoll.optimise.variation.capital import running_of
from plimsoll.optimise.variation.change import Proof, change_after
from plimsoll.optimise.variation.cuts import CutMaker
from transfer_paths import brownian


def desk_of(seed: int, pack: str, style: str, money: dict[str, float]) -> Desk:
    rng = np.random.default_rng([5, seed])
    market = chain(rng, style)
    outlook = Outlook(brownian(30, 72.0, 3, seed=seed), same_time(72.0))
    held = [holding(pack, random_book(rng, market, 4), money)]
    return make_desk(market, held, outlook=outlook, terms=TradingTerms(size=5.0))


@pytest.mark.parametrize(
    ("pack", "style", "money"),
    [
        ("prbm@2026-01-01", "linear", {"USDC": 1e6}),
        # premiums and costs leave a coin of which a haircut is taken
        ("prbm@2026-01-01", "inverse", {"USDC": 1e6, "BTC": 40.0}),
        ("deribit-pm@2026-02-15", "inverse", {"BTC": 40.0}),
    ],
)
def test_a_cut_meets_the_exact_shortfall_and_lies_below_it_elsewhere(
    pack: str, style: str, money: dict[str, float]
) -> None:
    checked = 0
    for seed in range(3):
        desk = desk_of(seed, pack, style, money)
        place, rng = desk.places[0], np.random.default_rng(seed)
        size = len(place.names)
        maker = CutMaker(desk, place, desk.outlook.paths)  # type: ignore[union-attr]
        start = running_of(desk, place, np.zeros(size), None)
        trades = []
        for _ in range(3):
            y = np.zeros(size)
            y[rng.choice(size, 3, replace=False)] = rng.uniform(-1.0, 1.0, 3)
            trades.append(y)
        runs = [running_of(desk, place, y, None) for y in trades]
        for y, run in zip(trades, runs, strict=True):
            for path in range(0, 30, 6):
                cut = maker.cut(path, y, run, start)
                scale = max(run.rate * run.initial, abs(run.rate * run.worst[path]), 1.0)
                assert cut.at(place.quantity + y, place.cost(y)) == pytest.approx(
                    run.rate * run.worst[path], abs=1e-9 * scale
                )
                if not cut.exact:
                    continue
                checked += 1
                for z, other in zip([*trades, np.zeros(size)], [*runs, start], strict=True):
                    below = cut.at(place.quantity + z, place.cost(z))
                    assert below <= other.rate * other.worst[path] + 2e-6 * scale
    # nearly all of them are exact; where a threshold of the rules is crossed they are not
    assert checked >= 30


def test_capital_that_was_chosen_on_too_few_paths_is_refused_by_fresh_ones() -> None:
    """Calm paths to choose on, a storm held out: the rate is told, and the tests reject."""
    desk = desk_of(1, "prbm@2026-01-01", "linear", {"USDC": 1e6})
    place = desk.places[0]
    calm = Outlook(brownian(800, 72.0, 3, vol=0.5, seed=2), same_time(72.0))
    desk = make_desk(desk.market, [place.holding], outlook=calm)
    none = (np.zeros(len(desk.places[0].names)),)
    same = change_after(desk, none, calm.on(brownian(800, 72.0, 3, vol=0.5, seed=3)), 0.05)
    assert same.relief == 0.0
    assert same.holds
    storm = change_after(desk, none, calm.on(brownian(800, 72.0, 3, vol=1.5, seed=3)), 0.05)
    assert storm.proofs[0].breach > 0.2
    assert storm.proofs[0].above_p < 1e-6
    assert not storm.holds
    assert storm.proofs[0].fresh[0] > storm.before.capital
    assert storm.to_dict()["fresh"]["holds"] is False


def test_a_test_of_fresh_paths_rejects_what_is_true_as_often_as_it_says() -> None:
    """Two sets of one law, many times: capital read off the one is refused by the other one time in twenty."""
    desk = desk_of(1, "prbm@2026-01-01", "linear", {"USDC": 1e6})
    none = (np.zeros(len(desk.places[0].names)),)
    proofs: list[Proof] = []
    for seed in range(30):
        first, fresh = (Outlook(brownian(300, 72.0, 1, seed=1_000 * (k + 1) + seed), same_time(72.0)) for k in range(2))
        found = change_after(make_desk(desk.market, [desk.places[0].holding], outlook=first), none, fresh, 0.1)
        proofs += found.proofs
    assert all(p.above_before >= 0.05 for p in proofs)
    rejected = sum(p.above_p < 0.05 for p in proofs)
    assert rejected <= 5  # 1.5 are expected; 6 or more of 30 have a chance of 0.3 %
